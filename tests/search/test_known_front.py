"""A search whose true front is known: the exact front, against all networks of a small space, and ours."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from natv2.costs.parts import MACS
from natv2.costs.table import CostTable
from natv2.search.moo.survival import non_dominated
from natv2.search.predictors.lightgbm import LightGBMEnsemble
from natv2.search.predictors.metrics import predictor_metrics
from natv2.spaces.design import DESIGNS, Design
from natv2.spaces.space import SearchSpace
from tests.search.known_front import SPACES, THESIS, KnownAccuracy, true_front
from tests.search.known_search import CLASSES, KnownSubnets, trial

SMALL = {
    "exits": Design(name="exits", early_exits=True, kernels=(3, 7), expand_ratios=(4,), depths=(1, 2)),
    "one_exit": Design(name="one_exit", kernels=(5,), expand_ratios=(3, 6), depths=(1, 2)),
    "one_depth": Design(name="one_depth", early_exits=True, kernels=(3, 5), expand_ratios=(3,), depths=(2,)),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("seed", [0, 1])
def test_dynamic_programming_finds_the_front_of_all_networks(name: str, seed: int) -> None:
    space = SearchSpace(design=SMALL[name], resolutions=(48, 64), widths=(1.0, 1.2))
    known = KnownAccuracy(space=space, seed=seed)
    ranges = [range(a, b + 1) for a, b in zip(space.lower, space.upper, strict=True)]
    codes = np.unique(space.canonical(np.array(list(product(*ranges)))), axis=0)
    macs = CostTable(space=space, classes=7)(codes)[:, MACS]
    costs = np.unique(np.stack([1 - known.accuracy(codes), macs], axis=1), axis=0)
    expected = costs[non_dominated(costs)]
    assert len(expected) > 3
    found = true_front(known, 7)
    np.testing.assert_allclose(found[np.argsort(found[:, 0])], expected, rtol=1e-12)


@pytest.mark.parametrize("name", SPACES)
def test_no_network_of_a_space_is_beyond_its_front(name: str) -> None:
    known = KnownAccuracy(space=SPACES[name], seed=0)
    front = true_front(known, CLASSES)
    front = front[np.argsort(front[:, 1])]
    codes = known.space.sample_architectures(20_000, np.random.default_rng(0))
    macs = CostTable(space=known.space, classes=CLASSES)(codes)[:, MACS]
    least = front[np.searchsorted(front[:, 1], macs, side="right") - 1, 0]
    assert (1 - known.accuracy(codes) >= least - 1e-12).all()


def test_neighbouring_levels_interact() -> None:
    known = KnownAccuracy(space=THESIS, seed=0)
    changes = known.added - known.added[:, :1, :]
    # Behind another choice of the level before, another choice is best, though not always.
    best = known.added[1:].argmax(axis=2)
    assert (best != best[:, :1]).mean() > 0.2
    assert (changes[0] == 0).all()


@pytest.mark.parametrize("name", SPACES)
def test_predictors_order_networks_as_they_do_on_pictures(name: str) -> None:
    """As in the predictor study: fitted to 300, tested on 250, 0.74 (EE_D) to 0.85 (OFAMobileNetV3) there."""
    reached = []
    for seed in range(3):
        known = KnownAccuracy(space=SPACES[name], seed=seed)
        codes = known.space.sample_architectures(550, np.random.default_rng(seed))
        errors = 1 - KnownSubnets(known=known).accuracies(codes, "study")
        fitted = LightGBMEnsemble().fit(codes[:300].astype(float), errors[:300], seed=seed)
        reached.append(predictor_metrics(errors[300:], fitted.predict(codes[300:].astype(float))).spearman)
    assert 0.74 < np.mean(reached) < 0.86


@pytest.mark.parametrize("name", SPACES)
def test_size_width_and_exit_explain_little(name: str) -> None:
    known = KnownAccuracy(space=SPACES[name], seed=0)
    codes = known.space.sample_architectures(20_000, np.random.default_rng(0))
    accuracy = known.accuracy(codes)
    kinds, own = np.unique(codes[:, : known.space.first_level], axis=0, return_inverse=True)
    assert len(kinds) == 10 * len(known.space.design.exits)
    means = np.bincount(own.ravel(), accuracy) / np.bincount(own.ravel())
    assert means[own.ravel()].var() < 0.25 * accuracy.var()


def test_parallel_levels_are_refused() -> None:
    space = SearchSpace(design=DESIGNS["SE_P_OFAMobileNetV3"], resolutions=(48,), widths=(1.0,))
    with pytest.raises(ValueError, match="SE_P_OFAMobileNetV3"):
        KnownAccuracy(space=space, seed=0)


SHORT = {
    "archive_size": 60,
    "pre_processing": 5,
    "turns": 5,
    "candidates": 12,
    "top": 30,
    "population": 40,
    "generations": 10,
    "folds": 3,
}


@pytest.mark.parametrize("objectives", [("accuracy", "macs"), ("accuracy", "params", "macs")], ids="+".join)
def test_a_short_search_beats_random_sampling(objectives: tuple[str, ...], tmp_path: Path) -> None:
    contest = trial(0, objectives, **SHORT).contest(tmp_path)
    assert contest.evaluations == 60 * 5 + 5 * 12
    assert contest.ours > contest.random
    if contest.best is not None:
        assert 0.7 * contest.best < contest.ours < contest.best


def test_the_seed_decides(tmp_path: Path) -> None:
    few = SHORT | {"pre_processing": 1, "turns": 1}
    first, again, other = (
        trial(seed, ("accuracy", "macs"), **few).contest(tmp_path / name)
        for seed, name in ((0, "first"), (0, "again"), (1, "other"))
    )
    assert first == again != other
