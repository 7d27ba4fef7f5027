"""Parameters that follow `source` where it names published supernets."""

from collections.abc import Mapping
from typing import Any

from natv2.supernets.published import PUBLISHED


def following_source(raw: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters in `raw` with the widths and sizes of published supernets, where `source` names such.

    An environment is made for supernets of its own; what was `given` with the command stays.
    """
    published = PUBLISHED.get(str(raw.get("source")))
    if published is None:
        return raw
    narrow, wide = published.widths
    theirs: dict[str, dict[str, Any]] = {
        "widths": {"narrow": narrow, "wide": wide},
        "search": {"resolutions": list(published.resolutions)},
    }
    return {**raw, **{name: _over(raw.get(name), own, given.get(name)) for name, own in theirs.items()}}


def _over(raw: Any, own: Mapping[str, Any], given: Any) -> Any:
    """`raw`, over it a source's own values unless they were given; as it is where it is no block."""
    if not isinstance(raw, Mapping):
        return raw
    kept = given if isinstance(given, Mapping) else {}
    return {**raw, **{name: value for name, value in own.items() if kept.get(name) is None}}
