"""Tables of evidence from made-up rows, by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

SET = "fashion_mnist"
COLUMNS = ["seed", "kind", "name", "taught", "macs", "valid", "test", "gain_low"]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch):
    import evidence_tables

    def with_seeds(count: int):
        rows = []
        for seed in range(count):
            rows += [
                (seed, "finished", "network_01", True, 6.0e5, 0.90, 0.89 + 0.01 * seed, 0.01),
                (seed, "finished", "network_02", True, 3.0e5, 0.91, 0.88, -0.01),
                (seed, "plain", "mobilenet_v3_small_035", False, 3.4e5, 0.80, 0.79, np.nan),
                (seed, "plain", "mobilenet_v3_small_050", False, 5.0e5, 0.85, 0.86, np.nan),
                (seed, "random", "random_1", True, 3.2e5, 0.85, 0.87, np.nan),
                (seed, "random", "random_2", False, 3.2e5, 0.85, 0.10, np.nan),
                (seed, "random", "random_3", True, 3.4e5, 0.85, 0.10, np.nan),
            ]
        table = pd.DataFrame(rows, columns=COLUMNS).assign(
            set=SET, params=1000, exit=1, resolution=24, width=0.5, found=0.7, gain_high=0.02
        )
        monkeypatch.setattr(evidence_tables, "read", lambda name: table)
        return evidence_tables

    return with_seeds


def test_at_a_budget_the_best_of_each_kind_counts_by_validation_images(tables) -> None:
    rows = tables(1).at_budgets(SET).set_index("budget")
    # The smaller network is better on validation images, so it is what one would take within both budgets.
    assert rows.loc[0.65e6, ["test", "plain_test", "random"]].tolist() == pytest.approx([88, 86, 87])
    assert rows.loc[0.35e6, ["test", "plain_test", "random"]].tolist() == pytest.approx([88, 79, 87])


def test_an_interval_is_over_seeds_and_wants_three_of_them(tables) -> None:
    made = tables(3)
    gains = pd.Series([1.0, 2.0, 4.0])
    half = t.ppf(0.975, 2) * gains.std() / np.sqrt(3)
    assert (
        made.over_seeds(gains)
        == f"{gains.mean():.1f} ({gains.mean() - half:.1f} to {gains.mean() + half:.1f})"
    )
    assert made.over_seeds(gains[:2]) == "1.0, 2.0"
    assert made.seeds(SET) == "three seeds"
    assert tables(1).seeds(SET) == "one seed"


def test_networks_stand_beside_those_of_their_own_seed(tables) -> None:
    rows = tables(2).compared(SET)
    larger = rows[rows["name"] == "network_01"].sort_values("seed")
    assert larger["test"].tolist() == pytest.approx([89, 90])
    assert (larger["plain"] == "mobilenet_v3_small_050").all()
    smaller = rows[rows["name"] == "network_02"]
    assert (smaller["plain"] == "").all() and np.isnan(smaller["plain_test"]).all()
    assert tables(2).beaten(SET) == "2 of 2"


def test_a_figure_has_readable_ticks_and_a_legend_of_what_there_is(tables) -> None:
    from benchmarks.evidence import MARKS, drawn

    table = tables(2).read("networks")
    figure = drawn(table)
    (axes,) = figure.axes
    ticks = [label.get_text() for label in axes.get_xticklabels()]
    assert ticks and all(float(tick.removesuffix(" M")) < 1 for tick in ticks)
    (legend,) = figure.legends
    said = [text.get_text() for text in legend.get_texts()]
    assert said == [MARKS[kind]["label"] for kind in ("random", "plain", "finished")]
    assert axes.get_title(loc="left") == "fashion_mnist, 2 seeds; 2 below 15 % not shown"
