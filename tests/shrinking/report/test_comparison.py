"""Trainings side by side: what counting by hand gives."""

from collections import Counter

import pandas as pd
import pytest

from natv2.shrinking.report.comparison import best_at_each_step, comparison_figure, comparison_table


def run(supernet: str, teacher: str, seed: int, version: str, **steps: list[float]) -> pd.DataFrame:
    identity = {
        "source": "eurosat",
        "width": 1.0,
        "supernet": supernet,
        "schedule": "eps",
        "teacher": teacher,
    }
    identity |= {"kd": "ens", "passes": 100, "seed": seed, "run": version}
    names = {"resolution": "full", "kernel": "kernel", "width": "width_2"}
    return pd.concat(
        [
            pd.DataFrame({"phase": names[step], "step": step, "accuracy": values}).assign(**identity)
            for step, values in steps.items()
        ]
    )


ROWS = pd.concat(
    [
        run("EE_D_OFAMobileNetV3", "fixed", 0, "b", resolution=[0.1, 0.3], width=[0.5, 0.7]),
        run("EE_D_OFAMobileNetV3", "fixed", 0, "a", resolution=[0.9, 0.9], width=[0.9, 0.9]),  # given again
        run("EE_D_OFAMobileNetV3", "fixed", 1, "c", resolution=[0.2, 0.4], width=[0.5, 0.5]),
        run("OFAMobileNetV3", "progressive", 0, "d", resolution=[0.4, 0.5], kernel=[0.2], width=[0.1, 0.9]),
    ]
)


def test_seeds_are_averaged_and_of_a_repeated_run_the_newest_counts() -> None:
    table = comparison_table(ROWS).set_index("supernet")
    ours, baseline = table.loc["EE_D_OFAMobileNetV3"], table.loc["OFAMobileNetV3"]
    assert (ours["seeds"], baseline["seeds"]) == (2, 1)
    assert (ours["run"], baseline["run"]) == ("c b", "d")
    assert ours["resolution mean"] == pytest.approx((20 + 30) / 2)
    assert ours["resolution best"] == pytest.approx((30 + 40) / 2)
    assert ours["width mean"] == pytest.approx((60 + 50) / 2)
    assert ours["width mean sd"] == pytest.approx(7.07)
    assert baseline["width best"] == pytest.approx(90)
    assert pd.isna(baseline["width best sd"]) and pd.isna(ours["kernel mean"])


def test_the_best_at_each_step_is_named_with_its_lead() -> None:
    best = best_at_each_step(comparison_table(ROWS)).set_index(["step", "of"])
    assert "OFAMobileNetV3, eps, progressive" in best.loc[("resolution", "mean"), "training"]
    assert best.loc[("resolution", "mean"), "ahead_by"] == pytest.approx(45 - 25)
    assert best.loc[("width", "mean"), "training"].startswith("EE_D, eps, fixed teacher, ens")
    assert best.loc[("width", "mean"), "run"] == "c b"
    assert best.loc[("width", "mean"), "top1"] == pytest.approx(55)
    assert pd.isna(best.loc[("kernel", "mean"), "ahead_by"])  # alone
    assert ("depth", "mean") not in best.index


def test_the_best_of_each_width_is_its_own() -> None:
    wide = run("OFAMobileNetV3", "progressive", 0, "e", width=[0.3]).assign(width=1.2)
    best = best_at_each_step(comparison_table(pd.concat([ROWS, wide])))
    best = best.set_index(["width", "step", "of"])["top1"]
    assert best[(1.0, "width", "best")] == pytest.approx(90)
    assert best[(1.2, "width", "best")] == best[(1.2, "width", "mean")] == pytest.approx(30)


@pytest.mark.parametrize(
    ("teacher", "kd", "expected"),
    [
        ("none", "ens", "EE_D, eps, no teacher, 100 passes"),
        ("in-place", "e2e", "EE_D, eps, in-place teacher, e2e, 100 passes"),
    ],
)
def test_a_training_is_named_by_who_teaches_and_how(teacher: str, kd: str, expected: str) -> None:
    rows = run("EE_D_OFAMobileNetV3", teacher, 0, "a", width=[0.5]).assign(kd=kd)
    assert comparison_table(rows)["training"].tolist() == [expected]


def test_other_settings_are_no_seed_of_the_same_training() -> None:
    low, high = (
        run("OFAMobileNetV3", "fixed", seed, f"r{seed}", width=[0.1 * (seed + 1)]).assign(settings=settings)
        for seed, settings in enumerate(["0a1b", "2c3d"])
    )
    older = run("EE_D_OFAMobileNetV3", "fixed", 0, "a", width=[0.5])  # written when tables had no such column
    table = comparison_table(pd.concat([low, high, older])).set_index("settings")
    assert table["seeds"].tolist() == [1, 1, 1]
    assert table.loc["2c3d", "width mean"] == pytest.approx(20)
    assert [table.loc[s, "training"][-15:] for s in ("0a1b", "2c3d")] == [
        ", settings 0a1b",
        ", settings 2c3d",
    ]
    assert "settings" not in table.loc["", "training"]


def test_supernets_differ_in_colour_and_their_trainings_in_dash() -> None:
    fixed = run("OFAMobileNetV3", "fixed", 0, "e", kernel=[0.3], width=[0.3])
    figure = comparison_figure(comparison_table(pd.concat([ROWS, fixed])))
    lines = {trace.name: (trace.line.color, trace.line.dash) for trace in figure.data}
    (ours,) = (line for name, line in lines.items() if name.startswith("EE_D"))
    first, second = (line for name, line in lines.items() if name.startswith("OFA"))
    assert first[0] == second[0] != ours[0]
    assert first[1] != second[1]
    assert all(trace.connectgaps for trace in figure.data)  # steps that a training does not have


def test_the_figure_has_a_panel_a_width_and_names_each_training_once() -> None:
    figure = comparison_figure(comparison_table(pd.concat([ROWS, ROWS.assign(width=1.2)])))
    assert [a.text for a in figure.layout.annotations] == ["eurosat, width 1.0", "eurosat, width 1.2"]
    assert sum(bool(trace.showlegend) for trace in figure.data) == 2
    assert len(figure.data) == 2 * 2 * 2
    assert Counter(trace.xaxis for trace in figure.data) == {"x": 2, "x2": 2, "x3": 2, "x4": 2}
    means = [list(trace.y) for trace in figure.data if trace.name.startswith("OFA") and trace.yaxis == "y"]
    assert means[0] == pytest.approx([45, 20, *[float("nan")] * 3, 50], nan_ok=True)
