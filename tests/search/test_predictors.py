"""Predictors learn from few rows, and are the same again."""

from functools import cache

import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from natv2.search.predictors.ensemble import FoldEnsemble
from natv2.search.predictors.interface import features
from natv2.search.predictors.lightgbm import LightGBMEnsemble
from natv2.search.predictors.metrics import predictor_metrics
from natv2.search.predictors.rbf import RBF
from natv2.search.predictors.regressor import Regressor
from natv2.search.predictors.table import AUTO, PREDICTORS, is_installed
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace

SPACE = SearchSpace(design=DESIGNS["EE_B_OFAMobileNetV3"], resolutions=(48, 56, 64), widths=(1.0, 1.2))


def errors(codes: np.ndarray, noise: float, generator: np.random.Generator) -> np.ndarray:
    """Errors that fall with exit, resolution and the middle blocks."""
    signal = 0.05 * codes[:, 2] + 0.03 * codes[:, 0] + 0.004 * codes[:, 8:14].sum(axis=1)
    return 0.6 - signal + generator.normal(0, noise, len(codes))


@pytest.mark.parametrize(("rows", "least"), [(30, 0.7), (150, 0.9)])
@pytest.mark.parametrize("encoding", ["integer", "one_hot"])
def test_it_orders_unseen_architectures(rows: int, least: float, encoding: str) -> None:
    generator = np.random.default_rng(0)
    seen, unseen = SPACE.sample_architectures(rows, generator), SPACE.sample_architectures(100, generator)
    fitted = PREDICTORS["lightgbm"]().fit(
        features(SPACE, seen, encoding), errors(seen, 0.01, generator), seed=2**62 + 5
    )
    predicted = fitted.predict(features(SPACE, unseen, encoding))
    assert predicted.shape == (100,)
    assert predictor_metrics(errors(unseen, 0, generator), predicted).spearman > least


INSTALLED = [name for name in PREDICTORS if is_installed(name)]
RANDOM = {"lightgbm", "rbf_ensemble", "mlp", "e2epp", "cart", "catboost"}


@cache
def known(encoding: str, rows: int = 300) -> tuple[np.ndarray, ...]:
    """Features and errors of architectures to fit to, and of others."""
    generator = np.random.default_rng(5)
    seen, unseen = SPACE.sample_architectures(rows, generator), SPACE.sample_architectures(100, generator)
    given = (features(SPACE, seen, encoding), errors(seen, 0.01, generator))
    return (*given, features(SPACE, unseen, encoding), errors(unseen, 0, generator))


@pytest.mark.parametrize("name", INSTALLED)
def test_every_predictor_orders_unseen_architectures(name: str) -> None:
    """Spearman's correlation of 0.5 at 300 architectures, with at least one encoding."""
    found = []
    for encoding in ("integer", "one_hot"):
        x, y, other, truth = known(encoding)
        predicted = PREDICTORS[name](folds=5).fit(x, y, seed=3).predict(other)
        assert predicted.shape == (100,) and predicted.dtype == np.float64
        found.append(predictor_metrics(truth, predicted))
    assert max(quality.spearman for quality in found) > 0.8
    # In units of the error: better than its mean is.
    assert min(quality.rmse for quality in found) < 0.8 * truth.std()


@pytest.mark.parametrize("encoding", ["integer", "one_hot"])
@pytest.mark.parametrize("name", INSTALLED)
def test_every_predictor_is_decided_by_its_seed(name: str, encoding: str) -> None:
    x, y, other, _ = known(encoding, 40)
    make = PREDICTORS[name]
    first, again, third = (make(folds=4).fit(x, y, seed=s).predict(other) for s in (2**62, 2**62, 7))
    np.testing.assert_array_equal(first, again)
    assert (first != third).any() == (name in RANDOM)


@pytest.mark.parametrize("name", INSTALLED)
def test_every_predictor_bears_what_an_archive_may_be(name: str) -> None:
    """Equal errors, variables that never vary, few rows, the same architecture twice."""
    x, y, *_ = known("one_hot", 12)
    for rows, values in ((x, np.full(12, 0.25)), (np.tile(x[:3], (4, 1)), y), (x[:, :3], y)):
        predicted = PREDICTORS[name](folds=3).fit(rows, values, seed=0).predict(rows)
        assert np.isfinite(predicted).all()
        if np.ptp(values) == 0:
            np.testing.assert_allclose(predicted, 0.25, atol=1e-6)


