"""The archive: truly evaluated architectures (thesis, sections 3.3.4 and 6.1.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from natv2.errors import UserError
from natv2.objectives.constraints import UNCONSTRAINED, Constraints
from natv2.objectives.objectives import ACCURACY, OBJECTIVES, Costs, as_costs, is_tested
from natv2.search.moo.survival import Indices, best_first
from natv2.spaces.space import Codes, SearchSpace


def columns() -> dict[str, type]:
    """Columns of an archive's values with their types: the objectives, then what is known of the evaluation.

    nan where nothing was predicted, or an objective is not known.
    """
    objectives = {name: row.dtype for name, row in OBJECTIVES.items()}
    return objectives | {"predicted_error": float, "turn": np.int64}


def _optional() -> list[str]:
    """Columns that frames have only where something is known of them."""
    return [name for name in OBJECTIVES if is_tested(name) and name != ACCURACY]


def is_among(codes: Codes, others: Codes) -> NDArray[np.bool_]:
    """For each row of `codes`, whether it is also a row of `others`. Both canonical."""
    known = {row.tobytes() for row in np.ascontiguousarray(others, np.int64)}
    rows = np.ascontiguousarray(codes, np.int64)
    return np.fromiter((row.tobytes() in known for row in rows), np.bool_, len(codes))


@dataclass(frozen=True, kw_only=True, eq=False)
class Archive:
    """Different architectures as canonical `codes` (N, V), with the `columns` in `values` (N rows).

    Accuracy is a fraction, `turn` the one in which the architecture entered. Every method gives a new
    archive. The largest and the smallest network have no privileges.

    Raises ValueError where rows and columns do not fit or an architecture stands there twice.
    """

    codes: Codes
    values: pd.DataFrame

    def __post_init__(self) -> None:
        """Check, and keep copies that nobody else can change."""
        given = self.values.assign(**{name: np.nan for name in _optional() if name not in self.values})
        missing = [name for name in columns() if name not in given]
        if missing or len(given) != len(self.codes) or self.codes.ndim != 2:
            raise ValueError(f"{len(self.codes)} codes, {len(given)} rows of values, missing {missing}")
        codes = np.array(self.codes, np.int64)
        codes.setflags(write=False)
        if len(np.unique(codes, axis=0)) != len(codes):
            raise ValueError("an architecture stands in the archive twice")
        values = given[list(columns())].reset_index(drop=True).astype(columns())
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "values", values)

    @classmethod
    def evaluated(
        cls,
        codes: Codes,
        *,
        accuracy: ArrayLike,
        costs: pd.DataFrame,
        turn: int,
        predicted_error: ArrayLike = np.nan,
    ) -> "Archive":
        """The archive of architectures just evaluated: accuracies (N,), a frame of the other objectives."""
        found: dict[str, Any] = {name: costs.get(name, np.nan) for name in OBJECTIVES if name != ACCURACY}
        found |= {ACCURACY: accuracy, "predicted_error": predicted_error, "turn": turn}
        plain = {name: np.asarray(column) for name, column in found.items()}
        return cls(codes=codes, values=pd.DataFrame(plain, index=range(len(codes))))

    def __len__(self) -> int:
        """Number of architectures."""
        return len(self.codes)

    def costs(self, objectives: tuple[str, ...]) -> Costs:
        """Costs (N, M) in the order of `objectives`, all minimised."""
        return as_costs(self.values, objectives)

    def contains(self, codes: Codes) -> NDArray[np.bool_]:
        """For each canonical code (K, V), whether its architecture is in the archive."""
        return is_among(codes, self.codes)

    def take(self, indices: Indices) -> "Archive":
        """The architectures at `indices`, in that order."""
        return Archive(codes=self.codes[indices], values=self.values.iloc[indices])

    def best_first(
        self, objectives: tuple[str, ...], *, seed: int, constraints: Constraints = UNCONSTRAINED
    ) -> Indices:
        """Indices (N,), best first; architectures that violate `constraints` come after all others."""
        return best_first(self.costs(objectives), seed=seed, violations=constraints.violations(self.values))

    def top(
        self, count: int, objectives: tuple[str, ...], *, seed: int, constraints: Constraints = UNCONSTRAINED
    ) -> "Archive":
        """The `count` best architectures, best first: all of them where there are fewer."""
        return self.take(self.best_first(objectives, seed=seed, constraints=constraints)[:count])

    def feasible(self, constraints: Constraints) -> "Archive":
        """The architectures that keep `constraints`."""
        return self.take(np.flatnonzero(constraints.feasible(self.values)))

    def closest(self, constraints: Constraints) -> Indices:
        """Indices of the architectures that violate `constraints` least: not at all, where any keep them."""
        violations = constraints.violations(self.values)
        return np.flatnonzero(violations == violations.min())

    def grow(self, candidates: "Archive") -> "Archive":
        """With `candidates` added: NAT's way. Raises ValueError where one is already there."""
        values = pd.concat([self.values, candidates.values])
        return Archive(codes=np.concatenate([self.codes, candidates.codes]), values=values)

    def joined(self, others: "Archive") -> "Archive":
        """With those of `others` that are not there yet."""
        return self.grow(others.without(self))

    def renewed(self, later: "Archive") -> "Archive":
        """With all of `later`, whose values are the newer ones where both have an architecture."""
        return self.without(later).grow(later)

    def without(self, others: "Archive") -> "Archive":
        """The architectures that are not in `others`."""
        return self.take(np.flatnonzero(~others.contains(self.codes)))

    def substitute(
        self,
        candidates: "Archive",
        objectives: tuple[str, ...],
        *,
        seed: int,
        constraints: Constraints = UNCONSTRAINED,
        size: int | None = None,
    ) -> "Archive":
        """With the worst replaced by `candidates`, so that the size stays: NATv2's way (section 6.1.3).

        Or so that it becomes `size`, which is no larger. Those that remain keep their order. Raises
        ValueError where a candidate is already there or there are more candidates than architectures to
        replace.
        """
        if len(candidates) > len(self):
            raise ValueError(f"{len(candidates)} candidates for an archive of {len(self)}")
        if self.contains(candidates.codes).any():
            raise ValueError("a candidate is already in the archive")
        order = self.best_first(objectives, seed=seed, constraints=constraints)
        kept = (len(self) if size is None else size) - len(candidates)
        return self.take(np.sort(order[:kept])).grow(candidates)

    def with_tested(self, tested: pd.DataFrame) -> "Archive":
        """With the columns `tested` (N rows) anew, after the supernet's weights have changed."""
        plain = {str(name): column.to_numpy() for name, column in tested.items()}
        return Archive(codes=self.codes, values=self.values.assign(**plain))

    def to_frame(self) -> pd.DataFrame:
        """As one frame: a column for each variable of the code (v00, v01, ...), then `columns`."""
        names = _variable_names(self.codes.shape[1])
        unknown = [name for name in _optional() if self.values[name].isna().all()]
        known = self.values.drop(columns=unknown)
        return pd.concat([pd.DataFrame(self.codes, columns=names), known], axis=1)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, space: SearchSpace) -> "Archive":
        """The archive that `to_frame` wrote. Raises UserError where the frame is none of `space`."""
        names = _variable_names(space.variables)
        known = [name for name in frame if str(name).startswith("v") and str(name)[1:].isdigit()]
        needed = [name for name in columns() if name not in _optional()]
        missing = [name for name in (*names, *needed) if name not in frame]
        if missing or len(known) != len(names):
            reason = f"{missing[0]} is missing" if missing else f"it has {len(known)} variables"
            raise UserError(
                f"this is no archive of {space.design.name}, whose codes have {len(names)} values: {reason}"
            )
        return _or_user_error(lambda: cls._checked(frame, names, space), space)

    @classmethod
    def _checked(cls, frame: pd.DataFrame, names: list[str], space: SearchSpace) -> "Archive":
        codes = frame[names].to_numpy(np.int64)
        if not np.array_equal(space.canonical(codes), codes):
            raise ValueError("a code is not canonical")
        return cls(codes=codes, values=frame)


def _or_user_error(make: Callable[[], Archive], space: SearchSpace) -> Archive:
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise UserError(f"this is no archive of {space.design.name}: {error}") from None


def _variable_names(variables: int) -> list[str]:
    return [f"v{number:02}" for number in range(variables)]
