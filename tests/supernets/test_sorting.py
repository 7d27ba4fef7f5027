import pytest
import torch
from torch import Tensor

from natv2.nn.blocks import InvertedBottleneck
from natv2.spaces.channels import expanded, squeezed
from natv2.supernets.sorting import sort_channels
from natv2.supernets.supernet import Supernet
from tests.tiny import images_of, new_supernet

ALL = pytest.mark.parametrize(
    "name", ["OFAMobileNetV3", "SE_DP_OFAMobileNetV3", "EE_D_OFAMobileNetV3", "EE_P_OFAMobileNetV3"]
)


def elastic_blocks(supernet: Supernet) -> list[InvertedBottleneck]:
    stages = supernet.network.stages
    return [level.blocks["inverted_bottleneck"] for stage in stages for level in stage.levels]


def bounds(block: InvertedBottleneck, ratios: tuple[int, ...]) -> list[tuple[int, int]]:
    ends = [expanded(block.expand.conv.in_channels, ratio) for ratio in ratios]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def projections(supernet: Supernet) -> list[Tensor]:
    return [block.project.conv.weight.detach()[:, :, 0, 0].double() for block in elastic_blocks(supernet)]


def by_importance(columns: Tensor) -> Tensor:
    """`columns` by their L1 norms, the largest first."""
    return columns[:, columns.abs().sum(dim=0).argsort(descending=True)]


@pytest.mark.parametrize("ratios", [(6,), (4, 6)])
@ALL
def test_the_largest_network_stays_the_same(name, ratios):
    supernet = new_supernet(name, 0.25)
    images, largest = images_of(4, 3, 24, 24), supernet.largest(24)
    with torch.no_grad():
        before, weights = supernet(images, largest), projections(supernet)
        sort_channels(supernet, ratios)
        after = supernet(images, largest)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(before, after, strict=True))
    moved = [not torch.equal(a, b) for a, b in zip(weights, projections(supernet), strict=True)]
    assert all(moved)


def test_before_the_first_phase_all_channels_are_sorted():
    supernet = new_supernet("OFAMobileNetV3", 0.25)
    before = projections(supernet)
    sort_channels(supernet, (6,))
    for old, new in zip(before, projections(supernet), strict=True):
        assert torch.equal(new, by_importance(old))


@pytest.mark.parametrize("ratios", [(4, 6), (6, 4)])
def test_before_the_second_phase_channels_stay_in_the_groups_of_the_first(ratios):
    supernet = new_supernet("OFAMobileNetV3", 0.25)
    before = projections(supernet)
    sort_channels(supernet, ratios)
    for block, old, new in zip(elastic_blocks(supernet), before, projections(supernet), strict=True):
        for start, end in bounds(block, (4, 6)):
            assert torch.equal(new[:, start:end], by_importance(old[:, start:end]))
        assert not torch.equal(new, by_importance(old))


@pytest.mark.parametrize("ratios", [(6,), (4, 6)])
def test_squeezed_channels_are_sorted_by_their_second_convolution(ratios):
    supernet = new_supernet("OFAMobileNetV3", 0.25)
    excited = [block for block in elastic_blocks(supernet) if hasattr(block.squeeze_excite, "reduce")]
    assert len(excited) == 12
    before = [block.squeeze_excite.expand.weight.detach().abs().sum((0, 2, 3)) for block in excited]
    sort_channels(supernet, ratios)
    for block, old in zip(excited, before, strict=True):
        new = block.squeeze_excite.expand.weight.detach().abs().sum((0, 2, 3))
        ends = [squeezed(end) for _, end in bounds(block, ratios)]
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            # the same sums in another order of their terms
            assert torch.allclose(new[start:end], old[start:end].sort(descending=True).values, rtol=1e-5)


def test_sorting_twice_is_sorting_once():
    supernet = new_supernet("EE_DP_OFAMobileNetV3", 0.25)
    sort_channels(supernet, (6,))
    once = {name: weight.detach().clone() for name, weight in supernet.named_parameters()}
    sort_channels(supernet, (6,))
    assert all(torch.equal(weight, once[name]) for name, weight in supernet.named_parameters())
