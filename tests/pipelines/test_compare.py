"""All searches of a project side by side, through the command line."""

import pandas as pd
import plotly.io as pio
import pytest

from tests.pipelines.project import SMALLER, Project


def test_a_search_is_compared_with_what_post_processing_made_of_it(journey, run_in):
    result = run_in(journey.project)("--pipeline", "natv2_compare")
    assert result.exit_code == 0, result.output
    (row,) = pd.read_csv(journey.project.newest("searches_table.csv")).to_dict("records")
    front = pd.read_parquet(journey.project.newest("front.parquet"))
    results = pd.read_csv(journey.project.newest("results.csv"))
    assert row["networks"] == len(front)
    assert row["best top-1"] == pytest.approx(100 * front["accuracy"].max(), abs=0.01)
    best = results.loc[results["accuracy_after"].idxmax()]
    for name, column in (("before", "accuracy_before"), ("after", "accuracy_after")):
        assert row[name] == pytest.approx(100 * best[column], abs=0.01)
    figure = pio.from_json(journey.project.newest("supernets_figure.json").read_text())
    assert sum(len(trace.x) for trace in figure.data) == front["high_tradeoff"].sum()
    assert journey.project.tracked_runs()[0].data.tags["folder"] == "test"


def test_without_a_search_it_says_what_makes_one(tmp_path, run_in):
    result = run_in(Project(tmp_path, SMALLER))("--pipeline", "natv2_compare")
    assert result.exit_code == 1
    assert "kedro run --pipeline natv2_search" in result.output


def test_trainings_are_compared_as_their_own_tables_say(journey, run_in):
    result = run_in(journey.project)("--pipeline", "ofav2_compare")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(journey.project.newest("comparison_table.csv"), dtype={"settings": str})
    assert len(table) == 2  # one training at each width
    for width, row in table.set_index("width").iterrows():
        name = "narrow" if width == table["width"].min() else "wide"
        (path,) = journey.project.root.glob(f"data/08_reporting/**/{name}/test_accuracy.csv/*/*.csv")
        tested = pd.read_csv(path, dtype={"settings": str})
        assert row["settings"] == tested["settings"].unique().item()
        for step, frame in tested.groupby("step"):
            assert row[f"{step} mean"] == pytest.approx(100 * frame["accuracy"].mean(), abs=0.01)
            assert row[f"{step} best"] == pytest.approx(100 * frame["accuracy"].max(), abs=0.01)


def test_the_plan_of_a_training_has_its_phases(journey, run_in):
    result = run_in(journey.project)("--pipeline", "ofav2_plan")
    assert result.exit_code == 0, result.output
    plan = pd.read_csv(journey.project.newest("plan.csv"))
    curves = pd.read_csv(journey.project.newest("curves.csv"))
    for _, rows in plan.groupby("width"):
        epochs = rows.set_index("phase")["epochs"].to_dict()
        assert epochs == curves.groupby("phase").size().to_dict()
    assert (plan[["training", "evaluation", "memory", "disk"]] > 0).all(axis=None)
