"""Whether a run that is killed many times ends as an undisturbed one, bit for bit.

    python -m benchmarks.kill_and_resume [--env test] [--kills 10] [--seed 0]
                                         [--pipeline NAME] [--after NAME ...]
                                         [--params workers=2] [--rank]

In two temporary copies of the project the same command runs: in one undisturbed, in the other with
`kill -9` at moments drawn over the whole of it, and given again each time. Then all outputs are
compared: tables, figures, and every tensor of every checkpoint and finished network. Exit code 1
on any difference. Without `--pipeline` it is the whole journey; pipelines after `--after` run
undisturbed before it. With `--rank` it is a rank beside the run that is killed: the run must end by itself
within a minute, with one sentence.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.pipelines.project import Project, differences


def nodes_begun(project: Project) -> int:
    """How many nodes of the newest run have begun."""
    return len(re.findall(r"INFO +\d+ of \d+: ", project.said))


def undisturbed(project: Project, *options: str) -> list[float]:
    """Run to the end; the moments at which each node began, and at which the run ended."""
    moments: list[float] = []
    with project.running(*options) as process:
        while process.poll() is None:
            moments += [time.monotonic()] * (nodes_begun(project) - len(moments))
            time.sleep(0.02)
    if process.returncode != 0:
        sys.exit(f"a run failed:\n{project.said}")
    return [*moments, time.monotonic()]


def killed(project: Project, node: int, after: float, *options: str, rank: bool = False) -> bool:
    """Run and kill `after` so many seconds of the node with number `node`; False where it had ended."""
    with project.running(*options) as process:
        while nodes_begun(project) < node and process.poll() is None:
            time.sleep(0.02)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            return not rank or rank_killed(process)
    return False


def rank_killed(process: "subprocess.Popen[bytes]") -> bool:
    """Kill a rank beside `process`, when there is one; whether that ended then, and not well.

    A rank that is not needed any more is not missed.
    """
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for each in psutil.Process(process.pid).children(recursive=True):
                if "natv2.ranks.worker" in each.cmdline():
                    each.kill()
                    start = time.monotonic()
                    code = process.wait()
                    print(f"a rank was killed: exit code {code} after {time.monotonic() - start:.0f} s")
                    return code == 1
        time.sleep(0.02)
    return False


def moments_to_kill(begun: list[float], kills: int, seed: int) -> list[tuple[int, float]]:
    """Moments drawn uniformly over an undisturbed run, in order: a node and the seconds since it began."""
    draws = random.Random(seed)
    moments = sorted(draws.uniform(begun[0], begun[-1]) for _ in range(kills))
    nodes = [sum(start <= moment for start in begun) for moment in moments]
    return [(node, moment - begun[node - 1]) for node, moment in zip(nodes, moments, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--env", default="test")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pipeline", default="__default__")
    parser.add_argument("--after", nargs="*", default=())
    parser.add_argument("--params", help="as for kedro run")
    parser.add_argument("--rank", action="store_true")
    arguments = parser.parse_args()
    environment = ("--env", arguments.env, *(("--params", arguments.params) if arguments.params else ()))
    options = (*environment, "--pipeline", arguments.pipeline)
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Project(Path(folder) / "whole"), Project(Path(folder) / "broken")
        for project in (whole, broken):
            for name in arguments.after:
                undisturbed(project, *environment, "--pipeline", name)
        begun = undisturbed(whole, *options)
        print(f"undisturbed: {begun[-1] - begun[0]:.0f} s, {len(whole.outputs())} outputs", flush=True)
        kills = 0
        for node, after in moments_to_kill(begun, arguments.kills, arguments.seed):
            if not killed(broken, node, after, *options, rank=arguments.rank):
                print(f"the run ended before it could be killed in node {node}:\n{broken.said[-500:]}")
                if not arguments.rank:
                    break
                continue
            kills += 1
            last = " ".join(broken.said.strip().splitlines()[-1].split())
            print(f"kill {kills}, {after:.1f} s after the beginning of node {node}: {last}", flush=True)
        else:
            undisturbed(broken, *options)
        expected = whole.outputs()
        different = differences(expected, broken.outputs())
        print(
            f"{kills} kills, {len(different)} of {len(whole.outputs())} outputs differ",
            *different,
            sep="\n  ",
        )
        sys.exit(bool(different) or (kills < arguments.kills and not arguments.rank))


if __name__ == "__main__":
    main()
