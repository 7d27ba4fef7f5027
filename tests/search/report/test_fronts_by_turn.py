"""Fronts turn by turn are those of the frame, and what an archive dropped is still marked."""

import pandas as pd
import pytest

from natv2.search.report.fronts_by_turn import extremes, fronts_figure

# Of three turns: accuracy, params, non_dominated, high_tradeoff, label.
TURNS = [
    [
        (0.50, 100, True, False, "smallest"),
        (0.70, 900, True, True, "largest"),
        (0.60, 950, False, False, None),
    ],
    [
        (0.55, 100, True, False, "smallest"),
        (0.75, 500, True, True, None),
        (0.74, 900, False, False, "largest"),
    ],
    [(0.60, 200, True, True, None), (0.80, 500, True, False, None), (0.70, 600, True, False, None)],
]
BY_TURN = pd.DataFrame(
    [(*row, turn) for turn, rows in enumerate(TURNS) for row in rows],
    columns=["accuracy", "params", "non_dominated", "high_tradeoff", "label", "at_turn"],
)


def traces(figure) -> dict[str, list[tuple[float, float]]]:
    return {
        t.name: [(x, pytest.approx(y)) for x, y in zip(t.x, t.y, strict=True)] for t in figure.data if t.name
    }


def test_each_turn_has_its_front_and_the_last_is_strong():
    figure = fronts_figure(BY_TURN, "params")
    shown = traces(figure)
    assert shown["Turn 0"] == [(100, 50), (900, 70)]
    assert shown["Turn 1"] == [(100, 55), (500, 75)]
    # Non-dominated in a third dimension: a point, and not on the line.
    assert shown["Front of turn 2"] == [(200, 60), (500, 80), (600, 70)]
    (line,) = (t for t in figure.data if t.name is None and t.mode == "lines")
    assert list(line.x) == [200, 500]
    assert shown["High trade-off"] == [(200, 60)]
    first, second = (t.line for t in figure.data[:2])
    assert first.color != second.color
    assert line.line.width > first.width == second.width
    assert figure.layout.xaxis.type == "log"


def test_the_colours_of_the_turns_are_told():
    (bar,) = (t for t in fronts_figure(BY_TURN, "params").data if t.marker.showscale)
    assert (bar.marker.cmin, bar.marker.cmax) == (0, 1)
    single = fronts_figure(BY_TURN[BY_TURN["at_turn"] == 0], "params")
    assert not any(t.marker.showscale for t in single.data)
    assert "Front of turn 0" in traces(single)


def test_the_largest_and_the_smallest_are_marked_as_they_were_evaluated_last():
    known = extremes(BY_TURN).set_index("label")
    assert sorted(known.index) == ["largest, turn 1", "smallest, turn 1"]
    assert known.loc["largest, turn 1", "accuracy"] == 0.74
    marked = next(t for t in fronts_figure(BY_TURN, "params").data if "Largest" in str(t.name))
    assert set(zip(marked.text, marked.x, strict=True)) == {
        ("smallest, turn 1", 100),
        ("largest, turn 1", 900),
    }
    earlier = BY_TURN[BY_TURN["at_turn"] < 2]
    assert sorted(extremes(earlier)["label"]) == ["largest", "smallest"]


def test_without_labels_nothing_is_marked():
    for frame in (BY_TURN.drop(columns="label"), BY_TURN.assign(label=None)):
        assert extremes(frame).empty
        marked = next(t for t in fronts_figure(frame, "params").data if "Largest" in str(t.name))
        assert not marked.showlegend and len(marked.x) == 0


def test_the_smallest_network_is_within_the_axis_with_its_label():
    low, high = fronts_figure(BY_TURN, "params").layout.xaxis.range
    assert 10**low < 80 and 10**high > 1000


def test_accuracy_alone_is_shown_by_turn():
    figure = fronts_figure(BY_TURN, "turn")
    shown = traces(figure)
    assert shown["Best"] == [(0, 70), (1, 75), (2, 80)]
    assert shown["Median"] == [(0, 60), (1, 74), (2, 70)]
    assert shown["All"][:3] == shown["Best"] and shown["All"][3:] == [(2, 60), (1, 55), (0, 50)]
    assert shown["Largest and smallest network"] == [(1, 55), (1, 74)]
    assert figure.layout.xaxis.type is None


@pytest.mark.parametrize("objective", ["params", "turn"])
@pytest.mark.parametrize("rows", [0, 1])
def test_small_frames_are_drawn(rows, objective):
    assert fronts_figure(BY_TURN.iloc[:rows], objective).to_json()


def test_other_objectives_are_refused():
    with pytest.raises(ValueError, match=r"'accuracy'.*params, macs"):
        fronts_figure(BY_TURN, "accuracy")
