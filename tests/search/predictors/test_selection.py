"""Cross-validated trust in predictors."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.model_selection import KFold

from natv2.search.predictors.ensemble import FoldEnsemble
from natv2.search.predictors.folds import split_folds
from natv2.search.predictors.rbf import RBF
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
    _, true = cross_validate(Guess(), FEATURES, ERRORS, seed=0)
    assert (true.kendall, true.low, true.high) == (1, 1, 1)
    _, false = cross_validate(Guess(sign=-1), FEATURES, ERRORS, seed=0)
    assert false.kendall == -1
    _, nothing = cross_validate(Guess(noise=1, sign=1e-9), FEATURES, ERRORS, seed=0)
    assert nothing.low < 0 < nothing.high
    assert np.isnan(cross_validate(Guess(sign=0), FEATURES, ERRORS, seed=0)[1].kendall)
    assert np.isnan(cross_validate(Guess(), FEATURES[:9], ERRORS[:9], seed=0)[1].low)


def test_every_architecture_is_predicted_by_what_has_not_seen_it():
    class Remembers:
        def fit(self, features, errors, *, seed):
            seen = {row.tobytes() for row in features}
            return type("Fitted", (), {"predict": lambda _, x: np.array([r.tobytes() in seen for r in x])})()

    # It says 1 of everything it has seen; unseen, all are the same to it.
    assert np.isnan(cross_validate(Remembers(), FEATURES, ERRORS, seed=0)[1].kendall)
    rows = ([],)
    cross_validate(Guess(rows=rows), FEATURES, ERRORS, seed=0)
    assert rows[0] == [60] + [48] * 5


@pytest.mark.parametrize("rows", [60, 14, 11])
def test_an_ensemble_is_judged_by_its_own_models_each_on_what_it_has_not_seen(rows):
    """One fit and no other: the same as a model for each fold of scikit-learn's split, by itself."""
    x, y = np.random.default_rng(1).integers(0, 3, (rows, 6)).astype(float), ERRORS[:rows]
    fitted, trust = cross_validate(FoldEnsemble(member=RBF(), folds=10), x, y, seed=5)
    predicted = np.empty(rows)
    for rest, fold in KFold(10, shuffle=True, random_state=5).split(x):
        predicted[fold] = RBF().fit(x[rest], y[rest], seed=5).predict(x[fold])
    np.testing.assert_array_equal(fitted.predict_unseen(x), predicted)
    assert trust.kendall == stats.kendalltau(y, predicted).statistic


@given(rows=st.integers(2, 60), folds=st.integers(2, 12), seed=st.integers(0, 2**31 - 1))
def test_every_row_is_left_out_once(rows, folds, seed):
    split = split_folds(rows, folds, seed)
    assert len(split) == min(rows, folds)
    assert sorted(np.concatenate([fold for _, fold in split])) == list(range(rows))
    assert all(sorted([*rest, *fold]) == list(range(rows)) for rest, fold in split)


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
    name, fitted, trust = select_predictor(predictors, FEATURES, ERRORS, seed=0)
    assert (name, fitted, trust.kendall) == ("good", predictors["good"], 1)
    assert select_predictor({"nothing": Guess(sign=0)}, FEATURES, ERRORS, seed=0)[0] == "nothing"
