"""Means and the best of the study of post-processing, against counting by hand."""

import pandas as pd
import pytest

from natv2.postprocess.report.study import study_figure, study_table

SCORES = pd.DataFrame(
    [
        ("one", "standard", "", "sgd", 1e-4, 0.60, 0.62, 3),
        ("two", "standard", "", "sgd", 1e-4, 0.50, 0.56, 5),
        ("one", "standard", "", "adamw", 1e-4, 0.60, 0.61, 3),
        ("two", "standard", "", "adamw", 1e-4, 0.50, 0.51, 3),
        ("one", "aep", "UNIF", "adamw", 1e-4, 0.60, 0.65, 9),
    ],
    columns=[
        "name",
        "method",
        "exit_weighting",
        "optimizer",
        "lr",
        "accuracy_before",
        "accuracy_after",
        "epochs",
    ],
)


def test_means_are_over_the_networks_of_a_way():
    table = study_table(SCORES)
    assert table["optimizer"].tolist() == ["adamw", "sgd", "adamw"]
    assert table["gain"].tolist() == pytest.approx([5, 4, 1])
    assert table["networks"].tolist() == [1, 2, 2]
    assert table["before"].tolist() == pytest.approx([60, 55, 55])
    assert table["epochs"].tolist() == [9, 4, 3]
    assert table["gain sd"].tolist()[1] == pytest.approx(8**0.5)
    assert table["best"].tolist() == [True, True, False]


def test_each_way_has_a_bar():
    figure = study_figure(study_table(SCORES))
    bars = {bar.name: (list(bar.y), list(bar.x)) for bar in figure.data}
    assert bars["Ensemble of its exits"][0] == ["aep UNIF, adamw 0.0001"]
    assert bars["Standard method"] == (
        ["standard, sgd 0.0001", "standard, adamw 0.0001"],
        pytest.approx([4, 1]),
    )
