"""Parameters and MACs measured on the reference implementations (facts, sections 1 and 4)."""

import pytest

from natv2.costs.parts import MACS, PARAMS, architecture_cost
from natv2.spaces.architecture import Architecture, constant
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet

LARGEST = {"depth": 4, "kernel": 7, "expand_ratio": 6}
SMALLEST = {"depth": 2, "kernel": 3, "expand_ratio": 3}

# 1000 classes: parameters, MACs in millions at 224 and at 64
BACKBONE = {
    (1.0, "largest"): (7_664_760, 566.171, 50.822),
    (1.0, "smallest"): (3_410_792, 121.279, 12.457),
    (1.2, "largest"): (10_701_632, 843.101, 75.219),
    (1.2, "smallest"): (4_602_456, 193.078, 19.158),
}

# 200 classes, width 1.0, kernel-transform matrices included
SUPERNETS = {
    "OFAMobileNetV3": 6_654_080,
    "SE_B_OFAMobileNetV3": 6_654_080,
    "SE_D_OFAMobileNetV3": 6_654_080,
    "SE_P_OFAMobileNetV3": 6_864_160,
    "SE_DP_OFAMobileNetV3": 6_864_160,
    "EE_B_OFAMobileNetV3": 8_208_032,
    "EE_D_OFAMobileNetV3": 8_208_032,
    "EE_P_OFAMobileNetV3": 8_418_112,
    "EE_DP_OFAMobileNetV3": 8_418_112,
}
MATRICES = 14_120


def network(size: dict[str, int], *, resolution: int = 64, width: float = 1.0, exits: tuple[int, ...] = (5,)):
    return constant(
        DESIGNS["OFAMobileNetV3"], resolution=resolution, width=width, exits=exits, mask=4, **size
    )


def cost(architecture: Architecture, classes: int, name: str = "OFAMobileNetV3") -> tuple[int, int]:
    value = architecture_cost(DESIGNS[name], architecture, classes)
    return int(value[PARAMS]), int(value[MACS])


@pytest.mark.parametrize(("width", "size"), BACKBONE)
def test_largest_and_smallest_backbone(width, size):
    params, at_224, at_64 = BACKBONE[width, size]
    for resolution, macs in ((224, at_224), (64, at_64)):
        found = cost(
            network(LARGEST if size == "largest" else SMALLEST, resolution=resolution, width=width), 1000
        )
        assert found[0] == params
        assert f"{found[1] / 1e6:.3f}" == f"{macs:.3f}"


def test_the_supernet_holds_its_matrices_more_than_its_largest_network():
    supernet = Supernet(DESIGNS["OFAMobileNetV3"], 1.0, 1000)
    assert sum(p.numel() for p in supernet.parameters()) - BACKBONE[1.0, "largest"][0] == MATRICES
    assert sum(p.numel() for p in supernet.transforms.parameters()) == MATRICES


@pytest.mark.parametrize("name", SUPERNETS)
def test_supernets(name):
    supernet = Supernet(DESIGNS[name], 1.0, 200)
    assert sum(p.numel() for p in supernet.parameters()) == SUPERNETS[name]
    assert cost(supernet.largest(64), 200, name)[0] == SUPERNETS[name] - MATRICES


def test_exits_of_the_largest_early_exit_network():
    params = [cost(network(LARGEST, exits=(e,)), 200, "EE_B_OFAMobileNetV3")[0] for e in (1, 2, 3, 4, 5)]
    assert [f"{p / 1e6:.3f}" for p in params] == ["0.124", "0.422", "1.095", "2.951", "6.640"]
    assert cost(network(LARGEST, exits=(1, 2, 3, 4, 5)), 200, "EE_B_OFAMobileNetV3")[0] == 8_193_912
