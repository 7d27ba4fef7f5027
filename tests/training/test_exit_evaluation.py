"""All ways to use the exits of many paths, against each network evaluated by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from natv2.exits.ensembles import ensemble
from natv2.exits.variants import variants
from natv2.exits.weightings import exit_weights
from natv2.training import evaluation
from natv2.training.exit_evaluation import way_scores
from natv2.training.recalibration import calibrate
from tests.tiny import shared_supernet
from tests.training.test_evaluation import BATCHES, CALIBRATION, IMAGES, NAME, evaluator, mixed

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
