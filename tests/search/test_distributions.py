"""Distributions of variables, against counting."""

import numpy as np
import pytest

from natv2.search.distributions import Distributions, fit_distributions
from natv2.spaces import SearchSpace


def test_probabilities_are_smoothed_counts(space: SearchSpace) -> None:
    codes = space.sample_architectures(40, np.random.default_rng(0))
    fitted = fit_distributions(space, codes)
    for variable, (low, high) in enumerate(zip(space.lower, space.upper, strict=True)):
        stage = (variable - space.first_level) // 4
        rows = [c for c in codes if not space.design.early_exits or stage <= c[2]]
        for value in range(low, high + 1):
            count = sum(c[variable] == value for c in rows)
            expected = (count + 1) / (len(rows) + high - low + 1)
            assert fitted.probabilities[variable, value - low] == pytest.approx(expected)


def test_without_smoothing_a_single_architecture_comes_back(space: SearchSpace) -> None:
    for architecture in (space.largest(), space.smallest()):
        code = space.encode(architecture)[None]
        one = fit_distributions(space, code, pseudo_count=1e-12)
        sampled = one.sample(50, np.random.default_rng(1))
        assert (sampled == code).all()


def test_samples_follow_each_variables_own_distribution(space: SearchSpace) -> None:
    # Only the first three variables differ from the largest network, each in its own way.
    code = np.repeat(space.encode(space.largest())[None], 100, axis=0)
    code[:90, 0], code[:30, 1] = 0, 0
    fitted = fit_distributions(space, code, pseudo_count=0.01)
    sampled = fitted.sample(4000, np.random.default_rng(2))
    assert (sampled[:, 0] == 0).mean() == pytest.approx(0.9, abs=0.03)
    assert (sampled[:, 1] == 0).mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_array_equal(sampled, space.canonical(sampled))
    np.testing.assert_array_equal(sampled, fitted.sample(4000, np.random.default_rng(2)))


def test_every_value_can_be_drawn_and_none_beyond(space: SearchSpace) -> None:
    fitted = fit_distributions(space, space.encode(space.smallest())[None], pseudo_count=1e6)
    sampled = fitted.sample(3000, np.random.default_rng(3))
    space.check(sampled)
    np.testing.assert_array_equal(sampled.max(axis=0)[:2], space.upper[:2])
    assert len(np.unique(sampled[:, space.first_level])) > 6


def test_saved_probabilities_make_the_same_and_foreign_ones_are_refused(space: SearchSpace) -> None:
    fitted = fit_distributions(space, space.sample_architectures(9, np.random.default_rng(4)))
    again = Distributions(space=space, probabilities=fitted.probabilities.copy())
    first, second = (d.sample(5, np.random.default_rng(5)) for d in (fitted, again))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="do not fit"):
        Distributions(space=space, probabilities=fitted.probabilities[1:])
    with pytest.raises(ValueError, match="do not fit"):
        Distributions(space=space, probabilities=np.full_like(fitted.probabilities, 0.1))
    with pytest.raises(ValueError, match="add up"):
        Distributions(space=space, probabilities=fitted.probabilities / 2)
