import numpy as np
import pytest
import torch

from natv2.exits.ensembles import ensemble
from natv2.exits.weightings import EXIT_WEIGHTINGS, exit_weights

DOWN, UP = [5 / 15, 4 / 15, 3 / 15, 2 / 15, 1 / 15], [1 / 15, 2 / 15, 3 / 15, 4 / 15, 5 / 15]


@pytest.mark.parametrize(
    ("weighting", "losses", "outputs"),
    [("DESC", DOWN, DOWN), ("ASC", UP, UP), ("MIX", DOWN, UP), ("UNIF", [0.2] * 5, [0.2] * 5)],
)
def test_weights_of_five_exits(weighting, losses, outputs):
    found = exit_weights(weighting, 5)
    assert np.allclose(found[0], losses, rtol=1e-12)
    assert np.allclose(found[1], outputs, rtol=1e-12)


@pytest.mark.parametrize("weighting", EXIT_WEIGHTINGS)
@pytest.mark.parametrize("exits", range(1, 8))
def test_weights_sum_to_one(weighting, exits):
    for weights in exit_weights(weighting, exits):
        assert len(weights) == exits
        assert min(weights) > 0
        assert sum(weights) == pytest.approx(1)


def test_the_ensemble_is_the_weighted_sum_of_logits():
    logits = [torch.randn(6, 3, dtype=torch.float64) for _ in range(4)]
    weights = (0.4, 0.3, 0.2, 0.1)
    expected = np.einsum("e,enc->nc", weights, np.stack([o.numpy() for o in logits]))
    before = [o.clone() for o in logits]
    assert np.allclose(ensemble(logits, weights).numpy(), expected, rtol=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(logits, before, strict=True))


def test_every_exit_needs_its_weight():
    with pytest.raises(ValueError):
        ensemble([torch.zeros(1, 2)] * 2, (1.0,))
