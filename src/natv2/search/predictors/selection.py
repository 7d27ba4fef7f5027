"""Predictor selection: which one orders the archive best, by cross-validation over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import atanh, sqrt, tanh

import numpy as np
import scipy

from natv2.search.predictors.ensemble import FittedEnsemble
from natv2.search.predictors.folds import split_folds
from natv2.search.predictors.interface import Errors, Features, FittedPredictor, Predictor
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


def cross_validate(
    predictor: Predictor, features: Features, errors: Errors, *, seed: int
) -> tuple[FittedPredictor, CrossValidation]:
    """`predictor` fitted to `features` (N, F) and the top-1 errors (N,) of the same networks, and its trust.

    An ensemble has models that have not seen a network, and each predicts those: nothing else is fitted. Of
    others each fifth is predicted by one that was fitted to the rest. Fewer than ten architectures: nan.
    """
    fitted = predictor.fit(features, errors, seed=seed)
    if len(errors) < 2 * _FOLDS:
        return fitted, CrossValidation(kendall=np.nan, low=np.nan, high=np.nan)
    if isinstance(fitted, FittedEnsemble):
        predicted = fitted.predict_unseen(features)
    else:
        predicted = np.empty(len(errors))
        for rest, fold in split_folds(len(errors), _FOLDS, seed % 2**32):
            there = predictor.fit(features[rest], errors[rest], seed=seed)
            predicted[fold] = there.predict(features[fold])
    tau = predictor_metrics(errors, predicted).kendall
    low, high = interval(tau, len(errors))
    return fitted, CrossValidation(kendall=tau, low=low, high=high)


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
) -> tuple[str, FittedPredictor, CrossValidation]:
    """Name, fit and cross-validation of the predictor with the highest Kendall; of equal ones the first."""
    found = {name: cross_validate(p, features, errors, seed=seed) for name, p in predictors.items()}
    # nan, a correlation that is not defined, is below every number.
    name = max(found, key=lambda each: np.nan_to_num(found[each][1].kendall, nan=-2.0))
    return name, *found[name]
