"""Nodes that are ready at the same time, computed one a rank, against one after the other."""

import logging
import os
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from natv2.errors import UserError
from natv2.ranks.side_by_side import ONE_RANK
from natv2.ranks.world import is_apart, world
from natv2.run import Run
from natv2.runs.node_per_rank import NodePerRank
from natv2.training.state_store import StateStore
from tests.ranks.group_of import ranks, this


def learn(width: float, folder: str, store: StateStore) -> float:
    """Ten times as much; one of two that are at it on a rank each waits for the other."""
    rank = world().names[0].split()[1]
    if rank == "1" and Path(folder, "kill").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    logging.getLogger("natv2").info("%s: %s learns on rank %s", store.name, width, rank)
    if is_apart():
        Path(folder, str(width)).touch()
        while len(list(Path(folder).glob("*.0"))) % 2:
            world().check()
            time.sleep(0.01)
    if width < 0:
        raise UserError("too narrow")
    return 10 * width


def ranks_of(*_: float) -> int:
    return world().size


def pipeline() -> Pipeline:
    """Two widths in two phases; what comes after both is for all ranks, or alone with its tag."""
    nodes = [
        Node(learn, [before, "folder", "progress"], after, name=after, tags=ONE_RANK)
        for name in ("narrow", "wide")
        for before, after in ((name, f"{name}_1"), (f"{name}_1", f"{name}_2"))
    ]
    last = Node(learn, ["wide_2", "folder", "progress"], "last", name="last", tags=ONE_RANK)
    return Pipeline([*nodes, last, Node(ranks_of, ["narrow_2", "wide_2"], "both", name="both")])


def run(
    nodes: Pipeline, folder: Path, passed_over: tuple[str, ...] = (), wide: float = 2.0
) -> Mapping[str, Any]:
    """What `nodes` give, as the hooks and Kedro run them; `loaded`: the inputs of others."""
    found: dict[str, Any] = {"narrow": 1.0, "wide": wide, "folder": str(folder), "loaded": []}
    per_rank, store = NodePerRank(nodes, Run(), passed_over), StateStore(folder / "states")

    def load(name: str) -> Any:
        found["loaded"].append(name)
        return found[name]

    catalog = cast(DataCatalog, SimpleNamespace(load=load))
    for node in nodes.nodes:
        inputs = {name: store.child(node.name) if name == "progress" else found[name] for name in node.inputs}
        per_rank.begin(node, inputs, catalog, store)
        found |= node.run(inputs)
        per_rank.end(node)
        assert node.func in (learn, ranks_of)  # for the next run
    return found


def test_what_ranks_compute_is_what_one_does(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "natv2")
    nodes = pipeline()
    alone = run(nodes, tmp_path)
    assert alone["last"] == 2000 and alone["loaded"] == []
    caplog.clear()
    with ranks(this(__name__), ranks=2):
        found = run(nodes, tmp_path)
    assert found == {**alone, "loaded": ["wide", "wide_1"]}
    for phase in ("1", "2"):
        assert f"wide_{phase} at the same time, one a rank" in caplog.messages
        said = [line for line in caplog.messages if re.match(rf"(narrow|wide)_{phase}: ", line)]
        assert sorted(line[-1] for line in said) == ["0", "1"]  # each once, the other rank's as it was said
    assert "last: 200.0 learns on rank 0" in caplog.messages


def test_fewer_nodes_than_ranks_are_for_all(tmp_path: Path) -> None:
    with ranks(this(__name__), ranks=3):
        assert run(pipeline(), tmp_path)["loaded"] == []


def test_a_node_that_is_passed_over_waits_for_none(tmp_path: Path) -> None:
    with ranks(this(__name__), ranks=2):
        assert run(pipeline(), tmp_path, ("wide_1",))["loaded"] == ["wide_1"]


@pytest.mark.parametrize(
    ("wide", "kills", "told"),
    [
        # What says what to do is not followed by the advice to do the same again.
        (-1.0, False, r"too narrow$"),
        # The other job looks after the rank while it waits for it.
        (2.0, True, r"rank 1 on \S+ was ended by SIGKILL.*; give the same command again to resume"),
    ],
)
def test_a_fault_of_another_is_the_runs_at_once(tmp_path: Path, wide: float, kills: bool, told: str) -> None:
    nodes = pipeline()
    if kills:
        (tmp_path / "kill").touch()
    with ranks(this(__name__), ranks=2), pytest.raises(UserError, match=told):
        run(nodes, tmp_path, wide=wide)
    assert {node.func for node in nodes.nodes} == {learn, ranks_of}
