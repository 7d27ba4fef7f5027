"""What the rank study says, on made-up networks."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from natv2.postprocess.config import RankStudyConfig
from natv2.postprocess.rank import networks_at_budgets, rank_table
from natv2.postprocess.report.rank import rank_figure


def scores(budgets: int = 2, networks: int = 8, seeds: int = 2, noise: float = 0.01) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    budget = np.repeat(np.arange(1, budgets + 1) * 1e6, networks // budgets)
    true = budget / 1e7 + generator.random(len(budget)) / 100
    frame = pd.DataFrame({"name": [f"n{i}" for i in range(len(budget))], "budget": budget, "macs": budget})
    for name in ("accuracy", *(f"seed_{number}" for number in range(1, seeds + 1))):
        frame[name] = true + noise * generator.random(len(budget))
    return frame


def tau(one, other, pairs):
    signs = [np.sign((one[a] - one[b]) * (other[a] - other[b])) for a, b in pairs]
    return np.mean(signs)


def test_tau_counts_pairs_of_all_networks_and_those_of_one_budget():
    frame = scores()
    every = list(combinations(range(len(frame)), 2))
    inside = [(a, b) for a, b in every if frame["budget"][a] == frame["budget"][b]]
    table = rank_table(frame).set_index("scope")
    for scope, pairs in (("all", every), ("within a budget", inside)):
        expected = np.mean([tau(frame["accuracy"], frame[seed], pairs) for seed in ("seed_1", "seed_2")])
        assert table["tau"][scope] == pytest.approx(expected)
        assert table["ceiling"][scope] == pytest.approx(tau(frame["seed_1"], frame["seed_2"], pairs))
        assert table["networks"][scope] == 8


def test_without_a_second_seed_there_is_no_ceiling():
    assert rank_table(scores(seeds=1))["ceiling"].isna().all()
    assert rank_table(scores(noise=0.0))["ceiling"].tolist() == pytest.approx([1.0, 1.0])


def test_networks_are_those_next_to_evenly_spread_budgets():
    archive = pd.DataFrame({"macs": np.linspace(1e6, 9e6, 81), "accuracy": 0.5})
    chosen = networks_at_budgets(archive, RankStudyConfig(networks=6, budgets=2, seeds=1))
    assert chosen["budget"].unique().tolist() == [3e6, 7e6]
    assert chosen.groupby("budget").size().tolist() == [3, 3]
    assert (chosen["macs"] / chosen["budget"] - 1).abs().max() <= 0.04
    assert chosen["name"].is_unique and chosen["macs"].is_unique


def test_no_network_stands_at_two_budgets_and_none_is_far_from_its_own():
    archive = pd.DataFrame({"macs": [1.0e6, 1.01e6, 1.02e6, 1.03e6, 5e6], "accuracy": 0.5})
    chosen = networks_at_budgets(archive, RankStudyConfig(networks=4, budgets=2, seeds=1))
    assert chosen["macs"].is_unique
    assert (chosen["macs"] / chosen["budget"] - 1).abs().max() <= 0.1


def test_the_figure_has_a_colour_for_each_budget():
    figure = rank_figure(scores())
    assert [trace.name for trace in figure.data] == ["1 M MACs", "2 M MACs"]
    assert len({trace.marker.color for trace in figure.data}) == 2
