"""Figures of several searches show the networks that they should, each where it belongs."""

import pandas as pd
import pytest

from natv2.search.report.comparison_figures import complete_figure, presets_figure, supernets_figure


def network(supernet: str, preset: str, dataset: str, objectives: str, run: str, **values: float) -> dict:
    same = {"supernet": supernet, "preset": preset, "dataset": dataset, "objectives": objectives, "run": run}
    after = {"accuracy_after": float("nan"), "test_accuracy": float("nan")}
    return same | {"params": 1000, "macs": 10**6, "high_tradeoff": True} | after | values


BASE, OURS = "OFAMobileNetV3", "EE_D_OFAMobileNetV3"
MACS = "accuracy+macs"
NETWORKS = pd.DataFrame(
    [
        network(OURS, "natv2_phase1", "cifar10", MACS, "2", accuracy=0.7, macs=4e6),
        network(OURS, "natv2_phase1", "cifar10", MACS, "2", accuracy=0.6, macs=2e6),
        network(OURS, "natv2_phase1", "cifar10", MACS, "2", accuracy=0.65, macs=3e6, high_tradeoff=False),
        network(BASE, "natv2_phase1", "cifar10", MACS, "1", accuracy=0.5, macs=4e6),
        network(BASE, "natv2_phase1", "eurosat", "accuracy", "3", accuracy=0.9),
        network(OURS, "natv2_phase4", "cifar10", MACS, "4", accuracy=0.75, macs=3e6, accuracy_after=0.8),
        network(OURS, "natv2_phase4", "cifar10", MACS, "4", accuracy=0.72, macs=2e6),
        network(BASE, "natv2_phase4", "cifar10", MACS, "5", accuracy=0.6, macs=2e6, accuracy_after=0.65),
    ]
)


def panels(figure) -> dict[tuple[str, str], dict[str, list]]:
    """The points of each panel, by the titles of its row and column."""
    found: dict[tuple[str, str], dict[str, list]] = {}
    texts = {a.text: a for a in figure.layout.annotations}
    for trace in figure.data:
        x = figure.layout["xaxis" + trace.xaxis[1:]].domain
        y = figure.layout["yaxis" + trace.yaxis[1:]].domain
        (column,) = (t for t, a in texts.items() if a.textangle is None and x[0] < a.x < x[1])
        (row,) = (t for t, a in texts.items() if a.textangle is not None and y[0] < a.y < y[1])
        points = [(cost, pytest.approx(value)) for cost, value in zip(trace.x, trace.y, strict=True)]
        found.setdefault((row, column), {}).setdefault(trace.name, []).extend(points)
    return found


def test_high_trade_off_networks_stand_by_data_set_and_objectives():
    figure = supernets_figure(NETWORKS)
    assert figure.layout.title.text == "High trade-off networks of each supernet, phase 1"
    assert panels(figure) == {
        ("cifar10", "accuracy + macs"): {"OFAMobileNetV3": [(4e6, 50)], "EE_D": [(2e6, 60), (4e6, 70)]},
        ("eurosat", "accuracy"): {"OFAMobileNetV3": [("OFAMobileNetV3", 90)]},
    }


def test_a_column_a_preset_where_there_are_several():
    figure = presets_figure(NETWORKS)
    assert panels(figure) == {
        ("cifar10<br>accuracy + macs", "phase 1"): {
            "OFAMobileNetV3": [(4e6, 50)],
            "EE_D": [(2e6, 60), (4e6, 70)],
        },
        ("cifar10<br>accuracy + macs", "phase 4"): {
            "OFAMobileNetV3": [(2e6, 60)],
            "EE_D": [(2e6, 72), (3e6, 75)],
        },
    }
    assert figure.layout.yaxis2.matches == "y"  # phases are compared


def test_the_baseline_stands_against_what_the_complete_version_ends_with():
    assert panels(complete_figure(NETWORKS)) == {
        ("cifar10", "accuracy + macs"): {
            "OFAMobileNetV3, phase 1": [(4e6, 50)],
            "EE_D, phase 4 post-processed": [(3e6, 80)],
        }
    }
    other = NETWORKS.replace({"preset": {"natv2_phase1": "nat", "natv2_phase4": "natv2"}})
    (shown,) = panels(complete_figure(other)).values()
    assert list(shown) == ["OFAMobileNetV3, nat", "EE_D, natv2 post-processed"]


@pytest.mark.parametrize("draw", [presets_figure, complete_figure])
def test_one_search_is_nothing_to_compare_and_says_so(draw):
    figure = draw(NETWORKS.iloc[:3])
    assert len(figure.data) == 0 and "there are none yet" in figure.layout.title.text
    assert figure.to_json()


def test_presets_of_one_s_own_are_shown_behind_the_known():
    own = pd.concat([NETWORKS, NETWORKS.iloc[:2].assign(preset="mine", run="9")])
    titles = [a.text for a in presets_figure(own).layout.annotations if a.textangle is None]
    assert titles == ["phase 1", "phase 4", "mine"]


def test_a_supernet_looks_the_same_in_all_figures_and_is_named_once():
    looks = set()
    for draw in (supernets_figure, presets_figure):
        figure = draw(NETWORKS)
        ours = [trace for trace in figure.data if trace.name == "EE_D"]
        assert [bool(trace.showlegend) for trace in ours].count(True) == 1
        looks |= {(trace.line.color, trace.marker.symbol) for trace in ours}
    assert len(looks) == 1


def test_seeds_are_lines_of_their_own():
    again = NETWORKS.iloc[:2].assign(run="7")
    lines = [t for t in supernets_figure(pd.concat([NETWORKS, again])).data if t.name == "EE_D"]
    assert [len(line.x) for line in lines] == [2, 2]


def test_three_objectives_are_shown_against_the_first_beside_accuracy():
    shown = panels(supernets_figure(NETWORKS.iloc[:2].assign(objectives="accuracy+params+macs")))
    assert [cost for cost, _ in shown[("cifar10", "accuracy + params + macs")]["EE_D"]] == [1000, 1000]
