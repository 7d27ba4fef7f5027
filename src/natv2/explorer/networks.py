"""The networks of a page: those of the archive, what became of some, and plain ones beside them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from natv2.explorer.data import Finished, Gain, Network, NetworkFile
from natv2.explorer.measures import values_of
from natv2.explorer.parts import shown, stage_costs
from natv2.files import read_header
from natv2.spaces.architecture import Architecture, architecture_of
from natv2.spaces.design import Design

_TOLD = ("method", "exit_weighting", "optimizer", "start", "teacher", "epochs", "remark", "kind", "run")
_BEFORE = {"accuracy": "accuracy_before", "test_accuracy": "test_accuracy_before"}


@dataclass(frozen=True, kw_only=True)
class ReadFile:
    """A network's file and its header."""

    file: NetworkFile
    header: Mapping[str, Any]

    @property
    def record(self) -> Mapping[str, Any]:
        """What the header says of how the network was made."""
        record: Mapping[str, Any] = self.header.get("record", {})
        return record


Files = Mapping[str, ReadFile]
"""By the networks' names."""


def network_files(folder: Path, project: Path, recorded: Mapping[str, str]) -> Files:
    """The networks in `folder` by name, with the SHA-256 that is `recorded` of each file.

    Raises UserError where one is damaged or foreign.
    """
    return {
        path.stem: _read(path, project, recorded.get(path.name))
        for path in sorted(folder.glob("*.safetensors"))
    }


def _read(path: Path, project: Path, sha256: str | None) -> ReadFile:
    place = path.relative_to(project) if path.is_relative_to(project) else path
    file = NetworkFile(path=place.as_posix(), bytes=path.stat().st_size, sha256=sha256)
    return ReadFile(file=file, header=read_header(path))


def found_networks(archive: pd.DataFrame, design: Design | None, classes: int | None) -> tuple[Network, ...]:
    """A network for each row of `archive`, called after its number; parts only where their sum is known."""
    return tuple(_found(number, row, design, classes) for number, row in enumerate(_rows(archive), start=1))


def _found(number: int, row: Mapping[str, Any], design: Design | None, classes: int | None) -> Network:
    architecture = architecture_of(row)
    parts = None
    if design is not None and classes is not None:
        parts = stage_costs(design, architecture, classes)
        if (sum(part[0] for part in parts), sum(part[1] for part in parts)) != (row["params"], row["macs"]):
            parts = None  # of another number of classes, or counted otherwise: not these
    predicted = row.get("predicted_error")
    return Network(
        kind="found",
        name=f"found {number}",
        values=values_of(row),
        architecture=shown(architecture),
        parts=parts,
        predicted=None if predicted is None or math.isnan(predicted) else round(1 - predicted, 6),
        turn=row["turn"],
        label=row.get("label") or None,
        front=bool(row["non_dominated"]),
        high_tradeoff=bool(row["high_tradeoff"]),
    )


def finished_networks(
    tables: Mapping[str, pd.DataFrame], files: Files, found: Sequence[Network], detail: Mapping[str, Any]
) -> Iterator[Network]:
    """A network for each row of `results`, with all that other tables say of it."""
    results = tables.get("results")
    numbers = {_of_shown(network): number for number, network in enumerate(found)}
    for row in [] if results is None else _rows(results):
        name = str(row["name"])
        read = files.get(name)
        values = values_of(row, "accuracy_after")
        architecture = parts = number = None
        if read is not None:
            values["bytes"] = read.file.bytes
            if "architecture" in read.header:
                whole = Architecture.from_dict(dict(read.header["architecture"]))
                architecture = shown(whole)
                parts = stage_costs(
                    Design(**_tuples(read.header["design"])), whole, len(read.header["class_names"])
                )
                number = numbers.get(whole, numbers.get(replace(whole, exits=whole.exits[-1:])))
        if (mean := detail.get("networks", {}).get(name, {}).get("mean_macs")) is not None:
            values.setdefault("mean_macs", mean)  # of networks that images may leave, the table knows it
        yield Network(
            kind="finished",
            name=name,
            values=values,
            architecture=architecture,
            parts=parts,
            predicted=None if number is None else found[number].predicted,
            turn=None if number is None else found[number].turn,
            found=number,
            file=None if read is None else read.file,
            finished=_finished(row, read, tables, detail.get("networks", {}).get(name)),
        )


