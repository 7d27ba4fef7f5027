"""Time left on a first run, from the plans that were made of it."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from natv2.baselines.plan import FINISHING, PLAIN_NETWORKS
from natv2.runs.pace import Pace
from natv2.runs.planned import planned
from natv2.runs.table_shapes import shaped, whole_hours
from tests.configs import parameters
from tests.runs.test_pace import Clock, run_through

PARAMETERS = parameters()
PHASES = PARAMETERS.eps.phases
PLAN = pd.DataFrame(
    [
        (1.2, "full", PHASES.full.epochs, 2.0, 0.0, 0.0),
        (1.2, "kernel", PHASES.kernel.epochs, 1.0, 0.5, 0.25),
        (1.0, "full", PHASES.full.epochs, 1.0, 0.0, 0.0),
        (1.0, "kernel", PHASES.kernel.epochs, 0.5, 0.25, 0.125),
    ],
    columns=["width", "phase", "epochs", "training", "evaluation", "test"],
)
SEARCH = PARAMETERS.search
SEARCH_PLAN = pd.DataFrame(
    [
        ("latency table", 1, 0, 0.0, 0.0, 0.5),
        ("warm-up of the largest network, width 1", 1, 3, 1.0, 0.0, 0.0),
        ("warm-up of the largest network, width 1.2", 1, 3, 2.0, 0.0, 0.0),
        ("warm-up of both supernets", 1, SEARCH.warm_up.supernet_epochs, 3.0, 0.0, 0.0),
        ("first archive", 1, 0, 0.0, 1.0, 0.0),
        ("turns", SEARCH.turns, SEARCH.adaptation.epochs, 4.0, 5.0, 6.0),
    ],
    columns=["stage", "times", "epochs", "training", "evaluation", "search"],
)
EPOCHS = PARAMETERS.postprocess.full.epochs
LAST_PLAN = pd.DataFrame(
    [(PLAIN_NETWORKS, 4, EPOCHS, 1.5), (FINISHING, 3, EPOCHS, 0.5)],
    columns=["stage", "times", "epochs", "training"],
)
TRAINING = [
    "narrow.full",
    "narrow.kernel",
    "wide.full",
    "wide.kernel",
    "narrow.test",
    "wide.test",
    "wide.page",
]


def catalog(**entries: pd.DataFrame) -> DataCatalog:
    return DataCatalog({name: MemoryDataset(table) for name, table in entries.items()})


def test_a_training_takes_what_its_plan_says() -> None:
    found = planned(TRAINING, catalog(plan=PLAN), PARAMETERS)
    hours = [1, 0.75, 2, 1.5, 0.125, 0.25]
    assert {name: found[name] / 3600 for name in TRAINING[:-1]} == dict(zip(TRAINING, hours, strict=False))
    assert "wide.page" not in found


def test_widths_that_are_trained_at_once_take_the_time_of_the_longer() -> None:
    found = planned(TRAINING, catalog(plan=PLAN), PARAMETERS, ranks=2)
    assert {name: found[name] / 3600 for name in TRAINING[:-1]} == {
        **{"narrow.full": 2, "narrow.kernel": 1.5, "narrow.test": 0.25},
        **dict.fromkeys(("wide.full", "wide.kernel", "wide.test"), 0),
    }
    wide = [step for step in TRAINING if step.startswith("wide")]  # alone they take their own time
    found = planned(wide, catalog(plan=PLAN), PARAMETERS, ranks=2)
    assert [found[step] / 3600 for step in wide[:-1]] == [2, 1.5, 0.25]
    assert whole_hours(PLAN.assign(at_once=2)) == 3.75 < whole_hours(PLAN.assign(at_once=1)) == 5.625
    shown = shaped("plan", PLAN.assign(at_once=2, steps=1, memory=1.0, disk=1.0))
    assert shown["total"].tolist()[-1] == "3:45:00" and "at_once" not in shown


def test_a_search_and_what_follows_take_what_their_plans_say() -> None:
    steps = [
        "costs",
        "warm_up_largest_narrow",
        "warm_up_supernets",
        "search",
        "train_baselines",
        "finish_networks",
    ]
    found = planned(steps, catalog(search_plan=SEARCH_PLAN, finishing_plan=LAST_PLAN), PARAMETERS)
    assert [found[step] / 3600 for step in steps] == [0.5, 1, 3, 16, 1.5, 0.5]
    assert planned(steps, catalog(search_plan=SEARCH_PLAN), PARAMETERS) == {}  # finishing is not planned


@pytest.mark.parametrize(
    ("entry", "table"),
    [
        ("plan", PLAN.assign(epochs=PLAN["epochs"] + 1)),
        ("search_plan", SEARCH_PLAN.assign(times=SEARCH_PLAN["times"] + 1)),
        ("search_plan", SEARCH_PLAN.assign(epochs=SEARCH_PLAN["epochs"] + 1)),
        ("finishing_plan", LAST_PLAN.assign(epochs=EPOCHS + 1)),
    ],
)
def test_a_plan_of_another_schedule_is_none(entry: str, table: pd.DataFrame) -> None:
    steps = {
        "plan": TRAINING,
        "search_plan": ["search"],
        "finishing_plan": ["finish_networks", "train_baselines"],
    }
    whole = {"plan": PLAN, "search_plan": SEARCH_PLAN, "finishing_plan": LAST_PLAN}[entry]
    assert planned(steps[entry], catalog(**{entry: whole}), PARAMETERS)
    assert planned(steps[entry], catalog(**{entry: table}), PARAMETERS) == {}


@pytest.mark.parametrize(
    "damaged",
    [
        SEARCH_PLAN.drop(columns="times"),
        SEARCH_PLAN.assign(stage="of another version"),
        SEARCH_PLAN.assign(training="long"),
        pd.DataFrame(),
    ],
    ids=["a column is missing", "unknown stages", "no numbers", "empty"],
)
def test_no_run_ends_for_a_plan_that_cannot_be_read(damaged: pd.DataFrame) -> None:
    assert planned(["search"], catalog(search_plan=damaged), PARAMETERS) == {}


def test_what_is_left_is_told_from_the_first_step_on_and_corrected(tmp_path: Path) -> None:
    clock, told = Clock(), {"narrow.full": 60.0, "search": 600.0}
    steps = {"narrow.full": 120.0, "search": 1200.0, "search_report": 1.0}
    said = run_through(Pace(steps, tmp_path, planned=told, now=clock), clock, steps)
    assert [line.rpartition("about ")[2] for line in said] == [
        "11 min left for all",
        "20 min left for all",  # it is twice as slow as planned
        "0 s left for all",
    ]
    again = run_through(Pace(steps, tmp_path, planned=told, now=clock), clock, steps)
    assert again[0].endswith("about 22 min left for all")  # as it took, not as it was planned
