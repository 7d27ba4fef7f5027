"""Supernets that were trained elsewhere: their normalisation goes with them, their new heads learn first."""

from dataclasses import replace

import pytest
import torch

from natv2.errors import UserError
from natv2.pipelines.natv2_search.nodes import warm_up_largest_network
from natv2.search.adaptation.start import common_space, new_target_supernet, target_supernets
from natv2.supernets.checkpoint import Checkpoint, Normalisation, read_checkpoint_header, write_checkpoint
from natv2.training.state_store import StateStore
from tests.configs import RUN, parameters
from tests.tiny import shared_supernet, splits

IMAGES = splits()
THEIRS = Normalisation(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
HEADS = parameters(search={"warm_up": {"heads_epochs": 1, "largest_epochs": 0}}).search


def imported(width: float = 0.1) -> Checkpoint:
    supernet = shared_supernet("EE_B_OFAMobileNetV3", width)
    made = Checkpoint.of(supernet, classes=tuple("abcd"), phase="imported", origin={"source": "elsewhere"})
    return replace(made, normalisation=THEIRS, new_exits=(1, 2, 3, 4))


def test_only_new_heads_and_classifiers_learn_while_the_trunk_is_frozen(tmp_path):
    before = imported()
    after = warm_up_largest_network(before, IMAGES, HEADS, RUN, StateStore(tmp_path))
    for name, weight in before.weights.items():
        new = ".classifier." in name or any(f"network.heads.{exit}." in name for exit in (1, 2, 3, 4))
        assert torch.equal(after.weights[name], weight) != new, name


def test_the_trunk_learns_after_it(tmp_path):
    before = imported()
    search = parameters(search={"warm_up": {"heads_epochs": 1, "largest_epochs": 1}}).search
    after = warm_up_largest_network(before, IMAGES, search, RUN, StateStore(tmp_path / "both"))
    alone = warm_up_largest_network(before, IMAGES, HEADS, RUN, StateStore(tmp_path / "heads"))
    for place in ("stem", "stages.4.levels.3", "heads.5.last"):
        names = [name for name in before.weights if name.startswith(f"network.{place}.")]
        assert names and not all(torch.equal(after.weights[name], alone.weights[name]) for name in names)
    assert (after.new_exits, after.normalisation) == ((), THEIRS)


def test_a_supernet_without_new_heads_trains_none(tmp_path):
    before = replace(imported(), new_exits=())
    after = warm_up_largest_network(before, IMAGES, HEADS, RUN, StateStore(tmp_path))
    assert all(torch.equal(after.weights[name], weight) for name, weight in before.weights.items())
    assert not (tmp_path / "heads").exists()


def test_images_are_normalised_as_the_weights_were_trained():
    narrow, wide = imported(), imported(0.2)
    for supernets in (
        new_target_supernet(narrow, IMAGES, HEADS, RUN),
        target_supernets(narrow, wide, IMAGES, HEADS, RUN),
    ):
        (batch, *_) = supernets.calibration()
        assert (batch.mean, batch.std) == (THEIRS.mean, THEIRS.std)
        assert (supernets.images.mean, supernets.images.std) == (THEIRS.mean, THEIRS.std)
    with pytest.raises(UserError, match="normalised otherwise"):
        common_space(narrow, replace(wide, normalisation=None), HEADS)


def test_a_checkpoint_says_what_it_has_and_nothing_else(tmp_path):
    path = tmp_path / "supernet"
    write_checkpoint(path, imported())
    header = read_checkpoint_header(path)
    assert (header["normalisation"]["mean"], header["new_exits"]) == (THEIRS.mean, (1, 2, 3, 4))
    write_checkpoint(path, replace(imported(), normalisation=None, new_exits=()))
    assert b"new_exits" not in path.read_bytes() and b"normalisation" not in path.read_bytes()
