"""Where a latency table that was not measured here comes from, kept in a column of its own."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from natv2.printable import printable

_COLUMN = "origin"


@dataclass(frozen=True, kw_only=True)
class MeasuredOn:
    """A device, and how its table was measured and checked; `resolutions` and `widths` are the table's.

    `measured` is when it was done, in ISO format, `times` the checksum of the file. `mape` is a fraction;
    `drift` is by how much of its time the first file took longer at the end.
    """

    device: str
    runtime: str
    threads: int
    batch: int
    measured: str
    resolutions: tuple[int, ...]
    widths: tuple[float, ...]
    spearman: float
    mape: float
    drift: float
    times: str

    def __str__(self) -> str:
        """As tables of results have it."""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        images = f", {self.batch} images at once" if self.batch > 1 else ""
        return printable(f"{self.device} ({self.runtime}, {threads}{images}, {self.measured[:10]})")

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


def with_origin(table: pd.DataFrame, origin: MeasuredOn) -> pd.DataFrame:
    """A latency table's frame that says where it comes from."""
    return table.assign(**{_COLUMN: json.dumps(origin.to_dict())})


def origin_of(table: pd.DataFrame) -> MeasuredOn | None:
    """Where a latency table's frame comes from; None where it was measured here, or there is none."""
    if table.empty or _COLUMN not in table:
        return None
    told = json.loads(str(table[_COLUMN].iloc[0]))
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
    return MeasuredOn(**values)
