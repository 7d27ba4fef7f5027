"""Time of what a search turn does beside training and true evaluation.

That is: the predictor's cross-validation and its fit, evolution on it, subset selection, distributions.

Run with `pytest benchmarks/search_turn.py`. The aim: under 5 seconds on one core.
"""

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from natv2.objectives.costs import CostsOf, space_costs
from natv2.search.archive import Archive
from natv2.search.distributions.fitting import FITS
from natv2.search.latency import NO_TABLE
from natv2.search.moo.evolution import evolve
from natv2.search.moo.subset_selection import select_subset
from natv2.search.moo.survival import Indices, non_dominated
from natv2.search.predictors.interface import features
from natv2.search.predictors.selection import select_predictor
from natv2.search.predictors.table import PREDICTORS
from natv2.spaces.design import DESIGNS
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
        name, _ = select_predictor({"lightgbm": PREDICTORS["lightgbm"]()}, known, errors, seed=0)
        predictor = PREDICTORS[name]().fit(known, errors, seed=0)
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
