"""Time of the parameters and MACs of a million random encodings, for each of the nine supernets.

Run with `pytest benchmarks/costs.py`. The aim: under 2 seconds in one process.
"""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from natv2.costs.table import CostTable
from natv2.randomness import numpy_generator
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace

ENCODINGS = 1_000_000


@pytest.mark.parametrize("design", DESIGNS)
def test_costs(benchmark: BenchmarkFixture, design: str) -> None:
    space = SearchSpace(design=DESIGNS[design], resolutions=(48, 52, 56, 60, 64), widths=(1.0, 1.2))
    table = CostTable(space=space, classes=200)
    # Uniform within the bounds, canonical or not: any of them has a cost.
    generator = numpy_generator(0, "encodings")
    codes = generator.integers(space.lower, space.upper + 1, size=(ENCODINGS, space.variables))
    costs = benchmark.pedantic(table, args=(codes,), rounds=3)
    assert costs.shape == (ENCODINGS, 2) and (costs > 0).all()
