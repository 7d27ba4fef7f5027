"""Epochs of finishing in a run with a budget, after all before it has taken its time."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from natv2.baselines.plan import FINISHING, PLAIN_NETWORKS
from natv2.runs import time_budget
from natv2.runs.time_budget import Expected
from natv2.runs.time_left import TimeLeft
from natv2.training.state_store import State, StateStore
from tests.configs import RUN, parameters
from tests.runs.test_pace import Clock

MINUTE = 60.0
SUPERNETS, SEARCH = 40 * MINUTE, 10 * MINUTE
STAGES = {PLAIN_NETWORKS: [10, 20 * MINUTE], FINISHING: [5, 20 * MINUTE]}  # with 100 epochs
PLAN = pd.DataFrame({"kind": ["plain"] * 7, "taught": [True] * 3 + [False] * 4})  # ten trainings, as planned


class Budgeted:
    """A run with `budget=50m`: half of the epochs, of supernets 20 minutes and of finishing 20."""

    def __init__(self, folder: Path, clock: Clock, stages: dict[str, Any] | None = STAGES) -> None:
        self.catalog = DataCatalog(
            {f"params:{name}": MemoryDataset() for name in ("training", "postprocess")}
        )
        asked = parameters(
            budget="50m", schedule="random", postprocess={"full": {"epochs": 100, "warmup_epochs": 40}}
        )
        store = StateStore(folder)
        if stages is not None:
            store.save("finishing", State(values=stages))
        self.time_left = TimeLeft(asked, Pipeline([]), self.catalog, RUN, store, now=clock)

    def begin(self, node: str, plan: pd.DataFrame | None = PLAN) -> Any:
        inputs = {"params:postprocess": "as it was"} | ({} if plan is None else {"baseline_plan": plan})
        return self.time_left.begin(node, inputs, self.catalog)


@pytest.fixture(autouse=True)
def _expected(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Expected(trained=SUPERNETS + 40 * MINUTE, fixed=SEARCH)
    monkeypatch.setattr(time_budget, "_expected", lambda *_: expected)


@pytest.mark.parametrize(
    ("minutes", "epochs"),
    [
        (30, 47),  # as planned: 20 minutes are left, five hundredths are kept
        (40, 17),  # a third slower, and half of the time is left
        (22, 76),  # a quarter quicker; half of that is counted on, and 28 minutes are left
        (5, 100),  # never more than were asked for
        (49, 5),  # nor fewer than are worth the name
        (70, 5),
    ],
)
def test_finishing_takes_what_is_left(tmp_path: Path, minutes: float, epochs: int) -> None:
    clock = Clock()
    run = Budgeted(tmp_path, clock)
    assert run.time_left.parameters.postprocess.full.epochs == 50
    assert run.begin("search") == {}
    clock.seconds += minutes * MINUTE
    changed = run.begin("train_baselines")
    full = changed["params:postprocess"].full
    assert (full.epochs, full.warmup_epochs) == (epochs, min(40, epochs // 2))
    assert run.catalog.load("params:postprocess") == changed["params:postprocess"]
    assert run.time_left.expected_s == 50 * MINUTE
    # The same for all that is trained beside each other, however long that takes.
    clock.seconds += 30 * MINUTE
    assert run.begin("prepare_finishing", None) == {} == run.begin("finish_networks", None)


def test_the_time_of_the_plan_is_spent_but_no_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    expected = Expected(trained=SUPERNETS + 40 * MINUTE, fixed=SEARCH)

    def plan(*_: object) -> Expected:
        clock.seconds += 5 * MINUTE
        return expected

    monkeypatch.setattr(time_budget, "_expected", plan)
    Budgeted(tmp_path, clock).begin("search")
    run = Budgeted(tmp_path, clock)  # a stop changes nothing of it
    clock.seconds += 30 * MINUTE
    assert run.begin("train_baselines")["params:postprocess"].full.epochs == int(0.95 * 100 * 15 / 40)


def test_networks_that_are_known_by_then_count(tmp_path: Path) -> None:
    clock = Clock()
    run = Budgeted(tmp_path, clock)
    clock.seconds += 30 * MINUTE
    twice = pd.concat([PLAN, PLAN])  # 40 minutes of plain networks and 20 of finishing
    assert run.begin("train_baselines", twice)["params:postprocess"].full.epochs == int(0.95 * 100 * 20 / 60)


def test_a_resumed_run_knows_what_was_spent_and_decided(tmp_path: Path) -> None:
    clock = Clock()
    first = Budgeted(tmp_path, clock)
    clock.seconds += 25 * MINUTE
    first.begin("search")
    again = Budgeted(tmp_path, clock)  # a stop; the time until the command is given again does not count
    clock.seconds += 5 * MINUTE
    changed = again.begin("train_baselines")
    assert changed["params:postprocess"].full.epochs == 47
    assert again.time_left.expected_s == 25 * MINUTE
    third = Budgeted(tmp_path, clock)
    clock.seconds += 90 * MINUTE
    assert third.begin("train_baselines")["params:postprocess"] == changed["params:postprocess"]


def test_a_run_that_is_as_planned_or_finishes_nothing_stays_as_it_is(tmp_path: Path) -> None:
    clock = Clock()
    run = Budgeted(tmp_path / "none", clock, stages=None)
    clock.seconds += 10 * MINUTE
    assert run.begin("train_baselines") == {}
    planned = run.catalog.load("params:postprocess")
    assert planned.full.epochs == 50 and run.catalog.load("params:training").phase("single_stage")
    as_planned = Budgeted(tmp_path / "as planned", clock)
    clock.seconds += 28.95 * MINUTE  # what leaves just as many epochs
    assert as_planned.begin("train_baselines") == {}
