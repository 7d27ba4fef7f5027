import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from natv2.nn.depthwise import DepthwiseConv2d
from natv2.nn.layers import BatchNorm2d
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet


@pytest.mark.parametrize("height", [*range(1, 10), 13, 16])
@pytest.mark.parametrize("training", [True, False])
def test_depthwise_equals_the_convolution_with_the_whole_kernel(height, training):
    """The weight gradient is made in another way where that is faster; no number may change."""
    generator = torch.Generator().manual_seed(height)
    for kernel in (3, 5, 7):
        for stride in (1, 2):
            for width in {height, max(1, height - 1), height + 2}:
                layer = DepthwiseConv2d(4, kernel, stride).to_empty(device="cpu").double().train(training)
                weight = torch.randn(4, 1, kernel, kernel, generator=generator, dtype=torch.float64)
                layer.load_state_dict({"weight": weight})
                images = torch.randn(3, 4, height, width, generator=generator, dtype=torch.float64)
                inputs, others = images.clone().requires_grad_(), images.clone().requires_grad_()
                whole = weight.clone().requires_grad_()
                output = layer(inputs)
                expected = conv2d(others, whole, stride=stride, padding=kernel // 2, groups=4)
                assert output.shape == expected.shape == (3, 4, -(-height // stride), -(-width // stride))
                assert torch.allclose(output, expected, rtol=1e-10, atol=1e-12)
                upstream = torch.randn(output.shape, generator=generator, dtype=torch.float64)
                output.backward(upstream)
                expected.backward(upstream)
                assert torch.allclose(inputs.grad, others.grad, rtol=1e-10, atol=1e-12)
                assert torch.allclose(layer.weight.grad, whole.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_depthwise_trains_in_bf16(kernel):
    """Its own weight gradient is for fp32: under autocast it is a convolution as any other."""
    layer = DepthwiseConv2d(4, kernel, 1).to_empty(device="cpu")
    torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(kernel))
    images = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    gradients = []
    for enabled in (False, True):
        inputs = images.clone().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            output = layer(inputs)
        assert output.dtype == (torch.bfloat16 if enabled else torch.float32)
        output.float().square().sum().backward()
        gradients.append((inputs.grad, layer.weight.grad))
        layer.weight.grad = None
    for exact, close in zip(*gradients, strict=True):
        assert close.dtype == torch.float32
        assert (close - exact).norm() < 0.02 * exact.norm()


def test_initial_values():
    network = Supernet(DESIGNS["EE_P_OFAMobileNetV3"], 1.0, 10).network
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d) and module.weight.numel() > 3000:
            area = module.kernel_size[0] ** 2
            deviation = (2 / (area * module.out_channels)) ** 0.5
            assert module.weight.std().item() == pytest.approx(deviation, rel=0.1)
            assert abs(module.weight.mean().item()) < 0.1 * deviation
        if isinstance(module, torch.nn.Linear):
            bound = module.in_features**-0.5
            assert 0.98 * bound < module.weight.abs().max() <= bound
        if isinstance(module, torch.nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.eps, module.momentum) == (1e-5, 0.1)
        if isinstance(getattr(module, "bias", None), torch.Tensor):
            assert (module.bias == 0).all()


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (3, 40, 7, 7), (1, 96, 5, 4)])
@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("recording", [True, False])
def test_batch_norm_is_torchs_wherever_it_writes(recording, momentum, shape, memory_format):
    torch.manual_seed(0)
    ours, theirs = BatchNorm2d(shape[1], device="meta").to_empty(device="cpu"), nn.BatchNorm2d(shape[1])
    for tensor in theirs.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape) + 0.5)
    ours.load_state_dict(theirs.state_dict())
    for layer in (ours, theirs):
        layer.momentum, layer.track_running_stats = momentum, recording
    for training in (False, True, True):
        ours.train(training), theirs.train(training)
        x = (torch.randn(shape) + 2).contiguous(memory_format=memory_format)
        learning = ours(x)
        assert learning.requires_grad and learning.data_ptr() != x.data_ptr()
        assert torch.equal(learning, theirs(x))
        with torch.no_grad():
            taken, expected = x.clone(), theirs(x)
            found = ours(taken)
        assert found.data_ptr() == taken.data_ptr()
        assert torch.allclose(found, expected, atol=2e-6)
        for name, buffer in theirs.named_buffers():
            assert torch.allclose(ours.get_buffer(name), buffer, rtol=1e-5)


def test_batch_norm_takes_no_variance_of_one_value():
    layer = BatchNorm2d(3, device="meta").to_empty(device="cpu").train()
    with torch.no_grad(), pytest.raises(ValueError, match="more than 1 value per channel"):
        layer(torch.zeros(1, 3, 1, 1))
