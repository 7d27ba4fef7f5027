"""A supernet that starts from another one's weights (transfer; thesis, section 3.3)."""

from collections.abc import Sequence
from pathlib import Path

import torch

from natv2.errors import UserError
from natv2.supernets.checkpoint import Checkpoint, read_checkpoint
from natv2.supernets.supernet import Supernet


@torch.no_grad()
def transfer_weights(supernet: Supernet, path: Path, classes: Sequence[str]) -> Checkpoint:
    """Give `supernet`, in place, the weights of the checkpoint at `path`; gives that checkpoint.

    At another width the channels that both have are taken, which are the first ones; the others stay as
    they are. The classifier is taken only where the names of its `classes` are the same. Raises UserError
    where it is no file, or one that holds a supernet of another design, or none, or weights that do not fit.
    """
    if path.is_dir():  # where all versions of a checkpoint are
        *_, newest = [None, *sorted(path.glob(f"*/{path.name}"))]
        hint = f"; the newest file in it is {newest}" if newest else ""
        raise UserError(f"init_from {path} is a folder, not a supernet's file{hint}")
    checkpoint = read_checkpoint(path)
    if checkpoint.design != supernet.design:
        raise UserError(
            f"init_from {path} holds {checkpoint.design.label}, not {supernet.design.label}; "
            f"ask for supernet={checkpoint.design.name} with its elastic values, or another checkpoint"
        )
    same_classes = checkpoint.classes == tuple(classes)
    weights = dict(checkpoint.supernet().named_parameters())
    for name, weight in supernet.named_parameters():
        if ".classifier." in name and not same_classes:
            continue
        if name not in weights:  # a light block's convolution that one width has no use for
            continue
        given = weights[name]
        both = tuple(slice(min(ours, theirs)) for ours, theirs in zip(weight.shape, given.shape, strict=True))
        weight[both] = given[both]
    return checkpoint
