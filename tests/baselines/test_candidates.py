"""Which networks are trained beside those that are finished, on a made-up table of costs."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from natv2.baselines import candidates
from natv2.baselines.candidates import choose_baselines
from natv2.baselines.config import BaselinesConfig
from natv2.baselines.names import PLAIN
from natv2.costs.count import CountedCosts
from natv2.costs.parts import MACS, PARAMS, architecture_cost
from natv2.errors import UserError
from natv2.spaces.architecture import architecture_of, constant
from natv2.spaces.space import SearchSpace
from tests.baselines.weights import given
from tests.designs import DESIGNS
from tests.tiny import CLASSES

SPACE = SearchSpace(design=DESIGNS["EE_D_OFAMobileNetV3"], resolutions=(16, 24), widths=(0.1, 0.2))
NAMES = list(PLAIN)
PARAMS_OF = dict(zip(NAMES, (50, 10, 90, 20, 70, 30, 80, 40, 60, 100, 120, 110), strict=True))
MACS_OF = dict(zip(NAMES, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), strict=True))
OWN = "own.plain:network"
UNIT = 100_000  # of the table's MACs


@pytest.fixture(autouse=True)
def table(monkeypatch):
    """Costs as in the table above; timm is not installed."""

    def costs(name, classes, resolution, build=None):
        assert (classes, resolution) == (CLASSES, 24)
        if ":" in name:
            assert build == f"function of {name}"
            return CountedCosts(35, int(2.5 * UNIT))
        if PLAIN[name].library == "timm":
            raise UserError("timm is not there")
        return CountedCosts(PARAMS_OF[name], MACS_OF[name] * UNIT)

    monkeypatch.setattr(candidates, "plain_costs", costs)
    monkeypatch.setattr(candidates, "own_builds", lambda config: {n: f"function of {n}" for n in config.own})
    monkeypatch.setattr(candidates, "_DRAWN", 3000)


def chosen(*rows: tuple[int, float]) -> pd.DataFrame:
    """Networks of so many parameters and MACs."""
    macs = [int(each * UNIT) for _, each in rows]
    return pd.DataFrame({"params": [params for params, _ in rows], "macs": macs})


def choose(
    beside: pd.DataFrame, costs=("macs",), seed=0, latency=None, weights=None, **changes
) -> pd.DataFrame:
    usual = {
        "networks": None,
        "teacher": None,
        "scaled": False,
        "random": 0,
        "pretrained": "none",
        "pretrained_lr": 0.1,
    }
    config = BaselinesConfig.model_validate(usual | changes)
    return choose_baselines(beside, SPACE, CLASSES, costs, config, seed, latency, weights or {})


def nearest(networks: pd.DataFrame, costs: dict[str, dict[str, int]]) -> tuple[set[str], set[str]]:
    """Names of the largest plain network of at most each cost of each network, and of the next one."""
    below, above = set(), set()
    for cost, of in costs.items():
        installed = {name: value for name, value in of.items() if PLAIN[name].library != "timm"}
        for limit in networks[cost]:
            within = [name for name, value in installed.items() if value <= limit]
            beyond = [name for name, value in installed.items() if value > limit]
            below |= {max(within, key=lambda name: installed[name])} if within else set()
            above |= {min(beyond, key=lambda name: installed[name])} if beyond else set()
    return below, above


MACS_TABLE = {name: value * UNIT for name, value in MACS_OF.items()}


@pytest.mark.parametrize(
    "rows",
    [
        [(55, 4.5)],
        [(50, 4)],  # of exactly its cost is not above it
        [(5, 0.5)],  # nothing below
        [(500, 50)],  # nothing above
        [(55, 4.5), (52, 4.4), (15, 9.5)],
    ],
)
def test_the_nearest_below_and_above_in_each_cost_are_trained_and_those_below_taught(rows):
    networks = chosen(*rows)
    for costs in (("macs",), ("params",), ("params", "macs")):
        tables = {"params": PARAMS_OF, "macs": MACS_TABLE}
        below, above = nearest(networks, {cost: tables[cost] for cost in costs})
        plan = choose(networks, costs)
        assert set(plan["name"]) == below | above and plan["name"].is_unique
        assert set(plan["name"][plan["taught"]]) == below
        assert (plan["kind"] == "plain").all() and (plan["network"] == plan["name"]).all()
        assert plan["macs"].tolist() == [MACS_OF[name] * UNIT for name in plan["name"]]


def test_latency_is_measured_where_it_is_an_objective():
    networks = chosen((55, 4.5)).assign(latency=6.5)
    asked = []

    def latency(names):
        asked.append(list(names))
        return [float(len(names) - n) for n, _ in enumerate(names)]

    plan = choose(networks, ("latency",), latency=latency)
    (names,) = asked
    assert names == [name for name in NAMES if PLAIN[name].library != "timm"]
    taken = dict(zip(names, range(len(names), 0, -1), strict=True))
    assert {taken[name] for name in plan["name"]} == {6, 7}
    assert plan.set_index("name")["latency"].to_dict() == {name: taken[name] for name in plan["name"]}
    choose(networks, ("macs",), latency=latency)
    assert len(asked) == 1


WEIGHTS = {name: given(Path(f"{name}.pth"), name, name) for name in (NAMES[0], NAMES[5], NAMES[9])}


def test_pretrained_ones_nearest_in_cost_stand_apart_and_change_no_other():
    networks = chosen((55, 4.5))
    alone = choose(networks)
    plan = choose(networks, weights=WEIGHTS)
    tuned = plan[plan["kind"] == "pretrained"].set_index("network")
    assert set(tuned.index) == {NAMES[0], NAMES[5]}  # of 1 and of 6 units, beside one of 4.5
    assert not tuned["taught"].any()
    for name, row in tuned.iterrows():
        assert (row["name"], row["weights"]) == (f"{name}_tuned", f"sha256:{name}")
        assert (row["params"], row["macs"]) == (PARAMS_OF[name], MACS_OF[name] * UNIT)
    rest = plan[plan["kind"] != "pretrained"].drop(columns="weights").reset_index(drop=True)
    pd.testing.assert_frame_equal(rest, alone)


def test_a_listed_or_a_teaching_network_is_no_reason_to_leave_pretrained_ones_out():
    plan = choose(chosen((55, 0.5)), networks="resnet20_100", teacher=NAMES[0], weights=WEIGHTS)
    assert set(plan["name"]) == {"resnet20_100", NAMES[0], f"{NAMES[0]}_tuned"}
    assert plan["name"].is_unique


def test_latencies_of_pretrained_ones_are_measured_too():
    networks = chosen((55, 4.5)).assign(latency=1.5)
    plan = choose(
        networks, ("latency",), weights=WEIGHTS, latency=lambda names: [1.0 + n for n, _ in enumerate(names)]
    )
    tuned = plan[plan["kind"] == "pretrained"]
    assert tuned.set_index("network")["latency"].to_dict() == {NAMES[0]: 1.0, NAMES[5]: 2.0}


def test_the_teacher_is_trained_whatever_it_costs():
    plan = choose(chosen((55, 4.5)), teacher="resnet20_100").set_index("name")
    assert set(plan.index) == {NAMES[3], NAMES[4], "resnet20_100"}
    assert not plan.loc["resnet20_100", "taught"]
    plan = choose(chosen((55, 2.1)), teacher=OWN).set_index("network")
    assert OWN in plan.index and plan.loc[OWN, "name"] == "own.plain.network"


def test_those_that_are_listed_are_trained_whatever_they_cost_and_the_nearest_of_them_taught():
    listed = ["resnet20_100", "mobilenet_v3_small_035", OWN]
    plan = choose(chosen((55, 4.5)), networks=listed).set_index("network")
    assert set(plan.index) == set(listed)
    assert plan.loc[OWN, "name"] == "own.plain.network"  # which files can be called
    assert plan["taught"].to_dict() == {name: name == OWN for name in listed}


def test_what_is_not_installed_is_told_and_refused_where_it_was_named(caplog):
    caplog.set_level("INFO", "natv2")
    choose(chosen((55, 4.5)))
    assert caplog.text.count("not among the plain networks: timm is not there") == 1
    with pytest.raises(UserError, match="timm is not there"):
        choose(chosen((55, 4.5)), networks="lcnet_050")


def cost_of(architecture) -> tuple[int, int]:
    params, macs = architecture_cost(SPACE.design, architecture, CLASSES)[[PARAMS, MACS]]
    return int(params), int(macs)


def typical() -> int:
    sizes = {"depth": 3, "kernel": 5, "expand_ratio": 4}
    return cost_of(constant(SPACE.design, resolution=16, width=0.1, exits=(3,), mask=4, **sizes))[1]


def test_random_ones_are_near_the_macs_of_each_and_different():
    limits = [typical(), 2 * typical()]
    networks = chosen(*[(50, limit / UNIT) for limit in limits])
    plan = choose(networks, random=3)
    rows = plan[plan["kind"] == "random"].to_dict("records")
    assert [row["name"].rpartition("_")[2] for row in rows] == ["1", "2", "3"] * 2
    found = [architecture_of(row) for row in rows]
    assert len(set(found)) == 6 and all(row["taught"] for row in rows)
    for limit, (row, architecture) in zip([2] * 3 + [1] * 3, zip(rows, found, strict=True), strict=True):
        params, macs = cost_of(architecture)
        assert (row["params"], row["macs"]) == (params, macs)
        assert abs(macs - limit * typical()) <= 0.1 * limit * typical()
    other = choose(networks, random=3, seed=1)
    assert [architecture_of(row) for row in other[other["kind"] == "random"].to_dict("records")] != found
    pd.testing.assert_frame_equal(plan, choose(networks, random=3))


def test_a_scaled_one_is_the_largest_that_is_the_same_throughout():
    design, limit = SPACE.design, typical() + 1000
    best = 0
    for resolution in SPACE.resolutions:
        for width in SPACE.widths:
            for exit in design.exits:
                for depth in design.depths:
                    for kernel in design.kernels:
                        for ratio in design.expand_ratios:
                            sizes = {"depth": depth, "kernel": kernel, "expand_ratio": ratio, "mask": 4}
                            each = constant(
                                design, resolution=resolution, width=width, exits=(exit,), **sizes
                            )
                            macs = cost_of(each)[1]
                            best = max(best, macs if macs <= limit else 0)
    plan = choose(chosen((50, limit / UNIT)), scaled=True)
    (row,) = plan[plan["kind"] == "scaled"].to_dict("records")
    architecture = architecture_of(row)
    assert row["macs"] == cost_of(architecture)[1] == best
    # One value of each throughout, in the levels that there are.
    for values in (architecture.depths, architecture.kernels, architecture.expand_ratios, architecture.masks):
        assert len({*values} - {0}) == 1


def test_no_architecture_is_that_small():
    plan = choose(chosen((50, 0.001)), scaled=True, random=2)
    assert (plan["kind"] == "plain").all()


def test_networks_of_about_one_cost_share_their_random_and_scaled_ones():
    """Two of one name would be trained in each other's place."""
    limit = typical() / UNIT
    plan = choose(chosen((50, limit), (60, limit + 1e-5)), scaled=True, random=2)
    assert plan["name"].is_unique
    assert (plan["kind"] != "plain").sum() == 3


def test_a_plan_reads_the_same_from_its_file(tmp_path):
    plan = choose(chosen((50, typical() / UNIT)), scaled=True, random=1)
    plan.to_csv(tmp_path / "plan.csv", index=False)
    read = pd.read_csv(tmp_path / "plan.csv")
    own = SimpleNamespace(
        made=plan[plan["kind"] != "plain"].to_dict("records"),
        read=read[read["kind"] != "plain"].to_dict("records"),
    )
    assert [architecture_of(row) for row in own.made] == [architecture_of(row) for row in own.read]
    assert plan["taught"].tolist() == read["taught"].tolist()
