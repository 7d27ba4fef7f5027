"""Latency tables, of parts whose latency is known."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from natv2.costs.config import BatchLatencyConfig
from natv2.costs.latency import Latencies
from natv2.costs.latency_table import LatencyTable
from natv2.errors import UserError
from natv2.search import latency
from natv2.search.latency import (
    build_latency_table,
    known_latency_table,
    latency_error,
    refuse_untrue,
)
from natv2.spaces.channels import channel_plan
from natv2.spaces.space import SearchSpace
from natv2.supernets.network import FIRST, STEM, Network, build, head, levels
from natv2.training.state_store import StateStore
from tests.configs import RUN
from tests.designs import DESIGNS
from tests.strategies import codes, few

CONFIG = BatchLatencyConfig(threads=1, batch=1, warm_up=0, repetitions=1, force=False)
CLASSES = 5


def space_of(name: str) -> SearchSpace:
    return SearchSpace(design=DESIGNS[name], resolutions=(17, 32), widths=(0.1, 0.2))


def small_space() -> SearchSpace:
    """Where a table is only built, and no figure in it is looked at."""
    design = replace(DESIGNS["OFAMobileNetV3"], kernels=(3,), expand_ratios=(3, 4), depths=(1, 2))
    return SearchSpace(design=design, resolutions=(17,), widths=(0.1,))


def weight(module) -> float:
    return 1 + sum(p.numel() for p in module.parameters()) ** 0.5


def known(modules, inputs, config) -> Latencies:
    """A part takes what its weights and its input's size say; a network three times that and a half."""
    taken = []
    for module, x in zip(modules, inputs, strict=True):
        assert not module.training and x.shape[0] == config.batch
        if isinstance(module, Network):
            taken.append(0.5 + 3 * naive(module.design, module.architecture))
        else:
            taken.append(weight(module) * x.shape[-1])
    return Latencies(median=np.array(taken), spread=np.zeros(len(taken)))


@cache
def weight_of(part, design, width) -> float:
    module = build(part, channel_plan(design, width), CLASSES, 0.0)
    return sum(weight(block) for block in (module.blocks.values() if hasattr(module, "blocks") else [module]))


