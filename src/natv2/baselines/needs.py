"""What training plain networks needs on a disk and in memory, computed before the first step."""

import torch

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.plain import plain_network
from natv2.errors import UserError
from natv2.images.batches import largest_batch
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.training.config import FullConfig
from natv2.training.needs import Disk, Memory, activations, optimiser_bytes, parameter_bytes, stored_bytes


def sure_networks(config: BaselinesConfig) -> list[str]:
    """Those that are trained whatever the search finds: the teacher, and what a person lists."""
    names = dict.fromkeys([*(config.networks or ()), *([config.teacher] if config.teacher else [])])
    return [name for name in names if ":" not in name]  # a person's own may have no shapes without values


def plain_needs(
    config: BaselinesConfig, full: FullConfig, images: ImageSplits, resolution: int, run: Run
) -> tuple[Disk, list[Memory]]:
    """What the networks take that are sure to be trained, of images of `resolution`; others may join them.

    Networks whose library is not installed are left to the plan, which says so.
    """
    disk, memory = Disk(), list[Memory]()
    batch = largest_batch(len(images.train), full.batch_size)
    for name in sure_networks(config):
        try:
            with torch.device("meta"):
                network = plain_network(name, len(images.class_names))
        except UserError:
            continue
        weights, stored = parameter_bytes(network), stored_bytes(network)
        remembered = optimiser_bytes(weights, full)
        disk += Disk.of(kept=2 * stored, state=stored + remembered)  # for this run, and for others
        kept = activations(network, batch, resolution).within(run.precision)
        memory.append(
            Memory(
                least=stored + remembered + kept.kept,
                most=stored + remembered + 2 * weights + kept.most,
                what=f"{name}, {batch} images of {resolution} pixels at once",
                change=f"postprocess.full.batch_size (now {full.batch_size})",
            )
        )
    return disk, memory
