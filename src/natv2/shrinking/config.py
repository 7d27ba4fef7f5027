"""What determines the training of a supernet beside its images (thesis, section 5.2.2, Table 5.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Literal

import torch

from natv2.devices import resolve_precision
from natv2.exits.weightings import Weighting, exit_weights
from natv2.images.batches import Batch, calibration_batches
from natv2.images.image_set import ImageSplits
from natv2.shrinking.phases import Schedule, phases_of
from natv2.spaces.design import Design
from natv2.training.distillation import Distillation
from natv2.training.optimiser import OptimiserConfig

TeacherChoice = Literal["fixed", "progressive"]


@dataclass(frozen=True, kw_only=True)
class PhaseConfig:
    """A row of Table 5.2: `subnets` are drawn for each batch, none in the phase "full"."""

    optimiser: OptimiserConfig
    subnets: int

    @property
    def passes(self) -> int:
        """How often the phase trains a network on all images."""
        return self.optimiser.epochs * max(1, self.subnets)


@dataclass(frozen=True, kw_only=True)
class ShrinkingConfig:
    """How a supernet is trained, phase by phase.

    `extremes_only` tests the smallest and largest value of each elastic dimension, not all; `probes` is
    the number of subnets that are followed through all phases.
    """

    schedule: Schedule = "eps"
    teacher: TeacherChoice = "progressive"
    kd: Distillation = "ens"
    phases: Mapping[str, PhaseConfig]
    resolutions: tuple[int, ...]
    batch_size: int
    kd_ratio: float
    label_smoothing: float
    dropout: float = 0.0
    exit_weights: Weighting
    calibration_images: int
    calibration_batch_size: int
    evaluation_batch_size: int
    extremes_only: bool
    probes: int
    seed: int

    def taught_by(self) -> str:
        """Who teaches the subnets, for tables: fixed, progressive, in-place or none."""
        if self.schedule == "random" or self.kd == "none":
            return "none"
        if self.schedule == "sandwich":
            return "in-place"
        return self.teacher if self.kd_ratio > 0 else "none"

    def passes(self, design: Design) -> int:
        """How often a network is trained on all images in all phases of a supernet of `design`."""
        return sum(self.phases[phase].passes for phase in phases_of(design, self.schedule))

    def training(self, design: Design, images: ImageSplits) -> dict[str, object]:
        """What tells one training of a supernet of `design` from another, with its seed."""
        taught_by = self.taught_by()
        return {
            "source": images.name,
            "schedule": self.schedule,
            "teacher": taught_by,
            "kd": "none" if taught_by == "none" else self.kd,
            "seed": self.seed,
            "settings": self._digest(design, images),
        }

    def _digest(self, design: Design, images: ImageSplits) -> str:
        """Eight digits for what changes a training and has no name of its own: rates, sizes, images."""
        named = {"schedule", "teacher", "kd", "seed"}
        without_effect = {"evaluation_batch_size", "extremes_only", "probes"}
        names = [field.name for field in fields(self) if field.name not in named | without_effect]
        device = torch.device(images.device)
        phases = []
        for phase in phases_of(design, self.schedule):
            optimiser = self.phases[phase].optimiser
            optimiser = replace(optimiser, precision=resolve_precision(optimiser.precision, device))
            phases.append((phase, replace(self.phases[phase], optimiser=optimiser)))
        settings = {name: getattr(self, name) for name in names} | {"phases": phases}
        settings["images"] = (len(images.train), images.augmentation)
        return blake2b(repr(settings).encode(), digest_size=4).hexdigest()

    def loss_weights(self, design: Design) -> tuple[float, ...]:
        """Weights α of the losses of all exits of `design`."""
        return exit_weights(self.exit_weights, len(design.exits))[0]

    def output_weights(self, design: Design) -> tuple[float, ...]:
        """Weights β of the outputs of all exits of `design`."""
        return exit_weights(self.exit_weights, len(design.exits))[1]

    def calibration(self, images: ImageSplits) -> list[Batch]:
        """Training images for batch-norm statistics."""
        return calibration_batches(
            images, images=self.calibration_images, batch_size=self.calibration_batch_size, seed=self.seed
        )


def equal_epochs(phases: Mapping[str, PhaseConfig], design: Design, subnets: int) -> int:
    """Epochs with `subnets` a batch that train as many networks on as many images as EPS does."""
    passes = sum(phases[phase].passes for phase in phases_of(design, "eps"))
    return max(1, round(passes / subnets))
