"""How a found network is refined: not at all, by itself, or as an ensemble of its exits (section 6.1.5)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

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


@dataclass(frozen=True, kw_only=True)
class PostprocessPlan:
    """One network and what is done to it; `method` is what it comes to, `remark` why that is another one."""

    architecture: Architecture
    method: Method
    exit_weighting: ExitWeighting
    config: RecipeConfig | FullConfig | None
    remark: str = ""

    @classmethod
    def as_it_is(cls, architecture: Architecture, exit_weighting: ExitWeighting) -> "PostprocessPlan":
        """Nothing is done to it."""
        return cls(architecture=architecture, method="none", exit_weighting=exit_weighting, config=None)

    def to_dict(self) -> dict[str, str]:
        """What a finished network's record says of it."""
        trained = {"optimizer": self.config.optimizer} if self.config is not None else {}
        weighted = {"exit_weighting": self.exit_weighting} if self.method == "aep" else {}
        return {"method": self.method, **trained, **weighted, "remark": self.remark}


def plan_postprocessing(
    method: Method, architecture: Architecture, design: Design, config: PostprocessConfig
) -> PostprocessPlan:
    """What `method` means for `architecture` of a supernet of `design`.

    The AEP-based method takes all exits above the found one back; where there is none it is the standard one.
    The thesis's optimiser `auto` is SGD for single-exit supernets and AdamW for early-exit ones.
    """
    if method == "none":
        return PostprocessPlan.as_it_is(architecture, config.exit_weighting)
    exits = tuple(exit for exit in design.exits if exit <= architecture.deepest_exit)
    remark = ""
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
    )


def _of_thesis(config: RecipeConfig, design: Design) -> RecipeConfig:
    """With its optimiser named: the optima of section 6.3.2."""
    name = config.optimizer
    if name == "auto":
        name = "adamw" if design.early_exits else "sgd"
    decay = WEIGHT_DECAYS.get(name, config.weight_decay)
    return config.model_copy(update={"optimizer": name, "weight_decay": decay})
