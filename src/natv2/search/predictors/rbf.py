"""Radial basis functions through the known errors (Powell, 1987; NAT's first predictor)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.interpolate import RBFInterpolator

from natv2.search.predictors.interface import Errors, Features


@dataclass(frozen=True)
class FittedRBF:
    """An interpolator, and the errors it was fitted to."""

    interpolator: RBFInterpolator
    mean: float

    def predict(self, features: Features) -> Errors:
        """The interpolated errors."""
        predicted: Errors = self.interpolator(features) + self.mean
        return predicted


@dataclass(frozen=True, kw_only=True)
class RBF:
    """A surface of cubic functions of the distance; `smoothing` above 0 lets it pass beside noisy errors.

    Without NAT's linear tail: one-hot features, and variables that all rows agree in, leave it undetermined.
    """

    kernel: Literal["cubic", "linear", "thin_plate_spline"] = "linear"
    smoothing: float = 1.0

    def fit(self, features: Features, errors: Errors, *, seed: int) -> FittedRBF:
        """Fit to `features` (N, F) and `errors` (N,); `seed` decides nothing. Equal rows are averaged."""
        rows, places = np.unique(features, axis=0, return_inverse=True)
        mean = float(errors.mean())
        values = np.bincount(places, errors - mean) / np.bincount(places)
        interpolator = RBFInterpolator(rows, values, kernel=self.kernel, smoothing=self.smoothing, degree=0)
        return FittedRBF(interpolator, mean)


def rbf(*, folds: int = 10) -> RBF:
    """One surface, whatever `folds` others make."""
    return RBF()
