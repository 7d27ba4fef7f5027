"""The static network against a second one, written as formulas over the tensors' names."""

from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from natv2.spaces.architecture import Architecture, constant
from natv2.spaces.design import DESIGNS as NINE
from natv2.supernets.network import Network
from tests.designs import DESIGNS
from tests.strategies import architectures, few
from tests.tiny import images_of, shared_supernet

ALL = pytest.mark.parametrize("name", DESIGNS)

# facts, section 1: stride of the first block, activation, squeeze-and-excitation
STAGES = (
    (2, F.relu, False),
    (2, F.relu, True),
    (2, F.hardswish, False),
    (1, F.hardswish, True),
    (2, F.hardswish, True),
)


class Formulas:
    """Evaluates an architecture from its tensors by the thesis's and the facts' formulas."""

    def __init__(self, tensors: Mapping[str, Tensor], *, dense: bool) -> None:
        self.tensors, self.dense = tensors, dense

    def conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = self.tensors[f"{name}.weight"]
        groups = x.shape[1] if weight.shape[1] == 1 and x.shape[1] > 1 else 1
        bias = self.tensors.get(f"{name}.bias")
        return F.conv2d(x, weight, bias, stride, weight.shape[-1] // 2, 1, groups)

    def norm(self, x: Tensor, name: str) -> Tensor:
        get = {
            key: self.tensors[f"{name}.{key}"].view(1, -1, 1, 1)
            for key in ("weight", "bias", "running_mean", "running_var")
        }
        return (x - get["running_mean"]) / (get["running_var"] + 1e-5).sqrt() * get["weight"] + get["bias"]

    def conv_norm(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        return self.norm(self.conv(x, f"{name}.conv", stride), f"{name}.norm")

    def bottleneck(self, x, name, stride, activation, excite, *, expand=True, shortcut) -> Tensor:
        y = activation(self.conv_norm(x, f"{name}.expand")) if expand else x
        y = activation(self.conv_norm(y, f"{name}.depthwise", stride))
        if excite:
            mean = y.mean(dim=(2, 3), keepdim=True)
            gate = self.conv(
                F.relu(self.conv(mean, f"{name}.squeeze_excite.reduce")), f"{name}.squeeze_excite.expand"
            )
            y = y * F.relu6(gate + 3) / 6
        y = self.conv_norm(y, f"{name}.project")
        return x + y if shortcut else y

    def level(self, x: Tensor, name: str, mask: int, stage: int, first: bool) -> Tensor:
        stride, activation, excite = STAGES[stage]
        stride = stride if first else 1
        outputs = []
        if mask & 4:
            block = f"{name}.inverted_bottleneck"
            outputs.append(self.bottleneck(x, block, stride, activation, excite, shortcut=not first))
        if mask & 2:
            outputs.append(activation(self.conv_norm(x, f"{name}.pointwise", stride)))
        if mask & 1:
            light = F.max_pool2d(x, stride, ceil_mode=True) if stride > 1 else x
            if f"{name}.light.conv.weight" in self.tensors:
                light = self.conv(light, f"{name}.light.conv")
            outputs.append(activation(self.norm(light, f"{name}.light.norm")))
        if mask & 8:
            separable = activation(self.conv_norm(x, f"{name}.separable.depthwise", stride))
            outputs.append(activation(self.conv_norm(separable, f"{name}.separable.pointwise")))
        return torch.stack(outputs).sum(dim=0)

    def head(self, x: Tensor, name: str) -> Tensor:
        x = F.hardswish(self.conv_norm(x, f"{name}.expand")).mean(dim=(2, 3), keepdim=True)
        x = F.hardswish(self.conv(x, f"{name}.last")).flatten(1)
        return x @ self.tensors[f"{name}.classifier.weight"].T + self.tensors[f"{name}.classifier.bias"]

    def __call__(self, x: Tensor, a: Architecture) -> list[Tensor]:
        x = F.hardswish(self.conv_norm(x, "stem", 2))
        x = self.bottleneck(x, "first", 1, F.relu, False, expand=False, shortcut=True)
        logits = []
        for stage in range(a.exits[-1]):
            y: list[Tensor] = []
            for position in range(a.depths[stage]):
                mask = a.masks[len(a.masks) // 5 * stage + position]
                y.append(
                    self.level(x, f"stages.{stage}.levels.{position}.blocks", mask, stage, position == 0)
                )
                x = torch.stack([y[-1], *(y[:-2] if self.dense else [])]).sum(dim=0)
            if stage + 1 in a.exits:
                logits.append(self.head(x, f"heads.{stage + 1}"))
        return logits


@ALL
@few
@given(data=st.data())
def test_the_network_computes_what_the_formulas_say(name, data):
    supernet = shared_supernet(name)
    architecture = data.draw(architectures(supernet.design, several_exits=True))
    size = architecture.resolution
    statistics: dict[str, Tensor] = {}
    supernet.record(images_of(8, 3, size, size, seed=1), architecture, statistics)
    network = supernet.subnet(architecture, statistics).double()
    images = images_of(3, 3, size, size).double()
    with torch.no_grad():
        found = network(images)
        expected = Formulas(network.state_dict(), dense=supernet.design.dense)(images, architecture)
    assert len(found) == len(expected) == len(architecture.exits)
    for logits, formula in zip(found, expected, strict=True):
        assert torch.allclose(logits, formula, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("name", NINE)
def test_dense_skips_between_the_levels_of_a_stage(name, depth):
    """y_j is what block j gives; facts, section 4, for each depth as they are written there."""
    supernet = shared_supernet(name)
    mask = supernet.design.full_mask
    architecture = constant(
        supernet.design,
        resolution=32,
        width=0.1,
        exits=(5,),
        depth=depth,
        kernel=5,
        expand_ratio=4,
        mask=mask,
    )
    network = supernet.subnet(architecture).train()
    seen: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
    ends: dict[int, tuple[Tensor, Tensor]] = {}
    for s, stage in enumerate(network.stages):
        stage.register_forward_hook(lambda _, x, y, s=s: ends.update({s: (x[0], y)}))
        for j, level in enumerate(stage.levels, start=1):
            level.register_forward_hook(lambda _, x, y, s=s, j=j: seen.update({(s, j): (x[0].clone(), y)}))
    with torch.no_grad():
        network(images_of(4, 3, 32, 32))
    dense = supernet.design.dense
    for s in range(5):
        y = {j: seen[s, j][1] for j in range(1, depth + 1)}
        into_fourth = y[3] + y[1] if dense and depth == 4 else y.get(3)
        inputs = dict(enumerate([ends[s][0], y[1], y[2], into_fourth][:depth], start=1))
        for j, expected in inputs.items():
            assert torch.allclose(seen[s, j][0], expected, atol=1e-6)
        skipped = {2: (), 3: (1,), 4: (1, 2)}[depth] if dense else ()
        output = y[depth] + sum(y[j] for j in skipped)
        assert torch.allclose(ends[s][1], output, atol=1e-6)


def test_dropout_acts_in_training_only():
    supernet = shared_supernet("OFAMobileNetV3")
    architecture = supernet.largest(16)
    network = Network(supernet.design, architecture, supernet.classes, dropout=0.5)
    network.load_state_dict(supernet.subnet(architecture).state_dict(), assign=True)
    images = images_of(4, 3, 16, 16)
    network.train()
    torch.manual_seed(0)
    assert not torch.equal(network(images)[0], network(images)[0])
    network.eval()
    assert torch.equal(network(images)[0], network(images)[0])
