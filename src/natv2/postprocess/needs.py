"""What refining networks needs on a disk and in memory, computed before its first step."""

from collections.abc import Iterator, Sequence

import pandas as pd

from natv2.costs.parts import MACS, architecture_cost
from natv2.images.batches import largest_batch
from natv2.images.image_set import ImageSplits
from natv2.postprocess.config import PostprocessConfig
from natv2.postprocess.methods import METHODS, FoundWay, PostprocessPlan, plan_postprocessing
from natv2.run import Run
from natv2.spaces.architecture import architecture_of
from natv2.spaces.design import Design
from natv2.supernets.network import Network
from natv2.training.needs import Disk, Memory, activations, optimiser_bytes, parameter_bytes, stored_bytes


def plans_of(chosen: pd.DataFrame, design: Design, config: PostprocessConfig) -> list[PostprocessPlan]:
    """What is done to each of the networks `chosen`, by each method, without what comes to another's."""
    return list(_plans(chosen, design, config))


def _plans(chosen: pd.DataFrame, design: Design, config: PostprocessConfig) -> Iterator[PostprocessPlan]:
    methods = METHODS[config.method]
    for each in chosen.to_dict("records"):
        row = {str(name): value for name, value in each.items()}
        architecture, way = architecture_of(row), FoundWay.of(row)
        for method in methods:
            plan = plan_postprocessing(method, architecture, design, config, way)
            if plan.method == method or plan.method not in methods:
                yield plan


def refining_disk(
    chosen: pd.DataFrame, plans: Sequence[PostprocessPlan], design: Design, classes: int
) -> Disk:
    """What is written of the networks: as found, as finished, and states of both phases."""
    found = [architecture_of({str(n): v for n, v in row.items()}) for row in chosen.to_dict("records")]
    result = Disk(kept=sum(stored_bytes(Network(design, each, classes)) for each in found))
    for plan in plans:
        network = Network(design, plan.architecture, classes)
        stored = stored_bytes(network)
        if plan.config is None:
            result += Disk(kept=stored)
        else:
            state = stored + optimiser_bytes(parameter_bytes(network), plan.config)
            result += Disk.of(kept=stored, state=state, states=2)
    return result


def refining_memory(
    plans: Sequence[PostprocessPlan], design: Design, images: ImageSplits, config: PostprocessConfig, run: Run
) -> Memory | None:
    """What training the network of the most MACs takes; None where none is trained."""
    trained = [plan for plan in plans if plan.config is not None]
    if not trained:
        return None
    classes = len(images.class_names)
    plan = max(trained, key=lambda plan: architecture_cost(design, plan.architecture, classes)[MACS])
    assert plan.config is not None
    batch = largest_batch(len(images.train), plan.config.batch_size)
    network = Network(design, plan.architecture, classes)
    kept = activations(network, batch, plan.architecture.resolution).within(run.precision)
    weights = parameter_bytes(network)
    needed = weights + optimiser_bytes(weights, plan.config)
    return Memory(
        least=needed + kept.kept,
        most=needed + 2 * weights + kept.most,
        what=f"postprocess, {batch} images of {plan.architecture.resolution} pixels at once",
        change=f"postprocess.{config.recipe}.batch_size (now {plan.config.batch_size})",
    )
