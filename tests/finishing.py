"""What networks are finished by, small enough for many tests, and tiny networks to be finished."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.finished_network import Classifier
from natv2.images.image_set import ImageSplits
from natv2.nn.dropout import Dropout
from natv2.training.config import FullConfig
from natv2.training.finishing import Finishing
from natv2.training.soft_labels import FinishingTeacher
from natv2.training.state_store import StateStore
from tests.configs import RUN
from tests.tiny import CLASSES, splits

IMAGES = splits(train=24, valid=8, test=8)
CONFIG = FullConfig(
    optimizer="sgd",
    lr=0.05,
    momentum=0.9,
    weight_decay=1e-3,
    max_gradient_norm=None,
    batch_size=8,
    epochs=2,
    warmup_epochs=0,
    label_smoothing=0.0,
    average=None,
    mixup=0.0,
    cutmix=0.0,
    class_balance="none",
    temperature=4.0,
    kd_weight=1.0,
)
STEPS = 3


def config(**changes: Any) -> FullConfig:
    """CONFIG with `changes`, checked."""
    return FullConfig.model_validate({**CONFIG.model_dump(), **changes})


class Stop(Exception):
    """What a test raises in the place of Ctrl-C."""


class TwoExits(nn.Module):
    """Two exits behind one convolution; with `exits=1` only the first."""

    def __init__(self, exits: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=4, bias=False), nn.BatchNorm2d(4), Dropout(dropout), nn.Flatten()
        )
        self.heads = nn.ModuleList(nn.Linear(64, CLASSES) for _ in range(exits))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        features = self.trunk(x)
        logits = tuple(head(features) for head in self.heads)
        return logits if len(logits) > 1 else logits[0]


class Brightness(nn.Module):
    """Always right about the images of tests.tiny: their brightness tells their class."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.Parameter((49.5 + 50 * torch.arange(CLASSES)) / 255)

    def forward(self, x: Tensor) -> Tensor:
        level = 0.25 * x.mean(dim=(1, 2, 3)) + 0.5
        return -100 * (level[:, None] - self.levels[None]) ** 2


def classifier_of(network: nn.Module, images: ImageSplits = IMAGES, resolution: int = 16) -> Classifier:
    """`network` as one that is finished."""
    header = PlainHeader(
        network="nobody:own",
        resolution=resolution,
        class_names=images.class_names,
        mean=images.mean,
        std=images.std,
    )
    return PlainClassifier(network, header)


def new_classifier(exits: int = 1, dropout: float = 0.0, seed: int = 0) -> Classifier:
    """A tiny network that is not trained yet."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return classifier_of(TwoExits(exits, dropout))


class Counting:
    """A teacher's logits, random ones that depend on the images alone; counts how often it is asked."""

    def __init__(self, seed: int = 0, stop_at: int | None = None) -> None:
        self.calls, self.stop_at = 0, stop_at
        self.seen: list[Tensor] = []
        self.weight = torch.randn(3, CLASSES, generator=torch.Generator().manual_seed(seed))

    def __call__(self, x: Tensor) -> Tensor:
        if self.calls == self.stop_at:
            raise Stop
        self.calls += 1
        self.seen.append(x)
        return 3 * x.mean(dim=(2, 3)) @ self.weight

    def teacher(self, mark: str = "1", **other: Any) -> FinishingTeacher:
        """It, as finishing takes it."""
        usual: dict[str, Any] = {"resolution": 16, "mean": IMAGES.mean, "std": IMAGES.std}
        return FinishingTeacher(name="counting", mark=mark, logits=self, **usual | other)


def finishing(folder: Path, images: ImageSplits = IMAGES, **changes: Any) -> Finishing:
    """What finishes by CONFIG; `changes` are of it, or a teacher."""
    teacher = changes.pop("teacher", None)
    return Finishing(
        images=images,
        config=config(**changes),
        run=RUN,
        resolution=16,
        evaluation_batch_size=5,
        labels=StateStore(folder / "labels"),
        teacher=teacher,
    )


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether all tensors are equal, bit for bit."""
    others = other.state_dict()
    return all(torch.equal(tensor, others[name]) for name, tensor in one.state_dict().items())
