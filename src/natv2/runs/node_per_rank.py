"""Nodes that a rank can compute alone: where no fewer are ready than there are ranks, each takes one."""

import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from natv2.catalog.state_store import PROGRESS
from natv2.ranks.side_by_side import ONE_RANK, fill_ranks, side_by_side
from natv2.run import Run
from natv2.training.state_store import StateStore

logger = logging.getLogger("natv2")

Job = tuple[Callable[..., Any], list[Any]]
"""A function and its arguments."""


class NodePerRank:
    """The tagged nodes of one run of `pipeline`, but those that are `passed_over`.

    A step that ranks share has its costs, and a smaller slice for each; a node of its own has neither. Kedro
    still runs one node after the other: what a rank has computed is given when the node's turn comes.
    """

    def __init__(self, pipeline: Pipeline, run: Run, passed_over: Collection[str] = ()) -> None:
        self._run, self._needed = run, pipeline.node_dependencies
        self._waiting = [
            node for node in pipeline.nodes if ONE_RANK in node.tags and node.name not in passed_over
        ]
        self._done = set[Node]()
        self._found: dict[Node, Any] = {}

    def begin(
        self, node: Node, inputs: Mapping[str, Any], catalog: CatalogProtocol[Any, Any], store: StateStore
    ) -> None:
        """Before `node` runs: let it compute with all that are ready, or give what is known.

        `inputs` are its own, those of others are in `catalog`; each has its part of `store`.
        """

        def job(each: Node) -> Job:
            known = {**inputs, PROGRESS: store.child(each.name)}
            return each.func, [known[name] if name in known else catalog.load(name) for name in each.inputs]

        if node in self._found:
            _once(node, partial(self._found.pop, node))
        elif node in self._waiting and fill_ranks(len(ready := self._ready()), self._run):
            others = [each for each in ready if each is not node]
            logger.info("%s at the same time, one a rank", ", ".join(each.name for each in others))
            _once(node, partial(self._compute, node, [job(each) for each in ready], ready))

    def end(self, node: Node) -> None:
        """After `node` has run."""
        self._done.add(node)
        self._waiting = [each for each in self._waiting if each is not node]

    def _ready(self) -> list[Node]:
        return [each for each in self._waiting if self._needed[each] <= self._done]

    def _compute(self, node: Node, jobs: list[Job], nodes: list[Node]) -> Any:
        self._found |= dict(zip(nodes, side_by_side(_called, jobs), strict=True))
        self._waiting = [each for each in self._waiting if each not in nodes]
        return self._found.pop(node)


def _called(function: Callable[..., Any], arguments: list[Any]) -> Any:
    return function(*arguments)


def _once(node: Node, result: Callable[[], Any]) -> None:
    """Let `node` give `result()` the next time that it runs, in the place of its function's."""
    own = node.func

    def instead(*_: Any) -> Any:
        node.func = own  # nodes are those of the whole process
        return result()

    node.func = instead
