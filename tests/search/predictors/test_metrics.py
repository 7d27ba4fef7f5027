"""Measures of a predictor's quality, by hand."""

import math

import numpy as np
import pytest

from natv2.search.predictors.metrics import predictor_metrics


def test_by_hand() -> None:
    # Of six pairs of pairs five agree: tau = 4/6; rank differences 0 1 1 0: rho = 1 - 6·2/60.
    quality = predictor_metrics([0.1, 0.2, 0.3, 0.6], [0.1, 0.4, 0.3, 0.6])
    assert quality.kendall == pytest.approx(4 / 6)
    assert quality.spearman == pytest.approx(0.8)
    assert quality.rmse == pytest.approx(0.1)
    assert quality.pearson == pytest.approx(np.corrcoef([0.1, 0.2, 0.3, 0.6], [0.1, 0.4, 0.3, 0.6])[0, 1])


@pytest.mark.filterwarnings("error")
def test_undefined_is_nan_without_warnings() -> None:
    for true, predicted in (([0.1, 0.2], [0.3, 0.3]), ([0.2, 0.2], [0.1, 0.3]), ([0.5], [0.4]), ([], [])):
        quality = predictor_metrics(true, predicted)
        assert all(map(math.isnan, (quality.pearson, quality.spearman, quality.kendall)))
    assert math.isnan(predictor_metrics([], []).rmse)
    assert predictor_metrics([0.5], [0.4]).rmse == pytest.approx(0.1)
    predictor_metrics([0.1, 0.2, 0.3], [0.3, 0.3 + 1e-15, 0.3])


def test_pairs_without_prediction_are_left_out() -> None:
    full = predictor_metrics([0.1, 0.2, 0.4], [0.2, 0.1, 0.5])
    assert predictor_metrics([0.1, 0.9, 0.2, 0.4], [0.2, np.nan, 0.1, 0.5]) == full
