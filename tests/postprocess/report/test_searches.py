"""Figure 6.10: each search's networks, before and after, in the panel of its supernet and task."""

import pandas as pd
import pytest

from natv2.postprocess.report.searches import postprocessed_figure


def rows(
    supernet: str, objectives: str, run: str, *networks: tuple[str, float, float, int, int]
) -> pd.DataFrame:
    names = ["method", "test_accuracy_before", "test_accuracy", "macs_before", "macs"]
    same = {"supernet": supernet, "preset": "natv2", "dataset": "digits", "objectives": objectives}
    return pd.DataFrame(networks, columns=names).assign(**same, run=run)


FINISHED = pd.concat(
    [
        rows(
            "EE_B",
            "accuracy+macs",
            "1",
            ("standard", 0.6, 0.65, 2000, 2000),
            ("aep", 0.6, 0.7, 2000, 2500),
            ("standard", 0.5, 0.5, 1000, 1000),
        ),
        rows("SE_B", "accuracy", "2", ("standard", 0.8, 0.9, 3000, 3000)),
    ],
    ignore_index=True,
)


def test_points_are_what_the_networks_were_and_what_they_are() -> None:
    figure = postprocessed_figure(FINISHED)
    found = {
        (trace.name, trace.xaxis): (list(trace.x), [pytest.approx(y) for y in trace.y])
        for trace in figure.data
    }
    first, last = "x3", "x2"  # accuracy before accuracy + macs, EE_B before SE_B
    assert found == {
        ("As found", first): ([1000, 2000], [50, 60]),
        ("Standard method", first): ([1000, 2000], [50, 65]),
        ("Ensemble of its exits", first): ([2500], [70]),
        ("As found", last): ([3000], [80]),
        ("Standard method", last): ([3000], [90]),
    }
    assert [trace.name for trace in figure.data if trace.showlegend] == [
        "As found",
        "Standard method",
        "Ensemble of its exits",
    ]
    titles = {annotation.text for annotation in figure.layout.annotations}
    assert titles == {"EE_B<br>natv2", "SE_B<br>natv2", "digits<br>accuracy", "digits<br>accuracy + macs"}


def test_supernets_have_one_axis_of_accuracy_and_tasks_have_each_their_own() -> None:
    layout = postprocessed_figure(FINISHED).layout
    assert (layout.yaxis2.matches, layout.yaxis4.matches) == ("y", "y3")
    assert layout.yaxis.matches is None and layout.yaxis3.matches is None


def test_without_any_it_says_so() -> None:
    figure = postprocessed_figure(pd.DataFrame())
    assert figure.layout.title.text.endswith("there are none yet") and not figure.data
