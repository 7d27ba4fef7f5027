import pandas as pd
import pytest

from natv2.reporting.runs import mean_over_seeds, newest

ROWS = pd.DataFrame(
    {
        "supernet": ["a", "a", "a", "b"],
        "seed": [0, 0, 1, 0],
        "run": ["2026-01", "2026-02", "2026-01", "2026-01"],
        "top1": [1.0, 2.0, 4.0, 8.0],
    }
)


def test_of_several_runs_with_the_same_seed_the_newest_counts():
    found = newest(ROWS, ["supernet", "seed"])
    assert found["top1"].tolist() == [2.0, 4.0, 8.0]
    assert newest(ROWS, ["supernet"])["top1"].tolist() == [2.0, 8.0]


def test_means_over_seeds_say_how_many_and_how_far_apart_they_are():
    table = mean_over_seeds(newest(ROWS, ["supernet", "seed"]), ["supernet"], ["top1"], ["top1"], digits=2)
    assert table["supernet"].tolist() == ["a", "b"]
    assert table["seeds"].tolist() == [2, 1]
    assert table["top1"].tolist() == [3.0, 8.0]
    assert table["run"].tolist() == ["2026-02 2026-01", "2026-01"]
    assert table["top1 sd"].tolist() == pytest.approx([1.41, float("nan")], nan_ok=True)
