"""The phases of Extended Progressive Shrinking as a table (thesis, section 5.1.2, Figure 5.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices
from natv2.spaces.design import BLOCKS, DEPTHS, EXITS, EXPAND_RATIOS, KERNEL_SIZES, STAGES, Design

Schedule = Literal["eps", "ps", "random", "sandwich"]
"""In what order a supernet's networks are trained: the thesis's, OFA's, or all of them from the start."""

_SHRINKING: tuple[Schedule, ...] = ("eps", "ps")


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A phase unlocks `values` of one dimension of Choices; each step has one phase or several."""

    name: str
    step: str
    dimension: str | None = None
    values: tuple[int, ...] = ()
    schedules: tuple[Schedule, ...] = _SHRINKING

    def applies_to(self, design: Design, schedule: Schedule = "eps") -> bool:
        """Whether `schedule` has this phase and `design` what it makes elastic."""
        needs = {"level": design.parallel, "exit": design.early_exits}
        return schedule in self.schedules and needs.get(self.step, True)


PHASES: Mapping[str, Phase] = MappingProxyType(
    {
        phase.name: phase
        for phase in (
            Phase(name="full", step="resolution"),
            Phase(name="kernel", step="kernel", dimension="kernels", values=KERNEL_SIZES),
            Phase(name="level_1", step="level", dimension="masks", values=(3, 5, 6, 7), schedules=("eps",)),
            Phase(
                name="level_2",
                step="level",
                dimension="masks",
                values=(1, 2, 3, 4, 5, 6, 7),
                schedules=("eps",),
            ),
            Phase(name="exit_1", step="exit", dimension="exits", values=EXITS[3:], schedules=("eps",)),
            Phase(name="exit_2", step="exit", dimension="exits", values=EXITS[2:], schedules=("eps",)),
            Phase(name="exit_3", step="exit", dimension="exits", values=EXITS[1:], schedules=("eps",)),
            Phase(name="exit_4", step="exit", dimension="exits", values=EXITS, schedules=("eps",)),
            Phase(name="depth_1", step="depth", dimension="depths", values=DEPTHS[1:]),
            Phase(name="depth_2", step="depth", dimension="depths", values=DEPTHS),
            Phase(name="width_1", step="width", dimension="expand_ratios", values=EXPAND_RATIOS[1:]),
            Phase(name="width_2", step="width", dimension="expand_ratios", values=EXPAND_RATIOS),
            # Without shrinking: everything unlocked, as behind the last step.
            Phase(name="whole", step="width", schedules=("random", "sandwich")),
        )
    }
)


def phases_of(design: Design, schedule: Schedule) -> tuple[str, ...]:
    """The phases that a supernet of `design` goes through, in their order."""
    return tuple(phase.name for phase in PHASES.values() if phase.applies_to(design, schedule))


def steps_of(design: Design, schedule: Schedule) -> Mapping[str, str]:
    """The steps a supernet of `design` goes through, each with its last phase."""
    return {PHASES[phase].step: phase for phase in phases_of(design, schedule)}


def choices(design: Design, phase: str, schedule: Schedule = "eps") -> Choices:
    """What is unlocked in `phase` of `schedule`: its own values and those of all phases before it."""
    if phase == "whole":
        return Choices.everything(design)
    unlocked = Choices(
        kernels=KERNEL_SIZES[-1:],
        masks=(design.full_mask,),
        exits=EXITS[-1:],
        depths=DEPTHS[-1:],
        expand_ratios=EXPAND_RATIOS[-1:],
    )
    for earlier in PHASES.values():
        if earlier.dimension and earlier.applies_to(design, schedule):
            unlocked = replace(unlocked, **{earlier.dimension: earlier.values})
        if earlier.name == phase:
            break
    return unlocked


def sample(
    unlocked: Choices, count: int, *, resolution: int, width: float, generator: np.random.Generator
) -> list[Architecture]:
    """Subnets drawn independently: exit, each stage's depth, each block's kernel, expand ratio and mask."""
    return [
        Architecture(
            resolution=resolution,
            width=width,
            exits=_draw(unlocked.exits, 1, generator),
            depths=_draw(unlocked.depths, len(STAGES), generator),
            kernels=_draw(unlocked.kernels, BLOCKS, generator),
            expand_ratios=_draw(unlocked.expand_ratios, BLOCKS, generator),
            masks=_draw(unlocked.masks, BLOCKS, generator),
        )
        for _ in range(count)
    ]


def _draw(values: Sequence[int], count: int, generator: np.random.Generator) -> tuple[int, ...]:
    return tuple(values[i] for i in generator.integers(len(values), size=count))
