"""Training of a supernet through one phase of its schedule (thesis, sections 5.1.2 to 5.1.4)."""

from functools import partial

from natv2.images.batches import steps_per_epoch, training_batches
from natv2.images.image_set import ImageSplits
from natv2.randomness import numpy_generator
from natv2.shrinking.config import ShrinkingConfig
from natv2.shrinking.phases import PHASES, choices, phases_of, sample
from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices, combinations
from natv2.spaces.design import Design
from natv2.supernets.sorting import sort_channels
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Teacher, make_teacher
from natv2.training.loop import History, Step, fit
from natv2.training.state_store import Progress
from natv2.training.steps import elastic_step, joint_step, sandwich_step


def train_phase(
    supernet: Supernet,
    phase: str,
    *,
    teacher: Supernet | None,
    images: ImageSplits,
    config: ShrinkingConfig,
    progress: Progress,
) -> History:
    """Train `supernet` in place through `phase`; `teacher` is the supernet whose largest network teaches.

    The phase "full" trains the largest network by itself: all exits, no teacher.
    """
    if PHASES[phase].dimension == "expand_ratios":
        before = phases_of(supernet.design, config.schedule)
        unlocked = choices(supernet.design, before[before.index(phase) - 1], config.schedule)
        sort_channels(supernet, unlocked.expand_ratios)
    batches = partial(
        training_batches,
        images,
        images.train,
        batch_size=config.batch_size,
        seed=config.seed,
        purpose=progress.name,
    )
    return fit(
        supernet,
        phase_step(supernet, phase, teacher, images, config, progress.name),
        lambda epoch: batches(epoch=epoch),
        steps=steps_per_epoch(images.train, config.batch_size),
        config=config.phases[phase].optimiser,
        progress=progress,
        seed=config.seed,
    )


def phase_step(
    supernet: Supernet,
    phase: str,
    teacher: Supernet | None,
    images: ImageSplits,
    config: ShrinkingConfig,
    name: str,
) -> Step:
    """What `phase` does with a batch; `name` tells its draws from those of other phases."""
    design, subnets = supernet.design, config.phases[phase].subnets
    unlocked = choices(design, phase, config.schedule)

    def largest(epoch: int, step: int) -> Architecture:
        # Elastic resolution: one size a batch (section 3.2.2).
        draw = numpy_generator(config.seed, name, "resolution", epoch, step)
        return supernet.largest(int(draw.choice(config.resolutions)))

    def drawn(epoch: int, step: int, count: int = subnets) -> list[Architecture]:
        return sample(
            design,
            unlocked,
            count,
            resolution=largest(epoch, step).resolution,
            width=supernet.width,
            generator=numpy_generator(config.seed, name, "subnets", epoch, step),
        )

    def smallest_and_drawn(epoch: int, step: int) -> list[Architecture]:
        smallest = _smallest(design, unlocked, largest(epoch, step))
        return [smallest, *drawn(epoch, step, subnets - 2)]  # the largest is one of them

    if phase == "full":
        return joint_step(
            supernet, largest, config.loss_weights(design), label_smoothing=config.label_smoothing
        )
    if config.schedule == "sandwich":
        return sandwich_step(
            supernet,
            largest,
            smallest_and_drawn,
            config.loss_weights(design),
            config.output_weights(design),
            kd=config.kd,
            label_smoothing=config.label_smoothing,
        )
    teaches = config.taught_by() != "none"
    return elastic_step(
        {supernet.width: supernet},
        drawn,
        _teacher(teacher, images, config) if teaches and teacher is not None else None,
        kd_ratio=config.kd_ratio,
        label_smoothing=config.label_smoothing,
    )


def _smallest(design: Design, unlocked: Choices, largest: Architecture) -> Architecture:
    (smallest,) = combinations(
        design, unlocked.smallest(), resolutions=[largest.resolution], width=largest.width
    )
    return smallest


def _teacher(supernet: Supernet, images: ImageSplits, config: ShrinkingConfig) -> Teacher:
    return make_teacher(
        supernet,
        [supernet.largest(resolution) for resolution in config.resolutions],
        config.output_weights(supernet.design),
        config.calibration(images),
        kd=config.kd,
    )
