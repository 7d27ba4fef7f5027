"""Models of a k-fold split, each fitted without its fold: their mean predicts (section 3.3.4, step 2)."""

from dataclasses import dataclass

import numpy as np

from natv2.search.predictors.folds import Rows, split_folds
from natv2.search.predictors.interface import Errors, Features, FittedPredictor, Predictor


@dataclass(frozen=True)
class FittedEnsemble:
    """The models of an ensemble, and the rows that each has not seen."""

    models: tuple[FittedPredictor, ...]
    left_out: tuple[Rows, ...]

    def predict(self, features: Features) -> Errors:
        """The mean of what the models predict."""
        mean: Errors = np.mean([model.predict(features) for model in self.models], axis=0)
        return mean

    def predict_unseen(self, features: Features) -> Errors:
        """For each of the `features` (N, F) of its fit, what the model predicts that has not seen them."""
        predicted = np.empty(len(features))
        for model, rows in zip(self.models, self.left_out, strict=True):
            predicted[rows] = model.predict(features[rows])
        return predicted


@dataclass(frozen=True, kw_only=True)
class FoldEnsemble:
    """One `member` for each of `folds` folds; fewer where there are fewer rows."""

    member: Predictor
    folds: int

    def fit(self, features: Features, errors: Errors, *, seed: int) -> FittedEnsemble:
        """Fit to `features` (N, F) and `errors` (N,), at least three rows; `seed` decides the split."""
        split = split_folds(len(errors), self.folds, seed % 2**32)
        models = (self.member.fit(features[rest], errors[rest], seed=seed) for rest, _ in split)
        return FittedEnsemble(tuple(models), tuple(fold for _, fold in split))


def rbf_ensemble(*, folds: int = 10) -> FoldEnsemble:
    """Surfaces of radial basis functions, one a fold (NAT)."""
    from natv2.search.predictors.rbf import RBF  # loads parts of scipy that no other ensemble needs

    return FoldEnsemble(member=RBF(), folds=folds)
