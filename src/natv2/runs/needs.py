"""What the nodes of a pipeline need on a disk and in memory, as their methods compute it."""

from dataclasses import dataclass
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from natv2.aep.config import AepTraining
from natv2.aep.needs import joint_memory, planned_network, training_disk
from natv2.baselines.needs import plain_needs
from natv2.images.image_set import ImageSplits
from natv2.postprocess.needs import plans_of, refining_disk, refining_memory
from natv2.postprocess.refine import chosen_networks
from natv2.run import Run
from natv2.runs.parameters import Parameters
from natv2.search.adaptation.start import search_space
from natv2.search.needs import search_memory, turns_disk, warm_up_disk, warm_up_of_both_disk
from natv2.shrinking.config import Training
from natv2.shrinking.needs import phase_disk, training_memory
from natv2.training.needs import Disk, Memory
from natv2.training.supernet_needs import SupernetSize

_MANY = 1 << 10  # plain networks: it is not known yet how many


@dataclass(frozen=True)
class Needs:
    """What a method's nodes write, and what they take of memory at a time.

    `planned` is what a plan tells of: nothing of it is written yet.
    """

    disk: Disk
    memory: list[Memory]
    planned: bool = False


def needs_of(
    pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], parameters: Parameters, run: Run
) -> list[Needs]:
    """What the nodes of `pipeline` need; a plan needs what it plans.

    Of networks that are yet to be found nothing is known.
    """
    nodes, inputs = {node.name for node in pipeline.nodes}, pipeline.inputs()
    found = []
    if "source_images" in inputs:
        found.append(_training(nodes, catalog.load("source_images"), parameters, run))
    if "target_images" in inputs:
        images = catalog.load("target_images")
        found.append(_search(nodes, images, parameters, run))
        if "train_baselines" in nodes:
            found.append(_baselines(images, parameters, run))
        chosen = next((name for name in ("front", "chosen_networks") if name in inputs), None)
        if "finish_networks" in nodes and chosen is not None:
            found.append(_postprocess(catalog.load(chosen), images, parameters, run))
    if "aep_images" in inputs:
        found.append(_aep(nodes, catalog.load("aep_images"), parameters, run))
    return found


def _sizes(images: ImageSplits, parameters: Parameters) -> dict[str, SupernetSize]:
    widths = {"narrow": parameters.widths.narrow, "wide": parameters.widths.wide}
    classes = len(images.class_names)
    return {name: SupernetSize(parameters.design, width, classes) for name, width in widths.items()}


def _training(nodes: set[str], images: ImageSplits, parameters: Parameters, run: Run) -> Needs:
    training = Training.part_of(parameters)
    written, trained = [], []
    for width, size in _sizes(images, parameters).items():
        phases = dict.fromkeys(("full", *training.phases))
        mine = [phase for phase in phases if "plan" in nodes or f"{width}.{phase}" in nodes]
        written += [phase_disk(size, phase, training) for phase in mine]
        ends = [phase for phase in mine if phase in training.phases]
        if ends:  # the widest takes most, and of its phases the first or the last
            trained = [(size, phase) for phase in dict.fromkeys((ends[0], ends[-1]))]
    widths = {node.partition(".")[0] for node in nodes if node.partition(".")[2] in training.phases}
    at_once = len(widths) if run.workers == len(widths) else 1  # or all ranks share each step
    memory = [
        training_memory(size, phase, images, training, run).times(_whole(at_once, run))
        for size, phase in trained
    ]
    return Needs(sum(written, Disk()), memory, planned="plan" in nodes)


def _search(nodes: set[str], images: ImageSplits, parameters: Parameters, run: Run) -> Needs:
    search, sizes = parameters.search.at(images.sizes), _sizes(images, parameters)
    both = list(sizes.values())
    space = search_space(parameters.design, search, tuple(size.width for size in both))
    written = {f"warm_up_largest_{name}": warm_up_disk(size, search) for name, size in sizes.items()}
    written["warm_up_supernets"] = warm_up_of_both_disk(both, search)
    written["search"] = turns_disk(both, space, search)
    mine = [disk for node, disk in written.items() if "search_plan" in nodes or node in nodes]
    memory = [search_memory(both, images, search, run)] if mine else []
    return Needs(sum(mine, Disk()), memory, planned="search_plan" in nodes)


def _postprocess(chosen: Any, images: ImageSplits, parameters: Parameters, run: Run) -> Needs:
    config, design = parameters.postprocess, parameters.design
    if "name" not in chosen:  # a front, of which some are chosen
        chosen = chosen_networks(chosen, config)
    plans = plans_of(chosen, design, config)
    disk = refining_disk(chosen, plans, design, len(images.class_names))
    memory = refining_memory(plans, design, images, config, run)
    return Needs(disk, [memory.times(_whole(len(chosen), run))] if memory is not None else [])


def _baselines(images: ImageSplits, parameters: Parameters, run: Run) -> Needs:
    size = max(parameters.search.at(images.sizes).resolutions or ())
    disk, memory = plain_needs(parameters.baselines, parameters.postprocess.full, images, size, run)
    return Needs(disk, [each.times(_whole(_MANY, run)) for each in memory])


def _whole(jobs: int, run: Run) -> int:
    """How many of `jobs` take their whole memory at the same time: on a CPU one for each rank."""
    return 1 if run.device == "cuda" or run.workers == "auto" else min(jobs, run.workers)


def _aep(nodes: set[str], images: ImageSplits, parameters: Parameters, run: Run) -> Needs:
    training = AepTraining.part_of(parameters)
    disks, memories = [], []
    if nodes & {"train_baseline", "train_ensemble"}:
        whole = planned_network(training, len(images.class_names))
        networks = {"train_baseline": whole.keep(whole.exits[-1:]), "train_ensemble": whole}
        mine = [network for node, network in networks.items() if node in nodes]
        disks = [training_disk(network, training) for network in mine]
        memories = [joint_memory(mine[-1], images, training, run)]
    return Needs(sum(disks, Disk()), [memory for memory in memories if memory is not None])
