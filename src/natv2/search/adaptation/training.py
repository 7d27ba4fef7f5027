"""Training of the supernets on the target images: warm-up and adaptation (sections 3.3.3, 3.3.4, 6.1.2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from natv2.exits.weightings import Weighting, exit_weights
from natv2.images.batches import Batch, calibration_batches, steps_per_epoch, training_batches
from natv2.images.image_set import ImageSplits
from natv2.randomness import numpy_generator
from natv2.spaces.architecture import Architecture
from natv2.spaces.space import Codes, SearchSpace
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Teacher, make_teacher
from natv2.training.evaluation import Family
from natv2.training.loop import History, Step, fit
from natv2.training.optimiser import OptimiserConfig
from natv2.training.state_store import Progress
from natv2.training.steps import elastic_step, joint_step

Sampler = Callable[[int, np.random.Generator], Codes]
"""Draws so many codes with a generator."""


@dataclass(frozen=True, kw_only=True)
class AdaptationConfig:
    """How supernets are trained on the target images (section 6.2.5).

    `subnets` are drawn for each batch, and train each at its own resolution.
    """

    optimiser: OptimiserConfig
    batch_size: int
    subnets: int
    kd_ratio: float
    exit_weights: Weighting
    calibration_images: int
    calibration_batch_size: int
    seed: int

    def calibration(self, images: ImageSplits) -> list[Batch]:
        """Training images for batch-norm statistics."""
        return calibration_batches(
            images, images=self.calibration_images, batch_size=self.calibration_batch_size, seed=self.seed
        )

    def output_weights(self, supernet: Supernet) -> tuple[float, ...]:
        """Weights of the exits' outputs when all are active."""
        return exit_weights(self.exit_weights, len(supernet.design.exits))[1]


def warm_up_largest(
    supernet: Supernet, resolution: int, *, images: ImageSplits, config: AdaptationConfig, progress: Progress
) -> History:
    """First and second warm-up phase: train the largest network with all its exits, in place."""
    return _fit(supernet, largest_step(supernet, resolution, config), images, config, progress, None)


def largest_step(supernet: Supernet, resolution: int, config: AdaptationConfig) -> Step:
    """What the first two warm-up phases do with a batch."""
    losses, _ = exit_weights(config.exit_weights, len(supernet.design.exits))
    network = supernet.largest(resolution)
    return joint_step(supernet, lambda epoch, index: network, losses, label_smoothing=0.0)


def adapt(
    family: Family,
    space: SearchSpace,
    sampler: Sampler,
    *,
    teacher: Teacher | None,
    images: ImageSplits,
    config: AdaptationConfig,
    progress: Progress,
    until: int | None = None,
) -> History:
    """Train subnets that `sampler` draws, in place, up to epoch `until` of the schedule.

    Third warm-up phase (uniform sampling), and adaptation (distributions of the archive's best). The
    teacher sees the largest resolution. One optimiser serves both widths: what a step did not draw
    has no gradient and stays.
    """
    step = sampled_step(family, space, sampler, teacher, config, progress.name)
    return _fit(nn.ModuleList(family.values()), step, images, config, progress, until)


def sampled_step(
    family: Family,
    space: SearchSpace,
    sampler: Sampler,
    teacher: Teacher | None,
    config: AdaptationConfig,
    name: str,
) -> Step:
    """What `adapt` does with a batch; `name` tells its draws from those of other loops."""

    def sample(epoch: int, index: int) -> Sequence[Architecture]:
        generator = numpy_generator(config.seed, name, "subnets", epoch, index)
        return [space.decode(code) for code in sampler(config.subnets, generator)]

    return elastic_step(
        family,
        sample,
        teacher,
        kd_ratio=config.kd_ratio,
        label_smoothing=0.0,
        teacher_resolution=space.resolutions[-1],
    )


def widest_teacher(
    family: Family, space: SearchSpace, images: ImageSplits, config: AdaptationConfig
) -> Teacher:
    """The largest network of the widest supernet, with all its exits, at the largest resolution."""
    supernet = family[max(family)]
    largest = supernet.largest(space.resolutions[-1])
    return make_teacher(supernet, [largest], config.output_weights(supernet), config.calibration(images))


def _fit(
    module: nn.Module,
    step: Step,
    images: ImageSplits,
    config: AdaptationConfig,
    progress: Progress,
    until: int | None,
) -> History:
    return fit(
        module,
        step,
        lambda epoch: training_batches(
            images,
            images.train,
            batch_size=config.batch_size,
            seed=config.seed,
            purpose=progress.name,
            epoch=epoch,
        ),
        steps=steps_per_epoch(images.train, config.batch_size),
        config=config.optimiser,
        progress=progress,
        seed=config.seed,
        until=until,
    )
