"""earlyon (PyPI, MIT) as a side of a benchmark: installed if need be, trained, calibrated, counted."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

RECIPES = ("joint", "joint, adam", "two stages")
"""The first and the last with earlyon's own rates, the second with those of `aep`."""

_DROPS = (0.0, 0.005, 0.01, 0.02, 0.05)
_SHARES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
_NEEDED = ("earlyon==0.3.0", "fvcore", "iopath", "yacs", "portalocker", "termcolor", "tabulate", "click")
"""It, and what it needs beside torch."""


def provide_earlyon() -> None:
    """Make `import earlyon` work, in a temporary folder where it is not installed."""
    if find_spec("earlyon") is None:
        folder = tempfile.mkdtemp(prefix="earlyon-")
        command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", folder, *_NEEDED]
        subprocess.run(command, check=True)
        sys.path.append(folder)


def trained(recipe: str, batches: DataLoader[Any], classes: int, size: int, epochs: int, seed: int) -> Any:
    """A ResNet-18 with earlyon's exits; in two stages its heads get a quarter of the epochs on top."""
    from earlyon.models import resnet18_ee
    from earlyon.training import joint_train_backbone_and_exits, stage1_train_backbone, stage2_train_exits

    torch.manual_seed(seed)
    model = resnet18_ee(num_classes=classes, pretrained=False)
    model._input_shape = (1, 3, size, size)
    quiet: Any = {"on_epoch_end": lambda log: None}
    if recipe == "two stages":
        stage1_train_backbone(model.backbone, batches, epochs=epochs, **quiet)
        stage2_train_exits(model, batches, epochs=max(1, epochs // 4), **quiet)
    else:
        adam = torch.optim.Adam(model.parameters(), lr=1e-4) if "adam" in recipe else None
        joint_train_backbone_and_exits(model, batches, epochs=epochs, optimizer=adam, **quiet)
    return model.eval()


@torch.inference_mode()
def said(model: Any, pixels: Tensor) -> Tensor:
    """The logits of all exits of `model`: (exits, images, classes)."""
    parts = [torch.stack(model(part, mode="training")) for part in pixels.split(500)]
    return torch.cat(parts, dim=1)


def operating_points(model: Any, batches: DataLoader[Any]) -> Iterator[str]:
    """Calibrate `model` for each aim in turns, and say for which; a policy that was there is left out."""
    from earlyon.core.thresholds import calibrate_thresholds, calibrate_thresholds_for_budget

    seen = set()
    for drop, share in [*product(_DROPS, [None]), *product([None], _SHARES)]:
        if drop is not None:
            calibrate_thresholds(model, batches, target_accuracy_drop=drop)
        elif not calibrate_thresholds_for_budget(model, batches, target_computation=share).budget_met:
            continue
        policy = (*model.config.enabled_exits, *model.config.confidence_thresholds)
        if policy not in seen and any(model.config.enabled_exits):
            seen.add(policy)
            yield f"a drop of {drop:g}" if drop is not None else f"{share:g} of the computation"


def leaves(model: Any, logits_ENC: Tensor) -> NDArray[np.int64]:
    """The exit, from 0, that each image leaves at by the model's policy."""
    config, exits = model.config, len(model.config.exit_points)
    left = np.full(logits_ENC.shape[1], exits)
    for exit in reversed(range(exits)):
        sure = logits_ENC[exit].softmax(dim=-1).amax(dim=-1).double() >= config.confidence_thresholds[exit]
        if config.enabled_exits[exit]:
            left[sure.numpy()] = exit
    return left


def costs(model: Any, size: int) -> NDArray[np.float64]:
    """MACs of an image that leaves at each exit, with the heads on the way that are in use."""
    config, used = model.config, list(model.config.enabled_exits)
    thresholds, exits = list(config.confidence_thresholds), len(config.exit_points)
    heads = np.array([_macs(*_head(model, point)) for point in config.exit_points] + [0])
    x, found = torch.zeros(1, 3, size, size), []
    config.confidence_thresholds = [0.0] * exits
    for exit in range(exits + 1):
        config.enabled_exits = [number == exit for number in range(exits)]
        found.append(_macs(lambda image: model(image, mode="inference"), x) - heads[exit])
    config.enabled_exits, config.confidence_thresholds = used, thresholds
    total: NDArray[np.float64] = np.array(found) + np.cumsum(heads * np.array([*used, True])).astype(float)
    return total


def _head(model: Any, point: Any) -> tuple[Callable[[Tensor], object], Tensor]:
    return model.exit_heads[point.name], torch.zeros(1, point.in_channels, 1, 1)


def _macs(work: Callable[[Tensor], object], x: Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        work(x)
    return int(counter.get_total_flops()) // 2
