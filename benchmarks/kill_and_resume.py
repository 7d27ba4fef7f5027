"""Whether a run that is killed many times ends as an undisturbed one, bit for bit.

    python -m benchmarks.kill_and_resume [--env test] [--kills 10] [--seed 0]

In two temporary copies of the project the same command runs: in one undisturbed, in the other with
`kill -9` at random moments and given again each time. Then all outputs are compared: tables,
figures, and every tensor of every checkpoint and finished network. Exit code 1 on any difference.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.pipelines.project import Project, differences


def wait_for_nodes(project: Project, process: subprocess.Popen[bytes]) -> None:
    """Wait until the first node runs: before, nothing is at stake."""
    while " 1 of " not in project.said and process.poll() is None:
        time.sleep(0.01)


def undisturbed(project: Project, *options: str) -> float:
    """Run to the end; the seconds that its nodes took."""
    with project.running(*options) as process:
        wait_for_nodes(project, process)
        start = time.monotonic()
        process.wait()
    if process.returncode != 0:
        sys.exit(f"the undisturbed run failed:\n{project.said}")
    return time.monotonic() - start


def killed(project: Project, after: float, *options: str) -> bool:
    """Run and kill `after` so many seconds of its nodes; False where it had ended before."""
    with project.running(*options) as process:
        wait_for_nodes(project, process)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            return True
    if process.returncode != 0:
        sys.exit(f"a resumed run failed:\n{project.said}")
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--env", default="test")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    options = ("--env", arguments.env)
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Project(Path(folder) / "whole"), Project(Path(folder) / "broken")
        seconds = undisturbed(whole, *options)
        print(f"undisturbed: {seconds:.0f} s, {len(whole.outputs())} outputs", flush=True)
        draws, kills = random.Random(arguments.seed), 0
        # Twice the mean that would just reach the end: what a kill undoes makes up for the rest.
        longest = 2 * seconds / (arguments.kills + 1)
        while kills < arguments.kills and killed(broken, after := draws.uniform(0, longest), *options):
            kills += 1
            last = " ".join(broken.said.strip().splitlines()[-1].split()) if broken.said else "(nothing said)"
            print(f"kill {kills} after {after:.1f} s: {last}", flush=True)
        if kills == arguments.kills:
            undisturbed(broken, *options)
        different = differences(whole.outputs(), broken.outputs())
        print(
            f"{kills} kills, {len(different)} of {len(whole.outputs())} outputs differ",
            *different,
            sep="\n  ",
        )
        sys.exit(bool(different) or kills < arguments.kills)


if __name__ == "__main__":
    main()
