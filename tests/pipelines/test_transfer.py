"""Supernets trained on the digits 0 to 4 are searched for other digits."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from natv2.errors import UserError
from natv2.images.image_set import ImageSplits
from natv2.images.loading import load_images
from natv2.pipelines.natv2_search.nodes import (
    search_networks,
    warm_up_largest_network,
    warm_up_supernets,
)
from natv2.pipelines.ofav2_eps.nodes import full_phase, phase_node
from natv2.search.latency import NO_TABLE
from natv2.spaces.architecture import architecture_of
from natv2.supernets.checkpoint import Checkpoint, Normalisation, write_checkpoint
from natv2.training.state_store import StateStore
from tests.configs import RUN, goal, parameters, training

DIGITS = tuple("0123456789")
PARAMETERS = parameters()
UNTRAINED = parameters(search={"warm_up": {"largest_epochs": 0}}).search


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> ImageSplits:
    images = load_images("digits", Path(), tmp_path_factory.mktemp("store"))
    parts = {name: getattr(images, name) for name in ("train", "valid", "test")}
    return replace(images, **{name: part.subset(torch.arange(120)) for name, part in parts.items()})


@pytest.fixture(scope="module")
def source(digits, tmp_path_factory) -> tuple[Checkpoint, Checkpoint]:
    images, folder = digits.only(DIGITS[:5]), tmp_path_factory.mktemp("source")
    narrow, wide = (
        full_phase(
            images, training(supernet="EE_D_OFAMobileNetV3"), RUN, width, StateStore(folder / str(width))
        )[0]
        for width in (0.1, 0.2)
    )
    return narrow, wide


def classifier(name: str) -> bool:
    return ".classifier." in name


@pytest.mark.parametrize("target", [DIGITS[5:], DIGITS], ids=["5 to 9", "all ten"])
def test_the_classifiers_are_new_and_all_else_comes_from_the_source(digits, source, target, tmp_path):
    for checkpoint in source:
        assert checkpoint.classes == DIGITS[:5]
        store = StateStore(tmp_path / str(checkpoint.width))
        given = warm_up_largest_network(checkpoint, digits.only(target), UNTRAINED, RUN, store)
        assert given.classes == target
        assert given.weights.keys() == checkpoint.weights.keys()
        assert sum(map(classifier, given.weights)) == 5 * 2  # weight and bias of five exits
        for name, weight in given.weights.items():
            same = torch.equal(weight, checkpoint.weights[name])
            assert same is not classifier(name), name
            assert not classifier(name) or len(weight) == len(target)


def test_the_classifiers_stay_where_the_classes_do(digits, source, tmp_path):
    narrow, _ = source
    images = digits.only(DIGITS[:5])
    given = warm_up_largest_network(narrow, images, UNTRAINED, RUN, StateStore(tmp_path))
    assert all(torch.equal(given.weights[name], weight) for name, weight in narrow.weights.items())


@pytest.mark.parametrize("target", [DIGITS[5:], DIGITS], ids=["5 to 9", "all ten"])
def test_networks_are_found_for_the_target(digits, source, target, tmp_path):
    images, search, store = digits.only(target), PARAMETERS.search, StateStore(tmp_path)
    warm = [warm_up_largest_network(c, images, search, RUN, store.child(str(c.width))) for c in source]
    warm = warm_up_supernets(*warm, images, search, RUN, store.child("warm"))
    archive, _, _, _, summary, *adapted = search_networks(
        *warm, images, NO_TABLE, search, goal("accuracy+macs"), "natv2", RUN, store.child("search")
    )
    assert [checkpoint.classes for checkpoint in adapted] == [target, target]
    supernets = {checkpoint.width: checkpoint.supernet() for checkpoint in adapted}
    for row in archive.to_dict("records"):
        architecture = architecture_of(row)
        network = supernets[architecture.width].subnet(architecture)
        (logits,) = network(torch.rand(2, 3, architecture.resolution, architecture.resolution))
        assert logits.shape == (2, len(target))
        assert row["params"] == sum(parameter.numel() for parameter in network.parameters())
    assert (summary["source"], summary["dataset"]) == ("digits", "digits")


def test_training_from_an_imported_supernet_keeps_its_normalisation(digits, source, tmp_path):
    narrow, _ = source
    theirs = Normalisation(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    write_checkpoint(tmp_path / "imported", replace(narrow, normalisation=theirs))
    config = training(
        supernet="EE_D_OFAMobileNetV3",
        schedule="random",
        init_from=str(tmp_path / "imported"),
        eps={"phases": {"single_stage": {"epochs": 0}}, "probes": 2},
    )
    begun, _ = full_phase(digits, config, RUN, 0.1, StateStore(tmp_path / "full"))
    inputs = (digits, config, RUN, begun, begun, StateStore(tmp_path / "phase"))
    trained, _ = phase_node("single_stage")(*inputs)
    assert begun.normalisation == trained.normalisation == theirs


def test_two_supernets_of_different_designs_are_refused(digits, source, tmp_path):
    narrow, wide = source
    other = replace(wide, design=replace(wide.design, kernels=(3, 5)))
    with pytest.raises(UserError, match="kernels 3 5 at width"):
        inputs = (digits, NO_TABLE, PARAMETERS.search, goal("accuracy"), "natv2", RUN)
        search_networks(narrow, other, *inputs, StateStore(tmp_path))
