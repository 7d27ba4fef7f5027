"""An archive as a frame for people: what each architecture is, and which stand out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.objectives.constraints import UNCONSTRAINED, Constraints
from natv2.objectives.objectives import OBJECTIVES
from natv2.search.archive import Archive
from natv2.search.moo.decision_making import high_tradeoff
from natv2.search.moo.survival import non_dominated
from natv2.spaces.architecture import described
from natv2.spaces.space import SearchSpace


def describe_archive(
    archive: Archive,
    space: SearchSpace,
    objectives: tuple[str, ...],
    high_tradeoff_count: int,
    constraints: Constraints = UNCONSTRAINED,
) -> pd.DataFrame:
    """A row an architecture: what it is, its values, and whether it keeps `constraints` and stands out.

    Non-dominated and high trade-off are meant among those that are `feasible`; where none is, among
    those that violate the constraints least. `label` names the largest and the smallest network where
    the archive holds them.
    """
    architectures = [space.decode(code) for code in archive.codes]
    closest = archive.closest(constraints)
    costs = archive.costs(objectives)[closest]
    frame = pd.DataFrame([described(a) for a in architectures])
    if space.ways is not None:
        pairs = zip(archive.codes, architectures, strict=True)
        ways = [space.way(code) if len(each.exits) > 1 else (None, None) for code, each in pairs]
        frame["kept"] = ["-".join(map(str, each.exits)) for each in architectures]
        frame["exit_weighting"] = [weighting for weighting, _ in ways]
        frame["leaving"] = np.array([leaving for _, leaving in ways], np.float64)
    unknown = [name for name in OBJECTIVES if archive.values[name].isna().all()]
    frame = pd.concat([frame, archive.values.drop(columns=unknown)], axis=1)
    frame["feasible"] = constraints.feasible(archive.values)
    frame["non_dominated"] = _flags(len(archive), closest[non_dominated(costs)])
    frame["high_tradeoff"] = _flags(len(archive), closest[high_tradeoff(costs, high_tradeoff_count)])
    labels = {space.largest(): "largest", space.smallest(): "smallest"}
    frame["label"] = [labels.get(a) for a in architectures]
    return frame


def describe_turns(
    archives: Sequence[Archive],
    space: SearchSpace,
    objectives: tuple[str, ...],
    high_tradeoff_count: int,
    constraints: Constraints = UNCONSTRAINED,
) -> pd.DataFrame:
    """`describe_archive` of each of `archives`, one below the other; `at_turn` is its place, from 0."""
    frames = [
        describe_archive(archive, space, objectives, high_tradeoff_count, constraints) for archive in archives
    ]
    return pd.concat([f.assign(at_turn=turn) for turn, f in enumerate(frames)], ignore_index=True)


def _flags(length: int, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    flags = np.zeros(length, np.bool_)
    flags[indices] = True
    return flags
