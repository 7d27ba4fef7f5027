"""A supernet that starts from another one's weights (transfer; thesis, section 3.3)."""

from collections.abc import Sequence
from pathlib import Path

import torch

from natv2.errors import UserError
from natv2.supernets.checkpoint import read_checkpoint
from natv2.supernets.supernet import Supernet


@torch.no_grad()
def starting_weights(supernet: Supernet, path: Path, classes: Sequence[str]) -> None:
    """Give `supernet`, in place, the weights of the checkpoint at `path`.

    At another width the channels that both have are taken, which are the first ones; the others stay as
    they are. The classifier is taken only where the names of its `classes` are the same. Raises UserError
    where the file holds a supernet of another design, or none.
    """
    checkpoint = read_checkpoint(path)
    if checkpoint.design != supernet.design:
        raise UserError(
            f"init_from {path} holds {checkpoint.design.label}, not {supernet.design.label}; "
            f"ask for supernet={checkpoint.design.name} with its elastic values, or another checkpoint"
        )
    same_classes = checkpoint.classes == tuple(classes)
    for name, weight in supernet.named_parameters():
        if ".classifier." in name and not same_classes:
            continue
        if name not in checkpoint.weights:  # a light block's convolution that one width has no use for
            continue
        given = checkpoint.weights[name]
        both = tuple(slice(min(ours, theirs)) for ours, theirs in zip(weight.shape, given.shape, strict=True))
        weight[both] = given[both]
