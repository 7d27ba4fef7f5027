"""Fixtures: small frames like those that the methods give."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def archive() -> pd.DataFrame:
    """Six networks; rows 0, 1, 3 and 5 are the front of accuracy against params."""
    return pd.DataFrame(
        {
            "accuracy": [0.80, 0.90, 0.85, 0.93, 0.93, 0.95],
            "params": [100_000, 300_000, 400_000, 800_000, 900_000, 3_000_000],
            "macs": [9_000_000, 6_000_000, 5_000_000, 4_000_000, 3_000_000, 2_000_000],
            "resolution": [48, 56, 64, 64, 52, 60],
            "width": [1.0, 1.2, 1.0, 1.2, 1.0, 1.2],
            "exit": [1, 2, 3, 4, 5, 5],
            "turn": [0, 0, 1, 1, 2, 2],
            "predicted_error": [np.nan, np.nan, 0.14, 0.08, 0.07, 0.06],
        }
    )


@pytest.fixture
def front(archive: pd.DataFrame) -> pd.DataFrame:
    """The front of `archive`, two of it high trade-off points; in no order."""
    return archive.loc[[5, 0, 3, 1]].assign(high_tradeoff=[False, False, True, True])


@pytest.fixture
def finished(front: pd.DataFrame) -> pd.DataFrame:
    """Two finished networks, the second never validated after post-processing."""
    costs = front.loc[[1, 3], ["params", "macs", "resolution", "width", "exit"]]
    return costs.assign(
        method=["standard", "aep"],
        params_before=[300_000, 700_000],
        macs_before=[6_000_000, 8_000_000],
        test_accuracy_before=[0.88, np.nan],
        name=["first", "second"],
        accuracy_before=[0.90, 0.93],
        accuracy_after=[0.96, np.nan],
        test_accuracy=[0.95, 0.97],
    )
