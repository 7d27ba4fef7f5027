"""What says which metric its accuracies are by, and what these are called then."""

import subprocess
import sys
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from natv2.objectives.metric import METRICS, Metric, metric_of, named_objectives, said
from natv2.objectives.objectives import ACCURACY, OBJECTIVES
from natv2.objectives.titles import accuracy_word, metrics_of, of_metric, titled

ROWS = pd.DataFrame({"accuracy": [0.1, 0.2]})


def test_every_metric_has_its_words_and_an_objective():
    assert list(METRICS) == list(get_args(Metric))
    assert METRICS["top1"].objective == ACCURACY
    for row in METRICS.values():
        assert OBJECTIVES[row.objective].title == f"Validation {row.word}"


@pytest.mark.parametrize("metric", METRICS)
def test_what_says_it_is_asked(metric):
    table = ROWS.assign(**said(metric))
    assert metric_of(said(metric)) == metric_of(table.iloc[0].to_dict()) == metric
    assert metrics_of(table) == [metric] and accuracy_word(table) == METRICS[metric].word
    assert titled(table)[ACCURACY] is OBJECTIVES[METRICS[metric].objective]
    assert said("top1") == {} and ("metric" in table) == (metric != "top1")


def test_tables_of_many_runs_have_both():
    every = pd.concat([ROWS, ROWS.assign(metric="macro")], ignore_index=True)
    assert every["metric"].isna().tolist() == [True, True, False, False]
    assert metrics_of(every) == ["top1", "macro"] and accuracy_word(every) == "accuracy"
    assert titled(every)[ACCURACY].axis == "Validation accuracy (%)"
    assert of_metric(every, ROWS).index.tolist() == [0, 1]
    assert of_metric(every, ROWS.assign(metric="macro")).index.tolist() == [2, 3]
    assert metric_of({"metric": np.nan}) == metric_of({}) == "top1"


def test_searches_by_different_metrics_are_not_after_the_same():
    objectives = {"objectives": ["accuracy", "macs"]}
    assert named_objectives(objectives) == ["accuracy", "macs"]
    assert named_objectives({**objectives, "metric": "macro"}) == ["macro_accuracy", "macs"]


def test_whoever_reads_a_record_needs_no_pandas():
    code = "import sys, natv2.network_facts; print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
