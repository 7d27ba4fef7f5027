"""Points of the front's figures are those of the frames."""

import io
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from natv2.reporting.front import front_figure, front_image
from natv2.reporting.traces import staircase

NETWORKS = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 8)), max_size=12)


Points = NDArray[np.float64]


def traces(figure: go.Figure) -> dict[str, Points]:
    return {t.name: np.array([t.x, t.y], dtype=np.float64).T for t in figure.data if t.name}


def points(frame: pd.DataFrame, cost: str, accuracy: str = "accuracy") -> Points:
    return np.stack([frame[cost], 100 * frame[accuracy]], axis=1).astype(np.float64)


def test_points_are_the_frames(archive: pd.DataFrame, front: pd.DataFrame, finished: pd.DataFrame) -> None:
    shown = traces(front_figure(archive, front, finished, "params"))
    assert shown["Archive"] == pytest.approx(points(archive, "params"))
    assert shown["Front"] == pytest.approx(points(front, "params"))
    assert shown["Best for the cost"] == pytest.approx(points(archive.loc[[0, 1, 3, 5]], "params"))
    assert shown["High trade-off"] == pytest.approx(points(front.loc[[3, 1]], "params"))
    after = points(finished, "params", "accuracy_after")
    assert shown["After post-processing"] == pytest.approx(after, nan_ok=True)


def test_axis_and_hover_name_the_objective(archive: pd.DataFrame, front: pd.DataFrame) -> None:
    figure = front_figure(archive, front, None, "macs")
    assert "MACs" in figure.layout.xaxis.title.text
    assert figure.layout.xaxis.type == "log"
    assert "Validation top-1 (%)" in figure.layout.yaxis.title.text
    assert "After post-processing" not in traces(figure)
    ticks = figure.layout.xaxis.tickvals
    assert 3 <= len(ticks) <= 12
    assert archive["macs"].min() * 0.9 < min(ticks) < max(ticks) < archive["macs"].max() * 1.1
    hover = figure.data[0].text[0]
    for part in ("Validation top-1 (%): 80.00", "Parameters: 100 k", "MACs (M): 9.00", "Resolution (px): 48"):
        assert part in hover
    assert "Exit: 1" in hover
    assert "Predicted error (%): –" in hover


def test_turns_are_shown_on_a_plain_axis_without_steps(
    archive: pd.DataFrame, front: pd.DataFrame, finished: pd.DataFrame
) -> None:
    figure = front_figure(archive, front, finished, "turn")
    assert figure.layout.xaxis.type is None
    shown = traces(figure)
    assert shown["Archive"] == pytest.approx(points(archive, "turn"))
    assert set(shown) == {"Archive", "Front", "High trade-off"}
    assert len(front_image(front_figure(archive, front, finished, "turn")).axes[0].lines) == 0


def test_labelled_networks_are_named(archive: pd.DataFrame, front: pd.DataFrame) -> None:
    labelled = archive.assign(label=pd.Series({0: "smallest", 5: "largest"}))
    text = front_figure(labelled, front, None, "params").data[-1]
    assert list(zip(text.text, text.x, text.y, strict=True)) == [
        ("smallest", 100_000, pytest.approx(80)),
        ("largest", 3_000_000, pytest.approx(95)),
    ]
    plot = front_image(front_figure(labelled, front, None, "params")).axes[0]
    assert [text.get_text() for text in plot.texts] == ["smallest", "largest"]


def test_networks_that_the_archive_has_dropped_can_be_marked(
    archive: pd.DataFrame, front: pd.DataFrame
) -> None:
    dropped = archive.iloc[:1].assign(params=9_000_000, accuracy=0.97, label="largest, turn 3")
    figure = front_figure(archive, front, None, "params", dropped)
    marked = figure.data[-1]
    assert (list(marked.text), list(marked.x)) == (["largest, turn 3"], [9_000_000])
    assert max(figure.layout.xaxis.tickvals) > 3_000_000
    plot = front_image(front_figure(archive, front, None, "params", dropped)).axes[0]
    assert [text.get_text() for text in plot.texts] == ["largest, turn 3"]


def test_image_shows_what_the_figure_shows(
    archive: pd.DataFrame, front: pd.DataFrame, finished: pd.DataFrame
) -> None:
    shown = traces(front_figure(archive, front, finished, "params"))
    image = front_image(front_figure(archive, front, finished, "params"))
    plot = image.axes[0]
    for collection in plot.collections:
        expected = shown[str(collection.get_label())]
        known = expected[~np.isnan(expected).any(axis=1)]
        offsets: Any = np.ma.asarray(collection.get_offsets())
        drawn = offsets.data[~np.ma.getmaskarray(offsets).any(axis=1)]
        assert drawn == pytest.approx(known)
    assert len(plot.collections) == 4
    (steps,) = plot.lines
    assert np.array(steps.get_xydata()) == pytest.approx(shown["Best for the cost"])
    assert plot.get_xscale() == "log"
    assert [t.get_text() for t in plot.get_xticklabels()] == list(
        front_figure(archive, front, finished, "params").layout.xaxis.ticktext
    )
    content = io.BytesIO()
    image.savefig(content, format="png")
    assert content.getvalue().startswith(b"\x89PNG")


