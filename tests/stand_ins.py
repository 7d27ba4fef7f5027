"""Fixtures: a space, costs and an archive small enough for fast tests, over the real encodings."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from natv2.search.archive import Archive
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import Codes, SearchSpace


def stand_in_costs(codes: Codes) -> pd.DataFrame:
    """Costs that grow with every variable; params and macs do not agree about which one matters."""
    weights = np.arange(1, codes.shape[1] + 1)
    return pd.DataFrame({"macs": codes @ weights**2, "params": codes @ weights[::-1]})


def stand_in_errors(codes: Codes) -> NDArray[np.float64]:
    """Errors that fall with every variable: the best is the largest network."""
    return 1.0 / (1.0 + 0.02 * codes.sum(axis=1))


@pytest.fixture
def costs_of() -> Callable[[Codes], pd.DataFrame]:
    """`stand_in_costs`."""
    return stand_in_costs


@pytest.fixture
def predict_error() -> Callable[[Codes], NDArray[np.float64]]:
    """`stand_in_errors`."""
    return stand_in_errors


@pytest.fixture(params=["OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
def space(request: pytest.FixtureRequest) -> SearchSpace:
    """A space without and one with exits and parallel levels."""
    return SearchSpace(design=DESIGNS[request.param], resolutions=(48, 56, 64), widths=(1.0, 1.2))


@pytest.fixture
def make_archive(space: SearchSpace) -> Callable[..., Archive]:
    """Makes archives of different architectures of `space`."""

    def make(count: int, seed: int = 0, turn: int = 0) -> Archive:
        codes = space.sample_architectures(count, np.random.default_rng(seed))
        assert len(np.unique(codes, axis=0)) == count
        return Archive.evaluated(
            codes, accuracy=1 - stand_in_errors(codes), costs=stand_in_costs(codes), turn=turn
        )

    return make
