"""A search of networks with several exits, over subnets whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest

from natv2.exits.variants import LEAVING, variants
from natv2.exits.weightings import OUTPUT_WEIGHTINGS
from natv2.objectives.constraints import Constraints
from natv2.objectives.costs import space_costs
from natv2.search import candidates
from natv2.search.adaptation.subnets import offered_paths
from natv2.search.evaluated import Evaluation
from natv2.search.latency import NO_TABLE
from natv2.search.report.description import describe_archive
from natv2.search.search import Search
from natv2.spaces.architecture import architecture_of
from natv2.spaces.design import DESIGNS
from natv2.spaces.exit_codes import ExitWays
from natv2.spaces.space import SearchSpace
from natv2.training.exit_evaluation import WayScores
from natv2.training.state_store import StateStore
from tests.configs import goal
from tests.search.test_search import CONFIG
from tests.search.test_search import Subnets as OfOneExit
from tests.stand_ins import stand_in_errors

WAYS = ExitWays(weightings=OUTPUT_WEIGHTINGS, leaving=LEAVING)
SPACE = SearchSpace(
    design=DESIGNS["EE_DP_OFAMobileNetV3"], resolutions=(48, 56, 64), widths=(1.0, 1.2), ways=WAYS
)
ONE = replace(SPACE, ways=None)
GOAL = goal("accuracy+mean_macs")
MANY = CONFIG.model_copy(update={"exits": "many"})
COSTS = {space: space_costs(space, 10, NO_TABLE) for space in (ONE, SPACE)}


class Subnets(OfOneExit):
    """Their accuracy falls as images leave earlier, and grows a little with exits that are combined."""

    def __init__(self, space=SPACE, killed_in=None):
        super().__init__(killed_in)
        self.space = space

    def way_scores(self, codes, name):
        scores = []
        for code, path in zip(codes, offered_paths(self.space, codes), strict=True):
            levels = np.concatenate([code[:3], code[self.space.first_level :]])
            whole = (1 - stand_in_errors(levels[None])[0]) * (1 + 0.01 * self.adapted)
            accuracy, shares = [], []
            for variant in variants(len(path.exits)):
                *early, last = variant.exits
                share = np.zeros(len(path.exits))
                share[last - 1] = 1 - (variant.leaving or 0)
                for exit in early:
                    share[exit - 1] += (variant.leaving or 0) / len(early)
                lost = share @ np.arange(len(path.exits))[::-1] * 0.01
                accuracy.append(min(1, whole + 0.005 * len(early) - lost))
                shares.append(share)
            found = np.array(accuracy)
            scores.append(WayScores(found, found / 2, np.array(shares)))
        self.evaluated += len(codes)
        return scores


def run(folder, subnets=None, space=SPACE, config=MANY, goal=GOAL, **changes):
    config = config.model_copy(update=changes)
    subnets = subnets or Subnets(space)
    return Search(space, subnets, COSTS[space], config, goal, 0, StateStore(folder)).run()


def mean_of(code, shares):
    """The mean MACs of one network, image by image: each pays for what is computed until it leaves."""
    architecture, total = SPACE.decode(code), 0.0
    for exit, share in zip(SPACE.design.exits, shares, strict=False):
        if share:
            left = replace(architecture, exits=tuple(e for e in architecture.exits if e <= exit))
            total += share * COSTS[SPACE](SPACE.encode(left)[None])["macs"].item()
    return total


@pytest.mark.parametrize("growth", ["grow", "substitute"])
def test_what_a_path_offers_comes_for_free_and_is_what_its_images_pay(tmp_path, growth):
    subnets = Subnets()
    result = run(tmp_path, subnets, growth=growth)
    archive = result.archive
    if growth == "substitute":
        assert [len(each) for each in result.archives] == [12] * 4
        assert subnets.evaluated == 2 * 12 + 3 * (3 + 12)  # nothing beside what was asked for
    evaluation = Evaluation(space=SPACE, subnets=subnets, costs_of=COSTS[SPACE], goal=GOAL, by_ways=True)
    scores = subnets.way_scores(archive.codes, "again")
    for code, row, found in zip(archive.codes, archive.values.itertuples(), scores, strict=True):
        number = evaluation._number(code)
        assert row.accuracy == pytest.approx(found.accuracy[number])
        assert row.mean_macs == pytest.approx(mean_of(code, found.shares[number]))
        assert row.mean_macs <= row.macs
    frame = describe_archive(archive, SPACE, GOAL.objectives, 3)
    described = [architecture_of(row) for row in frame.to_dict("records")]
    assert described == [SPACE.decode(code) for code in archive.codes]
    assert frame["leaving"].notna().any() and (frame["kept"].str.len() > 1).any()


def test_what_is_offered_is_the_front_of_each_path():
    evaluation = Evaluation(space=SPACE, subnets=Subnets(), costs_of=COSTS[SPACE], goal=GOAL, by_ways=True)
    codes = SPACE.sample_architectures(3, np.random.default_rng(1))
    asked, offered = evaluation.archive(codes, 1, "test")
    assert not offered.contains(asked.codes).any()
    names = ["accuracy", "mean_macs"]
    every = np.concatenate([asked.codes, offered.codes])
    paths = [SPACE.decode(code).path for code in every]
    values = np.concatenate([asked.values[names], offered.values[names]])
    assert len(set(paths)) == 3
    for path, (accuracy, macs) in list(zip(paths, values, strict=True))[3:]:
        own = values[[other == path for other in paths]]
        better = (own[:, 0] >= accuracy) & (own[:, 1] <= macs)
        assert (own[better] == (accuracy, macs)).all()


def test_ways_of_a_path_that_are_equal_in_all_objectives_are_offered_once():
    class Indifferent(Subnets):
        """Nothing is gained or lost by the exits of a path, or by how they are weighed."""

        def way_scores(self, codes, name):
            found = super().way_scores(codes, name)
            return [WayScores(np.full_like(each.accuracy, 0.5), *each[1:]) for each in found]

    evaluation = Evaluation(
        space=SPACE, subnets=Indifferent(), costs_of=COSTS[SPACE], goal=GOAL, by_ways=True
    )
    codes = SPACE.sample_architectures(5, np.random.default_rng(1))
    asked, offered = evaluation.archive(codes, 1, "test")
    paths = [SPACE.decode(code).path for code in np.concatenate([asked.codes, offered.codes])]
    values = np.concatenate([each.values[["accuracy", "mean_macs"]] for each in (asked, offered)])
    assert len(offered) and len({(path, *row) for path, row in zip(paths, values, strict=True)}) == len(paths)
    assert len({SPACE.way(code)[0] for code in offered.codes}) == 1  # the first of those that are equal


def test_a_path_that_is_known_is_not_asked_for_again(tmp_path, monkeypatch):
    asked, evolve = [], candidates.evolve

    def watched(**options):
        found = evolve(**options)
        asked.append((options["archive"].codes, found[0]))
        return found

    monkeypatch.setattr(candidates, "evolve", watched)
    run(tmp_path, archive_size=30, population=40)
    assert asked
    for known, new in asked:
        paths = [SPACE.decode(code).path for code in new]
        assert len(set(paths)) == len(paths)
        assert not {SPACE.decode(code).path for code in known} & set(paths)


def test_all_that_was_evaluated_teaches_a_search_of_several_exits(tmp_path, monkeypatch):
    known, evolve = [], candidates.evolve

    def watched(**options):
        known.append((options["archive"], options["known"], options["islands"]))
        return evolve(**options)

    monkeypatch.setattr(candidates, "evolve", watched)
    result = run(tmp_path, fitted_to="all", proposal="islands")
    assert [len(archive) for archive in result.archives] == [12] * 4
    assert len(known) == 3
    for archive, every, islands in known:
        assert islands and len(every) > len(archive) and every.contains(archive.codes).all()
        values = every.take(
            [list(map(tuple, every.codes)).index(tuple(code)) for code in archive.codes]
        ).values
        assert values.equals(archive.values)  # the newest


def test_restricted_to_one_exit_it_is_the_search_of_one_exit(tmp_path):
    plain = goal("accuracy+macs")
    one = run(tmp_path / "one", OfOneExit(), ONE, CONFIG, plain)

    class Whole(Subnets):
        def way_scores(self, codes, name):
            accuracy = self.accuracies(codes, name)
            return [WayScores(*np.array([[[a]], [[a]]])[:, 0], np.ones((1, 1))) for a in accuracy]

    many = run(tmp_path / "many", Whole(ONE), ONE, MANY, plain)
    assert many.archive.to_frame().equals(one.archive.to_frame())
    assert many.history.equals(one.history)
    assert "mean_macs" not in one.archive.to_frame()


def test_of_one_exit_the_mean_is_what_every_image_costs(tmp_path):
    """So both kinds of search can have the same objectives, and their hypervolumes one measure."""
    plain = run(tmp_path / "plain", OfOneExit(), ONE, CONFIG, goal("accuracy+macs")).archive
    mean = run(tmp_path / "mean", OfOneExit(), ONE, CONFIG, GOAL).archive
    assert np.array_equal(mean.codes, plain.codes)
    assert mean.values["mean_macs"].tolist() == plain.values["macs"].tolist()


@pytest.mark.parametrize("killed_in", [1, 3])
def test_a_killed_search_goes_on_as_if_nothing_had_been(tmp_path, killed_in):
    undisturbed = run(tmp_path / "one")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "two", Subnets(killed_in=killed_in))
    resumed = run(tmp_path / "two", Subnets())
    assert resumed.history.equals(undisturbed.history)
    assert resumed.archive.to_frame().equals(undisturbed.archive.to_frame())


def test_any_objectives_and_bounds_on_what_is_tested(tmp_path):
    objectives = goal("accuracy+mean_macs+params+macro_accuracy")
    free = run(tmp_path / "free", goal=objectives, archive_size=30, candidates=6).archive
    assert np.allclose(free.values["macro_accuracy"], free.values["accuracy"] / 2)
    bound = float(free.values["mean_macs"].median())
    bounded = objectives.model_copy(update={"constraints": Constraints(max_mean_macs=bound)})
    archive = run(tmp_path / "bounded", goal=bounded, archive_size=30, candidates=6).archive
    assert (archive.values["mean_macs"] <= bound).sum() > (free.values["mean_macs"] <= bound).sum()
    frame = describe_archive(archive, SPACE, objectives.objectives, 3, bounded.constraints)
    assert (frame.loc[frame["non_dominated"], "mean_macs"] <= bound).all()
