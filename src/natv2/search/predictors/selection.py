"""Predictor selection: which one orders the archive best, by cross-validation over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import atanh, sqrt, tanh

import numpy as np
import scipy

from natv2.search.predictors.interface import Errors, Features, Predictor
from natv2.search.predictors.metrics import predictor_metrics
from natv2.search.predictors.table import AUTO, PREDICTORS

_FOLDS = 5
_VARIANCE = 0.437  # of Fisher's transform of Kendall's tau, times N - 4 (Fieller, Hartley and Pearson, 1957)
_LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """Kendall's tau of out-of-fold predictions with the ends of its 95 % interval; nan where undefined."""

    kendall: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """As metrics by name."""
        return {"cv_kendall": self.kendall, "cv_low": self.low, "cv_high": self.high}


def cross_validate(predictor: Predictor, features: Features, errors: Errors, *, seed: int) -> CrossValidation:
    """Cross-validation of `predictor` on `features` (N, F) and the top-1 errors (N,) of the same networks.

    Each fifth is predicted by what was fitted to the others. Fewer than ten architectures: nan.
    """
    if len(errors) < 2 * _FOLDS:
        return CrossValidation(kendall=np.nan, low=np.nan, high=np.nan)
    from sklearn.model_selection import KFold  # loads a second of what no other step needs

    predicted = np.empty(len(errors))
    for rest, fold in KFold(_FOLDS, shuffle=True, random_state=seed % 2**32).split(features):
        fitted = predictor.fit(features[rest], errors[rest], seed=seed)
        predicted[fold] = fitted.predict(features[fold])
    tau = predictor_metrics(errors, predicted).kendall
    low, high = interval(tau, len(errors))
    return CrossValidation(kendall=tau, low=low, high=high)


def interval(tau: float, pairs: int) -> tuple[float, float]:
    """The 95 % interval of Kendall's `tau` of so many pairs, five or more; a perfect tau has no width."""
    if abs(tau) == 1:
        return tau, tau
    width = scipy.stats.norm.ppf((1 + _LEVEL) / 2) * sqrt(_VARIANCE / (pairs - 4))
    return tanh(atanh(tau) - width), tanh(atanh(tau) + width)


def choices(name: str, folds: int) -> Mapping[str, Predictor]:
    """What the parameter `predictor` leaves to choose among: of `auto` several, else the one of that name."""
    names = AUTO if name == "auto" else (name,)
    return {each: PREDICTORS[each](folds=folds) for each in names}


def select_predictor(
    predictors: Mapping[str, Predictor], features: Features, errors: Errors, *, seed: int
) -> tuple[str, CrossValidation]:
    """Name and cross-validation of the predictor with the highest Kendall; of equal ones the first."""
    found = {name: cross_validate(p, features, errors, seed=seed) for name, p in predictors.items()}
    # nan, a correlation that is not defined, is below every number.
    name = max(found, key=lambda each: np.nan_to_num(found[each].kendall, nan=-2.0))
    return name, found[name]
