"""Cross-validated trust in predictors."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from natv2.search.predictors.selection import cross_validate, interval, select_predictor


@dataclass(frozen=True)
class Guess:
    """A predictor that knows the truth up to some noise, or nothing where `sign` is 0; it counts its rows."""

    noise: float = 0.0
    sign: float = 1.0
    rows: tuple[list[int], ...] = ([],)

    def fit(self, features, errors, *, seed):
        self.rows[0].append(len(errors))
        return self

    def predict(self, features):
        noise = self.noise * np.random.default_rng(len(features)).normal(size=len(features))
        return self.sign * features[:, 0] + noise


ERRORS = np.random.default_rng(0).random(60)
FEATURES = ERRORS[:, None]


def test_the_truth_is_trusted_wholly_and_nonsense_not_at_all():
    true = cross_validate(Guess(), FEATURES, ERRORS, seed=0)
    assert (true.kendall, true.low, true.high) == (1, 1, 1)
    false = cross_validate(Guess(sign=-1), FEATURES, ERRORS, seed=0)
    assert false.kendall == -1
    nothing = cross_validate(Guess(noise=1, sign=1e-9), FEATURES, ERRORS, seed=0)
    assert nothing.low < 0 < nothing.high
    assert np.isnan(cross_validate(Guess(sign=0), FEATURES, ERRORS, seed=0).kendall)
    assert np.isnan(cross_validate(Guess(), FEATURES[:9], ERRORS[:9], seed=0).low)


def test_every_architecture_is_predicted_by_what_has_not_seen_it():
    class Remembers:
        def fit(self, features, errors, *, seed):
            seen = {row.tobytes() for row in features}
            return type("Fitted", (), {"predict": lambda _, x: np.array([r.tobytes() in seen for r in x])})()

    # It says 1 of everything it has seen; unseen, all are the same to it.
    assert np.isnan(cross_validate(Remembers(), FEATURES, ERRORS, seed=0).kendall)
    rows = ([],)
    cross_validate(Guess(rows=rows), FEATURES, ERRORS, seed=0)
    assert rows[0] == [48] * 5


@pytest.mark.parametrize("tau", [0.0, 0.4, 0.8])
def test_the_interval_holds_the_truth_in_about_95_of_100_draws(tau):
    # Of a bivariate normal distribution, tau is 2 / pi * asin(r).
    r, hits = np.sin(np.pi / 2 * tau), 0
    generator = np.random.default_rng(1)
    for _ in range(400):
        drawn = generator.multivariate_normal([0, 0], [[1, r], [r, 1]], 50)
        low, high = interval(float(stats.kendalltau(*drawn.T).statistic), 50)
        hits += low <= tau <= high
    assert 0.92 <= hits / 400 <= 0.98


@given(tau=st.floats(-1, 1), pairs=st.integers(5, 1000))
def test_an_interval_is_around_its_tau_and_within_bounds(tau, pairs):
    low, high = interval(tau, pairs)
    assert -1 <= low <= tau + 1e-9 and tau - 1e-9 <= high <= 1


def test_the_most_trusted_is_taken_and_of_equal_ones_the_first():
    predictors = {"nothing": Guess(sign=0), "poor": Guess(noise=0.5), "good": Guess(), "also": Guess()}
    name, trust = select_predictor(predictors, FEATURES, ERRORS, seed=0)
    assert (name, trust.kendall) == ("good", 1)
    assert select_predictor({"nothing": Guess(sign=0)}, FEATURES, ERRORS, seed=0)[0] == "nothing"
