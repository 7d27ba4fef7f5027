"""All ways to use the exits of a path, judged at once by what its exits say of validation images.

A way is a set of exits, how their outputs are weighed, and how many images may leave before the last of them.
One pass gives the logits of all exits; all else is arithmetic (docs/methods.md, Several exits).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from natv2.exits.leaving import cross_fitted
from natv2.exits.weightings import OUTPUT_WEIGHTINGS, ExitWeighting, exit_weights

LEAVING = (0.3, 0.5, 0.7, 0.85, 0.95)
"""Shares of the images that leave before the last exit."""

_PIECE = 1 << 18  # numbers that are computed with at once: a CPU's caches hold them


class Variant(NamedTuple):
    """A set of exits, ascending; how their outputs are weighed; which share of images leaves early, if any.

    One exit by itself is UNIF, and nobody leaves before it.
    """

    exits: tuple[int, ...]
    weighting: ExitWeighting
    leaving: float | None


def variants(exits: int) -> tuple[Variant, ...]:
    """All that a path of so many exits offers with its deepest one, the cheapest sets first."""
    return _plan(exits).variants


@dataclass(frozen=True, eq=False)
class ExitAnswers:
    """What the running ensembles of a path say of images: how sure they are, and whether they are right.

    `sure` and `right` are (ensembles, images), in an order of their own.
    """

    exits: int
    sure: Tensor
    right: Tensor

    @classmethod
    def of(cls, logits_ENC: Tensor, labels: Tensor) -> "ExitAnswers":
        """Those of the logits of all exits of a path, with the labels (images,)."""
        exits, images, classes = logits_ENC.shape
        beta_PE = _plan(exits).prefixes.to(logits_ENC.device)
        size = max(1, _PIECE // (len(beta_PE) * classes))
        found = [
            _answers(torch.einsum("pe,enc->pnc", beta_PE, logits_ENC[:, at : at + size]), labels[at:][:size])
            for at in range(0, images, size)
        ]
        sure, right = (torch.cat(parts, dim=1).cpu() for parts in zip(*found, strict=True))
        return cls(exits, sure, right)

    @classmethod
    def joined(cls, parts: Sequence["ExitAnswers"]) -> "ExitAnswers":
        """The answers about all images of `parts`, in their order."""
        sure, right = (torch.cat([getattr(part, n) for part in parts], dim=1) for n in ("sure", "right"))
        return cls(parts[0].exits, sure, right)

    def judged(self) -> "Judged":
        """What each of the path's `variants` is right about, and where images leave.

        Thresholds are fitted on every other image and judged on those between; where nobody leaves early all
        images count.
        """
        plan = _plan(self.exits)
        images = self.right.shape[1]
        right = torch.empty(len(plan.variants), images, dtype=torch.bool)
        shares = torch.zeros(len(plan.variants), self.exits, dtype=torch.float64)
        right[plan.whole] = self.right[plan.ends]
        shares[plan.whole, -1] = 1.0
        for group in plan.groups:
            left = cross_fitted(self.sure[group.steps], LEAVING)
            right[group.rows] = self.right[group.steps].gather(1, left)
            each = torch.stack([(left == step).double().mean(dim=2) for step in range(group.exits.shape[1])])
            columns = (group.exits - 1)[:, None, :].expand(-1, len(LEAVING), -1)
            shares[group.rows] = shares[group.rows].scatter(2, columns, each.permute(1, 2, 0))
        return Judged(right, shares)


class Judged(NamedTuple):
    """Of each variant: which images it is right about (V, images), which share leaves at each exit (V, E)."""

    right: Tensor
    shares: Tensor


def _answers(said_PNC: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    surest, answer = said_PNC.max(dim=2)
    return 1 / (said_PNC - surest[:, :, None]).exp().sum(dim=2), answer == labels


class _Group(NamedTuple):
    """Sets of equally many exits with their weightings: (M, K) exits and running ensembles; rows (M, L)."""

    exits: Tensor
    steps: Tensor
    rows: Tensor


@dataclass(frozen=True, eq=False)
class _Plan:
    """What to compute for a path: different running ensembles once, each a row of `prefixes` (P, E).

    `whole` are the variants nobody leaves early, `ends` their ensembles; `groups` are all others.
    """

    variants: tuple[Variant, ...]
    prefixes: Tensor
    whole: Tensor
    ends: Tensor
    groups: tuple[_Group, ...]


@lru_cache(maxsize=8)
def _plan(exits: int) -> _Plan:
    known: dict[tuple[float, ...], int] = {}
    every, whole, ends = list[Variant](), list[int](), list[int]()
    groups = dict[int, list[tuple[tuple[int, ...], list[int], list[int]]]]()
    for size in range(exits):
        for others in combinations(range(1, exits), size):
            kept = (*others, exits)
            for weighting in OUTPUT_WEIGHTINGS if others else OUTPUT_WEIGHTINGS[:1]:
                steps = [known.setdefault(row, len(known)) for row in _running(kept, weighting, exits)]
                whole.append(len(every))
                ends.append(steps[-1])
                every.append(Variant(kept, weighting, None))
                if others:
                    rows = list(range(len(every), len(every) + len(LEAVING)))
                    groups.setdefault(len(kept), []).append((kept, steps, rows))
                    every += [Variant(kept, weighting, share) for share in LEAVING]
    return _Plan(
        variants=tuple(every),
        prefixes=torch.tensor(list(known)),
        whole=torch.tensor(whole),
        ends=torch.tensor(ends),
        groups=tuple(
            _Group(*(torch.tensor(each) for each in zip(*group, strict=True))) for group in groups.values()
        ),
    )


def _running(kept: Sequence[int], weighting: ExitWeighting, exits: int) -> list[tuple[float, ...]]:
    """The weights, of all `exits`, of the ensemble at each of the exits `kept`; equal ones are equal."""
    beta = exit_weights(weighting, len(kept)).output
    rows = []
    for count in range(1, len(kept) + 1):
        given = dict(zip(kept[:count], beta, strict=False))
        total = sum(given.values())
        rows.append(tuple(round(given.get(exit, 0.0) / total, 9) for exit in range(1, exits + 1)))
    return rows
