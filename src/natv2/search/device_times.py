"""What a device kit's script has written, checked whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError

from natv2.config import Config, Count, NotNegative
from natv2.errors import UserError
from natv2.files import one_line
from natv2.search.kit_contents import KitContents
from natv2.search.latency import CHECKED
from natv2.spaces.design import Design
from natv2.spaces.space import SearchSpace

_AGAIN = "copy it anew, or run the kit again"

Milliseconds = tuple[PositiveFloat, NotNegative]
"""A median and an interquartile range."""


class _Settings(Config):
    threads: PositiveInt
    batch: PositiveInt
    warm_up: Count
    repetitions: PositiveInt
    provider: str


class _Space(Config):
    design: Mapping[str, Any]
    widths: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
    resolutions: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    classes: PositiveInt


class TimesFile(Config):
    """The file, as it is written."""

    format: Literal[1]
    kit: str
    digest: str
    space: _Space
    networks: Mapping[str, tuple[int, ...]]
    settings: _Settings
    device: str
    runtime: str
    system: str
    begun: str
    ended: str | None
    times: Mapping[str, Milliseconds]
    again: tuple[str, PositiveFloat] | None
    checksum: str


@dataclass(frozen=True, kw_only=True, eq=False)
class DeviceTimes:
    """A whole file, and what it has times of."""

    file: TimesFile
    contents: KitContents

    def medians(self, entries: list[str]) -> NDArray[np.float64]:
        """Milliseconds (N,) of `entries`."""
        return np.array([self.file.times[entry][0] for entry in entries])

    def spreads(self, entries: list[str]) -> NDArray[np.float64]:
        """Interquartile ranges (N,) of `entries`, in milliseconds."""
        return np.array([self.file.times[entry][1] for entry in entries])

    @property
    def drift(self) -> float:
        """By how much of its time the first file took longer at the end."""
        assert self.file.again is not None  # it is whole
        name, milliseconds = self.file.again
        return milliseconds / self.file.times[name][0] - 1


def read_times(path: Path) -> DeviceTimes:
    """The file at `path`. Raises UserError where it is none, is damaged, is not complete, or was made up."""
    file = complete_file(path)
    contents = _contents(path, file)
    known, timed = set(contents.entries), set(file.times)
    for names, why in (
        (known - timed, "has no time of"),
        (timed - known, "has a time that no kit asks for,"),
    ):
        if names:
            others = f" and {len(names) - 1} others" if len(names) > 1 else ""
            raise UserError(f"{_what(path)} {why} {one_line(min(names))}{others}: {_AGAIN}")
    if file.again is None or file.again[0] not in known:
        raise _damaged(path, f"again: {one_line(file.again and file.again[0])} is no file of its kit")
    return DeviceTimes(file=file, contents=contents)


def complete_file(path: Path) -> TimesFile:
    """The file at `path`, of whatever space. Raises UserError where it is none, damaged, or not complete."""
    file = _parsed(path)
    if file.ended is None or file.again is None:
        raise UserError(
            f"{_what(path)} is not complete, {len(file.times)} files are timed: give the script's command "
            f"again on {one_line(file.device)}, which goes on"
        )
    return file


def _parsed(path: Path) -> TimesFile:
    if not path.is_file():
        raise UserError(f"{_what(path)}: there is no such file; a device kit's script writes it")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        file = TimesFile.model_validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        why = first["msg"].replace("Input should", "it should")
        raise _damaged(path, one_line(f"{place}: {why}" if place else why)) from None
    except (ValueError, RecursionError) as error:  # it is no text, or no JSON
        raise _damaged(path, one_line(error)) from None
    if file.checksum != checksum(raw):
        raise _damaged(path, "its checksum is not that of what it says")
    return file


def checksum(values: Mapping[str, Any]) -> str:
    """What the script has as `checksum` of all other values."""
    rest = {name: value for name, value in values.items() if name != "checksum"}
    return sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _contents(path: Path, file: TimesFile) -> KitContents:
    """What a kit of the file's space has. Raises UserError where the file was of something else."""
    told = file.space
    try:
        space = SearchSpace(
            design=Design.from_dict(told.design), resolutions=told.resolutions, widths=told.widths
        )
        codes = np.array(list(file.networks.values()), np.int64)
        space.check(codes)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise _damaged(path, f"it is of no space: {one_line(error)}") from None
    if len(codes) != CHECKED:
        raise _damaged(path, f"it has {len(codes)} whole networks, not {CHECKED}")
    contents = KitContents(space=space, classes=told.classes, codes=codes)
    if list(file.networks) != contents.network_entries or file.digest != contents.digest:
        raise UserError(
            f"{_what(path)} has another digest than kits of its space: it was changed, or another version of "
            "natv2 wrote its kit; make the kit anew"
        )
    return contents


def _what(path: Path) -> str:
    return f"search.latency.table={path}"


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"{_what(path)} is damaged, or no file of a device kit ({why}): {_AGAIN}")
