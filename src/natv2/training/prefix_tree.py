"""Shared-prefix evaluation: many subnets run together, over the prefix tree of their parts.

What subnets share is computed once: the stem and each block after the same blocks, for calibration and test
images alike, and a network that ends earlier is one more head on the way (docs/performance.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from natv2.spaces.architecture import Architecture
from natv2.supernets.network import FIRST, STEM, Part, head, levels, skipped
from natv2.supernets.part import SupernetPart
from natv2.supernets.supernet import Supernet

Runner = Callable[[list[Tensor]], list[Tensor]]
"""Takes the batches before a part, and gives those after it."""

OnLogits = Callable[[int, int, list[Tensor]], None]
"""Takes the position of an architecture, its exit, and the logits (N, classes) of each batch of images."""


@dataclass
class Node:
    """A part of networks after all that leads to it.

    `branches` are what may follow within the stage and after it; `heads` the heads here with the positions
    of the architectures that have them. `runner` is the part with its recorded statistics, once it has run.
    """

    part: Part
    branches: dict[Part, "Node"] = field(default_factory=dict)
    heads: dict[int, list[int]] = field(default_factory=dict)
    runner: SupernetPart | None = None
    head_runners: dict[int, SupernetPart] = field(default_factory=dict)

    def follow(self, part: Part) -> "Node":
        """The branch of `part`, a new one where there is none."""
        return self.branches.setdefault(part, Node(part))


def prefix_tree(architectures: Mapping[int, Architecture]) -> Node:
    """The tree of `architectures` of one resolution and width, by their positions, from the stem on."""
    root = Node(STEM)
    first = root.follow(FIRST)
    for position, architecture in architectures.items():
        node = first
        for stage in range(architecture.deepest_exit):
            for level in levels(architecture, stage):
                node = node.follow(level)
            if stage + 1 in architecture.exits:
                node.heads.setdefault(stage + 1, []).append(position)
    return root


@dataclass(frozen=True)
class Activations:
    """What has been computed of a batch: `x` goes on, `outputs` are those of the stage's levels so far."""

    x: Tensor
    outputs: tuple[Tensor, ...] = ()


class PrefixTree:
    """Runs the networks of a tree on batches, depth first; of the states after it, it keeps what is needed.

    The first time, `calibration` batches go along: each part records their statistics before it runs the
    others. Every time after that, the recorded ones are there.
    """

    def __init__(self, supernet: Supernet, root: Node, found: OnLogits) -> None:
        self._supernet, self._root, self._found = supernet, root, found

    def __call__(self, images: Sequence[Tensor], calibration: Sequence[Tensor] = ()) -> None:
        """Run all networks on `images`, with `calibration` the first time: batches (N, 3, R, R)."""
        states = [[Activations(x) for x in batches] for batches in (calibration, images)]
        self._visit(self._root, states[0], states[1], last=True)

    def _visit(
        self, node: Node, calibration: list[Activations], images: list[Activations], *, last: bool
    ) -> None:
        if node.runner is None:
            node.runner = self._supernet.part(node.part)
        recorded = self._after(node, calibration, node.runner.record)
        run = self._after(node, images, node.runner)
        if last:  # nothing else follows what this part followed: its memory is free
            calibration.clear()
            images.clear()
        for exit, positions in node.heads.items():
            logits = self._heads(node, exit, recorded, run)
            for position in positions:
                self._found(position, exit, logits)
        branches = list(node.branches.values())
        for branch in branches:
            self._visit(branch, recorded, run, last=branch is branches[-1])

    def _after(self, node: Node, states: list[Activations], runner: Runner) -> list[Activations]:
        outputs = runner([state.x for state in states])
        if not self._supernet.design.dense or node.part in (STEM, FIRST):
            return [Activations(x) for x in outputs]
        earlier = [() if node.part.opens_stage else state.outputs for state in states]
        all_of_stage = [(*before, x) for before, x in zip(earlier, outputs, strict=True)]
        return [Activations(skipped(stage, dense=True), stage) for stage in all_of_stage]

    def _heads(
        self, node: Node, exit: int, calibration: list[Activations], images: list[Activations]
    ) -> list[Tensor]:
        if exit not in node.head_runners:
            node.head_runners[exit] = self._supernet.part(head(exit))
        runner = node.head_runners[exit]
        runner.observe([state.x for state in calibration])
        return runner([state.x for state in images])
