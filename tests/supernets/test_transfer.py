"""A supernet takes what fits of another one's weights."""

import os
from dataclasses import replace

import pytest
import torch

from natv2.errors import UserError
from natv2.supernets.checkpoint import Checkpoint, write_checkpoint
from natv2.supernets.supernet import Supernet
from natv2.supernets.transfer import transfer_weights
from tests.tiny import new_supernet

NAME = "EE_DP_OFAMobileNetV3"


def saved(folder, supernet: Supernet):
    checkpoint = Checkpoint.of(supernet, classes=tuple("abcd"), phase="full", origin={})
    write_checkpoint(folder / "a.safetensors", checkpoint)
    return folder / "a.safetensors"


def test_of_the_same_shape_all_of_it(tmp_path):
    given, taken = new_supernet(NAME), new_supernet(NAME, seed=5)
    transfer_weights(taken, saved(tmp_path, given), tuple("abcd"))
    expected = dict(given.named_parameters())
    assert all(torch.equal(weight, expected[name]) for name, weight in taken.named_parameters())


def test_a_folder_of_versions_is_refused_with_its_newest_file(tmp_path):
    folder = tmp_path / "supernet.safetensors"
    for version in ("2026-01-02", "2026-01-03"):
        place = folder / version
        place.mkdir(parents=True)
        saved(place, new_supernet(NAME)).rename(place / "supernet.safetensors")
    with pytest.raises(UserError, match=f"is a folder.*newest.* {place}/supernet.safetensors"):
        transfer_weights(new_supernet(NAME), folder, tuple("abcd"))
    with pytest.raises(UserError, match=r"is a folder, not a supernet's file$"):
        transfer_weights(new_supernet(NAME), tmp_path, tuple("abcd"))


@pytest.mark.parametrize("classes", ["abce", "abdc"], ids=["another class", "another order"])
def test_other_classes_keep_the_new_classifiers(tmp_path, classes):
    given, taken = new_supernet(NAME), new_supernet(NAME, seed=5)
    before = {name: weight.clone() for name, weight in taken.named_parameters()}
    transfer_weights(taken, saved(tmp_path, given), tuple(classes))
    expected = dict(given.named_parameters())
    for name, weight in taken.named_parameters():
        assert torch.equal(weight, before[name] if ".classifier." in name else expected[name])


@pytest.mark.parametrize(("given", "taken"), [(0.1, 0.25), (0.25, 0.1)])
def test_of_another_width_the_first_channels_of_every_weight(tmp_path, given, taken):
    source, target = new_supernet(NAME, given), new_supernet(NAME, taken, seed=5)
    before = {name: weight.clone() for name, weight in target.named_parameters()}
    transfer_weights(target, saved(tmp_path, source), tuple("abcd"))
    expected = dict(source.named_parameters())
    for name, weight in target.named_parameters():
        wanted = before[name]
        if name in expected:  # a slice beyond the end ends there: each tensor's corner that both have
            corner = tuple(slice(size) for size in expected[name].shape)
            wanted[corner] = expected[name][tuple(slice(size) for size in weight.shape)]
        assert torch.equal(weight, wanted), name


def test_another_design_is_refused(tmp_path):
    path = saved(tmp_path, new_supernet("EE_B_OFAMobileNetV3"))
    with pytest.raises(UserError, match=r"holds EE_B_OFAMobileNetV3, not EE_DP.*supernet=EE_B"):
        transfer_weights(new_supernet(NAME), path, tuple("abcd"))


def test_other_elastic_values_are_refused_and_named(tmp_path):
    supernet = new_supernet(NAME)
    design = replace(supernet.design, kernels=(3, 5))
    path = saved(tmp_path, Supernet(design, 0.1, 4))
    with pytest.raises(UserError, match=f"holds {NAME}, kernels 3 5, not {NAME};"):
        transfer_weights(supernet, path, tuple("abcd"))


def test_weights_that_do_not_fit_are_refused(tmp_path):
    supernet, path = new_supernet(NAME), tmp_path / "a.safetensors"
    whole = Checkpoint.of(supernet, classes=tuple("abcd"), phase="full", origin={})
    name = "network.stem.conv.weight"
    for wrong in (whole.weights[name][0], whole.weights[name].half()):
        write_checkpoint(path, replace(whole, weights={**whole.weights, name: wrong}))
        with pytest.raises(UserError, match=f"{path} do not fit .*: {name} is"):
            transfer_weights(supernet, path, tuple("abcd"))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe is not a file"):
        transfer_weights(new_supernet(NAME), tmp_path / "pipe", tuple("abcd"))
