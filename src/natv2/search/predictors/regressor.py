"""Regressors of scikit-learn, and others with its interface, as predictors."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from natv2.search.predictors.interface import Errors, Features


@dataclass(frozen=True)
class FittedRegressor:
    """A fitted regressor of standardised errors, whose mean and deviation were these."""

    model: Any
    mean: float
    deviation: float

    def predict(self, features: Features) -> Errors:
        """What the model predicts, as errors."""
        predicted = np.asarray(self.model.predict(features), np.float64).reshape(len(features))
        return self.mean + self.deviation * predicted


@dataclass(frozen=True, kw_only=True)
class Regressor:
    """`make(seed)` gives an unfitted model with `fit` and `predict`.

    Errors are standardised: top-1 errors differ by less than the tolerances and penalties that models have.
    """

    make: Callable[[int], Any]

    def fit(self, features: Features, errors: Errors, *, seed: int) -> FittedRegressor:
        """Fit to `features` (N, F) and `errors` (N,)."""
        mean, deviation = float(errors.mean()), float(errors.std())
        if np.ptp(errors) == 0:  # nothing to learn, which some models refuse to try
            return FittedRegressor(DummyRegressor().fit(features, np.zeros(len(errors))), mean, 1.0)
        model = self.make(seed % 2**31)
        # Matrices of a few hundred rows are too small to share out: on a busy machine the threads wait for
        # each other, and an MLP takes 40 times as long.
        with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
            # Few steps are a way to fit few rows; kernels at the ends of their ranges are as good as any.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, (errors - mean) / deviation)
        return FittedRegressor(model, mean, deviation)
