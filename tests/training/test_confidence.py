"""Temperature against a closed form and a grid; calibration error against its definition."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from natv2.training.confidence import calibration_error, fit_temperature


def draw(images: int, classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels drawn by their softmax: a temperature of 1 is right for them."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(images, classes, generator=generator)
    return logits, torch.multinomial(logits.softmax(dim=1), 1, generator=generator).flatten()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_logits_that_are_too_sure_or_not_sure_enough_get_the_temperature_they_were_made_by(temperature):
    logits, labels = draw(20_000, 5, seed=1)
    assert fit_temperature(temperature * logits, labels) == pytest.approx(temperature, rel=0.04)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6), st.floats(0.2, 5.0))
def test_no_other_temperature_has_a_lower_cross_entropy(seed, classes, scale):
    logits, labels = draw(60, classes, seed)
    found = fit_temperature(scale * logits, labels)
    best = min(cross_entropy(scale * logits / t, labels).item() for t in np.geomspace(0.05, 20, 60))
    assert cross_entropy(scale * logits / found, labels).item() <= best + 1e-4


def test_two_classes_and_one_margin_have_a_closed_form():
    # Three of four right at a margin of 2: softmax gives 3/4 where 2 / T = ln 3.
    logits = torch.tensor([[2.0, 0.0]]).repeat(4, 1)
    assert fit_temperature(logits, torch.tensor([0, 0, 0, 1])) == pytest.approx(2 / math.log(3), rel=1e-3)


def test_all_right_is_as_sure_as_can_be_and_finite():
    assert 0.05 <= fit_temperature(torch.eye(3), torch.arange(3)) < 0.06


def naive(logits: torch.Tensor, labels: torch.Tensor, temperature: float) -> float:
    probabilities = (logits.double() / temperature).softmax(dim=1).numpy()
    confidence, said = probabilities.max(axis=1), probabilities.argmax(axis=1)
    total = 0.0
    for n in range(15):
        inside = (confidence > n / 15) & (confidence <= (n + 1) / 15)
        if inside.any():
            accuracy = (said[inside] == labels.numpy()[inside]).mean()
            total += inside.sum() / len(labels) * abs(accuracy - confidence[inside].mean())
    return total


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6), st.floats(0.2, 5.0))
def test_the_calibration_error_is_that_of_its_definition(seed, classes, temperature):
    logits, labels = draw(50, classes, seed)
    expected = naive(logits, labels, temperature)
    assert calibration_error(logits, labels, temperature) == pytest.approx(expected, abs=1e-12)


def test_calibrated_logits_have_a_small_error_and_hot_ones_a_large_one():
    logits, labels = draw(20_000, 5, seed=2)
    assert calibration_error(logits, labels) < 0.02
    assert calibration_error(5 * logits, labels) > 0.1
    assert calibration_error(5 * logits, labels, 5.0) < 0.02
