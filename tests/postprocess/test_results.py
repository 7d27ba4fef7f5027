"""The table of finished networks says what top-1 hides where classes are unequal."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from natv2.images.batches import evaluation_batches
from natv2.postprocess.results import say_drop
from natv2.postprocess.results import tested_networks as results_of
from natv2.reporting.tables import results_table
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from tests.tiny import images_of, shared_supernet, splits


def stored():
    supernet = shared_supernet("EE_D_OFAMobileNetV3")
    architecture = replace(supernet.largest(16), exits=(5,))
    statistics = {}
    supernet.record(images_of(8, 3, 16, 16), architecture, statistics)
    header = SubnetHeader(
        design=supernet.design.to_dict(),
        architecture=architecture.to_dict(),
        class_names=tuple("abcd"),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        record={"network": "one"},
    )
    return SubnetClassifier(supernet.subnet(architecture, statistics), header).stored()


def test_networks_are_tested_with_their_own_normalisation():
    """A supernet that was trained elsewhere brings its own: the images' says nothing to its networks."""
    images, network = splits(test=40), stored()
    others = replace(images, mean=(0.1, 0.2, 0.3), std=(0.9, 0.9, 0.9))
    tables = [
        results_of({"one": network}, {"x": network}, evaluation_batches(each, each.test, 16), None, [])[0]
        for each in (images, others)
    ]
    assert tables[0].equals(tables[1])


def test_macro_accuracy_stands_beside_top1_where_classes_are_unequal():
    images, network = splits(test=40), stored()
    unequal = images.test.subset((images.test.labels < 2).nonzero().flatten()[[0, *range(1, 20, 2)]])
    assert torch.bincount(unequal.labels).tolist() == [1, 10]
    for part, more in ((images.test, []), (unequal, ["test_macro", "largest_class"])):
        batches = evaluation_batches(images, part, 16)
        results, classes, *_ = results_of({"one": network}, {"x": network}, batches, None, [])
        assert [name for name in results if name in ("test_macro", "largest_class")] == more
    assert results["largest_class"].tolist() == [pytest.approx(10 / 11)]
    assert results["test_macro"].tolist() == [pytest.approx(np.nanmean(classes["x"]))]
    assert "Test macro accuracy (%)" in results_table(results)


def test_how_much_lower_test_accuracy_is_is_told(caplog):
    caplog.set_level("INFO", "natv2")
    results = pd.DataFrame(
        {
            "accuracy_before": [0.80, 0.70],
            "test_accuracy_before": [0.77, 0.69],
            "accuracy_after": [0.90, 0.85],
            "test_accuracy": [0.906, 0.85],
        }
    )
    say_drop(results)
    assert caplog.messages == [
        "validation top-1 above test top-1, mean of 2 networks: as found +2.0 points, as finished -0.3"
    ]


def test_by_macro_accuracy_is_the_mean_over_classes_and_top1_stands_beside_it():
    images, network = splits(test=40), stored()
    unequal = images.test.subset((images.test.labels < 2).nonzero().flatten()[[0, *range(1, 20, 2)]])
    batches = evaluation_batches(images, unequal, 16)
    usual, *_ = results_of({"one": network}, {"x": network}, batches, None, [])
    results, classes, right, _ = results_of({"one": network}, {"x": network}, batches, None, [], "macro")
    assert results["test_accuracy"].tolist() == [pytest.approx(np.nanmean(classes["x"]))]
    assert results["test_accuracy_before"].tolist() == results["test_accuracy"].tolist()
    assert results["test_top1"].tolist() == usual["test_accuracy"].tolist() == [right["x"].mean()]
    assert results["metric"].tolist() == ["macro"] and "metric" not in usual
    titles = results_table(results).columns.tolist()
    assert {"Test macro accuracy (%)", "Test macro accuracy before (%)", "Test top-1 (%)"} <= set(titles)
