"""What a search needs on a disk and in memory, computed before its first step."""

from natv2.images.batches import largest_batch
from natv2.images.image_set import ImageSplits
from natv2.run import Run
from natv2.search.archive import columns
from natv2.search.config import SearchConfig
from natv2.spaces.space import SearchSpace
from natv2.training.needs import Disk, Memory, optimiser_bytes
from natv2.training.supernet_needs import SupernetSize, network_activations

_NUMBER = 20  # characters of a number in a state


def warm_up_disk(size: SupernetSize, search: SearchConfig) -> Disk:
    """What the warm-up of the largest network of one width writes."""
    state = size.state(search) if search.warm_up.largest_epochs else 0
    return Disk.of(kept=size.parameters, state=state)


def warm_up_of_both_disk(sizes: list[SupernetSize], search: SearchConfig) -> Disk:
    """What the warm-up of both supernets writes."""
    return _of_both(sizes, search, trained=search.warm_up.supernet_epochs > 0)


def turns_disk(sizes: list[SupernetSize], space: SearchSpace, search: SearchConfig) -> Disk:
    """What all turns write: adapted supernets, and the archive after each turn."""
    grown = search.turns * search.gained_a_turn
    archive = (search.archive_size + grown) * (space.variables + len(columns())) * _NUMBER
    archives = Disk(kept=(search.turns + 1) * archive, states=(search.turns + 1) * archive)
    kept = sum(size.parameters for size in sizes) if search.keep_supernets else 0
    supernets = Disk(states=search.turns * kept)  # linked, not copied, when the search has ended
    return _of_both(sizes, search, trained=search.adaptation.epochs > 0) + archives + supernets


def _of_both(sizes: list[SupernetSize], search: SearchConfig, *, trained: bool) -> Disk:
    state = sum(size.state(search) for size in sizes) if trained else 0
    return Disk.of(kept=sum(size.parameters for size in sizes), state=state)


def search_memory(sizes: list[SupernetSize], images: ImageSplits, search: SearchConfig, run: Run) -> Memory:
    """What the warm-up, adaptation and evaluations take, at the largest resolution; the widest comes last."""
    search = search.at(images.sizes)
    assert search.resolutions is not None
    resolution, widest = search.resolutions[-1], sizes[-1]
    batch = largest_batch(len(images.train), search.batch_size)
    largest = network_activations(widest, batch, resolution, smallest=False).within(run.precision)
    trains = search.warm_up.largest_epochs > 0
    weights = sum(size.parameters for size in sizes)
    momenta = optimiser_bytes(weights, search)
    calibrating = min(search.calibration.images, len(images.train))
    rendered = 12 * calibrating * sum(side**2 for side in search.resolutions)
    tested = widest.tested(
        resolution, calibrating=calibrating, testing=len(images.valid), batch=search.evaluation_batch_size
    )
    return Memory(
        least=widest.parameters
        + optimiser_bytes(widest.parameters, search)
        + (largest.kept if trains else 0),
        # Checkpoints, supernets, gradients; the teacher is a copy.
        most=3 * weights + widest.parameters + momenta + rendered + max(largest.most, tested),
        what=f"the search at width {widest.width:g}, {batch} images of {resolution} pixels at once",
        change=f"search.batch_size (now {search.batch_size}) or search.resolutions "
        f"(now {list(search.resolutions)})",
    )
