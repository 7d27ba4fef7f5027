"""Two hosts, which are two agents on this one: `natv2 worker` beside a run."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from natv2.errors import UserError
from natv2.ranks.group import RankGroup
from natv2.ranks.together import together
from natv2.ranks.world import world
from tests.ranks.group_of import ranks, this

KEY = "5a" * 32


@contextmanager
def joining(group: RankGroup, *options: str, key: str = KEY) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "natv2", "worker", "--rendezvous", str(group.address), "--hosts", "2"]
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NATV2_GROUP_KEY": key},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def counted() -> tuple[int, float]:
    return world().size, float(world().sum(torch.tensor([float(world().rank)])))


def test_ranks_of_two_hosts_compute_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NATV2_GROUP_KEY", KEY)
    with ranks(this(__name__), ranks=2, hosts=2) as group, joining(group, "--workers", "2") as other:
        assert together(counted) == (4, 6.0)
        group.close()
        said, _ = other.communicate(timeout=60)
    assert other.returncode == 0, said
    assert "2 ranks of" in said and said.endswith("the run has ended\n")


def test_a_host_that_is_told_to_stop_is_named_and_one_rank_suffices_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NATV2_GROUP_KEY", KEY)
    with ranks(this(__name__), ranks=1, hosts=2) as group, joining(group, "--workers", "1") as other:
        assert together(counted) == (2, 1.0)
        other.send_signal(signal.SIGTERM)
        other.wait(timeout=60)
        with pytest.raises(UserError, match=r"host \S+ was told to stop|rank 1 on \S+ was ended by SIGTERM"):
            together(counted)


def test_a_worker_of_another_run_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NATV2_GROUP_KEY", KEY)
    with ranks(this(__name__), ranks=1, hosts=3) as group, joining(group) as other:
        said, _ = other.communicate(timeout=60)
    assert other.returncode == 1
    assert f"Error: --hosts cannot be 2: the run at {group.address} has hosts=3" in said
