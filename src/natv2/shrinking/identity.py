"""What tells one training of a supernet from another: in tables, in checkpoints, between runs."""

from dataclasses import asdict

from natv2.config import digest
from natv2.errors import UserError
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.shrinking.config import Training
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.supernet import Supernet


def identity(training: Training, run: Run, images: ImageSplits) -> dict[str, object]:
    """What tells a training from others; `settings` are eight digits for what has no name of its own."""
    seen = (len(images.train), asdict(images.augmentation))
    taught_by = training.taught_by
    return {
        "source": images.name,
        "schedule": training.schedule,
        "teacher": taught_by,
        "kd": "none" if taught_by == "none" else training.kd,
        "seed": run.seed,
        "settings": digest(training.eps, training.told_phases, run.precision, seen),
    }


def row_identity(supernet: Supernet, training: Training, run: Run, images: ImageSplits) -> dict[str, object]:
    """What each row of a table says of the training of `supernet` and of how it was tested."""
    told = identity(training, run, images)
    if training.eps.evaluation == "extremes":  # a mean of fewer networks is not that of all
        told["settings"] = f"{told['settings']} extremes"
    if training.init_from is not None:  # no seed of a training that starts from nothing
        told["settings"] = f"{told['settings']} from {training.init_from}"
    return {
        "supernet": supernet.design.label,
        "width": supernet.width,
        "passes": training.passes,
        **told,
    }


def check_identity(checkpoint: Checkpoint, training: Training, run: Run, images: ImageSplits) -> None:
    """Raise UserError where a checkpoint, perhaps of another run, is of another training than asked for."""
    for name, asked in identity(training, run, images).items():
        if (found := checkpoint.origin.get(name, asked)) != asked:
            what = "other rates, epochs, sizes or images" if name == "settings" else f"{name}={found}"
            raise UserError(
                f"the supernet after phase {checkpoint.phase} was trained with {what}, not as asked for "
                f"({name}={asked}); ask for what it was trained with, or run the whole of ofav2_eps"
            )
