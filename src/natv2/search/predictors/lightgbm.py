"""LightGBM, the thesis's predictor (sections 3.3.4 and 6.3.1)."""

from dataclasses import dataclass
from typing import Any, cast

import lightgbm as lgb
import numpy as np

from natv2.search.predictors.ensemble import FittedEnsemble
from natv2.search.predictors.folds import split_folds
from natv2.search.predictors.interface import Errors, Features


@dataclass(frozen=True)
class FittedTrees:
    """A fitted model."""

    booster: lgb.Booster

    def predict(self, features: Features) -> Errors:
        """What the model predicts."""
        # One thread: for a population of rows, starting others takes longer than the work.
        return np.asarray(self.booster.predict(features, num_threads=1))


@dataclass(frozen=True, kw_only=True)
class LightGBMEnsemble:
    """Gradient-boosted trees: the models of a `folds`-fold split, each fitted without its fold.

    The defaults are for the 30 to 300 rows of an archive: small leaves and few of them, but enough rounds
    for what each of twenty levels adds. Leaves are smaller where a fold leaves fewer rows than two of them.
    """

    folds: int = 10
    rounds: int = 400
    learning_rate: float = 0.1
    leaves: int = 4
    leaf_rows: int = 3
    feature_fraction: float = 0.5

    def fit(self, features: Features, errors: Errors, *, seed: int) -> FittedEnsemble:
        """Fit to `features` (N, F) and `errors` (N,), at least two rows.

        The split and the trees depend on `seed` and on nothing else; give each turn its own.
        """
        if len(features) < 2:
            raise ValueError(f"{len(features)} architectures to fit a predictor to: at least 2 are needed")
        split = split_folds(len(features), self.folds, seed % 2**31)
        fewest = min(len(rest) for rest, _ in split)
        results = lgb.cv(
            self._parameters(seed, min(self.leaf_rows, max(1, fewest // 2))),
            lgb.Dataset(features, label=errors),
            num_boost_round=self.rounds,
            folds=split,
            return_cvbooster=True,
        )
        boosters = cast(lgb.CVBooster, results["cvbooster"]).boosters
        return FittedEnsemble(tuple(map(FittedTrees, boosters)), tuple(fold for _, fold in split))

    def _parameters(self, seed: int, leaf_rows: int) -> dict[str, Any]:
        return {
            "objective": "regression",
            "metric": "None",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": leaf_rows,
            "min_data_in_bin": 1,
            "feature_fraction": self.feature_fraction,
            "seed": seed % 2**31,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
