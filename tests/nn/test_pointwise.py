import copy

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import fx, nn

from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.network.tracing import trace
from natv2.nn.traced import PointwiseConvNorm, join_norms


def layers(inputs: int, outputs: int, momentum: float | None = 0.1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
    norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=momentum)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
    return nn.Sequential(convolution, norm)


@given(
    st.integers(1, 8),
    st.integers(1, 40),
    st.integers(2, 5),
    st.integers(2, 6),
    st.floats(0, 20),
    st.sampled_from([0.1, None]),
    st.sampled_from([torch.channels_last, torch.contiguous_format]),
    st.integers(0, 1000),
)
@settings(max_examples=40)
def test_it_is_the_two_layers(inputs, outputs, images, side, offset, momentum, memory_format, seed):
    """Values, gradients, running statistics, in training and evaluation, for features far from zero too."""
    torch.manual_seed(seed)
    both = layers(inputs, outputs, momentum)
    joined = PointwiseConvNorm(*copy.deepcopy(both))
    data = torch.randn(images, inputs, side, side) + offset
    first = data.contiguous(memory_format=memory_format).requires_grad_()
    second = data.contiguous(memory_format=memory_format).requires_grad_()
    upstream = torch.randn(images, outputs, side, side)
    theirs, ours = both(first), joined(second)
    assert torch.allclose(theirs, ours, atol=2e-3)
    theirs.backward(upstream)
    ours.backward(upstream)
    assert torch.allclose(first.grad, second.grad, atol=1e-2, rtol=1e-2)
    pairs = [(both[0].weight, joined.convolution.weight), (both[1].weight, joined.norm.weight)]
    for mine, other in pairs:
        assert torch.allclose(mine.grad, other.grad, atol=1e-2, rtol=1e-2)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.allclose(getattr(both[1], name), getattr(joined.norm, name), rtol=1e-3, atol=1e-4)
    assert torch.allclose(both.eval()(data), joined.eval()(data), atol=1e-3)


def test_heads_have_it_and_the_networks_own_last_layers_do_not():
    network, _ = multi_exit_network("mobilenet_v3_small", 5, resolution=32)
    joined = {
        exit: sum(isinstance(m, PointwiseConvNorm) for m in network.heads[str(exit)].modules())
        for exit in network.exits
    }
    assert joined == {1: 1, 2: 1, 3: 1, 4: 0}


def test_in_bf16_it_is_the_two_layers_exactly():
    """Features far from zero would be rounded off centre, if means were taken out of the rounded product."""
    both = layers(6, 36)
    joined = PointwiseConvNorm(*copy.deepcopy(both))
    x = torch.randn(16, 6, 4, 4) + 10
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(both(x), joined(x))
        assert torch.equal(both.eval()(x), joined.eval()(x))
    assert torch.equal(both[1].running_var, joined.norm.running_var)


def test_features_without_variance_give_finite_values():
    """Features in one direction have no variance across it: rounding must not make that negative."""
    torch.manual_seed(0)
    direction = torch.randn(16)
    both = layers(16, 40, momentum=None)
    with torch.no_grad():
        weight = both[0].weight.flatten(1)
        weight -= (weight @ direction / direction.square().sum())[:, None] * direction
    joined = PointwiseConvNorm(*copy.deepcopy(both))
    for scale in (10, 1000):
        x = scale * torch.randn(8, 1, 4, 4) * direction[:, None, None]
        assert joined(x).isfinite().all()
    assert (joined.norm.running_var >= 0).all()
    assert joined.norm.num_batches_tracked == 2


class NormWithActivation(nn.BatchNorm2d):
    """As timm's: a batch norm by its class, and more than that."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(super().forward(x))


def test_only_torch_s_own_layers_are_joined():
    for norm, count in ((nn.BatchNorm2d(3), 1), (NormWithActivation(3), 0)):
        network = nn.Sequential(nn.Conv2d(2, 3, 1, bias=False), norm, nn.ReLU())
        staged = fx.GraphModule(network, trace(network).graph)
        join_norms(staged)
        assert sum(isinstance(module, PointwiseConvNorm) for module in staged.modules()) == count
