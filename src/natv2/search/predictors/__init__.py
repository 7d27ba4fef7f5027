"""Predictors of top-1 error: one interface, many methods (thesis, sections 3.3.2 and 6.2.2)."""

from natv2.search.predictors.interface import (
    Encoding,
    Errors,
    Features,
    FittedPredictor,
    Predictor,
    features,
)
from natv2.search.predictors.table import AUTO, PREDICTORS, is_installed

__all__ = [
    "AUTO",
    "PREDICTORS",
    "Encoding",
    "Errors",
    "Features",
    "FittedPredictor",
    "Predictor",
    "features",
    "is_installed",
]
