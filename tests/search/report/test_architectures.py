"""Shares are those of counting; panels are there for what varies."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natv2.search.report.architectures import architectures_figure, mean_depths, shares

BY_TURN = pd.DataFrame(
    {
        "at_turn": [0, 0, 1],
        "depths": ["2-3-0", "4-0-0", "2-2-4"],
        "kernels": ["3-5-0-0-7-3", "3-3-3-3-0-0", "7-7-0-0-7-5"],
        "masks": ["4-7-0-0-4-4", "4-4-4-4-0-0", "4-4-0-0-6-4"],
        "exit": [2, 1, 3],
        "resolution": [48, 64, 64],
        "width": [1.0, 1.0, 1.0],
    }
)


def test_values_of_levels_are_counted_without_those_that_are_not_there():
    table = shares(BY_TURN, "kernels")
    assert table.loc[0].to_dict() == {
        3: pytest.approx(6 / 8),
        5: pytest.approx(1 / 8),
        7: pytest.approx(1 / 8),
    }
    assert table.loc[1].to_dict() == {3: 0, 5: pytest.approx(1 / 4), 7: pytest.approx(3 / 4)}


def test_values_of_networks_are_counted():
    assert shares(BY_TURN, "resolution").to_dict("index") == {0: {48: 0.5, 64: 0.5}, 1: {48: 0, 64: 1}}
    assert shares(BY_TURN, "exit").to_dict("index") == {0: {1: 0.5, 2: 0.5, 3: 0}, 1: {1: 0, 2: 0, 3: 1}}


@given(st.lists(st.tuples(st.integers(0, 2), st.lists(st.sampled_from([0, 3, 5]), min_size=2)), min_size=1))
def test_shares_of_a_turn_add_up_to_one(networks):
    networks = [(turn, [3, *kernels]) for turn, kernels in networks]  # no network is empty
    frame = pd.DataFrame(
        {"at_turn": [t for t, _ in networks], "kernels": ["-".join(map(str, k)) for _, k in networks]}
    )
    table = shares(frame, "kernels")
    assert table.sum(axis="columns").tolist() == pytest.approx([1.0] * len(table))
    for turn in table.index:
        seen = [k for t, kernels in networks if t == turn for k in kernels if k]
        assert table.loc[turn, 3] == pytest.approx(seen.count(3) / len(seen))


def test_the_depth_of_a_stage_is_that_of_networks_which_have_it():
    table = mean_depths(BY_TURN)
    assert table.loc[0].tolist() == pytest.approx([3, 3, float("nan")], nan_ok=True)
    assert table.loc[1].tolist() == [2, 2, 4]


def test_what_varies_has_a_panel_with_its_key():
    figure = architectures_figure(BY_TURN)
    titles = [annotation.text for annotation in figure.layout.annotations]
    starts = ["Mean depth of stage", "Kernel", "Blocks (initials)", "Exit", "Resolution (px)"]
    assert [title.split("</b>")[0].removeprefix("<b>") for title in titles] == starts  # one width; no ratios
    bars = {trace.name: trace for trace in figure.data if trace.xaxis == "x3"}
    assert list(bars) == ["I", "I+P", "I+P+L"]
    assert list(bars["I"].y) == pytest.approx([7 / 8, 3 / 4])
    for trace in bars.values():
        assert f'<span style="color:{trace.marker.color}">■</span> {trace.name}' in titles[2]
    assert not figure.layout.showlegend
    bottom = [axis.title.text for axis in figure.select_xaxes() if axis.title.text]
    assert bottom == ["Search turn"] * 2


def test_one_architecture_is_drawn():
    figure = architectures_figure(BY_TURN.iloc[:1])
    assert [trace.name for trace in figure.data][:3] == ["1", "2", "3"]
    assert figure.to_json()
