"""Evolution over the real space, with functions in the predictor's place."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from natv2.objectives.constraints import Constraints
from natv2.objectives.objectives import Costs, cost_matrix
from natv2.search.archive import Archive, is_among
from natv2.search.moo.evolution import evolve
from natv2.search.moo.indicators import Hypervolume
from natv2.search.predictors.table import PREDICTORS, is_installed
from natv2.spaces.space import Codes, SearchSpace
from tests.stand_ins import stand_in_errors

Maker = Callable[..., Archive]
Objectives = tuple[str, ...]
ALL = [("accuracy",), ("macs", "accuracy"), ("params", "accuracy", "macs")]


@dataclass(frozen=True)
class StandIn:
    """Evolution over a space with functions in the predictor's and the cost table's place."""

    space: SearchSpace
    predict_error: Callable[[Codes], NDArray[np.float64]]
    costs_of: Callable[[Codes], pd.DataFrame]
    populations: list[Codes] = field(default_factory=list)

    def costs(self, codes: Codes, objectives: Objectives) -> Costs:
        return cost_matrix(self.predict_error(codes), self.costs_of(codes), objectives)

    def evolve(self, archive: Archive, objectives: Objectives, **others: Any) -> tuple[Codes, Costs]:
        """Small unless told otherwise; what it evaluates is kept in `populations`."""

        def predict(codes: Codes) -> NDArray[np.float64]:
            self.populations.append(codes)
            return self.predict_error(codes)

        return evolve(
            space=self.space,
            predict_error=predict,
            costs_of=self.costs_of,
            objectives=objectives,
            archive=archive,
            **({"population": 20, "generations": 10, "seed": 0} | others),
        )


@pytest.fixture
def stand_in(
    space: SearchSpace,
    predict_error: Callable[[Codes], NDArray[np.float64]],
    costs_of: Callable[[Codes], pd.DataFrame],
) -> StandIn:
    return StandIn(space, predict_error, costs_of)


@pytest.mark.parametrize("objectives", ALL, ids=len)
def test_candidates_are_new_canonical_different_and_truly_costed(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives
) -> None:
    archive = make_archive(12)
    codes, costs = stand_in.evolve(archive, objectives)
    assert len(codes) == 20
    np.testing.assert_array_equal(codes, stand_in.space.canonical(codes))
    assert len(np.unique(codes, axis=0)) == len(codes)
    assert not archive.contains(codes).any()
    np.testing.assert_array_equal(costs, stand_in.costs(codes, objectives))


@pytest.mark.parametrize("objectives", ALL, ids=len)
def test_candidates_are_the_best_new_ones_that_were_evaluated(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives
) -> None:
    archive = make_archive(12)
    codes, costs = stand_in.evolve(archive, objectives)
    evaluated = np.concatenate(stand_in.populations)
    others = evaluated[~is_among(evaluated, codes) & ~archive.contains(evaluated)]
    left = stand_in.costs(others, objectives)
    # A candidate that something left out dominates would have a worse rank than that.
    dominated = (left[:, None] <= costs).all(axis=2) & (left[:, None] < costs).any(axis=2)
    assert len(left) > 0 and not dominated.any()


@pytest.mark.parametrize("objectives", ALL, ids=len)
def test_it_beats_random_sampling_at_equal_evaluations(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives
) -> None:
    stand_in.evolve(make_archive(40), objectives, population=40, generations=20)
    evaluated = stand_in.costs(np.concatenate(stand_in.populations), objectives)
    random = stand_in.space.sample_architectures(len(evaluated), np.random.default_rng(9))
    random_costs = stand_in.costs(random, objectives)
    measure = Hypervolume.from_archive(random_costs)
    assert measure.value(evaluated) > measure.value(random_costs)


@pytest.mark.parametrize("objectives", ALL, ids=len)
def test_the_seed_decides_and_nothing_global_changes(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives
) -> None:
    archive = make_archive(12)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    filters = list(warnings.filters)
    first, _ = stand_in.evolve(archive, objectives, generations=4)
    np.testing.assert_array_equal(before, np.random.get_state(legacy=False)["state"]["key"])
    assert filters == warnings.filters
    np.random.seed(1)
    again, _ = stand_in.evolve(archive, objectives, generations=4)
    other, _ = stand_in.evolve(archive, objectives, generations=4, seed=1)
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


@pytest.mark.parametrize("space", ["EE_DP_OFAMobileNetV3"], indirect=True)
@pytest.mark.parametrize("objectives", ALL, ids=len)
@pytest.mark.parametrize("name", [name for name in PREDICTORS if is_installed(name)])
def test_one_seed_gives_one_result_whatever_the_algorithm_the_constraints_and_the_predictor(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives, name: str
) -> None:
    archive, predict = make_archive(12), _coarse(name, stand_in.space)
    bounds = {"max_macs": int(archive.values.macs.quantile(0.3)), "min_accuracy": 0.89}
    for names in ((), ("min_accuracy",), tuple(bounds)):
        constraints = Constraints(**{each: bounds[each] for each in names})
        guided = StandIn(stand_in.space, predict, stand_in.costs_of)
        first, again = (
            guided.evolve(archive, objectives, generations=3, constraints=constraints)[0] for _ in range(2)
        )
        np.testing.assert_array_equal(first, again)


@cache
def _coarse(name: str, space: SearchSpace) -> Callable[[Codes], NDArray[np.float64]]:
    """What a predictor says to a tenth: predictions, and with them violations, tie."""
    codes = space.sample_architectures(12, np.random.default_rng(3))
    fitted = PREDICTORS[name](folds=2).fit(codes.astype(np.float64), stand_in_errors(codes), seed=0)
    return lambda codes: fitted.predict(codes.astype(np.float64)).round(1)


def test_populations_are_evaluated_whole_and_canonical(stand_in: StandIn, make_archive: Maker) -> None:
    archive, objectives = make_archive(30), ("accuracy", "macs")
    stand_in.evolve(archive, objectives, generations=5)
    assert [len(codes) for codes in stand_in.populations] == [20] * 5
    for codes in stand_in.populations:
        np.testing.assert_array_equal(codes, stand_in.space.canonical(codes))
        assert len(np.unique(codes, axis=0)) == len(codes)


def test_it_starts_from_the_best_and_as_many_at_random(stand_in: StandIn, make_archive: Maker) -> None:
    archive, objectives = make_archive(30), ("accuracy", "macs")
    stand_in.evolve(archive, objectives, generations=1)
    (first,) = stand_in.populations
    assert is_among(archive.top(10, objectives, seed=0).codes, first).all()
    assert archive.contains(first).sum() == 10 and len(first) == 20


def test_a_small_archive_is_topped_up(stand_in: StandIn, make_archive: Maker) -> None:
    archive = make_archive(5)
    stand_in.evolve(archive, ("accuracy",), generations=1)
    first = stand_in.populations[0]
    assert len(first) == 20
    assert is_among(archive.codes, first).all()


def test_mutation_reaches_the_ends_of_every_variable(stand_in: StandIn) -> None:
    # A start of equal sizes and widths: only mutation can bring in the others.
    codes = stand_in.space.sample_architectures(60, np.random.default_rng(0))
    codes[:, :2] = (1, 1)
    accuracy, costs = 1 - stand_in.predict_error(codes), stand_in.costs_of(codes)
    archive = Archive.evaluated(codes, accuracy=accuracy, costs=costs, turn=0)
    stand_in.evolve(archive, ("accuracy", "macs"), population=60, generations=15)
    evaluated = np.concatenate(stand_in.populations)
    assert set(evaluated[:, 0]) == {0, 1, 2}
    assert set(evaluated[:, 1]) == {0, 1}


@pytest.mark.parametrize("objectives", ALL, ids=len)
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_candidates_keep_the_constraints(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives, share: float
) -> None:
    archive = make_archive(30)
    bounds = archive.values.quantile(share)
    # Small and accurate at once: few architectures are.
    constraints = Constraints(max_macs=int(bounds.macs), min_accuracy=bounds.accuracy)
    codes, costs = stand_in.evolve(archive, objectives, constraints=constraints)
    values = stand_in.costs_of(codes).assign(accuracy=1 - stand_in.predict_error(codes))
    assert len(codes) > 0 and constraints.feasible(values).all()
    np.testing.assert_array_equal(costs, stand_in.costs(codes, objectives))
    free, _ = stand_in.evolve(archive, objectives)
    others = stand_in.costs_of(free).assign(accuracy=1 - stand_in.predict_error(free))
    assert constraints.feasible(others).mean() < 1


@pytest.mark.parametrize("objectives", ALL, ids=len)
def test_constraints_lead_where_no_architecture_of_the_archive_keeps_them(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives
) -> None:
    archive = make_archive(30)
    constraints = Constraints(max_params=int(0.9 * archive.values.params.min()))
    codes, _ = stand_in.evolve(archive, objectives, constraints=constraints)
    assert len(codes) > 0 and constraints.feasible(stand_in.costs_of(codes)).all()


@pytest.mark.parametrize("objectives", ALL, ids=len)
def test_without_a_feasible_candidate_there_is_none(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives
) -> None:
    codes, costs = stand_in.evolve(make_archive(30), objectives, constraints=Constraints(max_macs=1))
    assert codes.shape == (0, stand_in.space.variables) and costs.shape == (0, len(objectives))


@pytest.mark.parametrize("objectives", ALL, ids=len)
def test_where_none_is_accurate_enough_the_most_accurate_that_cost_little_enough_are_returned(
    stand_in: StandIn, make_archive: Maker, objectives: Objectives
) -> None:
    archive = make_archive(30)
    constraints = Constraints(max_macs=int(archive.values.macs.quantile(0.7)), min_accuracy=0.999)
    codes, _ = stand_in.evolve(archive, objectives, constraints=constraints)
    assert len(codes) == 20 and constraints.on_costs().feasible(stand_in.costs_of(codes)).all()
    errors = stand_in.predict_error(codes)
    assert (np.diff(errors) >= 0).all()
    evaluated = np.concatenate(stand_in.populations)
    cheap = evaluated[constraints.on_costs().feasible(stand_in.costs_of(evaluated))]
    left = cheap[~is_among(cheap, codes) & ~archive.contains(cheap)]
    assert stand_in.predict_error(left).min() >= errors.max()


def test_with_islands_each_exit_is_searched_though_deeper_ones_are_worse_at_first(
    costs_of: Callable[[Codes], pd.DataFrame], make_archive: Maker, space: SearchSpace
) -> None:
    if not space.design.early_exits:
        pytest.skip("no early exits, no islands")
    objectives = ("accuracy", "macs")
    last = len(space.design.exits) - 1

    def hidden(codes: Codes) -> NDArray[np.float64]:
        """The last exit is the worst, but the best where its own stage is large."""
        own = codes[:, -space.design.levels_per_stage :].sum(axis=1) / space.upper[-1]
        return np.where(codes[:, 2] == last, 0.9 - 0.13 * own, 0.5)

    stand_in, archive = StandIn(space, hidden, costs_of), make_archive(12)
    found = {}
    for islands in (False, True):
        stand_in.populations.clear()
        codes, _ = stand_in.evolve(archive, objectives, islands=islands, population=20, generations=10)
        every = np.concatenate(stand_in.populations)
        found[islands] = hidden(codes).min()
        if islands:
            assert (np.bincount(every[:, 2], minlength=last + 1) >= 20).all()
            assert len(every) <= (last + 1) * 20 * 10
    assert found[True] < 0.48 < found[False] == 0.5


def test_without_early_exits_islands_are_one_evolution(
    predict_error: Callable[[Codes], NDArray[np.float64]],
    costs_of: Callable[[Codes], pd.DataFrame],
    make_archive: Maker,
    space: SearchSpace,
) -> None:
    if space.design.early_exits:
        pytest.skip("early exits have islands")
    stand_in, archive = StandIn(space, predict_error, costs_of), make_archive(12)
    plain, islands = (
        stand_in.evolve(archive, ("accuracy", "macs"), islands=each)[0] for each in (False, True)
    )
    np.testing.assert_array_equal(plain, islands)
