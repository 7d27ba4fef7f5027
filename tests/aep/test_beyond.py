"""What goes beyond the thesis: searched output weights, learned loss weights, exits that differ."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from natv2.aep.losses import LearnedWeights, network_loss, similarity
from natv2.aep.pruning import ExitLogits, evaluate_subsets
from natv2.exits.ensembles import ensemble
from natv2.exits.output_weights import LEAST, search_output_weights
from natv2.exits.stopping_curve import stopping_curve
from natv2.exits.weightings import EXIT_WEIGHTINGS, exit_weights
from natv2.training.distillation import joint_loss


def said(exits: int, images: int, classes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that know a little, later exits more."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (images,), generator=generator)
    logits = torch.randn(exits, images, classes, generator=generator)
    skill = torch.arange(1, exits + 1)[:, None, None] / 2
    return logits + skill * torch.nn.functional.one_hot(labels, classes), labels


@given(st.integers(1, 6), st.integers(20, 60), st.integers(2, 8), st.integers(0, 10**6))
@settings(max_examples=25)
def test_searched_weights_are_no_worse_than_any_others(exits, images, classes, seed):
    logits, labels = said(exits, images, classes, seed)

    def loss(weights) -> float:
        return cross_entropy(ensemble(list(logits), tuple(weights)), labels).item()

    found = search_output_weights(logits, labels)
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0.99 * LEAST
    given = [exit_weights(weighting, exits)[1] for weighting in EXIT_WEIGHTINGS]
    given += np.random.default_rng(seed).dirichlet(np.ones(exits), 100).tolist()
    others = [LEAST + (1 - exits * LEAST) * np.array(weights) for weights in given]
    assert loss(found) <= min(map(loss, others)) + 1e-5


def test_the_exit_that_knows_gets_the_weight():
    logits, labels = said(3, 400, 4)
    logits[0] = torch.randn(400, 4)
    logits[1] = 3 * torch.nn.functional.one_hot(labels, 4) + 0.1 * torch.randn(400, 4)
    logits[2] = -logits[1]
    assert search_output_weights(logits, labels)[1] > 0.9


def test_an_exit_that_the_ensemble_has_no_use_for_still_counts_by_itself():
    """Its weight is nearly nothing: alone it answers all the same, and images can leave at it."""
    logits, labels = said(3, 400, 4)
    logits[1] += 9 * torch.nn.functional.one_hot(labels, 4)
    logits[0] = -logits[1]
    weights = search_output_weights(logits, labels)
    assert weights[0] < 2 * LEAST
    table = evaluate_subsets(
        ExitLogits(exits=(1, 2, 3), logits_ENC=logits, labels=labels), weights, {}
    ).set_index("kept")
    for exit in (1, 2, 3):
        own = (logits[exit - 1].argmax(dim=1) == labels).double().mean().item()
        assert table.loc[str(exit), "top1"] == pytest.approx(own)
    curve = stopping_curve(logits, labels, weights, np.array([1.0, 2.0, 3.0]))
    assert len(curve) > 10 and curve["mean_cost"].nunique() > 10 and curve.notna().all(axis=None)


def test_learned_weights_start_as_given_and_follow_the_paper():
    """Kendall et al.: Σ exp(-s)·L + s; at its minimum in s each loss weighs 1 / L."""
    given_weights = (0.4, 0.3, 0.2, 0.1)
    learned = LearnedWeights(given_weights)
    assert learned.weights == pytest.approx(given_weights)
    losses = torch.tensor([0.5, 1.0, 2.0, 4.0])
    s = [-math.log(weight) for weight in given_weights]
    by_hand = sum(math.exp(-a) * b + a for a, b in zip(s, losses.tolist(), strict=True))
    assert learned(list(losses)).item() == pytest.approx(by_hand, rel=1e-5)
    optimiser = torch.optim.Adam(learned.parameters(), lr=0.05)
    for _ in range(800):
        optimiser.zero_grad()
        learned(list(losses)).backward()
        optimiser.step()
    inverse = 1 / losses
    assert learned.weights == pytest.approx((inverse / inverse.sum()).tolist(), rel=1e-2)


@given(st.integers(2, 5), st.integers(1, 6), st.integers(2, 5), st.integers(0, 10**6))
@settings(max_examples=25)
def test_similarity_is_what_a_loop_gives(exits, images, classes, seed):
    logits, _ = said(exits, images, classes, seed)
    probabilities = logits.softmax(dim=2)
    total = 0.0
    for image in range(images):
        mean = probabilities[:, image].mean(dim=0)
        for exit in range(exits):
            total -= ((probabilities[exit, image] - mean) ** 2).sum().item()
    assert similarity(list(logits)).item() == pytest.approx(total / (exits * images), abs=1e-5)
    assert similarity(list(logits)).item() <= 1e-7
    assert similarity([logits[0]] * exits).item() == pytest.approx(0, abs=1e-7)


def test_the_thesis_loss_is_what_is_left_without_them():
    logits, labels = said(3, 10, 4)
    losses, _ = exit_weights("DESC", 3)
    plain = network_loss(list(logits), labels, losses)
    assert plain == joint_loss(list(logits), labels, losses, label_smoothing=0.0)
    more = network_loss(list(logits), labels, losses, diversity=0.5)
    assert more.item() == pytest.approx((plain + 0.5 * similarity(list(logits))).item())
