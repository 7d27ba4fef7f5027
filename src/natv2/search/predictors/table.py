"""The predictors by name (thesis, section 6.2.2)."""

import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Self

from sklearn.ensemble import BaggingRegressor, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF as SquaredExponential
from sklearn.gaussian_process.kernels import WhiteKernel
from sklearn.linear_model import BayesianRidge, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from natv2.search.predictors.ensemble import FoldEnsemble
from natv2.search.predictors.interface import Errors, Features, Predictor
from natv2.search.predictors.lightgbm import LightGBMEnsemble
from natv2.search.predictors.rbf import RBF
from natv2.search.predictors.regressor import Regressor

Make = Callable[..., Predictor]
"""Makes a predictor; `folds` is the number of models of those that are ensembles of a split."""


def _scaled(model: Any) -> Any:
    """`model` on features that are brought to one scale: it goes by distances or penalises weights."""
    return make_pipeline(StandardScaler(), model)


class _Nearest(KNeighborsRegressor):  # type: ignore[misc]
    """The eight nearest rows, or all where there are fewer."""

    def fit(self, features: Features, errors: Errors) -> Self:
        """Fit to `features` (N, F) and `errors` (N,)."""
        self.n_neighbors = min(8, len(features))
        super().fit(features, errors)
        return self


def _mlp(seed: int) -> Any:
    # Few rows: full batches by L-BFGS converge where stochastic steps do not.
    return _scaled(
        MLPRegressor(
            hidden_layer_sizes=(64, 64),
            solver="lbfgs",
            alpha=3.0,
            max_iter=300,
            max_fun=400,
            random_state=seed,
        )
    )


def _gaussian_process(seed: int) -> Any:
    kernel = SquaredExponential(5.0, (0.5, 500.0)) + WhiteKernel(0.3, (1e-3, 2.0))
    return _scaled(GaussianProcessRegressor(kernel, random_state=seed))


def _catboost(seed: int) -> Any:
    from catboost import CatBoostRegressor

    return CatBoostRegressor(
        iterations=300, depth=4, random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False
    )


_REGRESSORS: Mapping[str, Callable[[int], Any]] = MappingProxyType(
    {
        "mlp": _mlp,
        # A forest: each split of a tree sees a part of the variables (E2EPP; Sun et al., 2019).
        "e2epp": lambda seed: RandomForestRegressor(300, max_features=1 / 3, random_state=seed),
        # Trees that each see a part of the variables, and all rows: NAT's.
        "cart": lambda seed: BaggingRegressor(
            DecisionTreeRegressor(), 300, max_features=1 / 3, bootstrap=False, random_state=seed
        ),
        "gp": _gaussian_process,
        "svr": lambda seed: _scaled(SVR(C=3.0, gamma="scale")),
        "ridge": lambda seed: _scaled(Ridge(10.0)),
        "knn": lambda seed: _Nearest(weights="distance"),
        "bayesian_ridge": lambda seed: _scaled(BayesianRidge()),
        "catboost": _catboost,
    }
)


def _regressor(make: Callable[[int], Any], *, folds: int = 10) -> Predictor:
    return Regressor(make=make)


PREDICTORS: Mapping[str, Make] = MappingProxyType(
    {
        "lightgbm": LightGBMEnsemble,
        "rbf": lambda *, folds=10: RBF(),
        "rbf_ensemble": lambda *, folds=10: FoldEnsemble(member=RBF(), folds=folds),
        **{name: partial(_regressor, make) for name, make in _REGRESSORS.items()},
    }
)
"""Makers of all predictors, by name."""

AUTO = ("lightgbm", "rbf", "gp", "svr", "bayesian_ridge")
"""What `predictor=auto` chooses among: quick ones of different kinds."""


def is_installed(name: str) -> bool:
    """Whether the predictor `name` can be fitted here: CatBoost is an extra of the package."""
    return name != "catboost" or importlib.util.find_spec("catboost") is not None