def naive(design, architecture) -> float:
    """The sum over parts, one by one, along the sizes that maps really have."""
    plan, size = channel_plan(design, architecture.width), architecture.resolution
    total = 0.0

    def add(part, size):
        nonlocal total
        total += size * weight_of(part, design, architecture.width)

    add(STEM, size)
    size = -(-size // 2)
    add(FIRST, size)
    for stage in range(architecture.deepest_exit):
        for position, part in enumerate(levels(architecture, stage)):
            add(part, size)
            if position == 0 and plan.level(stage, 0).stride == 2:
                size = -(-size // 2)
    add(head(architecture.deepest_exit), size)
    return total


@pytest.fixture(autouse=True)
def known_latencies(monkeypatch):
    monkeypatch.setattr(latency, "measure", known)


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_D_OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
def test_a_network_takes_the_sum_of_its_parts_on_the_scale_of_whole_networks(name):
    table, check = build_latency_table(space_of(name), CLASSES, CONFIG, RUN)

    @few
    @given(data=st.data())
    def holds(data):
        row = data.draw(codes(table.space))
        expected = 0.5 + 3 * naive(table.space.design, table.space.decode(row))
        np.testing.assert_allclose(table(row[None]), [expected])

    holds()
    assert len(check) == 30
    assert latency_error(check) == pytest.approx({"mape": 0, "spearman": 1})


def test_equal_parts_are_measured_once(monkeypatch):
    seen = []

    def watched(modules, inputs, config):
        seen.append(modules)
        return known(modules, inputs, config)

    monkeypatch.setattr(latency, "measure", watched)
    space = replace(space_of("EE_B_OFAMobileNetV3"), widths=(0.2,), resolutions=(32,))
    build_latency_table(space, CLASSES, CONFIG, RUN)
    # Of each stage the first level and one for all others, of nine kinds; stem, first block, five heads.
    assert len(seen[0]) == 5 * 2 * 9 + 2 + 5
    assert len(seen[1]) == 45


def test_a_table_survives_being_written_and_no_other_is_taken_for_it():
    space = space_of("EE_P_OFAMobileNetV3")
    table, _ = build_latency_table(space, CLASSES, CONFIG, RUN)
    frame = table.to_frame()
    again = LatencyTable.from_frame(frame.sample(frac=1, random_state=0), space)
    np.testing.assert_array_equal(again.levels, table.levels)
    np.testing.assert_array_equal(again.rest, table.rest)
    with pytest.raises(ValueError, match="missing"):
        LatencyTable.from_frame(frame[1:], space)
    with pytest.raises(ValueError, match="no latency table"):
        LatencyTable.from_frame(frame, space_of("OFAMobileNetV3"))


def check_of(measured) -> pd.DataFrame:
    expected = np.arange(1.0, 1 + len(measured))
    return pd.DataFrame({"expected_ms": expected, "measured_ms": measured, "spread_ms": 0.0})


def test_what_orders_networks_wrongly_is_refused_unless_forced():
    right, wrong = np.arange(1.0, 31), np.roll(np.arange(1.0, 31), 5)
    refuse_untrue(check_of(right), force=False)
    assert latency_error(check_of(2 * right)) == pytest.approx({"mape": 0.5, "spearman": 1})
    with pytest.raises(UserError, match=r"correlation .* is 0\.1.*below 0\.9.*search\.latency\.force=true"):
        refuse_untrue(check_of(wrong), force=False)
    refuse_untrue(check_of(wrong), force=True)
    with pytest.raises(UserError, match="nan"), pytest.warns(match="constant"):
        refuse_untrue(check_of(np.ones(30)), force=False)


def test_a_table_is_built_once_a_device_and_kept_only_where_it_is_true(tmp_path, monkeypatch):
    space, known_tables, built = small_space(), StateStore(tmp_path), []
    noisy = {"noise": 0.0}

    def watched(modules, inputs, config):
        built.append(len(modules))
        found = known(modules, inputs, config)
        noise = noisy["noise"] * np.random.default_rng(0).permutation(len(modules))
        return replace(found, median=found.median + noise)

    monkeypatch.setattr(latency, "measure", watched)

    def ask(**changes):
        config = CONFIG.model_copy(update=changes)
        return known_latency_table(known_tables, space, CLASSES, config, RUN)

    noisy["noise"] = 1e6
    with pytest.raises(UserError, match="no guide"):
        ask()
    ask(force=True)
    assert len(built) == 4
    noisy["noise"] = 0.0
    first, check = ask()
    again, same = ask()
    assert len(built) == 6 and check.equals(same)
    np.testing.assert_array_equal(first.levels, again.levels)
    ask(batch=2)
    assert len(built) == 8


def test_a_table_of_other_threads_or_another_processor_is_not_taken(tmp_path, monkeypatch):
    space, known_tables, built = small_space(), StateStore(tmp_path), []
    found = build_latency_table(space, CLASSES, CONFIG, RUN)

    def watched(space, classes, config, run):
        built.append(config)
        return found

    def builds(threads, run_threads=1, processor="model name\t: A\n"):
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{processor}\nprocessor\t: 1\n{processor}")
        monkeypatch.setattr("torch.get_num_threads", lambda: run_threads)
        before = len(built)
        config = CONFIG.model_copy(update={"threads": threads})
        known_latency_table(known_tables, space, CLASSES, config, RUN)
        return len(built) > before

    monkeypatch.setattr(latency, "build_latency_table", watched)
    monkeypatch.setattr(latency, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.processor", lambda: "arm")
    assert builds(None) and not builds(None)
    assert not builds(1, run_threads=8)  # measured with one thread, too
    assert builds(None, run_threads=8) and not builds(8)
    assert builds(1, processor="model name\t: B\n") and not builds(1)
    assert builds(1, processor="") and not builds(1, processor="")
    assert not builds(1, processor="model name\t: arm\n")
