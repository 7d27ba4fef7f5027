"""Training of the supernets on the target images: warm-up and adaptation (sections 3.3.3, 3.3.4, 6.1.2)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from torch import nn

from natv2.exits.weightings import ExitWeights, exit_weights
from natv2.images.batches import Batch, Epochs, calibration_batches
from natv2.images.image_set import ImageSplits
from natv2.randomness import numpy_generator
from natv2.run import Run
from natv2.search.config import SearchConfig
from natv2.spaces.architecture import Architecture
from natv2.spaces.space import Codes, SearchSpace
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Teacher, make_teacher
from natv2.training.evaluation import Family
from natv2.training.loop import History, Step, fit
from natv2.training.schedule import RateSchedule, SubnetSchedule
from natv2.training.state_store import StateStore
from natv2.training.steps import elastic_step, joint_step

Sampler = Callable[[int, np.random.Generator], Codes]
"""Draws so many codes with a generator."""


@dataclass(frozen=True, eq=False)
class TargetSupernets:
    """Supernets of one design by their width, all their networks, and the images that these are for."""

    family: Family
    space: SearchSpace
    images: ImageSplits
    config: SearchConfig
    run: Run

    @property
    def exit_weights(self) -> ExitWeights:
        """Weights of all exits of the design."""
        return exit_weights(self.config.exit_weighting, len(self.space.design.exits))

    def calibration(self) -> list[Batch]:
        """Training images for batch-norm statistics."""
        return calibration_batches(self.images, self.config.calibration, self.run.seed)

    def epochs(self, purpose: str) -> Epochs:
        """Epochs of the training images; `purpose` tells their draws from those of other loops."""
        return Epochs(self.images, self.images.train, self.config.batch_size, self.run.seed, purpose)

    def teacher(self) -> Teacher | None:
        """The largest network of the widest supernet, with all its exits, at the largest resolution.

        None where nobody teaches.
        """
        if self.config.kd_ratio == 0:
            return None
        supernet = self.family[max(self.family)]
        largest = supernet.largest(self.space.resolutions[-1])
        return make_teacher(supernet, [largest], self.exit_weights.output, self.calibration())

    def fit(
        self,
        module: nn.Module,
        step: Step,
        schedule: RateSchedule,
        store: StateStore,
        until: int | None = None,
    ) -> History:
        """Train `module` on the training images, in place."""
        return fit(
            module,
            step,
            self.epochs(store.name),
            optimiser=self.config,
            schedule=schedule,
            precision=self.run.precision,
            store=store,
            until=until,
        )


def warm_up_heads(
    supernets: TargetSupernets, supernet: Supernet, exits: Sequence[int], store: StateStore
) -> History:
    """Before all others: train the heads of `exits`, which are new, and all classifiers, the trunk frozen."""
    with frozen_trunk(supernet, exits):
        step = largest_step(supernets, supernet)
        return supernets.fit(supernet, step, supernets.config.warm_up.heads, store)


@contextmanager
def frozen_trunk(supernet: Supernet, exits: Sequence[int]) -> Iterator[None]:
    """Let nothing of `supernet` learn but the heads of `exits` and all classifiers."""
    heads = tuple(f"network.heads.{exit}." for exit in exits)
    try:
        for name, parameter in supernet.named_parameters():
            parameter.requires_grad_(name.startswith(heads) or ".classifier." in name)
        yield
    finally:
        supernet.requires_grad_(True)


def warm_up_largest(supernets: TargetSupernets, supernet: Supernet, store: StateStore) -> History:
    """First and second warm-up phase: train the largest network with all its exits, in place."""
    return supernets.fit(supernet, largest_step(supernets, supernet), supernets.config.warm_up.largest, store)


def largest_step(supernets: TargetSupernets, supernet: Supernet) -> Step:
    """What the first two warm-up phases do with a batch."""
    network = supernet.largest(supernets.space.resolutions[-1])
    return joint_step(
        supernet, lambda epoch, index: network, supernets.exit_weights.loss, label_smoothing=0.0
    )


def adapt(
    supernets: TargetSupernets,
    sampler: Sampler,
    schedule: SubnetSchedule,
    *,
    teacher: Teacher | None,
    store: StateStore,
    until: int | None = None,
) -> History:
    """Train subnets that `sampler` draws, in place, up to epoch `until` of the schedule.

    Third warm-up phase (uniform sampling), and adaptation (distributions of the archive's best). The
    teacher sees the largest resolution. Each width is trained as by an optimiser of its own (`fit`): one
    that a step did not draw stays.
    """
    step = sampled_step(supernets, sampler, schedule, teacher, store.name)
    return supernets.fit(nn.ModuleList(supernets.family.values()), step, schedule, store, until)


def sampled_step(
    supernets: TargetSupernets, sampler: Sampler, schedule: SubnetSchedule, teacher: Teacher | None, name: str
) -> Step:
    """What `adapt` does with a batch; `name` tells its draws from those of other loops."""

    def sample(epoch: int, index: int) -> Sequence[Architecture]:
        generator = numpy_generator(supernets.run.seed, name, "subnets", epoch, index)
        return [supernets.space.decode(code) for code in sampler(schedule.subnets, generator)]

    return elastic_step(
        supernets.family,
        sample,
        teacher,
        kd_ratio=supernets.config.kd_ratio,
        label_smoothing=0.0,
        teacher_resolution=supernets.space.resolutions[-1],
        exit_weighting=supernets.config.exit_weighting,
    )
