"""A run that cannot have the memory or the disk that it needs is refused before it begins."""

from types import SimpleNamespace

import pytest

from natv2.runs import room


@pytest.mark.parametrize(
    ("pipeline", "what"),
    [
        ("ofav2_eps", "phase full at width 0.2"),
        ("natv2_search", "the search at width 0.2"),
        ("postprocess", "postprocess, "),
        ("aep", "mobilenet_v3_small, "),
    ],
)
def test_a_run_is_refused_before_it_begins(journey, run_in, monkeypatch, pipeline, what):
    run, runs = run_in(journey.project), len(journey.project.tracked_runs())
    with monkeypatch.context() as small:
        small.setattr(room, "memory_limit", lambda: 2**20)
        small.setattr(room.psutil, "swap_memory", lambda: SimpleNamespace(total=0))
        result = run("--pipeline", pipeline)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(f"Error: {what}")
    with monkeypatch.context() as full:
        full.setattr(room, "free_bytes", lambda folder: 2**10)
        result = run("--pipeline", pipeline)
    assert result.exit_code == 1
    assert "06_models has room for 0.0 GiB and checkpoints and states" in result.output.splitlines()[-1]
    assert len(journey.project.tracked_runs()) == runs
    assert not journey.project.attempts
