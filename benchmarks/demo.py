"""Wall time, CPU time and peak memory of the whole demo, the median of several runs.

    python -m benchmarks.demo [--runs 3] [--params supernet=EE_B_OFAMobileNetV3]

Each run is `kedro run --env demo` in a temporary copy of the project of its own. The aims: under 8
minutes on two quiet CPU cores, under 3 GiB, and a finished network with 95 % test top-1.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pandas as pd

from tests.pipelines.project import Project


def measured(folder: Path, *options: str) -> tuple[float, float, float, float]:
    """Wall and CPU seconds, GiB at the peak, best test top-1 of a run in `folder`."""
    project = Project(folder)
    start = time.monotonic()
    with project.running("--env", "demo", *options) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)  # Popen cannot ask again
    if process.returncode != 0:
        sys.exit(f"the demo ended with {process.returncode}:\n{project.said[-2000:]}")
    best = pd.read_csv(project.newest("results.csv"))["test_accuracy"].max()
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20, best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--params", help="as for kedro run")
    arguments = parser.parse_args()
    options = ("--params", arguments.params) if arguments.params else ()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before", flush=True)
    runs = []
    for number in range(1, arguments.runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measured(Path(folder), *options))
        print(f"run {number:<3}" + _line(runs[-1]), flush=True)
    print("median " + _line(tuple(median(values) for values in zip(*runs, strict=True))))


def _line(values: tuple[float, ...]) -> str:
    wall, cpu, memory, best = values
    return (
        f"wall {wall:6.1f} s   CPU {cpu:6.1f} s   peak {memory:.2f} GiB   best test top-1 {100 * best:.2f} %"
    )


if __name__ == "__main__":
    main()
