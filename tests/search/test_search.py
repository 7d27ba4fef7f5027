"""The turns of a search, over subnets whose accuracy is known."""

import logging

import numpy as np
import pytest

from natv2.errors import UserError
from natv2.objectives.constraints import UNCONSTRAINED, Constraints
from natv2.search import candidates, search
from natv2.search.feasible.feasibility import closest_network
from natv2.search.predictors.table import PREDICTORS
from natv2.search.report.description import describe_archive
from natv2.search.search import PLATEAU, Search, _Clock, _is_plateau
from natv2.training.state_store import StateStore
from tests.configs import goal, parameters
from tests.stand_ins import stand_in_costs, stand_in_errors

GOAL = goal("accuracy+macs")
CONFIG = parameters(
    search={
        "sampling": "architectures",
        "growth": "substitute",
        "archive_size": 12,
        "pre_processing": 2,
        "turns": 3,
        "patience": None,
        "candidates": 3,
        "proposal": "evolution",
        "top": 8,
        "population": 8,
        "generations": 2,
        "predictor": "ridge",
        "features": "integer",
        "folds": 2,
        "distributions": "categorical",
    }
).search


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


def run(space, folder, subnets=None, constraints=UNCONSTRAINED, **changes):
    config = CONFIG.model_copy(update=changes)
    bounded = GOAL.model_copy(update={"constraints": constraints})
    store = StateStore(folder)
    return Search(space, subnets or Subnets(), stand_in_costs, config, bounded, 0, store).run()


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
    objectives = GOAL.objectives
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


@pytest.mark.parametrize(("killed_in", "fitted_to"), [(1, "archive"), (3, "archive"), (2, "all")])
def test_a_killed_search_goes_on_as_if_nothing_had_been(space, tmp_path, killed_in, fitted_to):
    undisturbed = run(space, tmp_path / "one", fitted_to=fitted_to)
    with pytest.raises(KeyboardInterrupt):
        run(space, tmp_path / "two", Subnets(killed_in), fitted_to=fitted_to)
    again = Subnets()
    resumed = run(space, tmp_path / "two", again, fitted_to=fitted_to)
    assert resumed.history.equals(undisturbed.history)
    assert resumed.archive.to_frame().equals(undisturbed.archive.to_frame())
    assert again.evaluated < 2 * 12 + 3 * (3 + 12)


@pytest.mark.parametrize("space", ["OFAMobileNetV3"], indirect=True)
@pytest.mark.parametrize("name", ["turn 2 candidates", "turn 2 archive", "turn 3 candidates"])
def test_a_killed_search_tracks_and_tells_each_turn_once(space, tmp_path, name, caplog):
    class Killed(Subnets):
        def accuracies(self, codes, at):
            if at == name:
                raise KeyboardInterrupt
            return super().accuracies(codes, at)

    tracked, config = [], CONFIG.model_copy(update={"predictor": "rbf"})
    store = StateStore(tmp_path, tracker=lambda metrics, turn: tracked.append(turn))
    with caplog.at_level(logging.INFO, "natv2"):
        with pytest.raises(KeyboardInterrupt):
            Search(space, Killed(), stand_in_costs, config, GOAL, 0, store).run()
        Search(space, Subnets(), stand_in_costs, config, GOAL, 0, store).run()
    assert tracked == [1, 2, 3]
    told = [text for text in caplog.messages if text.startswith("turn ")]
    assert [text[:11] for text in told] == ["turn 1 of 3", "turn 2 of 3", "turn 3 of 3"]


def test_a_turn_is_told_without_what_is_not_known_or_not_left(monkeypatch):
    monkeypatch.setattr("natv2.search.search.time.perf_counter", lambda: 0.2)
    clock = _Clock(turns=2, word="top-1")
    clock.start = 0.0
    entry = {"turn": 1, "hypervolume": 0.5, "best_accuracy": 0.25, "kendall": float("nan")}
    first, last = clock.report(entry), clock.report({**entry, "turn": 2, "kendall": 0.4})
    best = "hypervolume 0.5000, best validation top-1 25.0 %"
    assert first == f"turn 1 of 2: {best}; about 0:00:01 left for the other turns"
    assert last == f"turn 2 of 2: {best}, Kendall's tau of the predictor 0.40"


class Mute:
    """A predictor that says the same of all networks."""

    def fit(self, features, errors, *, seed):
        return self

    def predict(self, features):
        return np.full(len(features), 0.5)


