"""Time of what a search turn does beside training and true evaluation.

That is: the predictor's fit and its trust, evolution on it, subset selection, distributions.

Run with `pytest benchmarks/search_turn.py`. The aim: under 2 seconds on one core.
"""

import numpy as np
import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from natv2.exits.variants import LEAVING
from natv2.exits.weightings import OUTPUT_WEIGHTINGS
from natv2.objectives.constraints import UNCONSTRAINED
from natv2.objectives.costs import CostsOf, space_costs
from natv2.objectives.goal import Goal
from natv2.search.archive import Archive
from natv2.search.distributions.fitting import FITS
from natv2.search.evaluated import Evaluation
from natv2.search.expected import expected_costs
from natv2.search.latency import NO_TABLE
from natv2.search.moo.evolution import evolve
from natv2.search.moo.subset_selection import select_subset
from natv2.search.moo.survival import Indices, non_dominated
from natv2.search.predictors.interface import features
from natv2.search.predictors.selection import select_predictor
from natv2.search.predictors.table import PREDICTORS
from natv2.search.turn_time import _Unadapted
from natv2.spaces.design import DESIGNS
from natv2.spaces.exit_codes import ExitWays
from natv2.spaces.space import SearchSpace

ARCHIVE, CANDIDATES, POPULATION, GENERATIONS = 300, 25, 100, 20


def random_archive(space: SearchSpace, costs_of: CostsOf) -> Archive:
    """Random architectures whose error falls with the logarithm of their MACs, give or take some noise."""
    generator = np.random.default_rng(0)
    codes = space.sample_architectures(ARCHIVE, generator)
    costs = costs_of(codes)
    error = 1.5 - 0.07 * np.log(costs["macs"].to_numpy()) + generator.normal(0, 0.01, ARCHIVE)
    return Archive.evaluated(codes, accuracy=1 - error, costs=costs, turn=0)


@pytest.mark.parametrize("design", ["OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
@pytest.mark.parametrize("objectives", [("accuracy", "macs"), ("accuracy", "params", "macs")], ids="+".join)
def test_search_turn(benchmark: BenchmarkFixture, design: str, objectives: tuple[str, ...]) -> None:
    space = SearchSpace(design=DESIGNS[design], resolutions=(48, 52, 56, 60, 64), widths=(1.0, 1.2))
    costs_of = space_costs(space, 200, NO_TABLE)
    archive = random_archive(space, costs_of)
    errors = 1 - archive.values["accuracy"].to_numpy()
    known = features(space, archive.codes, "integer")
    costs = archive.costs(objectives)

    def turn() -> Indices:
        ways = {"lightgbm": PREDICTORS["lightgbm"]()}
        _, predictor, _ = select_predictor(ways, known, errors, seed=0)
        FITS["scipy"](space, archive.codes)  # the slower one
        _, predicted = evolve(
            space=space,
            predict_error=lambda codes: predictor.predict(features(space, codes, "integer")),
            costs_of=costs_of,
            objectives=objectives,
            archive=archive,
            population=POPULATION,
            generations=GENERATIONS,
            seed=0,
        )
        return select_subset(predicted, costs[non_dominated(costs)], objectives, count=CANDIDATES, seed=0)

    # The first round counts too: with three objectives it finds NSGA-III's directions.
    chosen = benchmark.pedantic(turn, rounds=3)
    assert len(chosen) == CANDIDATES


def test_search_turn_of_several_exits(benchmark: BenchmarkFixture) -> None:
    """The same with codes of several exits, a mean that is predicted too, and what evaluated paths offer."""
    design, ways = DESIGNS["EE_D_OFAMobileNetV3"], ExitWays(weightings=OUTPUT_WEIGHTINGS, leaving=LEAVING)
    space = SearchSpace(design=design, resolutions=(48, 52, 56, 60, 64), widths=(1.0, 1.2), ways=ways)
    costs_of = space_costs(space, 200, NO_TABLE)
    goal = Goal(objectives=("accuracy", "mean_macs"), constraints=UNCONSTRAINED)
    drawn = random_archive(space, costs_of)
    early = drawn.codes[:, space.first_level - 1] > 0
    share = np.where(early, np.random.default_rng(1).uniform(0.3, 1, len(drawn)), 1.0)
    archive = drawn.with_tested(pd.DataFrame({"mean_macs": share * drawn.values["macs"]}))
    known, errors = features(space, archive.codes, "integer"), 1 - archive.values["accuracy"].to_numpy()
    costs = archive.costs(goal.objectives)
    subnets = _Unadapted(space)
    evaluation = Evaluation(space=space, subnets=subnets, costs_of=costs_of, goal=goal, by_ways=True)

    def turn() -> Indices:
        ways = {"lightgbm": PREDICTORS["lightgbm"]()}
        name, predictor, _ = select_predictor(ways, known, errors, seed=0)
        FITS["scipy"](space, archive.codes)
        _, predicted = evolve(
            space=space,
            predict_error=lambda codes: predictor.predict(features(space, codes, "integer")),
            costs_of=expected_costs(archive, space, costs_of, goal, "integer", ways[name], 0),
            objectives=goal.objectives,
            archive=archive,
            population=POPULATION,
            generations=GENERATIONS,
            seed=0,
        )
        front = costs[non_dominated(costs)]
        chosen = select_subset(predicted, front, goal.objectives, count=CANDIDATES, seed=0)
        evaluation.archive(space.sample_architectures(CANDIDATES, np.random.default_rng(0)), 1, "new")
        evaluation.again(archive, 1, "again")
        return chosen

    chosen = benchmark.pedantic(turn, rounds=3)
    assert len(chosen) == CANDIDATES
