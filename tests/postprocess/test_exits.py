"""Weights and thresholds of finished exits, against either half of the images by hand."""

import pytest
import torch

from natv2.exits.leaving import confidence, running_ensembles, stopped
from natv2.exits.output_weights import search_output_weights
from natv2.images.balance import shares
from natv2.images.batches import evaluation_batches
from natv2.objectives.metric import METRICS
from natv2.postprocess.exits import calibrate_exits
from natv2.training.confidence import fit_temperature
from tests.exits.test_variants import naive_threshold
from tests.export.networks import subnet
from tests.tiny import splits

IMAGES = splits(valid=81, size=24)
CLASSIFIER = subnet("EE_D_OFAMobileNetV3", (2, 3, 5))


def batches():
    return evaluation_batches(IMAGES, IMAGES.valid, 16)


@pytest.mark.parametrize("searched", [True, False])
@pytest.mark.parametrize("share", [None, 0.4])
def test_either_half_is_judged_by_what_the_other_gives(searched, share):
    found = calibrate_exits(CLASSIFIER, batches(), share, search_weights=searched)
    with torch.no_grad():
        said = [torch.stack(CLASSIFIER.network(CLASSIFIER.prepared(batch))) for batch in batches()]
    logits, labels = torch.cat(said, dim=1), IMAGES.valid.labels
    right = 0
    for own, other in ((0, 1), (1, 0)):
        others = list(range(other, 81, 2))
        weights = CLASSIFIER.header.weights
        if searched:
            weights = search_output_weights(logits[:, others], labels[others])
        threshold = 2.0 if share is None else naive_threshold(logits, weights, others, share)
        for image in range(own, 81, 2):
            running = running_ensembles(logits[:, image : image + 1], weights)
            sure = confidence(running)[:-1, 0] >= threshold
            at = int(sure.int().argmax()) if sure.any() else 2
            right += int(running[at, 0].argmax() == labels[image])
    assert found.accuracy == right / 81
    assert sum(found.weights) == pytest.approx(1)
    assert (found.weights == tuple(CLASSIFIER.header.weights)) == (not searched)
    assert (found.thresholds is None) == (share is None)


def test_a_share_of_the_validation_images_leaves_early_and_the_temperature_is_of_what_is_said():
    found = calibrate_exits(CLASSIFIER, batches(), 0.4, search_weights=True)
    early = found.apply(CLASSIFIER, {"network": "here"})
    assert early.stops and early.header.record["network"] == "here"
    with torch.no_grad():
        said = [torch.stack(early.network(early.prepared(batch))) for batch in batches()]
        logits, left = stopped(torch.cat(said, dim=1), found.weights, early.stopping())
    assert (left < 2).sum() == round(0.4 * 81)
    assert found.temperature == pytest.approx(fit_temperature(logits, IMAGES.valid.labels), rel=1e-3)


@pytest.mark.parametrize("share", [None, 0.4])
def test_by_macro_the_same_answers_count_by_class(share):
    usual = calibrate_exits(CLASSIFIER, batches(), share, search_weights=True)
    found = calibrate_exits(CLASSIFIER, batches(), share, search_weights=True, metric="macro")
    assert sum(found.weights) == pytest.approx(1)
    assert found.accuracy == pytest.approx(found.macro)
    assert usual.accuracy != usual.macro  # classes are unequal


def test_weights_by_macro_are_those_of_images_repeated_until_classes_are_equal():
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 12 + [1] * 3)
    logits = torch.randn(3, 15, 2, generator=generator)
    logits[0, :12, 0] += 3  # knows the larger class
    logits[2, 12:, 1] += 3  # knows the smaller one
    repeated = torch.cat([torch.arange(12), torch.arange(12, 15).repeat(4)])
    equal = search_output_weights(logits[:, repeated], labels[repeated])
    by_class = search_output_weights(logits, labels, shares(labels.numpy(), "macro"))
    assert by_class == pytest.approx(equal, abs=1e-3)
    alike = search_output_weights(logits, labels)
    assert alike == pytest.approx(search_output_weights(logits, labels, shares(labels.numpy(), "top1")))
    assert by_class[2] > alike[2] + 0.05


def test_what_is_fitted_by_macro_counts_classes_alike():
    """All validation images are unequal in class: the weights are not those by top-1."""
    with torch.no_grad():
        said = [torch.stack(CLASSIFIER.network(CLASSIFIER.prepared(batch))) for batch in batches()]
    logits, labels = torch.cat(said, dim=1), IMAGES.valid.labels
    for metric in METRICS:
        found = calibrate_exits(CLASSIFIER, batches(), None, search_weights=True, metric=metric)
        expected = search_output_weights(logits, labels, shares(labels.numpy(), metric))
        assert found.weights == pytest.approx(expected, abs=1e-4)
    by_image = search_output_weights(logits, labels)
    assert max(abs(one - other) for one, other in zip(expected, by_image, strict=True)) > 1e-3
