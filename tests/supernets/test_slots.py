import pytest
import torch
from torch.func import functional_call

from natv2.nn.layers import track_statistics
from natv2.spaces.channels import channel_plan
from natv2.spaces.design import DESIGNS
from natv2.supernets.network import FIRST, STEM, Part, build, head, levels
from natv2.supernets.slots import Slots
from natv2.supernets.supernet import Supernet

DESIGN = DESIGNS["EE_DP_OFAMobileNetV3"]
LEVEL = levels(Supernet(DESIGN, 0.1, 3).largest(32), 1)[1]


def piece(part: Part) -> torch.nn.Module:
    return build(part, channel_plan(DESIGN, 0.1), 3, 0.0)


def tensors_of(module: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(w.shape, generator=generator) for name, w in module.named_parameters()}
    return weights | {
        name: torch.rand(b.shape, generator=generator).to(b.dtype) for name, b in module.named_buffers()
    }


@pytest.mark.parametrize("part", [STEM, FIRST, LEVEL, head(2)], ids=lambda part: part.place)
@pytest.mark.parametrize(("training", "recording"), [(True, False), (False, False), (True, True)])
@pytest.mark.parametrize("learning", [True, False])
def test_a_piece_says_what_functional_call_says(part, training, recording, learning):
    ours, theirs = tensors_of(piece(part), 1), tensors_of(piece(part), 1)
    module, slots = piece(part), Slots(piece(part))
    slots.fill(tensors_of(module, 2), training=not training, recording=False)  # what was there before is gone
    slots.empty()
    convolutions = (layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d))
    x = torch.randn(4, next(convolutions).in_channels, 8, 8)
    with torch.set_grad_enabled(learning):
        slots.fill(ours, training=training, recording=recording)
        found = slots.module(x.clone())
        slots.empty()
        module.train(training)
        track_statistics(module, recording)
        expected = functional_call(module, theirs, x.clone())
    assert torch.equal(found, expected)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    changed = any(not torch.equal(ours[name], tensor) for name, tensor in tensors_of(module, 1).items())
    assert changed == (recording and bool(slots.buffers))


def test_a_piece_holds_nothing_after_it_has_run_or_failed():
    supernet = Supernet(DESIGN, 0.1, 3)
    architecture = supernet.largest(32)
    supernet(torch.randn(2, 3, 32, 32), architecture)
    with pytest.raises(RuntimeError):
        supernet(torch.randn(2, 4, 32, 32), architecture)  # four channels
    pieces = [slots.module for slots in supernet._parts.values()]
    assert pieces and all(tensor.is_meta for each in pieces for tensor in each.state_dict().values())
