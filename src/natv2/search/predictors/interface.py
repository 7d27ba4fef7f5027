"""What a predictor of an architecture's top-1 error is (thesis, section 3.3.2)."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from natv2.spaces.space import Codes, SearchSpace

Features = NDArray[np.float64]
Errors = NDArray[np.float64]
Encoding = Literal["integer", "one_hot"]


class FittedPredictor(Protocol):
    """A predictor that has seen an archive."""

    def predict(self, features: Features) -> Errors:
        """Predicted top-1 errors (N,) for `features` (N, F)."""


class Predictor(Protocol):
    """A way to fit a predictor; the fitted one is a new value."""

    def fit(self, features: Features, errors: Errors, *, seed: int) -> FittedPredictor:
        """Fit to `features` (N, F) and the top-1 errors (N,) of the same architectures."""


def features(space: SearchSpace, codes: Codes, encoding: Encoding) -> Features:
    """What a predictor sees of canonical `codes` (N, V): the integers or their one-hot vectors (N, F)."""
    return space.one_hot(codes) if encoding == "one_hot" else codes.astype(np.float64)
