import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from natv2.costs.count import counted_costs
from natv2.export.certificate import expected_logits
from natv2.export.comparison import synthetic
from natv2.export.intervals import wilson
from natv2.export.model_card import model_card
from natv2.training.confidence import calibration_error
from tests.export.networks import subnet


def test_a_card_says_what_can_be_counted_again():
    classifier = subnet("EE_B_OFAMobileNetV3", (1, 3))
    names = ("a", "b|c", "d", "\x1b[31me")
    header = replace(classifier.header, class_names=names, record={"dataset": "toys", "test_accuracy": 0.875})
    classifier = type(classifier)(classifier.network, header).eval()
    images = synthetic(classifier)
    logits = expected_logits(classifier, images)
    labels = torch.from_numpy(logits.argmax(axis=1))
    labels[::4] = (labels[::4] + 1) % 4
    images = replace(images, labels=labels)
    card = model_card("network_01", classifier, images, [])
    low, high = wilson(48, 64)
    assert f"Top-1 75.00% (95 %: {low:.2%} to {high:.2%}) on 64 made-up images" in card
    costs = counted_costs(classifier.network, 24)
    assert f"{costs.params:,} parameters; {costs.macs:,} multiply-accumulates" in card
    error = calibration_error(torch.from_numpy(logits), labels, 1.7)
    assert f"Expected calibration error {error:.2%} with its temperature, 1.7" in card
    assert "Top-1 87.50% on test images" in card
    assert "* dataset: toys" in card and "\x1b" not in card
    rows = re.findall(r"^\| (\S+) \| ([\d.]+)% \| .* \| (\d+) \|$", card, flags=re.MULTILINE)
    right, shown = logits.argmax(axis=1) == labels.numpy(), ("a", "b/c", "d", "\\x1b[31me")
    assert sum(int(count) for *_, count in rows) == 64
    for name, share, count in rows:
        mine = labels.numpy() == shown.index(name)
        assert int(count) == mine.sum()
        assert float(share) == pytest.approx(100 * right[mine].mean(), abs=0.06)


def test_without_labels_it_says_so():
    classifier = subnet("EE_B_OFAMobileNetV3", (1, 3))
    card = model_card("network_01", classifier, synthetic(classifier), [])
    assert "have no labels" in card and "Top-1" not in card


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 10), (10, 10), (750, 1000)])
def test_an_interval_has_the_shares_that_would_not_be_surprised(hits, trials):
    """Wilson's interval: of the shares p for which hits lie within 1.96 deviations of p * trials."""
    shares = np.linspace(0, 1, 200_001)
    surprise = np.abs(hits / trials - shares) > 1.959964 * np.sqrt(shares * (1 - shares) / trials)
    fitting = shares[~surprise]
    low, high = wilson(hits, trials)
    assert low == pytest.approx(fitting.min(), abs=1e-5) and high == pytest.approx(fitting.max(), abs=1e-5)
