"""Elastic kernels: 7 → 5 → 3 by trained matrices (facts, section 2)."""

import pytest
import torch

from natv2.spaces.architecture import constant
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet
from tests.tiny import CLASSES, new_supernet

NAME = "EE_B_OFAMobileNetV3"


def kernels(supernet: Supernet, size: int, expand_ratio: int = 6) -> list[torch.Tensor]:
    """The depthwise kernels of all 20 blocks of the network with `size` throughout."""
    architecture = constant(
        supernet.design,
        resolution=16,
        width=supernet.width,
        exits=(5,),
        depth=4,
        kernel=size,
        expand_ratio=expand_ratio,
        mask=4,
    )
    subnet = supernet.subnet(architecture)
    return [
        level.blocks["inverted_bottleneck"].depthwise.conv.weight
        for stage in subnet.stages
        for level in stage.levels
    ]


def by_hand(kernel: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """The centre of one channel's kernel, as a vector multiplied by `matrix`."""
    size = int(matrix.shape[0] ** 0.5)
    margin = (kernel.shape[-1] - size) // 2
    centre = [kernel[margin + row, margin + column] for row in range(size) for column in range(size)]
    return torch.stack([(row * torch.stack(centre)).sum() for row in matrix]).view(size, size)


def test_identity_matrices_give_the_centre():
    supernet = Supernet(DESIGNS[NAME], 0.1, CLASSES)
    for largest, middle, smallest in zip(*(kernels(supernet, size) for size in (7, 5, 3)), strict=True):
        assert torch.equal(middle, largest[:, :, 1:6, 1:6])
        assert torch.equal(smallest, largest[:, :, 2:5, 2:5])


@pytest.mark.parametrize("expand_ratio", [3, 6])
def test_three_comes_from_the_transformed_five(expand_ratio):
    supernet = new_supernet(NAME)
    every = zip(*(kernels(supernet, size, expand_ratio) for size in (7, 5, 3)), strict=True)
    for block, (largest, middle, smallest) in enumerate(every):
        to_five, to_three = supernet.transforms[block]
        assert (to_five.shape, to_three.shape) == ((25, 25), (9, 9))
        for channel in (0, len(largest) - 1):
            five = by_hand(largest[channel, 0], to_five)
            assert torch.allclose(middle[channel, 0], five, atol=1e-6)
            assert torch.allclose(smallest[channel, 0], by_hand(five, to_three), atol=1e-6)
            assert not torch.allclose(middle[channel, 0], largest[channel, 0, 1:6, 1:6], atol=1e-3)


def test_gradients_reach_the_matrices_that_were_used_only():
    supernet = new_supernet(NAME)
    images = torch.randn(4, 3, 16, 16)
    for size, used in ((7, (False, False)), (5, (True, False)), (3, (True, True))):
        supernet.zero_grad(set_to_none=True)
        architecture = constant(
            supernet.design,
            resolution=16,
            width=0.1,
            exits=(5,),
            depth=2,
            kernel=size,
            expand_ratio=3,
            mask=4,
        )
        supernet(images, architecture)[0].square().sum().backward()
        for block, matrices in enumerate(supernet.transforms):
            active = block % 4 < 2
            assert tuple(m.grad is not None for m in matrices) == (used if active else (False, False))
