"""Predictors of an architecture's top-1 error from its code (thesis, section 3.3.2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol, cast

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from natv2.spaces import Codes, SearchSpace

Features = NDArray[np.float64]
Errors = NDArray[np.float64]
Encoding = Literal["integer", "one_hot"]


class FittedPredictor(Protocol):
    """A predictor that has seen an archive."""

    def predict(self, features: Features) -> Errors:
        """Predicted top-1 errors (N,) for `features` (N, F)."""


class Predictor(Protocol):
    """A way to fit a predictor; the fitted one is a new value."""

    def fit(self, features: Features, errors: Errors, *, seed: int) -> FittedPredictor:
        """Fit to `features` (N, F) and the top-1 errors (N,) of the same architectures."""


def features(space: SearchSpace, codes: Codes, encoding: Encoding) -> Features:
    """What a predictor sees of canonical `codes` (N, V): the integers or their one-hot vectors (N, F)."""
    return space.one_hot(codes) if encoding == "one_hot" else codes.astype(np.float64)


@dataclass(frozen=True)
class FittedLightGBM:
    """The models of an ensemble."""

    models: tuple[lgb.Booster, ...]

    def predict(self, features: Features) -> Errors:
        """The mean of what the models predict."""
        # One thread: for a population of rows, starting others takes longer than the work.
        each = [np.asarray(model.predict(features, num_threads=1)) for model in self.models]
        mean: Errors = np.mean(each, axis=0)
        return mean


@dataclass(frozen=True, kw_only=True)
class LightGBMEnsemble:
    """Gradient-boosted trees: the models of a `folds`-fold split, each fitted without its fold.

    The defaults are for the 30 to 300 rows of an archive: small leaves, few of them, slow steps.
    """

    folds: int = 10
    rounds: int = 200
    learning_rate: float = 0.05
    leaves: int = 4
    leaf_rows: int = 3
    feature_fraction: float = 0.5

    def fit(self, features: Features, errors: Errors, *, seed: int) -> FittedLightGBM:
        """Fit to `features` (N, F) and `errors` (N,), at least two rows.

        The split and the trees depend on `seed` and on nothing else; give each turn its own.
        """
        if len(features) < 2:
            raise ValueError(f"{len(features)} architectures to fit a predictor to: at least 2 are needed")
        results = lgb.cv(
            self._parameters(seed),
            lgb.Dataset(features, label=errors),
            num_boost_round=self.rounds,
            nfold=min(self.folds, len(features)),
            stratified=False,
            seed=seed % 2**31,
            return_cvbooster=True,
        )
        return FittedLightGBM(tuple(cast(lgb.CVBooster, results["cvbooster"]).boosters))

    def _parameters(self, seed: int) -> dict[str, Any]:
        return {
            "objective": "regression",
            "metric": "None",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.leaf_rows,
            "min_data_in_bin": 1,
            "feature_fraction": self.feature_fraction,
            "seed": seed % 2**31,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


PREDICTORS: Mapping[str, Callable[..., Predictor]] = MappingProxyType({"lightgbm": LightGBMEnsemble})
