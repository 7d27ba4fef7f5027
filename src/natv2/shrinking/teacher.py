"""Who teaches the subnets of a phase (thesis, section 5.1.3)."""

import logging
from collections.abc import Mapping

from natv2.images.batches import calibration_batches
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.shrinking.accuracy import evaluator
from natv2.shrinking.config import Training
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Teacher, make_teacher
from natv2.training.state_store import State, StateStore

logger = logging.getLogger("natv2")


def teaching_supernet(
    full: Checkpoint,
    previous: Checkpoint,
    images: ImageSplits,
    training: Training,
    run: Run,
    store: StateStore,
) -> Supernet:
    """The supernet whose largest network teaches a phase.

    Fixed: that of the full phase, in all phases. Progressive: that of the phase before, whose accuracy is
    tracked and told: in phases of the last exit alone the others fall behind what they stand on. Guarded: of
    these two the one that is better on validation images, of equal ones the second.
    """
    both = {"previous": previous, "full": full}
    candidates = {"progressive": ("previous",), "progressive_guarded": ("previous", "full")}
    if training.taught_by not in candidates:
        return full.supernet().to(images.device)
    supernets = {name: both[name].supernet().to(images.device) for name in candidates[training.taught_by]}

    def judged() -> State:
        found = {name: _accuracy(each, images, training, run, store) for name, each in supernets.items()}
        store.track({f"teacher_{name}": accuracy for name, accuracy in found.items()}, 0)
        return State(values=found)

    accuracies: Mapping[str, float] = store.remembered("teacher", judged).values
    told = ", ".join(f"of the {name} phase {100 * accuracy:.1f} %" for name, accuracy in accuracies.items())
    logger.info("%s: validation top-1 of the teacher %s", store.name, told)
    return supernets[max(accuracies, key=lambda name: accuracies[name])]


def _accuracy(
    supernet: Supernet, images: ImageSplits, training: Training, run: Run, store: StateStore
) -> float:
    """Validation top-1 of the largest network with all its exits, averaged over the resolutions."""
    networks = [supernet.largest(resolution) for resolution in training.resolutions]
    family = {supernet.width: supernet}
    tested = evaluator(images, images.valid, training, run).accuracies(
        family, networks, f"{store.name} teacher"
    )
    return float(tested.mean())


def phase_teacher(supernet: Supernet, training: Training, run: Run, images: ImageSplits) -> Teacher | None:
    """The largest network of `supernet` at each resolution; None where nobody teaches."""
    if training.taught_by == "none":
        return None
    return make_teacher(
        supernet,
        [supernet.largest(resolution) for resolution in training.resolutions],
        training.exit_weights.output,
        calibration_batches(images, training.eps.calibration, run.seed),
        kd=training.kd,
    )
