"""How far a run is, and how long the rest may take."""

import json
from pathlib import Path

import pytest

from natv2.pipeline_registry import register_pipelines
from natv2.runs.pace import Pace, _text
from natv2.runs.purposes import PURPOSES, purpose


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def run_through(pace: Pace, clock: Clock, took: dict[str, float]) -> list[str]:
    said = []
    for node, seconds in took.items():
        said.append(pace.begin(node))
        clock.seconds += seconds
    pace.end()
    return said


TOOK = {"narrow.full": 60.0, "narrow.kernel": 120.0, "search": 600.0}


def test_the_first_run_says_steps_and_purposes_alone(tmp_path: Path) -> None:
    clock = Clock()
    said = run_through(Pace(TOOK, tmp_path, now=clock), clock, TOOK)
    assert said == [
        "1 of 3: narrow.full, the largest network learns the images",
        "2 of 3: narrow.kernel, networks with smaller kernels learn too",
        "3 of 3: search, looking for the best networks, turn by turn",
    ]


def test_the_next_one_says_what_is_left_corrected_by_its_own_pace(tmp_path: Path) -> None:
    clock = Clock()
    run_through(Pace(TOOK, tmp_path, now=clock), clock, TOOK)
    slow = {node: 2 * seconds for node, seconds in TOOK.items()}
    said = run_through(Pace(TOOK, tmp_path, now=clock), clock, slow)
    assert [line.rpartition(", ")[2] for line in said] == [
        "about 13 min left for all",  # as before: 780 s
        "about 24 min left for all",  # twice of 720 s
        "about 20 min left for all",
    ]
    again = run_through(Pace(TOOK, tmp_path, now=clock), clock, TOOK)  # the slow one is the newest now
    assert again[0].endswith("about 26 min left for all")


def test_other_steps_are_another_run(tmp_path: Path) -> None:
    clock = Clock()
    run_through(Pace(TOOK, tmp_path, now=clock), clock, TOOK)
    assert "left" not in Pace([*TOOK, "export_finished"], tmp_path, now=clock).begin("narrow.full")


def test_other_ranks_are_another_pace(tmp_path: Path) -> None:
    clock = Clock()
    run_through(Pace(TOOK, tmp_path, now=clock), clock, TOOK)
    assert "left" not in Pace(TOOK, tmp_path, ranks=2, now=clock).begin("narrow.full")


def test_what_was_resumed_is_no_measure(tmp_path: Path) -> None:
    clock = Clock()
    run_through(Pace(TOOK, tmp_path, now=clock, resumed=True), clock, TOOK)
    assert list(tmp_path.iterdir()) == []


def test_a_budget_says_what_is_left_where_no_run_is_known(tmp_path: Path) -> None:
    clock = Clock()
    said = run_through(Pace(TOOK, tmp_path, now=clock, expected_s=5400), clock, TOOK)
    assert [line.rpartition(", ")[2] for line in said] == [
        "about 1 h 30 min left for all",
        "about 1 h 29 min left for all",
        "about 1 h 27 min left for all",
    ]


@pytest.mark.parametrize("text", ["", "[1]", '{"narrow.full": "x"}', json.dumps({"narrow.full": 1})])
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    clock = Clock()
    run_through(Pace(TOOK, tmp_path, now=clock), clock, TOOK)
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert "left" not in Pace(TOOK, tmp_path, now=clock).begin("narrow.full")


def test_every_step_of_every_pipeline_has_a_purpose_and_no_other_has() -> None:
    nodes = {node.name for pipeline in register_pipelines().values() for node in pipeline.nodes}
    assert [node for node in nodes if not purpose(node)] == []
    assert PURPOSES.keys() == {node.rpartition(".")[2] for node in nodes}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (61, "1 min"), (3570, "1 h 0 min"), (7300, "2 h 2 min")]
)
def test_times_are_as_people_say_them(seconds: float, text: str) -> None:
    assert _text(seconds) == text