@pytest.mark.parametrize("objective", ["params", "turn"])
@pytest.mark.parametrize("rows", [0, 1])
def test_small_frames_are_drawn(
    archive: pd.DataFrame, front: pd.DataFrame, rows: int, objective: str
) -> None:
    for networks in (archive, archive.iloc[:rows]):
        figure = front_figure(networks, front.iloc[:rows], None, objective)
        assert len(figure.data[0].x) == len(networks)
        assert len(traces(figure)["Front"]) == rows
        assert go.Figure(figure).to_json()
        front_image(front_figure(networks, front.iloc[:rows], None, objective)).savefig(
            io.BytesIO(), format="png"
        )


def test_other_objectives_are_refused(archive: pd.DataFrame, front: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"'accuracy'.*params, macs, latency, mean_macs, mean_latency, turn"):
        front_figure(archive, front, None, "accuracy")


@given(NETWORKS)
def test_staircase_is_what_nothing_dominates(networks: list[tuple[int, int]]) -> None:
    frame = pd.DataFrame(networks, columns=["params", "accuracy"])
    steps = list(staircase(frame, "params")[["params", "accuracy"]].itertuples(index=False, name=None))
    best = {
        (cost, accuracy)
        for cost, accuracy in networks
        if not any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in networks)
    }
    assert steps == sorted(best)


def test_networks_of_unknown_accuracy_are_not_on_the_staircase() -> None:
    frame = pd.DataFrame({"params": [1, 2, np.nan], "accuracy": [np.nan, 0.5, 0.9]})
    assert staircase(frame, "params")["params"].tolist() == [2]


@pytest.mark.parametrize("latencies", [[-2.0, -0.5, 0.0], [-2.0, 0.0, 3.0]])
def test_costs_that_are_not_above_zero_have_no_place_on_its_axis(
    archive: pd.DataFrame, front: pd.DataFrame, latencies: list[float]
) -> None:
    """A table of a machine that is busy may expect such latencies."""
    shown = archive[:3].assign(latency=latencies, label=None)
    ticks = front_figure(shown, shown.assign(high_tradeoff=False), None, "latency").layout.xaxis.tickvals
    assert all(2.8 <= tick <= 3.2 for tick in ticks)
    assert len(ticks) == 0 or max(latencies) > 0


def test_plain_and_pretrained_networks_are_marked_each_in_their_own_way(
    archive: pd.DataFrame, front: pd.DataFrame
) -> None:
    beside = archive.iloc[:2].assign(valid_accuracy=[0.7, 0.6], name=["one", "other"])
    figure = front_figure(archive, front, None, "macs", plain=beside, pretrained=beside.iloc[1:])
    shown = traces(figure)
    assert shown["Plain networks"] == pytest.approx(points(beside, "macs", "valid_accuracy"))
    assert shown["Fine-tuned from ImageNet"] == pytest.approx(
        points(beside.iloc[1:], "macs", "valid_accuracy")
    )
    symbols = {trace.name: trace.marker.symbol for trace in figure.data}
    assert symbols["Plain networks"] != symbols["Fine-tuned from ImageNet"]
    labels = [text.get_text() for text in front_image(figure).axes[0].get_legend().get_texts()]
    assert {"Plain networks", "Fine-tuned from ImageNet"} <= set(labels)
    figure = front_figure(archive, front, None, "macs", plain=beside, pretrained=beside.iloc[:0])
    assert "Fine-tuned from ImageNet" not in traces(figure)


def test_the_best_of_one_exit_stand_beside_those_of_several(
    archive: pd.DataFrame, front: pd.DataFrame
) -> None:
    several = archive.assign(kept=["5", "5", *["2-5"] * (len(archive) - 2)])
    (line,) = [t for t in front_figure(several, front, None, "macs").data if t.name and "one exit" in t.name]
    alone = archive.head(2)
    assert set(line.x) <= set(alone["macs"]) and max(line.y) == pytest.approx(100 * alone["accuracy"].max())
    names = [trace.name for trace in front_figure(archive, front, None, "macs").data]
    assert "Best of those with one exit" not in names
    front_image(front_figure(several, front, None, "macs"))
