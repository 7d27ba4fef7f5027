"""Objectives: which are allowed, and their columns."""

import itertools

import numpy as np
import pandas as pd
import pytest

from natv2.errors import UserError
from natv2.objectives.objectives import OBJECTIVES, as_costs, normalise, parse_objectives

VALUES = pd.DataFrame(
    {"params": [5, 7], "latency": [2.5, 3], "turn": [0, 1], "macs": [90, 80], "accuracy": [0.75, 0.5]}
).assign(mean_macs=[45.0, 44.0], mean_latency=[1.5, 1.0], macro_accuracy=[0.7, 0.5])
EXPECTED = {"accuracy": [0.25, 0.5], "params": [5.0, 7.0], "macs": [90.0, 80.0], "latency": [2.5, 3.0]}
EXPECTED |= {"mean_macs": [45.0, 44.0], "mean_latency": [1.5, 1.0], "macro_accuracy": [-0.7, -0.5]}


def test_every_combination_with_accuracy_in_every_order() -> None:
    for size in (1, 2, 3, 4):
        for names in itertools.permutations(OBJECTIVES, size):
            if "accuracy" in names:
                assert parse_objectives("+".join(names)) == names
                costs = as_costs(VALUES, names)
                assert costs.dtype == np.float64
                np.testing.assert_array_equal(costs, np.transpose([EXPECTED[name] for name in names]))


@pytest.mark.parametrize(
    "text", ["params", "accuracy+accuracy", "accuracy+latncy", "", "accuracy+", "accuracy,macs"]
)
def test_others_are_refused_with_the_valid_ones(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_objectives(text)
    assert f"objectives={text}" in caught.value.message
    assert "accuracy, params, macs" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_cost_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="accuracy of architecture 1"):
        as_costs(VALUES.assign(accuracy=[0.5, np.nan]), ("macs", "accuracy"))


def test_normalise_maps_ranges_and_survives_constants() -> None:
    np.testing.assert_allclose(normalise(np.array([[1.0, 3], [3, 3], [2, 3]])), [[0, 0], [1, 0], [0.5, 0]])
    np.testing.assert_allclose(normalise(np.array([[5.0]]), like=np.array([[1.0], [3.0]])), [[2.0]])
