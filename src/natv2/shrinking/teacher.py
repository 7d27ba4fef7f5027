"""Who teaches the subnets of a phase (thesis, section 5.1.3)."""

from natv2.images.batches import calibration_batches
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.shrinking.config import TeacherChoice, Training
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Teacher, make_teacher


def teaching_checkpoint(choice: TeacherChoice, *, full: Checkpoint, previous: Checkpoint) -> Checkpoint:
    """The supernet whose largest network teaches a phase.

    Fixed: that of the full phase, in all phases. Progressive: that of the phase before.
    """
    return previous if choice == "progressive" else full


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
