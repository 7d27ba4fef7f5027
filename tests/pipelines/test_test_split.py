"""Nothing but the last nodes reads the test split, and what these say of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from natv2.errors import UserError
from natv2.images.image_set import ImageSet
from natv2.objectives.goal import Goal
from natv2.pipeline_registry import register_pipelines
from natv2.runs.parameters import Parameters
from natv2.shrinking.config import Training
from natv2.training.state_store import StateStore
from tests.configs import RUN, parameters
from tests.tiny import splits

SMALLER = {"supernet": "OFAMobileNetV3", "elastic": {"depths": [1, 2, 3]}}


class Poisoned(ImageSet):
    """Images that let nobody look at them."""

    def __init__(self, pool: Tensor) -> None:
        object.__setattr__(self, "pool", pool)

    def __getattribute__(self, name: str) -> Any:
        if name in ("images", "labels", "ids", "positions", "subset"):
            raise PermissionError(f"{name} of the test split were read")
        return super().__getattribute__(name)

    def __len__(self) -> int:
        raise PermissionError("the size of the test split was read")


def inputs(values: Parameters) -> dict[str, Any]:
    images = splits()
    # Not even the pixels that all splits share hold what a network could learn of the test images.
    images.train.pool[images.test.positions] = 0
    images = replace(images, test=Poisoned(images.train.pool))
    names = ("search", "preset", "metric", "postprocess", "baselines")
    named: dict[str, Any] = {f"params:{name}": getattr(values, name) for name in names}
    named |= {"params:run": RUN, "params:training": Training.part_of(values)}
    named |= {"params:goal": Goal.part_of(values)}
    named |= {f"params:widths.{width}": getattr(values.widths, width) for width in ("narrow", "wide")}
    return {**named, "source_images": images, "target_images": images}


LAST = {"test_networks", "narrow.test", "wide.test"}
PAGES = {"narrow.page", "wide.page", "draw_results"}  # for people: what the last nodes give, among others


def test_all_nodes_but_the_last_run_without_the_test_images(tmp_path):
    nodes = register_pipelines()["__default__"].nodes
    known = inputs(parameters(**SMALLER))
    for node in (node for node in nodes if node.name not in LAST | PAGES):
        store = StateStore(tmp_path).child(node.name)
        stores = {"progress": store, "latency_store": store, "finishing_store": store}
        known |= node.run({name: stores.get(name) or known[name] for name in node.inputs})
    assert known["trained_networks"]
    for node in (node for node in nodes if node.name in LAST):
        known["progress"] = StateStore(tmp_path).child(node.name)
        with pytest.raises(PermissionError, match="test split"):
            node.run({name: known[name] for name in node.inputs})


def test_nothing_reads_what_the_last_nodes_give():
    nodes = register_pipelines()["__default__"].nodes
    assert {node.name for node in nodes} >= LAST | PAGES
    given = {name for node in nodes if node.name in LAST | PAGES for name in node.outputs}
    assert not given & {name for node in nodes if node.name not in PAGES for name in node.inputs}
    assert not {name for name in given if "page" in name} & {name for node in nodes for name in node.inputs}


@pytest.fixture(scope="module")
def random_training(tmp_path_factory) -> dict[str, Any]:
    """All that the nodes of a training by uniform sampling take and give, its report left out."""
    values = parameters(**SMALLER, schedule="random")
    known = {**inputs(values), "source_images": splits()}
    for node in register_pipelines()["ofav2_eps"].nodes:
        if node.name.startswith("narrow.") and node.name not in ("narrow.report", "narrow.page"):
            known["progress"] = StateStore(tmp_path_factory.mktemp("training")).child(node.name)
            known |= node.run({each: known[each] for each in node.inputs})
    return known


def test_a_training_that_starts_from_another_is_told_from_one_that_does_not(tmp_path, random_training):
    known = dict(random_training)
    nodes = {node.name: node for node in register_pipelines()["ofav2_eps"].nodes}
    afresh = known["narrow.test_accuracy"]
    training = known["params:training"].model_copy(update={"init_from": Path("some.safetensors")})
    known |= {"params:training": training, "progress": StateStore(tmp_path).child("again")}
    started = nodes["narrow.test"].run({each: known[each] for each in nodes["narrow.test"].inputs})
    (ours,), (theirs,) = set(started["narrow.test_accuracy"]["settings"]), set(afresh["settings"])
    assert ours == f"{theirs} from some.safetensors"
    assert len(theirs.removesuffix(" extremes")) == 8


@pytest.mark.parametrize(
    ("asked", "value", "said"),
    [
        ("seed", 7, "trained with seed=0"),
        ("schedule", "ps", "trained with schedule=random"),
        ("source_images", splits(train=16), "trained with other rates, epochs, sizes or images"),
    ],
)
@pytest.mark.parametrize("node", ["narrow.test", "narrow.kernel"])
def test_checkpoints_of_another_training_are_not_taken_for_what_is_asked(
    tmp_path, random_training, node, asked, value, said
):
    nodes = {each.name: each for each in register_pipelines()["ofav2_eps"].nodes}
    known = {**random_training, "progress": StateStore(tmp_path)}
    if asked == "source_images":
        known[asked] = value
    else:
        block = "params:run" if asked == "seed" else "params:training"
        known[block] = known[block].model_copy(update={asked: value})
    given = {each: known[each] for each in nodes[node].inputs}
    if node == "narrow.kernel" and asked != "schedule":  # no phase of schedule=random: it passes on
        assert nodes[node].run(given)["narrow.kernel_supernet"] is known["narrow.full_supernet"]
    else:
        with pytest.raises(UserError, match=said):
            nodes[node].run(given)
