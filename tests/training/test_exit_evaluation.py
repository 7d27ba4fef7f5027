"""All ways to use the exits of many paths, against each network evaluated by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from natv2.exits.ensembles import ensemble
from natv2.exits.variants import variants
from natv2.exits.weightings import exit_weights
from natv2.images.batches import evaluation_batches
from natv2.spaces.architecture import Architecture
from natv2.training import evaluation
from natv2.training.evaluation import Evaluator
from natv2.training.exit_evaluation import way_scores
from natv2.training.recalibration import calibrate
from tests.tiny import shared_supernet
from tests.training.test_evaluation import BATCHES, BETA, CALIBRATION, IMAGES, NAME, evaluator, mixed

FAMILY = {width: shared_supernet(NAME, width) for width in (0.1, 0.25)}
PATHS = [replace(network, exits=tuple(range(1, network.deepest_exit + 1))) for network in mixed(3)]


@pytest.mark.parametrize("pixels", [1 << 22, 1])
def test_sets_of_exits_are_right_as_often_as_their_extracted_networks(monkeypatch, pixels):
    monkeypatch.setattr(evaluation, "PIXELS", pixels)
    scores = way_scores(evaluator(), FAMILY, PATHS, "test")
    labels = torch.cat([batch.labels for batch in BATCHES])
    for path, found in zip(PATHS[:3], scores, strict=False):
        for number, variant in enumerate(variants(len(path.exits))):
            if variant.leaving is not None or number % 7:
                continue
            network, supernet = replace(path, exits=variant.exits), FAMILY[path.width]
            statistics = calibrate(supernet, network, CALIBRATION)
            extracted = supernet.subnet(network, statistics)
            with torch.no_grad():
                said = [extracted(batch.at(network.resolution)) for batch in BATCHES]
                inside = [supernet(b.at(network.resolution), network, statistics) for b in BATCHES]
            # inside the supernet bit for bit what the network alone says
            for one, other in zip(said, inside, strict=True):
                assert all(map(torch.equal, one, other))
            beta = exit_weights(variant.weighting, len(variant.exits)).output
            right = torch.cat([ensemble(each, beta).argmax(dim=1) for each in said]) == labels
            assert found.accuracy[number] == pytest.approx(float(right.double().mean()), abs=1e-9)
            recalls = [float(right[labels == label].double().mean()) for label in labels.unique()]
            assert found.macro[number] == pytest.approx(np.mean(recalls))


def test_an_exit_by_itself_is_as_accurate_as_ever():
    found = way_scores(evaluator(), FAMILY, PATHS, "test")
    alone = [replace(path, exits=path.exits[-1:]) for path in PATHS]
    accuracies = evaluator().accuracies(FAMILY, alone, "test")
    assert [float(scores.accuracy[0]) for scores in found] == accuracies.tolist()
    assert len(IMAGES.valid) % 2 == 0
    for scores in found:
        np.testing.assert_allclose(scores.shares.sum(axis=1), 1)


def unequal() -> Evaluator:
    """Of images most of which are of one class: of the others every fifth is left."""
    valid = IMAGES.valid
    kept = torch.tensor([n for n, label in enumerate(valid.labels.tolist()) if label == 0 or n % 5 == 0])
    batches = list(evaluation_batches(IMAGES, valid.subset(kept), 7))
    return Evaluator(calibration=CALIBRATION, images=batches, exit_weights=BETA, metric="macro")


def recalls_alone(network: Architecture, tests: Evaluator) -> list[float]:
    """The share of each class that the extracted network is right about, image by image."""
    supernet, hits = FAMILY[network.width], dict[int, list[bool]]()
    extracted = supernet.subnet(network, calibrate(supernet, network, CALIBRATION))
    for batch in tests.images:
        with torch.no_grad():
            said = ensemble(
                extracted(batch.at(network.resolution)), BETA if len(network.exits) == 5 else (1.0,)
            )
        for row, label in zip(said, batch.labels.tolist(), strict=True):
            hits.setdefault(label, []).append(int(row.argmax()) == label)
    return [sum(each) / len(each) for each in hits.values()]


@pytest.mark.parametrize("pixels", [1 << 22, 1])
def test_by_macro_accuracies_are_means_over_classes(monkeypatch, pixels):
    monkeypatch.setattr(evaluation, "PIXELS", pixels)
    tests, networks = unequal(), mixed(4)
    found = tests.accuracies(FAMILY, networks, "test")
    assert found.tolist() == pytest.approx([np.mean(recalls_alone(each, tests)) for each in networks])
    usual = replace(tests, metric="top1").accuracies(FAMILY, networks, "test")
    assert not np.allclose(found, usual)


@pytest.mark.parametrize("pixels", [1 << 22, 1])
def test_ways_to_use_exits_are_judged_by_macro_too(monkeypatch, pixels):
    """As the objective of this name is, computed otherwise; of one exit to the bit as without ways."""
    monkeypatch.setattr(evaluation, "PIXELS", pixels)
    scores = way_scores(unequal(), FAMILY, PATHS, "test")
    usual = way_scores(replace(unequal(), metric="top1"), FAMILY, PATHS, "test")
    for one, other in zip(scores, usual, strict=True):
        np.testing.assert_allclose(one.accuracy, other.macro, rtol=1e-12)
        assert one.macro.tolist() == other.macro.tolist()
        assert not np.allclose(one.accuracy, other.accuracy)
    alone = [replace(path, exits=path.exits[-1:]) for path in PATHS]
    assert unequal().accuracies(FAMILY, alone, "test").tolist() == [
        float(each.accuracy[0]) for each in scores
    ]


def test_what_they_tell_names_the_metric(monkeypatch):
    told = []
    monkeypatch.setattr(evaluation, "report", lambda name, text: told.append(text))
    unequal().accuracies(FAMILY, PATHS[:1], "test")
    way_scores(unequal(), FAMILY, PATHS[:1], "test")
    evaluator().accuracies(FAMILY, PATHS[:1], "test")
    assert [text.split(", best ")[1].rstrip(" .%0123456789") for text in told] == [
        *["macro accuracy"] * 2,
        "top-",
    ]
