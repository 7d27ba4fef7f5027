import math

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR

from natv2.training.optimiser import make_optimiser, optimiser_tensors, restore_optimiser
from natv2.training.schedule import ConstantRate, RateSchedule
from tests.tiny import Optimiser, new_supernet


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    return layers.to(memory_format=torch.channels_last)


def train(module: nn.Module, optimiser: torch.optim.Optimizer, steps: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimiser.zero_grad()
        module(torch.randn(8, 3, 4, 4, generator=generator)).square().sum().backward()
        optimiser.step()


def test_without_warm_up_the_rate_is_torch_s_cosine():
    ours, steps = RateSchedule(lr=0.1, epochs=7), 5
    reference = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = CosineAnnealingLR(reference, T_max=7 * steps)
    for epoch in range(7):
        for step in range(steps):
            assert ours.rate(epoch, step, steps) == pytest.approx(schedule.get_last_lr()[0], rel=1e-9)
            reference.step()
            schedule.step()
    assert schedule.get_last_lr()[0] == pytest.approx(0)


def test_warm_up_climbs_evenly_then_the_cosine_starts():
    schedule, steps = RateSchedule(lr=0.6, epochs=5, warmup_epochs=2), 3
    rates = [schedule.rate(epoch, step, steps) for epoch in range(5) for step in range(steps)]
    assert rates[:6] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    later = RateSchedule(lr=0.6, epochs=3)
    assert rates[6:] == pytest.approx(
        [later.rate(epoch, step, steps) for epoch in range(3) for step in range(3)]
    )
    assert rates[6:] == sorted(rates[6:], reverse=True)
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)


def test_a_constant_rate_stays_after_its_warm_up():
    schedule = ConstantRate(lr=0.4, epochs=4, warmup_epochs=1)
    rates = [schedule.rate(epoch, step, 2) for epoch in range(4) for step in range(2)]
    assert rates == pytest.approx([0.2] + 7 * [0.4])


def test_a_schedule_of_warm_up_alone():
    schedule = RateSchedule(lr=0.4, epochs=1, warmup_epochs=1)
    assert [schedule.rate(0, step, 2) for step in range(2)] == pytest.approx([0.2, 0.4])


@pytest.mark.parametrize("name", ["sgd", "adamw", "ranger"])
def test_norms_and_biases_do_not_decay(name):
    """With gradients of zero, only what decays changes."""
    supernet = new_supernet("EE_DP_OFAMobileNetV3")
    optimiser = make_optimiser(supernet, Optimiser(optimizer=name, weight_decay=0.5), 0.1)
    before = {key: parameter.detach().clone() for key, parameter in supernet.named_parameters()}
    for parameter in supernet.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    for key, parameter in supernet.named_parameters():
        kept = ".norm." in key or key.endswith(".bias")
        factor = 1.0 if kept else 1 - 0.1 * 0.5 * (1 + 0.9 if name == "sgd" else 1)  # Nesterov looks ahead
        assert torch.allclose(parameter, before[key] * factor, rtol=1e-4, atol=1e-7), key


def test_names_and_momentum_reach_the_optimiser():
    sgd = make_optimiser(network(), Optimiser(momentum=0.8), 0.2)
    assert isinstance(sgd, SGD)
    assert all(g["momentum"] == 0.8 and g["nesterov"] and g["lr"] == 0.2 for g in sgd.param_groups)
    plain = make_optimiser(network(), Optimiser(momentum=0.0), 0.2)
    assert not any(group["nesterov"] for group in plain.param_groups)
    adamw = make_optimiser(network(), Optimiser(optimizer="adamw"), 0.2)
    assert isinstance(adamw, AdamW)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "ranger"])
def test_every_parameter_is_trained_once(name):
    supernet = new_supernet("EE_DP_OFAMobileNetV3")
    optimiser = make_optimiser(supernet, Optimiser(optimizer=name), 0.1)
    ids = [id(parameter) for group in optimiser.param_groups for parameter in group["params"]]
    assert sorted(ids) == sorted(id(parameter) for parameter in supernet.parameters())


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "ranger"])
def test_memory_round_trip(name):
    config = Optimiser(optimizer=name, weight_decay=0.1)
    first = network()
    optimiser = make_optimiser(first, config, 0.01)
    train(first, optimiser, 3, seed=1)
    # A file gives them back in the order of their dimensions, whatever their order in memory was.
    tensors = {
        key: t.clone(memory_format=torch.contiguous_format) for key, t in optimiser_tensors(optimiser).items()
    }
    weights = {key: tensor.clone() for key, tensor in first.state_dict().items()}

    second, forgetful = network(1), network(2)
    for other in (second, forgetful):
        other.load_state_dict(weights)
    resumed = make_optimiser(second, config, 0.01)
    restore_optimiser(resumed, tensors)
    assert resumed.param_groups[0]["weight_decay"] == 0.1
    for module, memory in (
        (first, optimiser),
        (second, resumed),
        (forgetful, make_optimiser(forgetful, config, 0.01)),
    ):
        train(module, memory, 2, seed=2)
    for (key, a), b, c in zip(
        first.named_parameters(), second.parameters(), forgetful.parameters(), strict=True
    ):
        assert torch.equal(a, b)
        assert key == "0.bias" or not torch.equal(a, c)  # a bias before a norm learns nothing
