import numpy as np
import pytest
from scipy.stats import chisquare

from natv2.spaces.design import DESIGNS as NINE
from natv2.spaces.space import Codes, SearchSpace
from tests.designs import DESIGNS

COUNT = 6000


def space_of(name: str) -> SearchSpace:
    return SearchSpace(design=DESIGNS[name], resolutions=(48, 56, 64), widths=(1.0, 1.2))


def depths(space: SearchSpace, codes: Codes) -> np.ndarray:
    """Depths of all stages up to the exit, of all rows together."""
    stages = codes[:, 2] + 1 if space.design.early_exits else np.full(len(codes), 5)
    active = np.arange(5) < stages[:, None]
    return (codes[:, space.first_level :].reshape(-1, 5, 4) > 0).sum(axis=2)[active]


def even(values: np.ndarray, allowed: list[int]) -> bool:
    counts = [(values == value).sum() for value in allowed]
    return sum(counts) == len(values) and chisquare(counts).pvalue > 1e-3


def test_uniform_codes_are_biased_to_deep_stages():
    space = space_of("OFAMobileNetV3")
    drawn = depths(space, space.sample_codes(COUNT, np.random.default_rng(0)))
    expected = np.array([0.01, 0.18, 0.81]) * len(drawn)
    assert chisquare([(drawn == d).sum() for d in (2, 3, 4)], expected).pvalue > 1e-3


@pytest.mark.parametrize("name", NINE)
def test_sampled_architectures_have_even_depths_and_values(name):
    space = space_of(name)
    codes = space.sample_architectures(COUNT, np.random.default_rng(0))
    assert even(depths(space, codes), [2, 3, 4])
    assert even(codes[:, 0], [0, 1, 2])
    assert even(codes[:, 1], [0, 1])
    if space.design.early_exits:
        assert even(codes[:, 2], [0, 1, 2, 3, 4])
    first, third = codes[:, space.first_level], codes[:, space.first_level + 2]
    elastic = 27 if space.design.parallel else 0  # levels without an IRB have one kernel and ratio only
    for values in (first, third[third > 0]):
        assert even(values[values > elastic], list(range(elastic + 1, space.upper[-1] + 1)))
        if space.design.parallel:
            assert even((values - 1) // 9, list(range(7)))


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("way", ["sample_codes", "sample_architectures"])
def test_samples_are_canonical_and_follow_their_seed(name, way):
    space = space_of(name)
    codes = getattr(space, way)(200, np.random.default_rng(7))
    assert codes.shape == (200, space.variables)
    assert np.array_equal(codes, space.canonical(codes))
    assert np.array_equal(codes, getattr(space, way)(200, np.random.default_rng(7)))
    assert not np.array_equal(codes, getattr(space, way)(200, np.random.default_rng(8)))
    for code in codes[:20]:
        assert np.array_equal(space.encode(space.decode(code)), code)
