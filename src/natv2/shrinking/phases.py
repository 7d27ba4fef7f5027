"""The phases of Extended Progressive Shrinking as a table (thesis, section 5.1.2, Figure 5.3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices
from natv2.spaces.design import EXITS, STAGES, Design

Schedule = Literal["eps", "ps", "random", "sandwich"]
"""In what order a supernet's networks are trained: the thesis's, OFA's, or all of them from the start."""

_SHRINKING: tuple[Schedule, ...] = ("eps", "ps")

Unlocks = Callable[[Design], tuple[int, ...]]
"""Gives the values that a phase unlocks in a design."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A phase unlocks values of one `dimension` of Choices; each step has one phase or several.

    Without `unlocks` it trains what is unlocked already.
    """

    name: str
    step: str
    dimension: str = ""
    unlocks: Unlocks | None = None
    schedules: tuple[Schedule, ...] = _SHRINKING


def _all(dimension: str) -> Unlocks:
    """All values of a dimension."""
    return lambda design: getattr(design, dimension)


def _last(dimension: str, count: int) -> Unlocks:
    """The `count` largest values of a dimension."""
    return lambda design: getattr(design, dimension)[-count:]


def _several(design: Design) -> tuple[int, ...]:
    """The level masks with two blocks or more."""
    return tuple(mask for mask in design.masks if mask.bit_count() > 1)


PHASES: Mapping[str, Phase] = MappingProxyType(
    {
        phase.name: phase
        for phase in (
            Phase(name="full", step="resolution"),
            Phase(name="kernel", step="kernel", dimension="kernels", unlocks=_all("kernels")),
            Phase(name="level_1", step="level", dimension="masks", unlocks=_several, schedules=("eps",)),
            Phase(name="level_2", step="level", dimension="masks", unlocks=_all("masks"), schedules=("eps",)),
            *(
                Phase(
                    name=f"exit_{count - 1}",
                    step="exit",
                    dimension="exits",
                    unlocks=_last("exits", count),
                    schedules=("eps",),
                )
                for count in range(2, len(EXITS) + 1)
            ),
            Phase(name="depth_1", step="depth", dimension="depths", unlocks=_last("depths", 2)),
            Phase(name="depth_2", step="depth", dimension="depths", unlocks=_all("depths")),
            Phase(name="width_1", step="width", dimension="expand_ratios", unlocks=_last("expand_ratios", 2)),
            Phase(name="width_2", step="width", dimension="expand_ratios", unlocks=_all("expand_ratios")),
            # Without shrinking: everything unlocked, as after the last step.
            Phase(name="single_stage", step="width", schedules=("random", "sandwich")),
        )
    }
)


def unlocked_by_phase(design: Design, schedule: Schedule) -> Mapping[str, Choices]:
    """The phases that a supernet of `design` goes through in `schedule`, each with what is unlocked in it.

    A phase that would unlock nothing new is passed over: the levels of a design without parallel blocks.
    """
    if schedule not in _SHRINKING:
        return {"single_stage": Choices.everything(design)}
    unlocked = Choices.everything(design).largest()
    result = {}
    for phase in PHASES.values():
        if schedule not in phase.schedules:
            continue
        if phase.unlocks is not None:
            values = phase.unlocks(design)
            if {*values} <= {*getattr(unlocked, phase.dimension)}:
                continue
            unlocked = replace(unlocked, **{phase.dimension: values})
        result[phase.name] = unlocked
    return result


def phases_of(design: Design, schedule: Schedule) -> tuple[str, ...]:
    """The phases that a supernet of `design` goes through, in their order."""
    return tuple(unlocked_by_phase(design, schedule))


def steps_of(design: Design, schedule: Schedule) -> Mapping[str, str]:
    """The steps a supernet of `design` goes through, each with its last phase."""
    return {PHASES[phase].step: phase for phase in phases_of(design, schedule)}


def choices(design: Design, phase: str, schedule: Schedule = "eps") -> Choices:
    """What is unlocked in `phase` of `schedule`: its own values and those of all phases before it."""
    return unlocked_by_phase(design, schedule)[phase]


def sample(
    design: Design,
    unlocked: Choices,
    count: int,
    *,
    resolution: int,
    width: float,
    generator: np.random.Generator,
) -> list[Architecture]:
    """Subnets drawn independently: exit, each stage's depth, each level's kernel, expand ratio and mask."""
    return [
        Architecture(
            resolution=resolution,
            width=width,
            exits=_draw(unlocked.exits, 1, generator),
            depths=_draw(unlocked.depths, len(STAGES), generator),
            kernels=_draw(unlocked.kernels, design.levels, generator),
            expand_ratios=_draw(unlocked.expand_ratios, design.levels, generator),
            masks=_draw(unlocked.masks, design.levels, generator),
        )
        for _ in range(count)
    ]


def _draw(values: Sequence[int], count: int, generator: np.random.Generator) -> tuple[int, ...]:
    return tuple(values[i] for i in generator.integers(len(values), size=count))
