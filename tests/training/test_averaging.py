"""The moving average of a network's weights, against its formula."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from natv2.images.batches import calibration_batches
from natv2.images.config import CalibrationConfig
from natv2.training.averaging import Averaged
from natv2.training.finishing import Finishing
from natv2.training.state_store import StateStore
from tests.finishing import IMAGES, STEPS, finishing, new_classifier

Weights = dict[str, Tensor]


def floats(module: nn.Module) -> Weights:
    """All weights and running statistics, copied, in double precision."""
    found = module.state_dict().items()
    return {name: tensor.double().clone() for name, tensor in found if tensor.is_floating_point()}


def without_statistics(state: Weights) -> Weights:
    return {name: tensor for name, tensor in state.items() if "running" not in name}


def weights(module: nn.Module) -> Weights:
    return without_statistics(floats(module))


def folded(states: list[Weights], decay: float) -> Weights:
    """m = w at first, then m = d m + (1 - d) w."""
    mean = states[0]
    for state in states[1:]:
        mean = {name: decay * mean[name] + (1 - decay) * tensor for name, tensor in state.items()}
    return mean


def close(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.allclose(one[n], other[n], atol=1e-6) for n in one)


def statistics_of(images: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Means and unbiased variances of batches (N, C), averaged over these."""
    return torch.stack([x.mean(0) for x in images]).mean(0), torch.stack([x.var(0) for x in images]).mean(0)


def test_the_average_is_that_of_the_formula_and_batch_norms_know_what_it_makes_of_images():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    averaged, states = Averaged(network, 0.7), []
    for step in range(5):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.normal_(generator=torch.Generator().manual_seed(step))
        network(torch.randn(8, 3, generator=torch.Generator().manual_seed(step)) + step)
        averaged.update()
        states.append(floats(network))
        assert close(weights(averaged.average.module), without_statistics(folded(states, 0.7)))
    averaged.take_average(images := [torch.randn(16, 3) + shift for shift in (0, 3)])
    found, expected = floats(network), folded(states, 0.7)
    mean, variance = statistics_of([network[0](x).double().detach() for x in images])
    assert torch.allclose(found.pop("1.running_mean"), mean, atol=1e-5)
    assert torch.allclose(found.pop("1.running_var"), variance, atol=1e-4)
    assert not torch.allclose(mean, expected.pop("1.running_mean"), atol=0.1)  # those of no network
    del expected["1.running_var"]
    assert close(found, expected)
    assert network[1].momentum == 0.1


def test_the_average_is_no_part_of_what_is_trained():
    averaged = Averaged(nn.Linear(3, 2), 0.9)
    trained = {name for name, each in averaged.named_parameters() if each.requires_grad}
    assert trained == {"network.weight", "network.bias"}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_schedule_hands_over_the_average_after_each_of_its_steps(tmp_path, monkeypatch, optimizer):
    made, states = Finishing.step, list[Weights]()

    def watched(self, classifier, losses, part):
        step = made(self, classifier, losses, part)

        def watching(batch, epoch, index):
            if (epoch, index) != (0, 0):
                # What the step before left: forward passes of this one would move the statistics.
                states.append(floats(classifier.network))
            return step(batch, epoch, index)

        return watching

    monkeypatch.setattr(Finishing, "step", watched)
    classifier, store = new_classifier(dropout=0.3), StateStore(tmp_path / "store")
    finishing(tmp_path, average=0.8, optimizer=optimizer).train(classifier, (1.0,), store)
    kept = store.load("loop")
    assert kept is not None
    last = {name: kept.tensors[f"module.network.{name}"].double() for name in states[0]}
    assert len(states) == 2 * STEPS - 1
    expected = folded([*states, last], 0.8)
    assert close(weights(classifier.network), without_statistics(expected))
    assert not close(weights(classifier.network), without_statistics(last))
    assert not classifier.network.training
    # Its one batch norm knows the training images, whole, in batches of 8.
    batches = calibration_batches(IMAGES, CalibrationConfig(images=24, batch_size=8), 0)
    features = [classifier.network.trunk[0](batch.at(16)).detach() for batch in batches]
    mean, _ = statistics_of([x.permute(0, 2, 3, 1).flatten(0, 2) for x in features])
    assert len(features) == 3 and torch.allclose(classifier.network.trunk[1].running_mean, mean, atol=1e-5)


def test_without_an_average_the_last_weights_are_handed_over(tmp_path: Path):
    classifier, store = new_classifier(), StateStore(tmp_path / "store")
    finishing(tmp_path).train(classifier, (1.0,), store)
    kept = store.load("loop")
    assert kept is not None
    found = classifier.network.state_dict()
    assert all(torch.equal(kept.tensors[f"module.{name}"], tensor) for name, tensor in found.items())