def _finished(
    row: Mapping[str, Any],
    read: ReadFile | None,
    tables: Mapping[str, pd.DataFrame],
    detail: Mapping[str, Any] | None,
) -> Finished:
    name = str(row["name"])
    known = {key: value for key, value in row.items() if not pd.isna(value)}
    classes, verdict, exports = (tables.get(entry) for entry in ("class_results", "verdict", "export_table"))
    recalls = [] if classes is None or name not in classes else classes[name].tolist()
    return Finished(
        record={each: known[each] for each in _TOLD if known.get(each, "") != ""},
        before={each: float(known[column]) for each, column in _BEFORE.items() if column in known},
        gains=() if verdict is None else gains_of(verdict[verdict["name"] == name]),
        recalls=tuple(None if pd.isna(value) else round(float(value), 6) for value in recalls),
        calibration_error=known.get("calibration_error"),
        calibration_error_uncorrected=known.get("calibration_error_uncorrected"),
        temperature=None if read is None else read.header.get("temperature"),
        latency_spread=known.get("latency_spread"),
        latency_of=known.get("latency_of"),
        meets_constraints=known.get("meets_constraints"),
        detail=detail,
        exported=_exported(exports, name),
    )


def gains_of(verdict: pd.DataFrame) -> tuple[Gain, ...]:
    """The rows of a verdict as the page has them."""
    return tuple(
        Gain(
            cost=row["cost"],
            over=row.get("best_plain"),
            **{
                short: float(value)
                for short, column in (("gain", "gain"), ("low", "gain_low"), ("high", "gain_high"))
                if (value := row.get(column)) is not None
            },
        )
        for row in _rows(verdict)
    )


def beside_of(detail: Mapping[str, Any]) -> dict[str, dict[str, tuple[Gain, ...]]]:
    """Gains over other kinds of networks, by kind and by the finished network."""
    verdicts = {kind: pd.DataFrame(rows) for kind, rows in detail.get("beside", {}).items()}
    return {
        kind: {str(name): gains_of(own) for name, own in rows.groupby("name", sort=False)}
        for kind, rows in verdicts.items()
    }


def plain_networks(tables: Mapping[str, pd.DataFrame], files: Mapping[str, Files]) -> Iterator[Network]:
    """A network for each plain one: tested where it was, else as its file and the plan know it."""
    tested, plan = tables.get("plain_results"), tables.get("baseline_plan")
    exports = tables.get("export_table")
    if tested is not None and len(tested):
        of = files.get("finished_plain_networks", {})
        for row in _rows(tested):
            yield _plain(str(row["name"]), row, row, of, exports)
        return
    planned = {} if plan is None else {str(row["name"]): row for row in _rows(plan)}
    for name, read in files.get("plain_networks", {}).items():
        if (costs := planned.get(name.removesuffix("_taught"))) is not None:
            yield _plain(name, {**costs, **read.record}, read.record, {name: read}, None)


def _plain(
    name: str,
    row: Mapping[str, Any],
    record: Mapping[str, Any],
    files: Files,
    exports: pd.DataFrame | None,
) -> Network:
    """The plain network `name` with the values of `row`; `record` says how it was trained."""
    read = files.get(name)
    values = values_of(row, "valid_accuracy") | ({} if read is None else {"bytes": read.file.bytes})
    told = Finished(
        record={each: record[each] for each in _TOLD if each in record and not pd.isna(record[each])},
        calibration_error=record.get("calibration_error"),
        temperature=None if read is None else read.header.get("temperature"),
        exported=_exported(exports, name),
    )
    return Network(
        kind="plain",
        name=name,
        values=values,
        family=str(row["kind"]),
        file=None if read is None else read.file,
        finished=told,
    )


def _exported(exports: pd.DataFrame | None, name: str) -> tuple[Mapping[str, Any], ...]:
    """What the table of exports says of a network's files."""
    if exports is None:
        return ()
    rows = _rows(exports[exports["network"] == name])
    return tuple(
        {key: value for key, value in row.items() if key != "network" and value is not None} for row in rows
    )


def _of_shown(network: Network) -> Architecture:
    """The architecture of a network of the archive."""
    assert network.architecture is not None
    values = network.architecture.model_dump()
    lists = {name: tuple(map(int, text.split("-"))) for name, text in values.items() if isinstance(text, str)}
    return Architecture(**{**values, **lists})


def _tuples(design: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in design.items()}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of plain Python values: NumPy's are none that JSON knows."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): _item(value) for name, value in row.items()} for row in rows]


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
