"""A sweep as its file has it: pipelines, what all runs have in common, and what they differ in."""

from collections.abc import Mapping
from difflib import get_close_matches
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field, PositiveInt, ValidationError, model_validator

from natv2.config import Config, Time, one_of
from natv2.errors import UserError
from natv2.pipeline_registry import NAMES
from natv2.runs.checking import flattened
from natv2.runs.config_file import read_values

COMPARISONS: Mapping[str, str] = {
    "ofav2_eps": "ofav2_compare",
    "natv2_search": "natv2_compare",
    "aep": "aep_compare",
}
"""What sets the runs of a pipeline side by side when all have ended."""

_MOST = 1000  # runs
_LONGEST = 60  # characters of what is quoted


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("each may stand there once")
    return names


Pipelines = Annotated[
    tuple[Annotated[str, one_of(dict.fromkeys(NAMES))], ...],
    Field(min_length=1, strict=False),
    AfterValidator(_once),
]
Values = Annotated[list[Any], Field(min_length=1)]


class SlurmConfig(Config):
    """What each job of an array asks a cluster for; `more` are further options of sbatch by their names."""

    partition: str | None = None
    account: str | None = None
    time: Time = "24h"
    gpus: Annotated[int, Field(ge=0)] = 1
    cpus: PositiveInt = 8
    memory_gb: PositiveInt | None = None
    more: dict[str, str | int] = Field(default_factory=dict)


class SweepConfig(Config):
    """The whole file.

    Each of `runs` is done with each combination of the lists in `grid`, all with `params`; the `pipelines`
    follow one another for each of them. `compare` has the comparisons of these pipelines run at the end.
    """

    pipelines: Pipelines
    env: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, Values] = Field(default_factory=dict)
    runs: Annotated[list[dict[str, Any]], Field(min_length=1)] | None = None
    compare: bool = True
    slurm: SlurmConfig = SlurmConfig()

    @model_validator(mode="after")
    def _says_what_differs(self) -> Self:
        for name, values in self.grid.items():
            if any(value in values[:index] for index, value in enumerate(values)):
                raise ValueError(f"grid: {name} has a value twice in {values}")
        if len(self.runs or [{}]) * prod(map(len, self.grid.values())) > _MOST:
            raise ValueError(f"at most {_MOST:,} combinations of parameters are allowed in a sweep")
        self._check_names()
        return self

    def _check_names(self) -> None:
        """Raise ValueError where a parameter stands in two places, or is not for a sweep to give."""
        listed = {name for run in self.runs or () for name in flattened(run)}
        varied = {
            each for name in self.grid for value in self.grid[name] for each in flattened({name: value})
        }
        places = {"params": {*flattened(self.params)}, "runs": listed, "grid": varied}
        if any("fresh" in names for names in places.values()):
            raise ValueError("fresh: a sweep resumes its runs; to start all anew, delete the sweep's folder")
        for one, other in combinations(places, 2):
            if both := places[one] & places[other]:
                raise ValueError(f"{min(both)} stands in {one} and in {other}; one of them is needed")


def read_sweep(path: Path) -> SweepConfig:
    """The sweep in the file at `path`. Raises UserError, one sentence, where it is none."""
    values = read_values(f"sweep {path}", path)
    if not isinstance(values, dict):
        raise UserError(f"sweep {path}: a block with pipelines and grid is needed")
    if (place := _evaluated(values)) is not None:
        raise UserError(f"sweep {path}: {place}: nothing is evaluated in it, so ${{...}} is not allowed")
    try:
        return SweepConfig.model_validate(values)
    except ValidationError as error:
        # A mistyped name is often missing too: say what was typed.
        first = min(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        raise UserError(f"sweep {path}: {_explained(first)}") from None


def _evaluated(values: Any, name: str = "") -> str | None:
    """The first of the nested `values` that Kedro's loader would evaluate, under its dotted name."""
    if isinstance(values, dict | list):
        items = values.items() if isinstance(values, dict) else enumerate(values)
        found = (_evaluated(value, f"{name}.{key}".strip(".")) for key, value in items)
        keys = (f"{name} {key}" for key in values if "${" in str(key)) if isinstance(values, dict) else ()
        return next((each for each in (*found, *keys) if each is not None), None)
    return name if isinstance(values, str) and "${" in values else None


def _explained(detail: Any) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return _unknown(detail["loc"])
    if detail["type"] == "missing":
        return f"'{name}' is missing"
    why = detail["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if detail["type"] == "too_short":
        why = "at least one is needed"
    if not name:
        return str(why)
    value = repr(detail["input"])
    return f"'{name}' cannot be {value if len(value) <= _LONGEST else value[:_LONGEST] + '...'}: {why}"


def _unknown(path: tuple[str | int, ...]) -> str:
    model: type[BaseModel] = SlurmConfig if path[0] == "slurm" and len(path) > 1 else SweepConfig
    known, name = list(model.model_fields), str(path[-1])
    near = get_close_matches(name, known, n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return f"unknown '{name}'{hint}; known: {', '.join(known)}"
