"""The predictors that are regressors of scikit-learn, or have its interface: a function each, of a seed."""

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

from natv2.search.predictors.interface import Errors, Features


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


def mlp(seed: int) -> Any:
    """A perceptron with two hidden layers."""
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


def gp(seed: int) -> Any:
    """A Gaussian process."""
    kernel = SquaredExponential(5.0, (0.5, 500.0)) + WhiteKernel(0.3, (1e-3, 2.0))
    return _scaled(GaussianProcessRegressor(kernel, random_state=seed))


def catboost(seed: int) -> Any:
    """CatBoost, an extra of the package."""
    from catboost import CatBoostRegressor

    return CatBoostRegressor(
        iterations=300, depth=4, random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False
    )


def e2epp(seed: int) -> Any:
    """A forest: each split of a tree sees a part of the variables (E2EPP; Sun et al., 2019)."""
    return RandomForestRegressor(300, max_features=1 / 3, random_state=seed)


def cart(seed: int) -> Any:
    """Trees that each see a part of the variables, and all rows: NAT's."""
    return BaggingRegressor(
        DecisionTreeRegressor(), 300, max_features=1 / 3, bootstrap=False, random_state=seed
    )


def svr(seed: int) -> Any:
    """Support vectors."""
    return _scaled(SVR(C=3.0, gamma="scale"))


def ridge(seed: int) -> Any:
    """Linear, its weights penalised."""
    return _scaled(Ridge(10.0))


def knn(seed: int) -> Any:
    """The nearest rows, weighted by their distance."""
    return _Nearest(weights="distance")


def bayesian_ridge(seed: int) -> Any:
    """Linear, its penalty fitted too."""
    return _scaled(BayesianRidge())