@pytest.mark.parametrize("space", ["OFAMobileNetV3"], indirect=True)
def test_nothing_is_chosen_by_a_predictor_that_tells_no_network_from_another(
    space, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(candidates, "choices", lambda name, folds: {name: Mute()})
    result = run(space, tmp_path / "mute", predictor="rbf", turns=2)
    assert result.history["predictor"].tolist() == ["none", "none"]
    assert "turn 1: the predictor rbf says the same of all 12 networks it was fitted to" in caplog.text
    at_random = run(space, tmp_path / "random", proposal="random", turns=2)
    np.testing.assert_array_equal(result.archive.codes, at_random.archive.codes)
    assert at_random.archive.values["predicted_error"].isna().all()


class Recording:
    """A predictor that keeps what it was fitted to, and orders networks by their first variables."""

    def __init__(self):
        self.fits = []

    def fit(self, features, errors, *, seed):
        self.fits.append({tuple(row): error for row, error in zip(features, errors, strict=True)})
        return self

    def predict(self, features):
        return features[:, 0] + 0.1 * features[:, 1]


@pytest.mark.parametrize("fitted_to", ["archive", "all"])
def test_a_predictor_is_fitted_to_the_archive_or_to_the_newest_of_all_that_was_evaluated(
    space, tmp_path, monkeypatch, fitted_to
):
    class Remembering(Subnets):
        def __init__(self):
            super().__init__()
            self.newest, self.times = {}, {}

        def accuracies(self, codes, name):
            found = super().accuracies(codes, name)
            self.newest |= {
                tuple(map(float, code)): 1 - top1 for code, top1 in zip(codes, found, strict=True)
            }
            if "archive" not in name or name == "initial archive":
                for code in codes:
                    self.times[tuple(code)] = self.times.get(tuple(code), 0) + 1
            return found

        def adapt(self, sampler, turn):
            fits.append(dict(self.newest))
            return super().adapt(sampler, turn)

    fits, predictor, subnets = [], Recording(), Remembering()
    monkeypatch.setattr(candidates, "choices", lambda name, folds: {name: predictor})
    result = run(space, tmp_path, subnets, fitted_to=fitted_to)
    # The first of a turn's fits is to all rows; the others are the cross-validation's.
    whole = predictor.fits[::6]
    assert len(whole) == 3
    if fitted_to == "archive":
        for fit, archive in zip(whole, result.archives, strict=False):
            assert fit == dict(
                zip(map(tuple, archive.codes.astype(float)), 1 - archive.values.accuracy, strict=True)
            )
    else:
        assert [len(fit) for fit in whole] == [24, 27, 30]
        assert set(whole[1]) == set(fits[0])  # what was evaluated before the second turn
        dropped = set(whole[2]) - set(map(tuple, result.archives[2].codes.astype(float)))
        assert dropped and all(whole[2][code] == pytest.approx(fits[1][code]) for code in dropped)
        assert set(subnets.times.values()) == {1}  # none is a candidate twice


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


def bound(space, share):
    """A bound on MACs: so much of the way from the least to what samples have on average."""
    least = stand_in_costs(closest_network(space, stand_in_costs, Constraints(max_macs=1))[None]).macs.item()
    usual = stand_in_costs(space.sample_architectures(200, np.random.default_rng(0))).macs.mean()
    return int(least + share * (usual - least))


@pytest.mark.parametrize(("growth", "share"), [("grow", 0.8), ("substitute", 0.2)])
def test_what_a_search_finds_keeps_its_constraints(space, tmp_path, growth, share):
    constraints = Constraints(max_macs=bound(space, share), min_accuracy=0.3)
    result = run(space, tmp_path, constraints=constraints, growth=growth)
    first, last = result.archives[0], result.archive
    extremes = np.stack([space.encode(space.largest()), space.encode(space.smallest())])
    assert first.contains(extremes).all()
    others = first.take(
        np.flatnonzero(~np.array([(code == extremes).all(axis=1).any() for code in first.codes]))
    )
    assert constraints.on_costs().feasible(others.values).all()
    new = last.values[last.values.turn > 0]
    assert len(new) > 0 and (new.macs <= constraints.max_macs).all()
    frame = describe_archive(last, space, GOAL.objectives, 4, constraints)
    assert frame.feasible.any() and frame.feasible[frame.non_dominated].all()
    assert not frame.non_dominated[frame.label == "largest"].any()
    assert result.history["best_accuracy"].tolist()[-1] == frame.accuracy[frame.feasible].max()


def test_without_constraints_a_search_is_as_it_was(space, tmp_path):
    free = run(space, tmp_path / "free", turns=2)
    loose = run(
        space, tmp_path / "loose", turns=2, constraints=Constraints(max_macs=10**9, min_accuracy=1e-6)
    )
    assert free.archive.to_frame().equals(loose.archive.to_frame())
    assert free.history.equals(loose.history)


def test_a_search_ends_where_one_network_is_feasible(space, tmp_path, caplog):
    constraints = Constraints(max_macs=bound(space, 0.0))
    with caplog.at_level(logging.WARNING):
        result = run(space, tmp_path / "bound", constraints=constraints)
    assert len(result.archive) == CONFIG.archive_size  # others teach the predictor
    assert set(result.history) == set(run(space, tmp_path / "free").history)
    frame = describe_archive(result.archive, space, GOAL.objectives, 4, constraints)
    assert frame.feasible.sum() == frame.non_dominated.sum() == 1
    assert "turn 3: no new network was found that keeps" in caplog.text


def test_an_accuracy_out_of_reach_is_told_with_the_best(space, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        result = run(space, tmp_path, constraints=Constraints(min_accuracy=0.999))
    assert (result.archive.values["turn"] > 0).any()  # it goes on looking
    best = result.archive.values["accuracy"].max()
    assert result.history["hypervolume"].tolist() == [0.0] * 3
    assert result.history["best_accuracy"].tolist()[-1] == best
    assert f"keeps constraints.min_accuracy=0.999; the closest has accuracy {best:.6g}" in caplog.text


def test_the_impossible_is_refused_before_anything_is_evaluated(space, tmp_path):
    subnets = Subnets()
    with pytest.raises(UserError, match="max_macs=1 "):
        run(space, tmp_path, subnets, constraints=Constraints(max_macs=1))
    assert subnets.evaluated == 0


def test_each_turn_fits_with_a_seed_of_its_own(space, tmp_path, monkeypatch):
    # Trap: a generator that every fit sets back makes all turns the same.
    seeds = []

    class Watched:
        def fit(self, features, errors, *, seed):
            seeds.append(seed)
            return PREDICTORS["ridge"]().fit(features, errors, seed=seed)

    monkeypatch.setattr(candidates, "choices", lambda name, folds: {name: Watched()})
    run(space, tmp_path)
    assert len(set(seeds)) == CONFIG.turns


def dominates(one, other):
    return (one <= other).all() and (one < other).any()


def test_distributions_are_fitted_to_the_best_of_each_turn(space, tmp_path, monkeypatch):
    fitted, fit = [], search.FITS["categorical"]

    def watched(space, codes):
        fitted.append(codes)
        return fit(space, codes)

    monkeypatch.setattr(search, "FITS", {"categorical": watched})
    result = run(space, tmp_path)
    assert [len(codes) for codes in fitted] == [CONFIG.top] * CONFIG.turns
    for codes, archive in zip(fitted, result.archives[1:], strict=True):
        # Adaptation makes all better by the same factor: the order is the one before it.
        costs = archive.costs(GOAL.objectives)
        taken = np.array([(codes == code).all(axis=1).any() for code in archive.codes])
        assert taken.sum() == CONFIG.top
        assert not any(dominates(left, best) for left in costs[~taken] for best in costs[taken])


def test_candidates_are_chosen_beside_the_front_of_the_archive(space, tmp_path, monkeypatch):
    given, select = [], candidates.select_subset

    def watched(predicted, front, *args, **options):
        given.append(front)
        return select(predicted, front, *args, **options)

    monkeypatch.setattr(candidates, "select_subset", watched)
    result = run(space, tmp_path, pre_processing=1)
    assert len(given) == CONFIG.turns
    for front, archive in zip(given, result.archives, strict=False):
        costs = archive.costs(GOAL.objectives)
        expected = [here for here in costs if not any(dominates(there, here) for there in costs)]
        np.testing.assert_array_equal(front, expected)
    assert len(given[0]) < len(result.archives[0])


def test_random_candidates_are_new_and_no_predictor_is_asked(space, tmp_path, monkeypatch):
    monkeypatch.setattr(candidates, "choices", lambda name, folds: {})
    result = run(space, tmp_path, proposal="random", growth="grow")
    assert [len(archive) for archive in result.archives] == [12, 15, 18, 21]
    assert result.history["predictor"].tolist() == ["none"] * 3
    assert result.history["kendall"].isna().all()
    joined = [set(a.values["turn"]) for a in result.archives]
    assert joined[-1] == {0, 1, 2, 3}
