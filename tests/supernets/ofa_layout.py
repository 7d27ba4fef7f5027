"""OFA's published layout, typed from its description: random state dicts, files of them, and its equations.

Nothing here is made of the product's own tables: tests compare the two.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]

# Stem, stages, final expand, last; of each stage the middle and squeezed channels: first block, others.
PLANS: Mapping[float, tuple[int, tuple[int, ...], int, int]] = {
    1.0: (16, (24, 40, 80, 112, 160), 960, 1280),
    1.2: (24, (32, 48, 96, 136, 192), 1152, 1536),
}
MIDDLE: Mapping[float, tuple[tuple[int, int], ...]] = {
    1.0: ((96, 144), (144, 240), (240, 480), (480, 672), (672, 960)),
    1.2: ((144, 192), (192, 288), (288, 576), (576, 816), (816, 1152)),
}
SQUEEZED: Mapping[float, Mapping[int, tuple[int, int]]] = {
    1.0: {2: (40, 64), 4: (120, 168), 5: (168, 240)},
    1.2: {2: (48, 72), 4: (144, 208), 5: (208, 288)},
}
STRIDES = (2, 2, 2, 1, 2)
RELU_STAGES = (1, 2)


def published_state(
    width: float = 1.0, *, published: bool = True, classes: int = 1000, seed: int = 0
) -> State:
    """A random supernet in the spelling of the published files, or of today's classes."""
    generator = torch.Generator().manual_seed(seed)
    inner = "mobile_inverted_conv" if published else "conv"
    stem, stages, expand, last = PLANS[width]
    state: State = {}

    def weight(name: str, *shape: int) -> None:
        fan = 1
        for size in shape[1:]:
            fan *= size
        state[name] = torch.randn(shape, generator=generator) / fan**0.5

    def norm(name: str, channels: int) -> None:
        state[f"{name}.weight"] = 1 + 0.2 * torch.randn(channels, generator=generator)
        state[f"{name}.bias"] = 0.2 * torch.randn(channels, generator=generator)
        state[f"{name}.running_mean"] = torch.randn(channels, generator=generator)
        state[f"{name}.running_var"] = torch.rand(channels, generator=generator) + 0.5
        state[f"{name}.num_batches_tracked"] = torch.tensor(9)

    weight("first_conv.conv.weight", stem, 3, 3, 3)
    norm("first_conv.bn", stem)
    weight(f"blocks.0.{inner}.depth_conv.conv.weight", stem, 1, 3, 3)
    norm(f"blocks.0.{inner}.depth_conv.bn", stem)
    weight(f"blocks.0.{inner}.point_linear.conv.weight", stem, stem, 1, 1)
    norm(f"blocks.0.{inner}.point_linear.bn", stem)
    before, number = stem, 0
    for stage, outputs in enumerate(stages, start=1):
        for position in range(4):
            number += 1
            kind = int(position > 0)
            middle, place = MIDDLE[width][stage - 1][kind], f"blocks.{number}.{inner}"
            weight(f"{place}.inverted_bottleneck.conv.conv.weight", middle, before, 1, 1)
            norm(f"{place}.inverted_bottleneck.bn.bn", middle)
            weight(f"{place}.depth_conv.conv.conv.weight", middle, 1, 7, 7)
            norm(f"{place}.depth_conv.bn.bn", middle)
            for name, size in (("7to5", 25), ("5to3", 9)):
                state[f"{place}.depth_conv.conv.{name}_matrix"] = torch.eye(size) + 0.1 * torch.randn(
                    size, size, generator=generator
                )
            if stage in SQUEEZED[width]:
                squeezed = SQUEEZED[width][stage][kind]
                for part, shape in (("reduce", (squeezed, middle)), ("expand", (middle, squeezed))):
                    weight(f"{place}.depth_conv.se.fc.{part}.weight", *shape, 1, 1)
                    weight(f"{place}.depth_conv.se.fc.{part}.bias", shape[0])
            weight(f"{place}.point_linear.conv.conv.weight", outputs, middle, 1, 1)
            norm(f"{place}.point_linear.bn.bn", outputs)
            before = outputs
    weight("final_expand_layer.conv.weight", expand, before, 1, 1)
    norm("final_expand_layer.bn", expand)
    weight("feature_mix_layer.conv.weight", last, expand, 1, 1)
    weight("classifier.linear.weight", classes, last)
    weight("classifier.linear.bias", classes)
    return state


