"""Models of a k-fold split, each fitted without its fold: their mean predicts (section 3.3.4, step 2)."""

from dataclasses import dataclass

import numpy as np

from natv2.search.predictors.interface import Errors, Features, FittedPredictor, Predictor
from natv2.search.predictors.rbf import RBF


@dataclass(frozen=True)
class FittedEnsemble:
    """The models of an ensemble."""

    models: tuple[FittedPredictor, ...]

    def predict(self, features: Features) -> Errors:
        """The mean of what the models predict."""
        mean: Errors = np.mean([model.predict(features) for model in self.models], axis=0)
        return mean


@dataclass(frozen=True, kw_only=True)
class FoldEnsemble:
    """One `member` for each of `folds` folds; fewer where there are fewer rows."""

    member: Predictor
    folds: int

    def fit(self, features: Features, errors: Errors, *, seed: int) -> FittedEnsemble:
        """Fit to `features` (N, F) and `errors` (N,), at least three rows; `seed` decides the split."""
        from sklearn.model_selection import KFold  # loads a second of what no other step needs

        split = KFold(min(self.folds, len(errors)), shuffle=True, random_state=seed % 2**32)
        return FittedEnsemble(
            tuple(
                self.member.fit(features[rest], errors[rest], seed=seed) for rest, _ in split.split(features)
            )
        )


def rbf_ensemble(*, folds: int = 10) -> FoldEnsemble:
    """Surfaces of radial basis functions, one a fold (NAT)."""
    return FoldEnsemble(member=RBF(), folds=folds)
