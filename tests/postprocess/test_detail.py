"""What is told of a finished network in detail agrees with what its table says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from natv2.costs.parts import MACS, architecture_cost
from natv2.exits.leaving import running_ensembles
from natv2.images.batches import evaluation_batches
from natv2.postprocess.detail import (
    answers_by_exit,
    answers_in_detail,
    confusion,
    exit_macs,
    exits_in_detail,
    leaving_curve,
)
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from natv2.training.confidence import calibration_error, reliability
from natv2.training.evaluation import answers
from tests.tiny import images_of, shared_supernet, splits

MACS_OF = [100, 150, 300]


@pytest.fixture(scope="module")
def classifier() -> SubnetClassifier:
    """A network with three exits."""
    supernet = shared_supernet("EE_D_OFAMobileNetV3")
    architecture = replace(supernet.largest(16), exits=(1, 2, 4))
    statistics = {}
    supernet.record(images_of(8, 3, 16, 16), architecture, statistics)
    header = SubnetHeader(
        design=supernet.design.to_dict(),
        architecture=architecture.to_dict(),
        class_names=tuple("abcd"),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        weights=(0.2, 0.3, 0.5),
        temperature=1.7,
    )
    return SubnetClassifier.build(
        SubnetClassifier(supernet.subnet(architecture, statistics), header).stored()
    )


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_confusion_counts_every_image_once(pairs):
    labels, said = np.array(pairs).T
    table = confusion(said, labels, 5)
    assert [[pairs.count((label, other)) for other in range(5)] for label in range(5)] == table.tolist()


def test_reliability_is_what_the_calibration_error_is_made_of():
    logits = torch.randn(500, 6, generator=torch.Generator().manual_seed(0)) * 2
    labels = torch.randint(6, (500,), generator=torch.Generator().manual_seed(1))
    for temperature in (0.5, 1.0, 3.0):
        bins = reliability(logits, labels, temperature)
        assert sum(count for count, *_ in bins) == 500
        gap = sum(count * abs(sure - right) for count, sure, right in bins) / 500
        assert gap == pytest.approx(calibration_error(logits, labels, temperature))


def test_leaving_goes_from_all_at_the_first_exit_to_none_before_the_last():
    logits = torch.randn(3, 400, 5, generator=torch.Generator().manual_seed(0)) * 3
    labels = torch.randint(5, (400,), generator=torch.Generator().manual_seed(1))
    weights = (0.5, 0.25, 0.25)
    curve = leaving_curve(logits, labels, weights, MACS_OF)
    running = running_ensembles(logits, weights).argmax(dim=2) == labels
    first, last = curve.iloc[0], curve.iloc[-1]
    assert (first["shares"], last["shares"]) == ([1, 0, 0], [0, 0, 1])
    assert (first["mean_macs"], last["mean_macs"]) == (100, 300)
    assert first["top1"] == pytest.approx(running[0].double().mean())
    assert last["top1"] == pytest.approx(running[2].double().mean())
    assert curve["threshold"].is_monotonic_increasing and curve["mean_macs"].is_monotonic_increasing
    for row in curve.to_dict("records"):
        assert sum(row["shares"]) == pytest.approx(1)
        assert np.dot(row["shares"], MACS_OF) == pytest.approx(row["mean_macs"])


def test_details_of_a_network_agree_with_its_answers(classifier):
    images = splits(test=40)
    test, valid = (evaluation_batches(images, part, 16) for part in (images.test, images.valid))
    logits, labels = answers(classifier, test)
    by_exit = answers_by_exit(classifier, test)
    assert torch.equal(by_exit[1], labels) and by_exit[0].shape == (3, 40, 4)
    detail = answers_in_detail(classifier, logits, labels)
    wrong = int((logits.argmax(dim=1) != labels).sum())
    assert sum(count for *_, count in detail["confused"]) == wrong > 0
    assert all(label != said for label, said, _ in detail["confused"])
    told = exits_in_detail(classifier, by_exit, answers_by_exit(classifier, valid))
    assert [row["exit"] for row in told["exits"]] == [1, 2, 4]
    assert told["exits"][-1]["together"] == pytest.approx(1 - wrong / 40)
    macs = exit_macs(classifier)
    whole = architecture_cost(classifier.network.design, classifier.network.architecture, 4)[MACS]
    assert macs[-1] == whole and macs == sorted(macs)
    assert [row["macs"] for row in told["exits"]] == macs
    best = [row for row in told["leaving"] if row["top1"] >= told["leaving"][-1]["top1"]]
    assert told["mean_macs"] == min(row["mean_macs"] for row in best)
