"""How far a run is: which of how many steps, what it is for, and how long the rest may take."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from natv2.atomic import write_bytes
from natv2.config import digest
from natv2.runs.purposes import purpose

_ENOUGH_S = 10  # what shorter beginnings say of a machine is chance


class Pace:
    """The steps of one run, each begun once.

    How long the rest takes is told where an earlier run of the same steps by as many `ranks` is known, from
    `folder`: as it took then, corrected by how much longer this one has taken so far. Else so as `planned`
    says, seconds of steps, of which those that it does not name take none. Else where a budget says
    `expected_s` seconds for all. Else nobody knows.
    """

    def __init__(
        self,
        nodes: Collection[str],
        folder: Path,
        *,
        resumed: bool = False,
        ranks: int = 1,
        planned: Mapping[str, float] = MappingProxyType({}),
        expected_s: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes, self._now, self.expected_s = list(nodes), now, expected_s
        self._keeps = not resumed  # or what was done before the stop would count as quick
        self._file = folder / f"{digest(sorted(nodes), *([ranks] if ranks > 1 else []))}.json"
        self._earlier = _read(self._file)
        if planned and not all(node in self._earlier for node in self._nodes):
            self._earlier = {node: planned.get(node, 0.0) for node in self._nodes}
        self._begun: dict[str, float] = {}
        self._start = now()

    def begin(self, node: str) -> str:
        """Say which step begins, for people."""
        self._begun[node] = self._now()
        told = [f"{len(self._begun)} of {len(self._nodes)}: {node}"]
        if for_what := purpose(node):
            told.append(for_what)
        if (left := self._left()) is not None:
            told.append(f"about {_text(left)} left for all")
        return ", ".join(told)

    def end(self) -> None:
        """Keep how long each step took, for the next run."""
        if self._keeps:
            write_bytes(self._file, json.dumps(self._took()).encode())

    def _left(self) -> float | None:
        """Seconds, from the step that has just begun on; None where nobody knows."""
        rest = [node for node in self._nodes if node not in list(self._begun)[:-1]]
        if all(node in self._earlier for node in self._nodes):
            took = self._took()
            so_far = sum(list(took.values())[:-1])
            then = sum(self._earlier[node] for node in list(took)[:-1])
            ratio = so_far / then if min(so_far, then) > _ENOUGH_S else 1.0
            return ratio * sum(self._earlier[node] for node in rest)
        if self.expected_s is not None:
            return max(0.0, self.expected_s - (self._now() - self._start))
        return None

    def _took(self) -> dict[str, float]:
        """Seconds of each step that was begun; the last one's until now."""
        ends = [*list(self._begun.values())[1:], self._now()]
        return {node: end - begun for (node, begun), end in zip(self._begun.items(), ends, strict=True)}


def _read(file: Path) -> Mapping[str, float]:
    with suppress(OSError, ValueError, TypeError, AttributeError):  # whatever is wrong, it is only a guess
        return {str(node): float(took) for node, took in json.loads(file.read_text()).items()}
    return {}


def _text(seconds: float) -> str:
    """A time as people say it: 50 s, 12 min, 3 h 20 min."""
    whole = timedelta(seconds=round(seconds))
    if whole < timedelta(minutes=1):
        return f"{whole.seconds} s"
    minutes = round(whole / timedelta(minutes=1))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
