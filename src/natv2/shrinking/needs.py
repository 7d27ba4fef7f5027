"""What the training of a supernet needs on a disk and in memory, computed before its first step."""

from natv2.images.batches import largest_batch
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.shrinking.config import Training
from natv2.training.needs import Disk, Memory, optimiser_bytes
from natv2.training.supernet_needs import SupernetSize, network_activations


def phase_disk(size: SupernetSize, phase: str, training: Training) -> Disk:
    """What `phase` writes: its checkpoint, and a state after each epoch. Nothing where it is passed over."""
    if phase in training.phases:
        return Disk.of(kept=size.parameters, state=size.state(training.eps))
    # A schedule without the full phase begins with a supernet as it is.
    return Disk(kept=size.parameters if phase == "full" else 0)


def training_memory(
    size: SupernetSize, phase: str, images: ImageSplits, training: Training, run: Run
) -> Memory:
    """What `phase` takes, its training and its tests, at the largest resolution."""
    training = training.at(images.sizes)
    eps, resolution = training.eps, training.resolutions[-1]
    batch = largest_batch(len(images.train), eps.batch_size)
    joint = phase == "full" or training.schedule == "sandwich"  # the largest network itself is trained
    largest = network_activations(size, batch, resolution, smallest=False).within(run.precision)
    certain = largest if joint else network_activations(size, batch, resolution, smallest=True)
    weights, momenta = size.parameters, optimiser_bytes(size.parameters, eps)
    # Teachers are copies, one a resolution; supernets and checkpoints of two phases before are there.
    others = 0 if joint else (len(training.resolutions) + 4) * weights
    calibrating = min(eps.calibration.images, len(images.train))
    rendered = 12 * calibrating * sum(side**2 for side in training.resolutions)
    tested = size.tested(
        resolution,
        calibrating=calibrating,
        testing=max(len(images.valid), len(images.test)),
        batch=eps.evaluation_batch_size,
    )
    return Memory(
        least=weights + momenta + certain.within(run.precision).kept,
        most=2 * weights + momenta + others + rendered + max(largest.most, tested),
        what=f"phase {phase} at width {size.width:g}, {batch} images of {resolution} pixels at once",
        change=f"eps.batch_size (now {eps.batch_size}) or eps.resolutions (now {list(training.resolutions)})",
    )
