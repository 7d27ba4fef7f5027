"""Epochs that a budget of time allows."""

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from natv2.baselines import plan
from natv2.config import seconds_of
from natv2.errors import UserError
from natv2.pipeline_registry import register_pipelines
from natv2.runs import time_budget
from natv2.runs.time_budget import Expected, within_budget
from natv2.shrinking.config import Training
from natv2.training.state_store import StateStore
from tests.configs import RUN, parameters
from tests.tiny import splits


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("1.5h", 5400), ("1h30m", 5400), ("2h", 7200), ("0.5m", 30)]
)
def test_times_are_hours_and_minutes(text, seconds):
    assert seconds_of(text) == seconds
    assert parameters(budget=text).budget == text


@pytest.mark.parametrize("text", ["", "90", "h", "-1h", "1h30", "30m1h", "0m", "1d", 90])
def test_other_times_are_refused_with_what_is_allowed(text):
    with pytest.raises(UserError, match=r"'budget' .*such as 90m, 1.5h or 1h30m"):
        parameters(budget=text)


def shortened(tmp_path, monkeypatch, expected, **changes):
    monkeypatch.setattr(time_budget, "_expected", lambda *_: Expected(*expected))
    asked = parameters(**{"schedule": "random", "postprocess": {"full": {"epochs": 40}}} | changes)
    store = StateStore(tmp_path)
    return asked, within_budget(asked, Pipeline([]), DataCatalog(), RUN, store)


PHASES = {"eps": {"phases": {"single_stage": {"epochs": 20, "warmup_epochs": 6}}}}


@pytest.mark.parametrize(
    ("budget", "fixed", "share"), [("1h", 1800, 0.25), ("2h", 3600, 0.5), ("100h", 0, 1.0), ("1h", 0, 0.5)]
)
def test_all_get_the_same_share_of_their_epochs_after_what_has_none(
    tmp_path, monkeypatch, budget, fixed, share
):
    asked, sized = shortened(tmp_path, monkeypatch, (7200.0, fixed), budget=budget, **PHASES)
    assert sized.postprocess.full.epochs == round(40 * share)
    phase = Training.part_of(sized).phase("single_stage")
    assert phase.epochs == round(20 * share)
    assert phase.warmup_epochs == min(6, phase.epochs // 2)
    # All else is as it was asked for.
    assert sized.search == asked.search and sized.postprocess.thesis == asked.postprocess.thesis
    assert sized.eps.phases.full == asked.eps.phases.full


def test_a_resumed_run_has_the_share_that_it_had_however_long_things_take_now(tmp_path, monkeypatch):
    _, first = shortened(tmp_path, monkeypatch, (7200.0, 0.0), budget="1h", **PHASES)
    _, again = shortened(tmp_path, monkeypatch, (72000.0, 9.0), budget="1h", **PHASES)
    assert first == again


def test_too_little_time_is_refused_with_what_would_do(tmp_path, monkeypatch):
    with pytest.raises(UserError) as error:
        shortened(tmp_path, monkeypatch, (7200.0, 3000.0), budget="1h", **PHASES)
    assert "budget=1h is too little" in error.value.message and "\n" not in error.value.message
    assert "3.3 epochs, 5 need 1:06:00" in error.value.message
    # Nothing is kept of it: a larger budget begins anew.
    _, sized = shortened(tmp_path, monkeypatch, (7200.0, 3000.0), budget="2h", **PHASES)
    assert sized.postprocess.full.epochs == round(40 * 4200 / 7200)


def test_time_that_pretrained_networks_would_take_is_told_where_it_is_too_much(tmp_path, monkeypatch):
    with pytest.raises(
        UserError, match=r"5 need 1:06:00 \(0:58:00 without pretrained networks: baselines\.pre"
    ):
        shortened(tmp_path, monkeypatch, (7200.0, 3000.0, 3600.0), budget="1h", **PHASES)


def test_without_a_budget_nothing_is_timed(tmp_path, monkeypatch):
    asked = parameters()
    assert within_budget(asked, Pipeline([]), DataCatalog(), RUN, StateStore(tmp_path)) is asked


def test_every_stage_of_a_pipeline_is_timed_and_no_other(tmp_path, monkeypatch):
    timed = []

    def stage(name, result):
        monkeypatch.setattr(time_budget, name, lambda *_: timed.append(name) or result)

    for name in ("_supernets", "_search", "_finishing"):
        stage(name, Expected(60.0, 30.0))
    catalog = DataCatalog({name: MemoryDataset(splits()) for name in ("source_images", "target_images")})
    pipelines = register_pipelines()
    for pipeline, stages in (
        ("__default__", ["_supernets", "_search", "_finishing"]),
        ("natv2_search", ["_search"]),
        ("postprocess", ["_finishing"]),
        ("images", []),
    ):
        timed.clear()
        asked = parameters(budget="1h")
        within_budget(asked, pipelines[pipeline], catalog, RUN, StateStore(tmp_path / pipeline))
        assert timed == stages


def test_finishing_is_timed_by_the_networks_that_are_likely(tmp_path, monkeypatch):
    values, images = parameters(), splits()
    alone = time_budget._finishing(values, images, RUN, StateStore(tmp_path), ["finishing"])
    stages = ["finishing", "plain networks", "pretrained networks"]
    both = time_budget._finishing(values, images, RUN, StateStore(tmp_path), stages[:2])
    assert 0 < alone.trained < both.trained and both.pretrained == 0
    monkeypatch.setattr(plan, "likely_networks", lambda config: ["mobilenet_v3_small_035"])
    monkeypatch.setattr(plan, "_plain_seconds", lambda finishing, name: 100.0)
    with_pretrained = time_budget._finishing(values, images, RUN, StateStore(tmp_path), stages)
    assert with_pretrained.pretrained == pytest.approx(100) and with_pretrained.trained > 100
