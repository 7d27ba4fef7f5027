import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from natv2.exits.weightings import exit_weights
from natv2.images.batches import calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.spaces.architecture import Architecture
from natv2.spaces.space import SearchSpace
from natv2.supernets.part import SupernetPart
from natv2.training import evaluation
from natv2.training.evaluation import Evaluator, answers, top1
from natv2.training.prefix_tree import PrefixTree
from natv2.training.recalibration import calibrate
from tests.designs import DESIGNS
from tests.finishing import Brightness, classifier_of
from tests.strategies import architectures, some
from tests.tiny import shared_supernet, splits

NAME = "EE_DP_OFAMobileNetV3"
IMAGES = splits(train=32, valid=60)
CALIBRATION = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
BATCHES = list(evaluation_batches(IMAGES, IMAGES.valid, 25))
BETA = exit_weights("DESC", 5).output


def evaluator() -> Evaluator:
    return Evaluator(calibration=CALIBRATION, images=BATCHES, exit_weights=BETA)


def alone(architecture: Architecture) -> float:
    """The share of right answers of the extracted network, counted image by image."""
    supernet = shared_supernet(NAME, architecture.width)
    network = supernet.subnet(architecture, calibrate(supernet, architecture, CALIBRATION))
    right = 0
    with torch.no_grad():
        for batch in BATCHES:
            outputs = network(batch.at(architecture.resolution))
            weights = BETA if len(outputs) == 5 else (1.0,)
            logits = sum(w * o for w, o in zip(weights, outputs, strict=True))
            right += sum(int(row.argmax() == label) for row, label in zip(logits, batch.labels, strict=True))
    return right / len(IMAGES.valid)


def mixed(count: int = 6) -> list[Architecture]:
    """Random networks of two widths, their other exits, and the ensembles, in no order."""
    space = SearchSpace(design=DESIGNS[NAME], resolutions=(16, 24), widths=(0.1, 0.25))
    codes = space.sample_architectures(count, np.random.default_rng(4))
    codes[:, 2] = 4
    codes[:, space.first_level :] = np.maximum(codes[:, space.first_level :], 1)
    whole = [space.decode(code) for code in codes]
    others = [replace(a, exits=(e,)) for a in whole[:3] for e in (1, 3, 4)]
    ensembles = [shared_supernet(NAME, width).largest(16) for width in (0.1, 0.25)]
    every = [*whole, *others, *ensembles, whole[0]]
    return [every[i] for i in np.random.default_rng(0).permutation(len(every))]


@pytest.mark.parametrize(("pixels", "piece"), [(1 << 22, 1 << 18), (1, 1 << 18), (1 << 22, 7 * 24**2)])
def test_evaluated_together_as_each_one_alone(monkeypatch, pixels, piece):
    """All at once; the images in several rounds, of which the first alone records statistics; in pieces."""
    monkeypatch.setattr(evaluation, "PIXELS", pixels)
    monkeypatch.setattr(evaluation, "_PIECE", piece)
    networks = mixed()
    family = {width: shared_supernet(NAME, width) for width in (0.1, 0.25)}
    found = evaluator().accuracies(family, networks, "test")
    assert found.tolist() == [alone(network) for network in networks]
    assert len(set(found.tolist())) > 5


@settings(some, max_examples=8)  # each is calibrated alone
@given(data=st.data())
@pytest.mark.parametrize(
    "name", ["OFAMobileNetV3", "EE_D_OFAMobileNetV3", NAME, "deep", "four_blocks", "bare"]
)
def test_any_networks_of_any_design(name, data):
    drawn = architectures(DESIGNS[name], resolutions=(16,), widths=(0.1,))
    networks = data.draw(st.lists(drawn, min_size=1, max_size=3))
    networks += [replace(a, exits=(e,)) for a in networks for e in DESIGNS[name].exits if e < a.exits[-1]]
    supernet = shared_supernet(name)
    found = evaluator().accuracies({0.1: supernet}, networks, "test")
    for architecture, accuracy in zip(networks, found, strict=True):
        statistics = calibrate(supernet, architecture, CALIBRATION)
        with torch.no_grad():
            outputs = [supernet(batch.at(16), architecture, statistics)[0] for batch in BATCHES]
        right = [int((o.argmax(dim=1) == b.labels).sum()) for o, b in zip(outputs, BATCHES, strict=True)]
        assert accuracy == sum(right) / len(IMAGES.valid)


def test_what_networks_share_is_computed_once(monkeypatch):
    supernet, asked = shared_supernet(NAME), []
    part = type(supernet).part

    def record(self, which):
        asked.append(which)
        return part(self, which)

    monkeypatch.setattr(type(supernet), "part", record)
    largest = supernet.largest(16)
    networks = [replace(largest, exits=(e,)) for e in (2, 5, 1, 4, 3)]
    networks += [replace(largest, exits=(5,), depths=(4, 4, 3, 4, 4))]
    networks += [replace(largest, exits=(5,), kernels=(*largest.kernels[:-1], 3))]
    evaluator().accuracies({0.1: supernet}, networks, "test")
    # stem, first block, 20 levels, 5 heads of the first five; then what only the others have: the levels of
    # two stages and a head, the last level and a head
    assert len(asked) == 2 + 20 + 5 + (8 + 1) + (1 + 1)


