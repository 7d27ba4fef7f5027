"""Which networks of a front are finished."""

import pandas as pd
import pytest
from pydantic import ValidationError

from natv2.errors import UserError
from natv2.postprocess.config import PostprocessConfig
from natv2.postprocess.refine import chosen_networks
from tests.configs import parameters

FRONT = pd.DataFrame(
    {
        "accuracy": [0.5, 0.9, 0.7, 0.8],
        "macs": [10, 40, 20, 30],
        "high_tradeoff": [True, False, False, False],
    }
)


def config(finish: object) -> PostprocessConfig:
    return PostprocessConfig.model_validate({**parameters().postprocess.model_dump(), "finish": finish})


def macs(finish: object) -> list[int]:
    chosen = chosen_networks(FRONT, config(finish))
    assert chosen["name"].tolist() == [f"network_{n + 1:02}" for n in range(len(chosen))]
    assert chosen["accuracy"].is_monotonic_decreasing
    return chosen["macs"].tolist()


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        ("high_tradeoff", [40, 10]),
        ("front", [40, 30, 20, 10]),
        ("20+35", [30, 20]),
        ("1.5e1", [10]),
        (25, [20]),
        ([10.0, 1e6], [40, 10]),
        ("21+29+30", [30, 20]),  # one network for two budgets is finished once
    ],
)
def test_the_networks_that_were_asked_for(finish, expected):
    assert macs(finish) == expected


def test_ways_that_end_alike_are_finished_once():
    """Two that differ in how outputs are weighed were trained twice, to the same bits."""
    ways = {"kept": ["4-5", "1-2", "1-2", "1-2"], "leaving": [0.85, 0.7, 0.7, None]}
    alike = dict.fromkeys(("resolution", "width", "exit", "depths", "kernels", "expand_ratios", "masks"), 1)
    front = FRONT.assign(high_tradeoff=True, exit_weighting=["UNIF", "ASC", "UNIF", "ASC"], **ways, **alike)
    once = chosen_networks(front, config("high_tradeoff"))
    assert once["accuracy"].tolist() == [0.9, 0.8, 0.5]
    assert once["name"].tolist() == ["network_01", "network_02", "network_03"]
    untrained = config("high_tradeoff").model_copy(update={"method": "none"})
    assert len(chosen_networks(front, untrained)) == 4


def test_a_budget_that_nothing_keeps_is_told_and_all_such_are_refused(caplog):
    assert macs("5+20") == [20]
    assert "no network has at most 5 MACs: the smallest found has 10" in caplog.text
    with pytest.raises(UserError, match=r"no network has at most 9 MACs; .* found has 10"):
        macs("5+9")


@pytest.mark.parametrize("finish", ["fronts", "1e6+x", "0", "-3", [], "2+1", "1+1", None, {"a": 1}, "nan"])
def test_nonsense_is_refused(finish):
    with pytest.raises(ValidationError):
        config(finish)


@pytest.mark.parametrize(("finish", "expected"), [("front", 5), ("high_tradeoff", 5), ("1+2+3", 3)])
def test_how_many_networks_to_expect(finish, expected):
    assert config(finish).expected(4) == expected
