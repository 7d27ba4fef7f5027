"""Wall time, CPU time and peak memory of the whole demo, the median of several runs.

    python -m benchmarks.demo [--runs 3] [--params supernet=EE_B_OFAMobileNetV3] [--against workers=1]

With `--against` runs with these parameters take turns with the others, and the ratio of each pair is told.
Memory is that of all ranks, each page counted once, looked at four times a second. Each run is
`kedro run --env demo` in a temporary copy of the project of its own. The aims: under 4 minutes with two ranks
on two quiet CPU cores, at most 0.65 of the time with `workers=1`, under 3 GiB, and a finished network with
95 % test top-1.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

import pandas as pd
import psutil

from tests.pipelines.project import Project


def measured(folder: Path, *options: str) -> tuple[float, float, float, float]:
    """Wall and CPU seconds, GiB at the peak, best test top-1 of a run in `folder`."""
    project = Project(folder)
    start = time.monotonic()
    peak = 0.0
    with project.running("--env", "demo", *options) as process:
        done = 0
        while not done:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.25)
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)  # Popen cannot ask again
    if process.returncode != 0:
        sys.exit(f"the demo ended with {process.returncode}:\n{project.said[-2000:]}")
    best = pd.read_csv(project.newest("results.csv"))["test_accuracy"].max()
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, peak / 2**30, best


def _memory(pid: int) -> float:
    """Bytes of a process and of those it has started, what they share counted once."""
    total = 0.0
    with suppress(psutil.Error):
        whole = psutil.Process(pid)
        for each in (whole, *whole.children(recursive=True)):
            with suppress(psutil.Error):
                total += each.memory_full_info().pss
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--params", help="as for kedro run")
    parser.add_argument("--against", help="parameters of the other side")
    arguments = parser.parse_args()
    sides = [arguments.params, *([arguments.against] if arguments.against else [])]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before", flush=True)
    runs: dict[str, list[tuple[float, ...]]] = {str(side): [] for side in sides}
    for number in range(1, arguments.runs + 1):
        for side in sides if number % 2 else reversed(sides):
            with tempfile.TemporaryDirectory() as folder:
                options = ("--params", side) if side else ()
                runs[str(side)].append(measured(Path(folder), *options))
            print(f"run {number} {side or '':<12}" + _line(runs[str(side)][-1]), flush=True)
    for side, each in runs.items():
        print(f"median {side:<12}" + _line(tuple(median(values) for values in zip(*each, strict=True))))
    if arguments.against:
        ratios = [ours[0] / theirs[0] for ours, theirs in zip(*runs.values(), strict=True)]
        print(f"wall time, ratios of pairs: {', '.join(f'{ratio:.2f}' for ratio in sorted(ratios))}")


def _line(values: tuple[float, ...]) -> str:
    wall, cpu, memory, best = values
    return (
        f"wall {wall:6.1f} s   CPU {cpu:6.1f} s   peak {memory:.2f} GiB   best test top-1 {100 * best:.2f} %"
    )


if __name__ == "__main__":
    main()
