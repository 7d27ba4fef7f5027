"""What a device is asked to time for a search space: its parts, and whole networks to fit and check by."""

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from natv2.randomness import numpy_generator
from natv2.search.latency import CHECKED
from natv2.search.space_parts import SpaceParts
from natv2.spaces.space import Codes, SearchSpace

NOTHING = "nothing@1"
"""The entry of a graph that computes nothing: what a call takes by itself."""

_SEED = 0  # every kit of a space has the same networks


@dataclass(frozen=True, kw_only=True, eq=False)
class KitContents:
    """All that is timed of a space; `codes` (45, variables) are the whole networks, the first 15 to fit."""

    space: SearchSpace
    classes: int
    codes: Codes

    @classmethod
    def of(cls, space: SearchSpace, classes: int) -> "KitContents":
        """What a kit of `space` has."""
        codes = space.sample_architectures(CHECKED, numpy_generator(_SEED, "device kit"))
        return cls(space=space, classes=classes, codes=codes)

    @cached_property
    def parts(self) -> SpaceParts:
        """The different parts; they are built without memory."""
        return SpaceParts(self.space, self.classes)

    @property
    def part_entries(self) -> list[str]:
        """An entry for each of `parts`, in their order: its name, and pixels along an edge of its input."""
        named = zip(self.parts.names, self.parts.inputs, strict=True)
        return [f"{name}@{side}" for name, (_, side) in named]

    @property
    def network_entries(self) -> list[str]:
        """An entry for each of `codes`, in their order."""
        sides = [self.space.resolutions[row[0]] for row in self.codes]
        return [f"network_{number:02}@{side}" for number, side in enumerate(sides, start=1)]

    @property
    def entries(self) -> list[str]:
        """All that is timed."""
        return [NOTHING, *self.part_entries, *self.network_entries]

    @property
    def told(self) -> dict[str, Any]:
        """The space, as JSON-ready values."""
        return {
            "design": self.space.design.to_dict(),
            "widths": list(self.space.widths),
            "resolutions": list(self.space.resolutions),
            "classes": self.classes,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of all that tells two kits apart: the space, what is timed of it, the whole networks."""
        what = {"space": self.told, "entries": sorted(self.entries), "networks": self.codes.tolist()}
        return sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
