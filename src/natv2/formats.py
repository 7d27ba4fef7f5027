"""The versions of our files: what an earlier one wrote is translated when it is read.

Tensors have kept their names in all of them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Header = dict[str, Any]

FORMAT = 3
"""What is written now. Files without a number are of version 1."""

FIRST_WITH_CHECKSUM = 3

_PHASES = {"whole": "single_stage"}


def _from_1(header: Header) -> Header:
    """A phase and a choice have other names, and digests are made otherwise."""
    header = dict(header)
    phase, origin, record = header.get("phase"), header.get("origin"), header.get("record")
    # Nothing is known of the values yet: what is of another type is left to those who check it.
    if isinstance(phase, str):
        header["phase"] = _PHASES.get(phase, phase)
    if isinstance(origin, dict):
        header["origin"] = {name: value for name, value in origin.items() if name != "settings"}
    if isinstance(record, dict) and "weighting" in record:
        others = {name: value for name, value in record.items() if name != "weighting"}
        header["record"] = {**others, "exit_weighting": record["weighting"]}
    return header


_STEPS: Mapping[int, Callable[[Header], Header]] = MappingProxyType({1: _from_1, 2: dict})
"""What brings a header of a version to the next one; the third brought checksums alone."""


def upgraded(header: Header, version: int) -> Header:
    """`header`, which a file of `version` holds, as it would be written now."""
    for step in range(version, FORMAT):
        header = _STEPS[step](header)
    return header