def test_as_many_images_go_together_as_memory_allows_and_calibration_once(monkeypatch):
    walked = []

    class Watched(PrefixTree):
        def __call__(self, images, calibration=()):
            walked.append((len(images), len(calibration)))
            super().__call__(images, calibration)

    monkeypatch.setattr(evaluation, "PrefixTree", Watched)
    monkeypatch.setattr(evaluation, "PIXELS", 2 * 25 * 16**2)
    supernet = shared_supernet(NAME)
    evaluator().accuracies({0.1: supernet}, [replace(supernet.largest(16), exits=(1,))], "test")
    assert walked == [(2, 2), (1, 0)]  # three batches of 25 images or fewer


def test_an_ensemble_of_one_exits_weight_is_that_exit():
    supernet = shared_supernet(NAME)
    family, largest = {0.1: supernet}, supernet.largest(16)
    exits = evaluator().accuracies(family, [replace(largest, exits=(e,)) for e in largest.exits], "test")
    assert len(set(exits)) > 1
    for weights, accuracy in zip(np.eye(5), exits, strict=True):
        weighted = replace(evaluator(), exit_weights=tuple(weights))
        assert weighted.accuracies(family, [largest], "test") == accuracy


def test_uncalibrated_networks_borrow_the_statistics_of_the_largest_one_of_their_width_and_size():
    """The calibration images are darker than those tested: statistics of other images would show."""
    dark = [replace(batch, pixels=batch.pixels // 4) for batch in CALIBRATION]
    networks = [network for network in mixed() if len(network.exits) == 1][:8]
    assert len({(network.width, network.resolution) for network in networks}) == 4
    expected = []
    for network in networks:
        supernet = shared_supernet(NAME, network.width)
        shared = calibrate(supernet, supernet.largest(network.resolution), dark)
        sizes = {
            name: len(buffer) for name, buffer in supernet.subnet(network).named_buffers() if buffer.dim()
        }
        borrowed = supernet.subnet(network, {name: shared[name][:size] for name, size in sizes.items()})
        expected.append(top1(borrowed, BATCHES))
    family = {width: shared_supernet(NAME, width) for width in (0.1, 0.25)}
    found = replace(evaluator(), calibration=dark).uncalibrated(family, networks, "test")
    assert found.tolist() == expected
    assert len(set(expected)) > 2


def test_what_borrowed_statistics_give_does_not_look_like_a_result(monkeypatch):
    """It is that of chance where all is well."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr("natv2.bar.get_console", lambda: console)
    networks = [network for network in mixed() if len(network.exits) == 1][:2]
    family = {network.width: shared_supernet(NAME, network.width) for network in networks}
    evaluator().uncalibrated(family, networks, "gain by recalibration")
    assert "gain by recalibration" in console.file.getvalue()
    assert "top-1" not in console.file.getvalue()


def test_calibration_is_done_with_the_calibration_images_only(monkeypatch):
    supernet, recorded, run = shared_supernet(NAME), [], []
    monkeypatch.setattr(SupernetPart, "record", lambda self, given: recorded.extend(given) or given)
    monkeypatch.setattr(SupernetPart, "observe", lambda self, given: None)
    monkeypatch.setattr(
        SupernetPart,
        "__call__",
        lambda self, given: run.extend(given) or [torch.zeros(len(x), 4) for x in given],
    )
    evaluator().accuracies({0.1: supernet}, [replace(supernet.largest(16), exits=(1,))], "test")
    stem = [recorded[i] for i in range(2)]
    assert all(torch.equal(x, batch.at(16)) for x, batch in zip(stem, CALIBRATION, strict=True))
    assert all(torch.equal(x, batch.at(16)) for x, batch in zip(run, BATCHES, strict=False))


def test_top1_of_a_network():
    supernet = shared_supernet(NAME)
    architecture = replace(supernet.largest(16), exits=(4,))
    network = supernet.subnet(architecture, calibrate(supernet, architecture, CALIBRATION)).train()
    assert top1(network, BATCHES) == alone(architecture)


def test_answers_are_to_images_as_the_network_knows_them_whatever_the_normalisation_of_their_set():
    other = replace(IMAGES, mean=(0.1, 0.1, 0.1), std=(0.9, 0.9, 0.9))
    always_right = classifier_of(Brightness(), IMAGES).train()
    said, labels = answers(always_right, evaluation_batches(other, other.valid, 7))
    assert torch.equal(labels, IMAGES.valid.labels) and torch.equal(said.argmax(dim=1), labels)
    mistaken = answers(classifier_of(Brightness(), other), evaluation_batches(other, other.valid, 7))[0]
    assert not torch.equal(mistaken.argmax(dim=1), labels)
