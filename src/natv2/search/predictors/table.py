"""The predictors by name (thesis, section 6.2.2)."""

import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from pkgutil import resolve_name

from natv2.search.predictors.interface import Predictor

Make = Callable[..., Predictor]
"""Makes a predictor; `folds` is the number of models of those that are ensembles of a split."""

_OURS = {
    "lightgbm": "lightgbm:LightGBMEnsemble",
    "rbf": "rbf:rbf",
    "rbf_ensemble": "ensemble:rbf_ensemble",
}
_REGRESSORS = ("mlp", "e2epp", "cart", "gp", "svr", "ridge", "knn", "bayesian_ridge", "catboost")
"""Functions of `regressors`."""


def _ours(place: str, *, folds: int = 10) -> Predictor:
    # Loaded when it is made: parameters are checked against the names alone.
    predictor: Predictor = resolve_name(f"natv2.search.predictors.{place}")(folds=folds)
    return predictor


def _regressor(name: str, *, folds: int = 10) -> Predictor:
    make = resolve_name(f"natv2.search.predictors.regressors:{name}")
    predictor: Predictor = resolve_name("natv2.search.predictors.regressor:Regressor")(make=make)
    return predictor


PREDICTORS: Mapping[str, Make] = {
    **{name: partial(_ours, place) for name, place in _OURS.items()},
    **{name: partial(_regressor, name) for name in _REGRESSORS},
}
"""Makers of all predictors, by name."""

AUTO = ("lightgbm", "rbf", "gp", "svr", "bayesian_ridge")
"""What `predictor=auto` chooses among: quick ones of different kinds."""


def is_installed(name: str) -> bool:
    """Whether the predictor `name` can be fitted here: CatBoost is an extra of the package."""
    return name != "catboost" or importlib.util.find_spec("catboost") is not None
