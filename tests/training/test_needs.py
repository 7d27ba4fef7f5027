"""What is computed from shapes is what a step keeps and what a file holds."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from natv2.aep.needs import planned_network, training_disk
from natv2.aep.network.backbones import multi_exit_network
from natv2.postprocess.needs import plans_of, refining_disk, refining_memory
from natv2.postprocess.refine import chosen_networks
from natv2.search.needs import search_memory, turns_disk, warm_up_disk, warm_up_of_both_disk
from natv2.shrinking.needs import phase_disk, training_memory
from natv2.shrinking.phase import phase_checkpoint, run_phase
from natv2.spaces.architecture import described
from natv2.spaces.space import SearchSpace
from natv2.supernets.checkpoint import write_checkpoint
from natv2.training import supernet_needs
from natv2.training.needs import (
    Disk,
    activations,
    optimiser_bytes,
    stored_bytes,
)
from natv2.training.optimiser import make_optimiser, optimiser_tensors
from natv2.training.state_store import StateStore
from natv2.training.supernet_needs import SupernetSize, network_activations
from tests.configs import RUN, aep_training, parameters
from tests.designs import DESIGNS
from tests.shrinking.test_train import CONFIG, IMAGES, NAME, changed
from tests.tiny import CLASSES, Optimiser, images_of, new_supernet, shared_supernet


def tensors_of(file: Path) -> int:
    """Bytes of a safetensors file without its header."""
    with file.open("rb") as opened:
        header = int.from_bytes(opened.read(8), "little")
        json.loads(opened.read(header))
    return file.stat().st_size - 8 - header


@pytest.mark.parametrize("name", ["OFAMobileNetV3", NAME, "EE_DP_OFAMobileNetV3"])
def test_activations_are_those_that_a_step_keeps(name: str) -> None:
    supernet = shared_supernet(name)
    network = supernet.subnet(supernet.largest(24)).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(images_of(6, 3, 24, 24))
    size = SupernetSize(DESIGNS[name], 0.1, CLASSES)
    found = network_activations(size, 6, 24, smallest=False)
    assert found.kept == pytest.approx(sum(storage.nbytes() for storage in kept.values()), rel=0.01)
    assert found.largest == max(storage.nbytes() for storage in kept.values())
    smallest = network_activations(size, 6, 24, smallest=True)
    assert 0 < smallest.kept < found.kept and found.within("bf16").kept == found.kept // 2


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
def test_a_checkpoint_has_as_many_bytes_as_were_computed(tmp_path: Path, name: str) -> None:
    training = changed(supernet=name)
    supernet = shared_supernet(name)
    file = tmp_path / "supernet.safetensors"
    write_checkpoint(file, phase_checkpoint(supernet, "full", IMAGES, training, RUN))
    assert tensors_of(file) == phase_disk(SupernetSize(DESIGNS[name], 0.1, CLASSES), "full", training).kept


def test_a_state_has_as_many_bytes_as_were_computed(tmp_path: Path) -> None:
    run_phase(new_supernet(NAME), "full", IMAGES, CONFIG, RUN, StateStore(tmp_path, "full"))
    size = SupernetSize(DESIGNS[NAME], 0.1, CLASSES)
    needed = phase_disk(size, "full", CONFIG)
    # The full phase does not train the matrices between kernels, which then have no momentum.
    matrices = 4 * DESIGNS[NAME].levels * (3**4 + 5**4)
    assert needed.states - matrices == tensors_of(tmp_path / "loop.safetensors")
    assert needed.replaced == needed.states and needed.kept == size.parameters


def test_phases_that_are_passed_over_write_nothing() -> None:
    size = SupernetSize(DESIGNS[NAME], 0.1, CLASSES)
    assert phase_disk(size, "level_1", CONFIG) == Disk()
    assert phase_disk(size, "full", changed(schedule="random")) == Disk(kept=size.parameters)
    one, two = phase_disk(size, "full", CONFIG), phase_disk(size, "kernel", CONFIG)
    assert one + two == Disk(kept=2 * one.kept, states=2 * one.states, replaced=one.states)


def test_a_training_needs_more_with_more_images_and_teachers(monkeypatch: pytest.MonkeyPatch) -> None:
    size = SupernetSize(DESIGNS[NAME], 0.1, CLASSES)
    full, kernel = (training_memory(size, phase, IMAGES, CONFIG, RUN) for phase in ("full", "kernel"))
    assert full.least < full.most < kernel.most
    assert kernel.least < full.least  # the smallest network may be the one that is drawn
    # No more than there are images, however large the batch.
    large, larger = (training_memory(size, "full", IMAGES, changed(batch_size=n), RUN) for n in (32, 3200))
    assert full.least < large.least == larger.least
    assert "16 images of 24 pixels" in full.what and "eps.batch_size (now 16)" in full.change
    monkeypatch.setattr(supernet_needs, "PIXELS", 10**9)
    assert training_memory(size, "full", IMAGES, CONFIG, RUN).most >= full.most


def test_an_optimiser_remembers_what_it_remembers() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1000))
    parameter.grad = torch.ones(1000)
    module = torch.nn.Module()
    module.weight = parameter
    for name in ("sgd", "adam", "adamw", "ranger"):
        config = Optimiser(optimizer=name)
        optimiser = make_optimiser(module, config, 0.1)
        for _ in range(6):  # Ranger's slow weights come with its sixth step
            optimiser.step()
        held = sum(tensor.nbytes for tensor in optimiser_tensors(optimiser).values())
        assert held == pytest.approx(optimiser_bytes(4000, config), abs=16), name
    assert optimiser_bytes(4000, Optimiser(momentum=0.0)) == 0


@pytest.mark.parametrize(("network", "exits"), [("mobilenet_v3_small", None), ("regnet_y_400mf", None)])
def test_a_network_of_aep_is_planned_as_it_is_built(network: str, exits: None) -> None:
    training = aep_training(network=network, aep={"resolution": 32, "exits": exits})
    planned = planned_network(training, CLASSES)
    built, _ = multi_exit_network(network, CLASSES, resolution=32, exits=exits)
    assert stored_bytes(planned) == stored_bytes(built)
    assert training_disk(planned, training).kept == 2 * stored_bytes(built)
    assert activations(planned, 4, 32).kept > activations(planned.keep((4,)), 4, 32).kept > 0
    assert all(parameter.is_meta for parameter in planned.parameters())


@pytest.mark.parametrize(("method", "states"), [("none", 0), ("standard", 2), ("both", 4)])
def test_networks_to_be_refined_are_counted_as_found_and_as_finished(method: str, states: int) -> None:
    design = DESIGNS[NAME]
    space = SearchSpace(design=design, resolutions=(16, 24), widths=(0.1,))
    rows = [described(a) for a in (space.smallest(), space.largest())]
    config = parameters(postprocess={"method": method, "full": {"batch_size": 8}}).postprocess
    front = pd.DataFrame(rows).assign(accuracy=(0.5, 0.6), high_tradeoff=False)
    chosen = chosen_networks(front, config)  # the most accurate one alone
    plans = plans_of(chosen, design, config)
    supernet = shared_supernet(NAME)
    stored = stored_bytes(supernet.subnet(space.largest()))
    disk = refining_disk(chosen, plans, design, CLASSES)
    alone = (
        (1 + 1) * stored
        if method != "both"
        else 2 * stored + stored_bytes(supernet.subnet(plans[1].architecture))
    )
    assert disk.kept == alone
    assert (disk.states > states * stored) == (states > 0) and disk.replaced <= disk.states
    memory = refining_memory(plans, design, IMAGES, config, RUN)
    assert (memory is None) == (method == "none")
    if memory is not None:
        assert stored < memory.least < memory.most and "8 images of 24 pixels" in memory.what


def test_an_archive_that_grows_takes_more_than_one_that_does_not() -> None:
    sizes = [SupernetSize(DESIGNS[NAME], width, CLASSES) for width in (0.1, 0.2)]
    space = SearchSpace(design=DESIGNS[NAME], resolutions=(16, 24), widths=(0.1, 0.2))
    search = parameters(supernet=NAME).search
    weights = sum(size.parameters for size in sizes)
    substituted, grown = (
        turns_disk(sizes, space, search.model_copy(update={"growth": growth}))
        for growth in ("substitute", "grow")
    )
    assert weights < substituted.kept < grown.kept
    assert substituted.replaced == sum(size.state(search) for size in sizes)
    still = search.model_copy(
        update={"warm_up": search.warm_up.model_copy(update={"largest_epochs": 0, "supernet_epochs": 0})}
    )
    assert warm_up_disk(sizes[0], still) == Disk(kept=sizes[0].parameters)
    assert warm_up_of_both_disk(sizes, still) == Disk(kept=weights)
    needed, least = (search_memory(sizes, IMAGES, each, RUN) for each in (search, still))
    assert least.least < needed.least < needed.most
    # Nothing but the weights and their momenta is certain where the largest network is not trained.
    assert least.least == 2 * sizes[1].parameters
