"""Metrics of a predictor: agreement of predicted and measured errors (thesis, section 3.3.4, step 5)."""

import warnings
from dataclasses import asdict, dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike


@dataclass(frozen=True, kw_only=True)
class PredictorMetrics:
    """Pearson's r, Spearman's rho, Kendall's tau and the root mean square error, in units of the error."""

    pearson: float
    spearman: float
    kendall: float
    rmse: float

    def to_dict(self) -> dict[str, float]:
        """As metrics by name."""
        return asdict(self)


def predictor_metrics(errors: ArrayLike, predicted: ArrayLike) -> PredictorMetrics:
    """Metrics of `predicted` against the true `errors`, both (N,).

    Pairs without a prediction (nan) are left out. A correlation that is not defined, of fewer than two
    pairs or of constant values, is nan; so is the RMSE of no pairs.
    """
    pairs = np.stack([np.asarray(errors, np.float64), np.asarray(predicted, np.float64)])
    true, guess = pairs[:, np.isfinite(pairs).all(axis=0)]
    rmse = float(np.sqrt(np.mean((true - guess) ** 2))) if len(true) else np.nan
    if len(true) < 2 or np.ptp(true) == 0 or np.ptp(guess) == 0:
        return PredictorMetrics(pearson=np.nan, spearman=np.nan, kendall=np.nan, rmse=rmse)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.stats.NearConstantInputWarning)
        return PredictorMetrics(
            pearson=float(scipy.stats.pearsonr(true, guess).statistic),
            spearman=float(scipy.stats.spearmanr(true, guess).statistic),
            kendall=float(scipy.stats.kendalltau(true, guess).statistic),
            rmse=rmse,
        )
