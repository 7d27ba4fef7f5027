"""The turns of a search, over subnets whose accuracy is known."""

from dataclasses import replace

import numpy as np
import pytest

from natv2.search.predictors import PREDICTORS
from natv2.search.search import PLATEAU, Search, SearchConfig, _is_plateau
from natv2.training.progress import Progress
from tests.search.conftest import stand_in_costs, stand_in_errors

CONFIG = SearchConfig(
    objectives=("accuracy", "macs"),
    sampling="architectures",
    growth="substitute",
    archive_size=12,
    pre_processing=2,
    turns=3,
    patience=None,
    candidates=3,
    top=8,
    population=8,
    generations=2,
    predictors={"lightgbm": PREDICTORS["lightgbm"](folds=2)},
    features="integer",
    distributions="categorical",
    seed=0,
)


class Subnets:
    """Subnets that get better with every turn they are adapted in, and count what is asked of them."""

    def __init__(self, killed_in: int | None = None):
        self.adapted, self.evaluated, self.killed_in = 0, 0, killed_in

    def accuracies(self, codes, name):
        self.evaluated += len(codes)
        return (1 - stand_in_errors(codes)) * (1 + 0.01 * self.adapted)

    def adapt(self, sampler, turn):
        if turn == self.killed_in:
            raise KeyboardInterrupt
        assert sampler(2, np.random.default_rng(0)).shape[0] == 2
        self.adapted = turn
        return 1.0 / turn

    def validate(self, name):
        return {"supernet_mean": 0.5}


def run(space, folder, subnets=None, **changes):
    config = replace(CONFIG, **changes)
    return Search(space, subnets or Subnets(), stand_in_costs, config, Progress(folder)).run()


def test_an_archive_is_substituted_or_grows(space, tmp_path):
    kept = run(space, tmp_path / "natv2")
    assert [len(archive) for archive in kept.archives] == [12, 12, 12, 12]
    grown = run(space, tmp_path / "nat", growth="grow", sampling="codes", pre_processing=1)
    assert [len(archive) for archive in grown.archives] == [12, 15, 18, 21]
    for before, after in zip(grown.archives, grown.archives[1:], strict=False):
        assert after.contains(before.codes).all()


def test_the_first_archive_is_the_best_of_so_many_samples(space, tmp_path):
    subnets = Subnets()
    chosen = run(space, tmp_path / "ten", subnets, turns=1, pre_processing=10).archives[0]
    assert subnets.evaluated == 10 * 12 + 3 + 12  # samples, candidates, the archive once more
    for end in (space.largest(), space.smallest()):
        assert chosen.contains(space.encode(end)[None]).all()
    plain = run(space, tmp_path / "one", turns=1, pre_processing=1).archives[0]
    objectives = CONFIG.objectives
    assert chosen.costs(objectives)[2:, 1].min() <= plain.costs(objectives)[2:, 1].min()


def test_codes_are_mostly_deep_and_architectures_are_not(space, tmp_path):
    def depths(sampling):
        archive = run(space, tmp_path / sampling, sampling=sampling, pre_processing=1, turns=1).archives[0]
        reached = [[d for d in space.decode(code).depths if d] for code in archive.codes[2:]]
        return np.mean([d for row in reached for d in row])

    assert depths("codes") > 3.5 > 3.3 > depths("architectures")


def test_values_are_those_of_the_weights_at_the_end_of_each_turn(space, tmp_path):
    result = run(space, tmp_path)
    for turn, archive in enumerate(result.archives):
        expected = (1 - stand_in_errors(archive.codes)) * (1 + 0.01 * turn)
        np.testing.assert_allclose(archive.values["accuracy"], expected)
    assert result.history["loss"].tolist() == [1.0, 1 / 2, 1 / 3]


@pytest.mark.parametrize("killed_in", [1, 3])
def test_a_killed_search_goes_on_as_if_nothing_had_been(space, tmp_path, killed_in):
    undisturbed = run(space, tmp_path / "one")
    with pytest.raises(KeyboardInterrupt):
        run(space, tmp_path / "two", Subnets(killed_in))
    again = Subnets()
    resumed = run(space, tmp_path / "two", again)
    assert resumed.history.equals(undisturbed.history)
    assert resumed.archive.to_frame().equals(undisturbed.archive.to_frame())
    assert again.evaluated < 2 * 12 + 3 * (3 + 12)


def test_a_plateau_is_little_progress_in_so_many_turns():
    rising = [1 + 2 * PLATEAU * turn for turn in range(6)]
    flat = [*rising, *[rising[-1] * (1 + PLATEAU / 2)] * 3]
    assert not _is_plateau(flat, None)
    assert not any(_is_plateau(rising[:n], 1) for n in range(len(rising)))
    assert [n for n in range(len(flat) + 1) if _is_plateau(flat[:n], 3)] == [9]
    assert _is_plateau([1.0, 0.9], 1)


def test_a_plateau_ends_a_search(space, tmp_path):
    class Saturated(Subnets):
        def adapt(self, sampler, turn):
            return None

        def accuracies(self, codes, name):
            return np.full(len(codes), 0.5)

    ended = run(space, tmp_path, Saturated(), turns=9, patience=2)
    assert len(ended.history) < 9
    assert "loss" not in ended.history
