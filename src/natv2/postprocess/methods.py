"""How a found network is refined: not at all, by itself, or as an ensemble of its exits (section 6.1.5)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast

from natv2.exits.weightings import ExitWeighting
from natv2.postprocess.config import PostprocessConfig
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import Design
from natv2.training.config import FullConfig, RecipeConfig
from natv2.training.optimiser import WEIGHT_DECAYS

Method = Literal["none", "standard", "aep"]

METHODS: Mapping[str, tuple[Method, ...]] = MappingProxyType(
    {"none": ("none",), "standard": ("standard",), "aep": ("aep",), "both": ("standard", "aep")}
)
"""The methods that a name stands for."""


class FoundWay(NamedTuple):
    """How a search has found several exits used: their outputs' weighting, the share that leaves early."""

    exit_weighting: ExitWeighting
    leaving: float | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "FoundWay | None":
        """That of a row of a front; None of a network with one exit."""
        weighting, leaving = row.get("exit_weighting"), row.get("leaving")
        if not isinstance(weighting, str):
            return None
        known = leaving is not None and math.isfinite(leaving)
        return cls(cast(ExitWeighting, weighting), float(leaving) if known and leaving is not None else None)


@dataclass(frozen=True, kw_only=True)
class PostprocessPlan:
    """One network and what is done to it; `method` is what it comes to, `remark` why that is another one.

    `way` is how it uses several exits that the search has found; those that a method takes back have none.
    """

    architecture: Architecture
    method: Method
    exit_weighting: ExitWeighting
    config: RecipeConfig | FullConfig | None
    remark: str = ""
    way: FoundWay | None = None

    @classmethod
    def as_it_is(
        cls, architecture: Architecture, exit_weighting: ExitWeighting, way: FoundWay | None = None
    ) -> "PostprocessPlan":
        """Nothing is done to it."""
        weighting = exit_weighting if way is None else way.exit_weighting
        return cls(architecture=architecture, method="none", exit_weighting=weighting, config=None, way=way)

    def to_dict(self) -> dict[str, Any]:
        """What a finished network's record says of it."""
        trained = {"optimizer": self.config.optimizer} if self.config is not None else {}
        several = self.method == "aep" or self.way is not None
        weighted = {"exit_weighting": self.exit_weighting} if several else {}
        early = {"leaving": self.way.leaving} if self.way is not None and self.way.leaving else {}
        kept = "-".join(map(str, self.architecture.exits))
        found = {"kept": kept} if self.way is not None else {}
        return {"method": self.method, **trained, **weighted, **early, **found, "remark": self.remark}


def plan_postprocessing(
    method: Method,
    architecture: Architecture,
    design: Design,
    config: PostprocessConfig,
    way: FoundWay | None = None,
) -> PostprocessPlan:
    """What `method` means for `architecture` of a supernet of `design`, found to be used in a `way`.

    The AEP-based method takes all exits above the found one back; where there is none, or the search has
    chosen among them, it is the standard one, which trains all that are kept jointly.
    The thesis's optimiser `auto` is SGD for single-exit supernets and AdamW for early-exit ones.
    """
    if method == "none":
        return PostprocessPlan.as_it_is(architecture, config.exit_weighting, way)
    exits = tuple(exit for exit in design.exits if exit <= architecture.deepest_exit)
    remark = ""
    if method == "aep" and way is not None:
        method, remark = "standard", "the search has chosen its exits"
    if method == "aep" and len(exits) == 1:
        method, remark = "standard", "no exit above it to take back"
    if method == "aep":
        architecture = replace(architecture, exits=exits)
    return PostprocessPlan(
        architecture=architecture,
        method=method,
        exit_weighting=config.exit_weighting,
        config=config.full if config.recipe == "full" else _of_thesis(config.thesis, design),
        remark=remark,
        way=way,
    )


def _of_thesis(config: RecipeConfig, design: Design) -> RecipeConfig:
    """With its optimiser named: the optima of section 6.3.2."""
    name = config.optimizer
    if name == "auto":
        name = "adamw" if design.early_exits else "sgd"
    decay = WEIGHT_DECAYS.get(name, config.weight_decay)
    return config.model_copy(update={"optimizer": name, "weight_decay": decay})
