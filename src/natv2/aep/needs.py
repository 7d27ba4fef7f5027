"""What training networks with exits needs on a disk and in memory, computed before the first step."""

from natv2.aep.config import AepTraining
from natv2.aep.network.backbones import multi_exit_network, unfilled_network
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.images.batches import largest_batch
from natv2.images.image_set import ImageSplits
from natv2.randomness import process_generator
from natv2.run import Run
from natv2.training.needs import Disk, Memory, activations, optimiser_bytes, parameter_bytes, stored_bytes


def planned_network(training: AepTraining, classes: int) -> MultiExitNetwork:
    """The network with all its exits on the meta device. Raises UserError where it cannot be built."""
    name, resolution, exits = training.network, training.aep.resolution, training.aep.exits
    if ":" not in name:
        return unfilled_network(name, classes, resolution=resolution, exits=exits)
    with process_generator(0):
        network, _ = multi_exit_network(name, classes, resolution=resolution, exits=exits)
    return network.to("meta")


def training_disk(network: MultiExitNetwork, training: AepTraining) -> Disk:
    """What training `network` writes: itself, for other runs too, its best epoch, a state to resume from."""
    stored = stored_bytes(network)
    state = stored + optimiser_bytes(parameter_bytes(network), training.aep)
    return Disk.of(kept=2 * stored, state=state) + Disk(states=stored)


def joint_memory(
    network: MultiExitNetwork, images: ImageSplits, training: AepTraining, run: Run
) -> Memory | None:
    """What the training of `network` takes; None where it cannot be run without values."""
    aep = training.aep
    batch = largest_batch(len(images.train), aep.batch_size)
    try:
        kept = activations(network, batch, aep.resolution).within(run.precision)
    except Exception:  # whatever a person's module does without values
        return None
    weights, stored = parameter_bytes(network), stored_bytes(network)
    least = stored + optimiser_bytes(weights, aep) + kept.kept
    return Memory(
        least=least,
        most=least - kept.kept + 2 * weights + kept.most,
        what=f"{training.network}, {batch} images of {aep.resolution} pixels at once",
        change=f"aep.batch_size (now {aep.batch_size}) or aep.resolution (now {aep.resolution})",
    )
