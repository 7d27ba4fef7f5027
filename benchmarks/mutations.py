"""Thousands of damaged files of one kind: what reading each of them comes to.

Run with `python -m benchmarks.mutations KIND --count 2000 --seed 0`. The aim: every one loads as it was, or
is refused in one sentence. A quarter are written anew with a right checksum: these are whole, and may say
something else. Ends with exit code 1 on another exception, a file that hangs (or ends the process), or a
silent difference.
"""

import argparse
import logging
import multiprocessing
import sys
import tempfile
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from natv2.randomness import numpy_generator
from tests.mutated import KINDS
from tests.mutations import WRONG, outcome

STOPPED = ("hang", "end of the process")
_SPAWN = multiprocessing.get_context("spawn")


class Reader:
    """A process that mutates and reads files, one when asked: what hangs is ended with it."""

    def __init__(self, kind: str, seed: int) -> None:
        self._here, there = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_read, args=(kind, seed, there), daemon=True)
        self._process.start()
        there.close()

    def outcome(self, number: int, limit: float) -> tuple[str, str]:
        """What mutation `number` comes to within `limit` seconds."""
        self._here.send(number)
        try:
            return self._here.recv() if self._here.poll(limit) else (STOPPED[0], f"more than {limit:g} s")
        except EOFError:
            return STOPPED[1], ""

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()


def _read(kind: str, seed: int, connection: Connection) -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        subject = KINDS[kind](Path(folder))
        while True:
            number = connection.recv()
            path = Path(folder) / "changed.safetensors"
            connection.send(outcome(subject, path, numpy_generator(seed, kind, number)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--count", type=int, default=2000, help="mutations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=60, help="seconds that a file may take")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    reader = Reader(options.kind, options.seed)
    for number in range(options.count):
        found, said = reader.outcome(number, options.limit)
        counts[found] += 1
        if found in (*WRONG, *STOPPED):
            print(f"{number}: {found} {said[:300]}", flush=True)
        if found in STOPPED:
            reader.end()
            reader = Reader(options.kind, options.seed)
    reader.end()
    print(f"{options.kind}: " + ", ".join(f"{found} {times}" for found, times in counts.most_common()))
    sys.exit(any(counts[each] for each in (*WRONG, *STOPPED)))


if __name__ == "__main__":
    main()