@pytest.mark.parametrize("folds", [2, 10])
@pytest.mark.parametrize("encoding", ["integer", "one_hot"])
@pytest.mark.parametrize("name", INSTALLED)
def test_every_predictor_is_fitted_to_the_smallest_archive(name: str, encoding: str, folds: int) -> None:
    x, y, other, _ = known(encoding, 4)
    assert np.isfinite(PREDICTORS[name](folds=folds).fit(x, y, seed=0).predict(other)).all()


@pytest.mark.parametrize(("rows", "folds"), [(4, 10), (6, 10), (4, 2), (8, 2)])
def test_every_predictor_tells_networks_apart_however_few_it_has_seen(rows: int, folds: int) -> None:
    x, y, other, _ = known("integer", rows)
    for name in INSTALLED:
        predicted = PREDICTORS[name](folds=folds).fit(x, y, seed=0).predict(other)
        assert len(np.unique(predicted)) > 1, name


def test_a_regressor_is_scikit_learns_in_other_units() -> None:
    x, y, other, _ = known("integer")
    scaler = StandardScaler().fit(x)
    # A penalty does not depend on the targets' unit.
    theirs = Ridge(10.0).fit(scaler.transform(x), y).predict(scaler.transform(other))
    np.testing.assert_allclose(PREDICTORS["ridge"]().fit(x, y, seed=0).predict(other), theirs)


def test_a_regressor_is_fitted_by_one_thread() -> None:
    class Model:
        def fit(self, features: np.ndarray, errors: np.ndarray) -> None:
            self.threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    fitted = Regressor(make=lambda seed: Model()).fit(np.eye(3), np.arange(3.0), seed=0)
    assert fitted.model.threads and set(fitted.model.threads) == {1}


def test_radial_basis_functions_are_scipys_and_their_ensemble_is_the_mean_of_the_folds() -> None:
    x, y, other, _ = known("integer", 30)
    theirs = RBFInterpolator(x, y, kernel="linear", smoothing=1.0, degree=0)(other)
    np.testing.assert_allclose(RBF().fit(x, y, seed=0).predict(other), theirs)
    np.testing.assert_allclose(RBF(smoothing=0.0).fit(x, y, seed=0).predict(x), y)
    ensemble = FoldEnsemble(member=RBF(), folds=3).fit(x, y, seed=9).predict(other)
    kept = [rest for rest, _ in KFold(3, shuffle=True, random_state=9).split(x)]
    each = [RBFInterpolator(x[k], y[k], kernel="linear", smoothing=1.0, degree=0)(other) for k in kept]
    np.testing.assert_allclose(ensemble, np.mean(each, axis=0))


def test_what_is_not_installed_is_no_choice_of_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert [name for name in PREDICTORS if not is_installed(name)] == ["catboost"]
    assert {*AUTO} <= {name for name in PREDICTORS if is_installed(name)}


def test_same_seed_same_predictions_other_seed_others(capfd: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(1)
    codes = SPACE.sample_architectures(40, generator)
    x, y = features(SPACE, codes, "integer"), errors(codes, 0.01, generator)
    first, again, other = (LightGBMEnsemble(rounds=20).fit(x, y, seed=s).predict(x) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    # Without a draw of features only the folds are left to differ.
    folds = [LightGBMEnsemble(rounds=20, feature_fraction=1.0).fit(x, y, seed=s).predict(x) for s in (1, 2)]
    assert (folds[0] != folds[1]).any()
    assert capfd.readouterr() == ("", "")


def test_the_ensemble_is_the_mean_of_one_model_a_fold() -> None:
    generator = np.random.default_rng(2)
    codes = SPACE.sample_architectures(30, generator)
    x = features(SPACE, codes, "integer")
    fitted = LightGBMEnsemble(rounds=5).fit(x, errors(codes, 0.01, generator), seed=0)
    assert len(fitted.models) == 10
    np.testing.assert_allclose(fitted.predict(x), np.mean([m.predict(x) for m in fitted.models], axis=0))
    assert len(LightGBMEnsemble(rounds=5).fit(x[:4], np.arange(4.0), seed=0).models) == 4
    with pytest.raises(ValueError, match="at least 2"):
        LightGBMEnsemble().fit(x[:1], np.zeros(1), seed=0)
