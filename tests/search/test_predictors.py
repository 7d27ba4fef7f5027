"""The predictor learns from few rows, and is the same again."""

import numpy as np
import pytest

from natv2.search.predictors import PREDICTORS, LightGBMEnsemble, features
from natv2.search.quality import predictor_quality
from natv2.spaces import DESIGNS, SearchSpace

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
    assert predictor_quality(errors(unseen, 0, generator), predicted).spearman > least


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
