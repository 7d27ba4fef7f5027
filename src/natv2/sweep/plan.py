"""The runs of a sweep: every combination of its lists through every pipeline, each run once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import product
from pathlib import Path
from typing import Any

from natv2.errors import UserError
from natv2.runs.asked import AskedParameters
from natv2.runs.checking import flattened
from natv2.runs.parameters import Parameters
from natv2.sweep.bearing import READ, bearing, bearing_params, bearing_values, shared_work
from natv2.sweep.config import COMPARISONS, SweepConfig


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run of one pipeline with the given `params`, nested.

    `key` tells it from all others: by its pipeline, its environment and all values that bear on it. `told`
    are the parameters in which the sweep's runs differ. It follows the runs `after`, and reads entries of
    the runs that `reads` names. What it has in common with others is in `shares`. `computing` are threads and
    ranks, where the file or the environment says how many; `cpu`: it is to compute on one.
    """

    pipeline: str
    key: str
    env: str | None
    params: Mapping[str, Any]
    told: Mapping[str, Any]
    after: frozenset[str] = frozenset()
    reads: Mapping[str, str] = field(default_factory=dict)
    shares: frozenset[str] = frozenset()
    computing: Mapping[str, int] = field(default_factory=dict)
    cpu: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return " ".join([self.pipeline, *(f"{name}={as_text(value)}" for name, value in self.told.items())])

    @property
    def file(self) -> str:
        """What its files are called."""
        return f"{self.pipeline}_{self.key}"


def planned(sweep: SweepConfig, asked: AskedParameters, where: Path) -> list[PlannedRun]:
    """All runs of `sweep`, which the file `where` has, in the order in which they are begun.

    Raises UserError on the first parameter that `kedro run` would refuse.
    """
    runs: dict[str, PlannedRun] = {}
    sources: list[tuple[Mapping[str, Any], Parameters]] = []
    for differs in _combinations(sweep):
        params = nested({**flattened(sweep.params), **differs})
        try:
            parameters = asked.checked(params)
        except UserError as error:
            told = ", ".join(f"{name}={as_text(value)}" for name, value in differs.items())
            raise UserError(f"sweep {where}: {f'with {told}: ' if told else ''}{error.message}") from None
        sources.append((params, parameters))
        made: dict[str, str] = {}
        for pipeline in sweep.pipelines:
            run = _run(sweep, pipeline, params, parameters, differs, made)
            known = runs.get(run.key, run)
            runs[run.key] = replace(run, after=known.after | run.after)
            made[pipeline] = run.key
    found = list(runs.values())
    return found + (list(_comparisons(sweep, found, sources)) if sweep.compare else [])


def _run(
    sweep: SweepConfig,
    pipeline: str,
    params: Mapping[str, Any],
    parameters: Parameters,
    differs: Mapping[str, Any],
    made: dict[str, str],
) -> PlannedRun:
    read = {
        entry: made[maker]
        for maker, entries in READ.get(pipeline, {}).items()
        for entry in entries
        if maker in made
    }
    marks = [pipeline, sweep.env, bearing_values(pipeline, parameters), read]
    return PlannedRun(
        pipeline=pipeline,
        key=_key(*marks),
        env=sweep.env,
        params=bearing_params(pipeline, params, parameters),
        told={name: value for name, value in differs.items() if name.partition(".")[0] in bearing(pipeline)},
        after=frozenset([made[last]] if (last := next(reversed(made), None)) is not None else []),
        reads=read,
        shares=shared_work(pipeline, parameters),
        computing=_computing(parameters),
        cpu=parameters.device == "cpu",
    )


def _computing(parameters: Parameters) -> dict[str, int]:
    said = {"threads": parameters.threads, "workers": parameters.workers}
    return {name: value for name, value in said.items() if isinstance(value, int)}


def _comparisons(
    sweep: SweepConfig, runs: list[PlannedRun], points: list[tuple[Mapping[str, Any], Parameters]]
) -> Iterator[PlannedRun]:
    """Those of the pipelines' runs, once for each source of their supernets; they follow all runs."""
    after = frozenset(run.key for run in runs)
    names = dict.fromkeys(COMPARISONS[each] for each in sweep.pipelines if each in COMPARISONS)
    for name in names:
        if name in sweep.pipelines:
            continue
        found: set[str] = set()
        for params, parameters in points:
            values = bearing_values(name, parameters)
            key = _key(name, sweep.env, values, sorted(after))
            if key not in found:
                found.add(key)
                given = bearing_params(name, params, parameters)
                told = {"source": values["source"]} if "source" in values else {}
                yield PlannedRun(pipeline=name, key=key, env=sweep.env, params=given, told=told, after=after)


def _combinations(sweep: SweepConfig) -> Iterator[dict[str, Any]]:
    """What each run has beside what all have, under dotted names."""
    for listed in sweep.runs or [{}]:
        for values in product(*sweep.grid.values()):
            yield flattened({**listed, **dict(zip(sweep.grid, values, strict=True))})


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` under dotted names as blocks in blocks."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        *outer, last = str(name).split(".")
        block = found
        for part in outer:
            inner = block.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UserError(f"{name} is given, and {part} as a value too; one of them is needed")
            block = inner
        if isinstance(block.get(last), dict):
            raise UserError(f"{name} is given as a value, and some within it too; one of them is needed")
        block[last] = value
    return found


def _key(*parts: Any) -> str:
    """Sixteen hex digits: of a thousand runs no two have the same."""
    return blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def as_text(value: Any) -> str:
    """A parameter's value as it is typed."""
    if isinstance(value, list):
        return "+".join(map(as_text, value))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
