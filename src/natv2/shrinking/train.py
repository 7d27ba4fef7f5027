"""Training of a supernet through one phase of its schedule (thesis, sections 5.1.2 to 5.1.4)."""

from natv2.images.batches import Epochs
from natv2.images.image_set import ImageSplits
from natv2.randomness import numpy_generator
from natv2.run import Run
from natv2.shrinking.config import Training
from natv2.shrinking.phases import PHASES, choices, sample
from natv2.shrinking.teacher import phase_teacher
from natv2.spaces.architecture import Architecture
from natv2.spaces.choices import Choices, combinations
from natv2.spaces.design import Design
from natv2.supernets.sorting import sort_channels
from natv2.supernets.supernet import Supernet
from natv2.training.loop import History, Step, Validation, fit
from natv2.training.meter import RightAnswers, Seen, unseen
from natv2.training.state_store import StateStore
from natv2.training.steps import elastic_step, joint_step, sandwich_step


def train_phase(
    supernet: Supernet,
    phase: str,
    *,
    teacher: Supernet | None,
    images: ImageSplits,
    training: Training,
    run: Run,
    store: StateStore,
) -> History:
    """Train `supernet` in place through `phase`; `teacher` is the supernet whose largest network teaches.

    The phase "full" trains the largest network by itself: all exits, no teacher. An epoch's history has the
    training accuracy of Algorithm 3.1.
    """
    if PHASES[phase].dimension == "expand_ratios":
        before = training.phases
        unlocked = choices(supernet.design, before[before.index(phase) - 1], training.schedule)
        sort_channels(supernet, unlocked.expand_ratios)
    answers = RightAnswers(training.exit_weights.output)
    return fit(
        supernet,
        phase_step(supernet, phase, teacher, images, training, run, store.name, answers),
        Epochs(images, images.train, training.eps.batch_size, run.seed, store.name),
        optimiser=training.eps,
        schedule=training.phase(phase),
        precision=run.precision,
        store=store,
        validation=Validation(metrics=answers.take),
    )


def phase_step(
    supernet: Supernet,
    phase: str,
    teacher: Supernet | None,
    images: ImageSplits,
    training: Training,
    run: Run,
    name: str,
    seen: Seen = unseen,
) -> Step:
    """What `phase` does with a batch; `name` tells its draws from those of other phases."""
    eps, design, subnets = training.eps, supernet.design, training.phase(phase).subnets
    unlocked = choices(design, phase, training.schedule)

    def largest(epoch: int, step: int) -> Architecture:
        # Elastic resolution: one size a batch (section 3.2.2).
        draw = numpy_generator(run.seed, name, "resolution", epoch, step)
        return supernet.largest(int(draw.choice(training.resolutions)))

    def drawn(epoch: int, step: int, count: int = subnets) -> list[Architecture]:
        return sample(
            design,
            unlocked,
            count,
            resolution=largest(epoch, step).resolution,
            width=supernet.width,
            generator=numpy_generator(run.seed, name, "subnets", epoch, step),
        )

    def smallest_and_drawn(epoch: int, step: int) -> list[Architecture]:
        smallest = _smallest(design, unlocked, largest(epoch, step))
        return [smallest, *drawn(epoch, step, subnets - 2)]  # the largest is one of them

    if phase == "full":
        weights = training.exit_weights.loss
        return joint_step(supernet, largest, weights, label_smoothing=eps.label_smoothing, seen=seen)
    if training.schedule == "sandwich":
        return sandwich_step(
            supernet,
            largest,
            smallest_and_drawn,
            training.exit_weights,
            kd=training.kd,
            label_smoothing=eps.label_smoothing,
            seen=seen,
        )
    return elastic_step(
        {supernet.width: supernet},
        drawn,
        phase_teacher(teacher, training, run, images) if teacher is not None else None,
        kd_ratio=eps.kd_ratio,
        label_smoothing=eps.label_smoothing,
        seen=seen,
    )


def _smallest(design: Design, unlocked: Choices, largest: Architecture) -> Architecture:
    (smallest,) = combinations(
        design, unlocked.smallest(), resolutions=[largest.resolution], width=largest.width
    )
    return smallest
