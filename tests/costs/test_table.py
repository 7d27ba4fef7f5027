import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from natv2.costs.parts import architecture_cost
from natv2.costs.table import CostTable
from natv2.spaces.space import SearchSpace
from natv2.supernets.network import Network
from tests.designs import DESIGNS
from tests.strategies import architectures, codes, few
from tests.tiny import shared_supernet

ALL = pytest.mark.parametrize("name", DESIGNS)
WIDTHS = (0.1, 0.35, 0.9, 1.2)
RESOLUTIONS = (17, 31, 32, 45, 64, 100)


def counted(network: Network) -> list[int]:
    """Parameters and MACs of a module, counted while it runs on tensors without memory."""
    size = network.architecture.resolution
    network = network.to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, size, size, device="meta"))
    assert counter.get_total_flops() % 2 == 0
    return [sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2]


@ALL
@settings(few, max_examples=3)  # counting takes its time
@given(data=st.data())
def test_costs_equal_a_count_on_the_module(name, data):
    options = {"widths": WIDTHS, "resolutions": RESOLUTIONS, "several_exits": True}
    architecture = data.draw(architectures(DESIGNS[name], **options))
    classes = data.draw(st.sampled_from([1, 3, 200]))
    network = Network(DESIGNS[name], architecture, classes)
    assert architecture_cost(DESIGNS[name], architecture, classes).tolist() == counted(network)


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
@few
@given(data=st.data())
def test_costs_equal_a_count_on_the_extracted_network(name, data):
    supernet = shared_supernet(name)
    architecture = data.draw(architectures(supernet.design, several_exits=True))
    subnet = supernet.subnet(architecture)
    expected = counted(subnet)
    assert architecture_cost(supernet.design, architecture, supernet.classes).tolist() == expected


@ALL
@few
@given(data=st.data())
def test_the_table_equals_the_sum_over_layers(name, data):
    space = SearchSpace(design=DESIGNS[name], resolutions=(17, 64), widths=(0.35, 1.2))
    rows = np.stack(data.draw(st.lists(codes(space), min_size=1, max_size=8)))
    costs = CostTable(space=space, classes=11)(rows)
    assert costs.shape == (len(rows), 2)
    expected = [architecture_cost(space.design, space.decode(row), 11) for row in rows]
    assert costs.tolist() == np.array(expected).tolist()


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_P_OFAMobileNetV3"])
def test_many_codes_at_once(name):
    space = SearchSpace(design=DESIGNS[name], resolutions=(48, 56, 64), widths=(1.0, 1.2))
    table = CostTable(space=space, classes=10)
    generator = np.random.default_rng(0)
    rows = generator.integers(space.lower, space.upper, size=(500, space.variables), endpoint=True)
    before = rows.copy()
    costs = table(rows)
    assert np.array_equal(rows, before)
    assert np.array_equal(costs, table(space.canonical(rows)))
    assert np.array_equal(costs, np.concatenate([table(rows[i : i + 1]) for i in range(len(rows))]))
    assert table(rows[:0]).shape == (0, 2)


def test_codes_out_of_bounds_are_refused():
    space = SearchSpace(design=DESIGNS["OFAMobileNetV3"], resolutions=(48,), widths=(1.0,))
    rows = np.stack([space.encode(space.smallest())] * 2)
    rows[1, 5] = 10
    with pytest.raises(ValueError, match="value 10 of variable 5: allowed are 0 to 9"):
        CostTable(space=space, classes=10)(rows)
