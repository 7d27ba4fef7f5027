"""Architectures with one exit as rows of a table, lists as texts joined by "-"."""

from collections.abc import Mapping
from typing import Any

from natv2.spaces.architecture import Architecture

_LISTS = ("depths", "kernels", "expand_ratios", "masks")


def described(architecture: Architecture) -> dict[str, object]:
    """What an architecture is, by the names of columns."""
    lists = {name: "-".join(str(v) for v in getattr(architecture, name)) for name in _LISTS}
    return {
        "resolution": architecture.resolution,
        "width": architecture.width,
        "exit": architecture.deepest_exit,
        **lists,
    }


def architecture_of(row: Mapping[str, Any]) -> Architecture:
    """The architecture that `described` gave a row of."""
    lists = {name: tuple(int(number) for number in row[name].split("-")) for name in _LISTS}
    return Architecture(
        resolution=int(row["resolution"]), width=float(row["width"]), exits=(int(row["exit"]),), **lists
    )
