"""Figure 6.6: each search's networks by the ways that were best for them."""

import pandas as pd
import pytest

from natv2.postprocess.report.best_ways import best_ways_figure, newest_studies

GAINS = {("sgd", 1e-4): 0.04, ("adamw", 1e-4): 0.02, ("sgd", 1e-5): 0.01}


def study(supernet: str, run: str, *, turned: bool = False, **changes: object) -> pd.DataFrame:
    """Two networks, each by three ways; `turned`: what is best for others is worst."""
    same = {"supernet": supernet, "preset": "natv2", "dataset": "digits", "objectives": "accuracy+macs"}
    same |= {"settings": "a", "seed": 0, "run": run, "method": "standard", "exit_weighting": "", "epochs": 2}
    rows = [
        {"name": name, "optimizer": optimizer, "lr": lr, "accuracy_before": before, "accuracy_after": after}
        for name, before in (("network_02", 0.5), ("network_01", 0.6))
        for (optimizer, lr), gain in GAINS.items()
        for after in [before + (0.05 - gain if turned else gain)]
    ]
    return pd.DataFrame(rows).assign(**{**same, **changes})


def test_of_each_search_the_newest_study_counts() -> None:
    old = study("SE_B", "0").drop(columns="preset")
    other = [
        study("SE_B", "1", dataset="cifar10"),
        study("EE_B", "1"),
        study("SE_B", "2"),
        study("SE_B", "3"),
    ]
    found = newest_studies(pd.concat([old, *other, study("SE_B", "2", seed=1)]), "digits")
    kept = found.groupby(["supernet", "seed"])["run"].unique().map(list).to_dict()
    assert kept == {("EE_B", 0): ["1"], ("SE_B", 0): ["3"], ("SE_B", 1): ["2"]}


def test_the_two_best_ways_of_a_panel_stand_beside_what_was_found() -> None:
    scores = pd.concat([study("EE_B", "1"), study("SE_B", "2", turned=True)], ignore_index=True)
    figure = best_ways_figure(scores)
    lines: dict[str, dict[str, list]] = {}
    for trace in figure.data:
        assert list(trace.x) == ["network_01", "network_02"]  # the more accurate first
        lines.setdefault(trace.xaxis, {})[trace.name] = [pytest.approx(y) for y in trace.y]
    first, second = lines.values()
    assert first == {
        "As found": [60, 50],
        "standard, sgd 0.0001": [64, 54],
        "standard, adamw 0.0001": [62, 52],
    }
    assert second == {
        "As found": [60, 50],
        "standard, sgd 1e-05": [64, 54],
        "standard, adamw 0.0001": [63, 53],
    }
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert sorted(shown) == sorted({*first, *second})