def write_published(path: Path, state: Mapping[str, Tensor]) -> Path:
    """`state` as the published files hold it: torch's older format, in a dictionary."""
    torch.save({"state_dict": dict(state)}, path, _use_new_zipfile_serialization=False)
    return path


def static(state: State) -> State:
    """`state` as a static network has it: without matrices, each layer's name once."""
    return {
        name.replace(".bn.bn.", ".bn.").replace(".conv.conv.weight", ".conv.weight"): tensor
        for name, tensor in state.items()
        if not name.endswith("_matrix")
    }


def ofa_logits(
    state: State, x: Tensor, depths: Sequence[int], kernels: Sequence[int], ratios: Sequence[int]
) -> Tensor:
    """The equations of the layout for one subnet, in today's spelling; batch norms use the batch's own."""

    def norm(name: str, x: Tensor) -> Tensor:
        channels = x.shape[1]
        scale, shift = (state[f"{name}.{each}"][:channels] for each in ("weight", "bias"))
        return F.batch_norm(x, None, None, scale, shift, training=True, eps=1e-5)

    def hswish(x: Tensor) -> Tensor:
        return x * F.relu6(x + 3) / 6

    x = hswish(norm("first_conv.bn", F.conv2d(x, state["first_conv.conv.weight"], stride=2, padding=1)))
    first = F.conv2d(x, state["blocks.0.conv.depth_conv.conv.weight"], padding=1, groups=x.shape[1])
    first = torch.relu(norm("blocks.0.conv.depth_conv.bn", first))
    first = F.conv2d(first, state["blocks.0.conv.point_linear.conv.weight"])
    x = x + norm("blocks.0.conv.point_linear.bn", first)
    for stage in range(1, 6):
        for position in range(depths[stage - 1]):
            number = 4 * (stage - 1) + position
            place = f"blocks.{number + 1}.conv"
            middle = round(x.shape[1] * ratios[number])
            middle = max(8, int(middle + 4) // 8 * 8)
            activation = torch.relu if stage in RELU_STAGES else hswish
            y = F.conv2d(x, state[f"{place}.inverted_bottleneck.conv.conv.weight"][:middle, : x.shape[1]])
            y = activation(norm(f"{place}.inverted_bottleneck.bn.bn", y))
            kernel = state[f"{place}.depth_conv.conv.conv.weight"][:middle]
            for size, matrix in ((5, "7to5_matrix"), (3, "5to3_matrix")):
                if kernels[number] <= size:
                    flat = kernel[:, :, 1:-1, 1:-1].reshape(middle, -1)
                    flat = F.linear(flat, state[f"{place}.depth_conv.conv.{matrix}"])
                    kernel = flat.reshape(middle, 1, size, size)
            stride = STRIDES[stage - 1] if position == 0 else 1
            y = F.conv2d(y, kernel, stride=stride, padding=kernels[number] // 2, groups=middle)
            y = activation(norm(f"{place}.depth_conv.bn.bn", y))
            if stage in (2, 4, 5):
                fc = f"{place}.depth_conv.se.fc"
                few = max(8, int(middle // 4 + 4) // 8 * 8)
                few += 8 if few < 0.9 * (middle // 4) else 0
                z = y.mean((2, 3), keepdim=True)
                z = F.conv2d(z, state[f"{fc}.reduce.weight"][:few, :middle], state[f"{fc}.reduce.bias"][:few])
                weight, bias = state[f"{fc}.expand.weight"], state[f"{fc}.expand.bias"]
                z = F.conv2d(torch.relu(z), weight[:middle, :few], bias[:middle])
                y = y * F.relu6(z + 3) / 6
            y = F.conv2d(y, state[f"{place}.point_linear.conv.conv.weight"][:, :middle])
            y = norm(f"{place}.point_linear.bn.bn", y)
            x = y if position == 0 else x + y
    x = hswish(norm("final_expand_layer.bn", F.conv2d(x, state["final_expand_layer.conv.weight"])))
    x = hswish(F.conv2d(x.mean((2, 3), keepdim=True), state["feature_mix_layer.conv.weight"])).flatten(1)
    return F.linear(x, state["classifier.linear.weight"], state["classifier.linear.bias"])
