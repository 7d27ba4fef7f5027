"""The versions of our files: what an earlier one wrote is translated when it is read.

Tensors have kept their names in all of them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Header = dict[str, Any]

FORMAT = 2
"""What is written now. Files without a number are of version 1."""

_PHASES = {"whole": "single_stage"}


def _from_1(header: Header) -> Header:
    """A phase and a choice have other names, and digests are made otherwise."""
    header = dict(header)
    if "phase" in header:
        header["phase"] = _PHASES.get(header["phase"], header["phase"])
    if "origin" in header:
        header["origin"] = {name: value for name, value in header["origin"].items() if name != "settings"}
    if "weighting" in (record := header.get("record", {})):
        others = {name: value for name, value in record.items() if name != "weighting"}
        header["record"] = {**others, "exit_weighting": record["weighting"]}
    return header


_STEPS: Mapping[int, Callable[[Header], Header]] = MappingProxyType({1: _from_1})
"""What brings a header of a version to the next one."""


def upgraded(header: Header, version: int) -> Header:
    """`header`, which a file of `version` holds, as it would be written now."""
    for step in range(version, FORMAT):
        header = _STEPS[step](header)
    return header
