"""Distributions of variables, against counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from natv2.search.distributions import families
from natv2.search.distributions.families import best_fits
from natv2.search.distributions.fitting import Distributions, fit_categorical, fit_families
from natv2.spaces.space import SearchSpace


def test_probabilities_are_smoothed_counts(space: SearchSpace) -> None:
    codes = space.sample_architectures(40, np.random.default_rng(0))
    fitted = fit_categorical(space, codes)
    for variable, (low, high) in enumerate(zip(space.lower, space.upper, strict=True)):
        stage = (variable - space.first_level) // 4
        rows = [c for c in codes if not space.design.early_exits or stage <= c[2]]
        for value in range(low, high + 1):
            count = sum(c[variable] == value for c in rows)
            expected = (count + 1 / (high - low + 1)) / (len(rows) + 1)
            assert fitted.probabilities[variable, value - low] == pytest.approx(expected)


@pytest.mark.parametrize("top", [30, 150])
def test_what_the_top_agrees_on_is_nearly_always_drawn(space: SearchSpace, top: int) -> None:
    """However many values a variable has: a parallel level has 64."""
    codes = np.repeat(space.encode(space.largest())[None], top, axis=0)
    assert fit_categorical(space, codes).probabilities.max(axis=1).min() > top / (top + 1)


def test_without_smoothing_a_single_architecture_comes_back(space: SearchSpace) -> None:
    for architecture in (space.largest(), space.smallest()):
        code = space.encode(architecture)[None]
        one = fit_categorical(space, code, pseudo_count=1e-12)
        sampled = one.sample(50, np.random.default_rng(1))
        assert (sampled == code).all()


def test_samples_follow_each_variables_own_distribution(space: SearchSpace) -> None:
    # Only the first three variables differ from the largest network, each in its own way.
    code = np.repeat(space.encode(space.largest())[None], 100, axis=0)
    code[:90, 0], code[:30, 1] = 0, 0
    fitted = fit_categorical(space, code, pseudo_count=0.01)
    sampled = fitted.sample(4000, np.random.default_rng(2))
    assert (sampled[:, 0] == 0).mean() == pytest.approx(0.9, abs=0.03)
    assert (sampled[:, 1] == 0).mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_array_equal(sampled, space.canonical(sampled))
    np.testing.assert_array_equal(sampled, fitted.sample(4000, np.random.default_rng(2)))


def test_every_value_can_be_drawn_and_none_beyond(space: SearchSpace) -> None:
    fitted = fit_categorical(space, space.encode(space.smallest())[None], pseudo_count=1e6)
    sampled = fitted.sample(3000, np.random.default_rng(3))
    space.check(sampled)
    np.testing.assert_array_equal(sampled.max(axis=0)[:2], space.upper[:2])
    assert len(np.unique(sampled[:, space.first_level])) > 6


def test_saved_probabilities_make_the_same_and_foreign_ones_are_refused(space: SearchSpace) -> None:
    fitted = fit_categorical(space, space.sample_architectures(9, np.random.default_rng(4)))
    again = Distributions(space=space, probabilities=fitted.probabilities.copy())
    first, second = (d.sample(5, np.random.default_rng(5)) for d in (fitted, again))
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="do not fit"):
        Distributions(space=space, probabilities=fitted.probabilities[1:])
    with pytest.raises(ValueError, match="do not fit"):
        Distributions(space=space, probabilities=np.full_like(fitted.probabilities, 0.1))
    with pytest.raises(ValueError, match="add up"):
        Distributions(space=space, probabilities=fitted.probabilities / 2)


def test_families_follow_each_variables_own_shape_in_its_own_place(space: SearchSpace) -> None:
    # Trap: fits that come back in the order of completion give variables each other's.
    generator = np.random.default_rng(0)
    codes = np.repeat(space.encode(space.largest())[None], 400, axis=0)
    falling, rising = (
        np.clip(generator.geometric(0.5, 400), 1, 9),
        10 - np.clip(generator.geometric(0.5, 400), 1, 9),
    )
    codes[:, space.first_level], codes[:, space.first_level + 4] = falling, rising
    fitted = fit_families(space, codes).probabilities
    for variable, values in ((space.first_level, falling), (space.first_level + 4, rising)):
        seen = np.bincount(values - space.lower[variable], minlength=fitted.shape[1]) / 400
        np.testing.assert_allclose(fitted[variable], seen, atol=0.2)
    # All others stay what they were: a single value.
    assert fitted[space.first_level + 1].max() == 1


@pytest.mark.parametrize("family", ["uniform", "norm", "expon"])
def test_the_family_that_made_the_values_is_found_again(family: str) -> None:
    grid = np.arange(21)
    shape = {"uniform": stats.uniform(-0.5, 21), "norm": stats.norm(9, 2), "expon": stats.expon(-0.5, 2.5)}[
        family
    ]
    true = np.diff(shape.cdf(np.append(grid, 21) - 0.5))
    values = np.random.default_rng(1).choice(grid, 5000, p=true / true.sum())
    np.testing.assert_allclose(best_fits([values], [0], [20])[0], true, atol=0.02)


def test_one_bad_family_does_not_win_by_being_first(monkeypatch: pytest.MonkeyPatch) -> None:
    # Trap: a search for the best fit that always keeps the first family.
    values = np.random.default_rng(2).choice(5, 500, p=[0.9, 0.1, 0, 0, 0])
    both = best_fits([values], [0], [4])[0]
    for alone in (stats.uniform, stats.norm):
        monkeypatch.setattr(families, "FAMILIES", (alone,))
        worse = best_fits([values], [0], [4])[0]
        assert np.log(worse[values]).sum() <= np.log(both[values]).sum() + 2
    monkeypatch.setattr(families, "FAMILIES", (stats.uniform, stats.expon))
    assert best_fits([values], [0], [4])[0][0] > 0.5


@given(data=st.data())
def test_families_are_distributions_whatever_was_seen(data: st.DataObject) -> None:
    values = np.array(data.draw(st.lists(st.integers(2, 9), min_size=1, max_size=30)))
    (fitted,) = best_fits([values], [0], [9])
    assert fitted.shape == (10,) and (fitted >= 0).all()
    assert fitted.sum() == pytest.approx(1)
    assert (fitted[values] > 0).all()
