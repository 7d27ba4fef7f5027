from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from natv2.exits.weightings import exit_weights
from natv2.images.batches import Batch, calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.spaces.architecture import Architecture, constant
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet
from natv2.training.config import Distillation
from natv2.training.distillation import Teacher, joint_loss, make_teacher, student_loss
from natv2.training.steps import elastic_step, joint_step, sandwich_step
from tests.tiny import new_supernet, splits

IMAGES = splits()
NAME = "EE_DP_OFAMobileNetV3"
SMALL = constant(
    DESIGNS[NAME], resolution=16, width=0.1, exits=(3,), depth=2, kernel=3, expand_ratio=3, mask=5
)
OTHER = constant(
    DESIGNS[NAME], resolution=24, width=0.1, exits=(5,), depth=3, kernel=5, expand_ratio=4, mask=7
)


def batch() -> Batch:
    return next(iter(evaluation_batches(IMAGES, IMAGES.train, 16)))


@cache
def teacher(kd: Distillation = "ens") -> Teacher:
    """The largest network of another supernet, at each of the sizes asked for here."""
    supernet = new_supernet(NAME, seed=5)
    calibration = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
    largest = [supernet.largest(resolution) for resolution in (16, 24, 32)]
    return make_teacher(supernet, largest, exit_weights("DESC", 5).output, calibration, kd=kd)


def gradients(supernet: Supernet) -> dict[str, Tensor]:
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in supernet.named_parameters()
    }


def close(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.allclose(a[name], b[name], rtol=1e-4, atol=1e-6) for name in a.keys() | b.keys())


def test_the_joint_step_trains_the_drawn_network_with_all_its_exits():
    supernet, other, weights = new_supernet(NAME), new_supernet(NAME), exit_weights("DESC", 5).loss
    asked = []

    def largest(epoch: int, step: int):
        asked.append((epoch, step))
        return supernet.largest(24)

    loss = joint_step(supernet, largest, weights, label_smoothing=0.1)(batch(), 2, 7)
    assert asked == [(2, 7)]
    expected = joint_loss(
        other(batch().at(24), other.largest(24)), batch().labels, weights, label_smoothing=0.1
    )
    expected.backward()
    assert loss.item() == pytest.approx(expected.item())
    assert not loss.requires_grad
    assert close(gradients(supernet), gradients(other))
    heads = [key for key in gradients(supernet) if key.endswith("classifier.weight")]
    assert len(heads) == 5
    assert all(gradients(supernet)[key].abs().sum() > 0 for key in heads)


@pytest.mark.parametrize("teacher_resolution", [None, 32])
@pytest.mark.parametrize(("kd_ratio", "kd"), [(0.0, "ens"), (0.7, "ens"), (0.7, "e2e")])
def test_the_elastic_step_sums_the_subnets_gradients(kd_ratio, kd, teacher_resolution):
    supernet, other = new_supernet(NAME), new_supernet(NAME)
    drawn, asked = [SMALL, OTHER, SMALL], []

    def sample(epoch: int, index: int) -> list[Architecture]:
        asked.append((epoch, index))
        return drawn

    step = elastic_step(
        {0.1: supernet},
        sample,
        teacher(kd),
        kd_ratio=kd_ratio,
        label_smoothing=0.1,
        teacher_resolution=teacher_resolution,
    )
    loss = step(batch(), 2, 7)
    assert asked == [(2, 7)]
    losses = []
    for subnet in drawn:
        (logits,) = other(batch().at(subnet.resolution), subnet)
        soft = teacher(kd).soft_labels(
            teacher().logits(batch(), teacher_resolution or subnet.resolution), subnet.exits[0]
        )
        losses.append(student_loss(logits, batch().labels, soft, kd_ratio=kd_ratio, label_smoothing=0.1))
    sum(losses).backward()
    assert loss.item() == pytest.approx(sum(loss.item() for loss in losses) / 3, rel=1e-5)
    assert close(gradients(supernet), gradients(other))


@pytest.mark.parametrize(("teacher_resolution", "asked"), [(None, [16, 24]), (32, [32])])
def test_the_teacher_looks_once_at_each_size(monkeypatch, teacher_resolution, asked):
    seen, teach = [], Teacher.logits

    def logits(self: Teacher, images: Batch, resolution: int) -> tuple[Tensor, ...]:
        seen.append(resolution)
        return teach(self, images, resolution)

    monkeypatch.setattr(Teacher, "logits", logits)
    supernet = new_supernet(NAME)
    options = {"label_smoothing": 0.0, "teacher_resolution": teacher_resolution}
    subnets = [SMALL, OTHER, SMALL]
    elastic_step({0.1: supernet}, lambda e, i: subnets, teacher(), kd_ratio=1.0, **options)(batch(), 0, 0)
    assert seen == asked
    elastic_step({0.1: supernet}, lambda e, i: subnets, teacher(), kd_ratio=0.0, **options)(batch(), 0, 0)
    assert seen == asked


@pytest.mark.parametrize("kd", ["none", "e2e", "ens"])
def test_the_sandwich_step_sums_the_largest_and_what_learns_from_it(kd):
    supernet, other = new_supernet(NAME), new_supernet(NAME)
    largest = other.largest(16)
    weights = exit_weights("MIX", 5)
    drawn = [SMALL, SMALL]
    step = sandwich_step(
        supernet, lambda e, i: largest, lambda e, i: drawn, weights, kd=kd, label_smoothing=0.1
    )
    found = step(batch(), 0, 0)
    logits = other(batch().at(16), largest)
    expected = [joint_loss(logits, batch().labels, weights.loss, label_smoothing=0.1)]
    soft = {
        "e2e": logits[2].softmax(dim=1),
        "ens": sum(w * o for w, o in zip(weights.output, logits, strict=True)).softmax(dim=1),
    }
    for subnet in drawn:
        (output,) = other(batch().at(16), subnet)
        if kd == "none":
            expected.append(cross_entropy(output, batch().labels, label_smoothing=0.1))
        else:
            expected.append(-(soft[kd].detach() * output.log_softmax(dim=1)).sum(dim=1).mean())
    sum(expected).backward()
    assert found.item() == pytest.approx(sum(loss.item() for loss in expected) / 3, rel=1e-5)
    assert close(gradients(supernet), gradients(other))


def test_each_subnet_trains_the_supernet_of_its_width():
    family = {0.1: new_supernet(NAME, 0.1), 0.25: new_supernet(NAME, 0.25)}
    wide = replace(SMALL, width=0.25)
    elastic_step(family, lambda epoch, index: [wide], None, kd_ratio=1.0, label_smoothing=0.0)(batch(), 0, 0)
    assert all(parameter.grad is None for parameter in family[0.1].parameters())
    assert any(parameter.grad is not None for parameter in family[0.25].parameters())


@pytest.mark.parametrize("kd", ["e2e", "ens"])
def test_several_exits_of_a_subnet_are_trained_jointly_each_by_the_teachers_word(kd):
    """The gradients of the sum of the exits' losses, weighed, written out."""
    several = replace(OTHER, exits=(2, 4, 5))
    ours, theirs = new_supernet(NAME), new_supernet(NAME)
    step = elastic_step(
        {0.1: ours},
        lambda epoch, index: [several],
        teacher(kd),
        kd_ratio=0.5,
        label_smoothing=0.0,
        exit_weighting="DESC",
    )
    loss = step(batch(), 0, 0)
    taught = teacher(kd).logits(batch(), 24)
    logits = theirs(batch().at(24), several)
    expected = sum(
        weight
        * (
            cross_entropy(output, batch().labels)
            + 0.5 * cross_entropy(output, teacher(kd).soft_labels(taught, exit))
        )
        for weight, output, exit in zip((3 / 6, 2 / 6, 1 / 6), logits, several.exits, strict=True)
    )
    expected.backward()
    assert torch.allclose(loss, expected.detach())
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        assert one.grad is None or torch.allclose(one.grad, other.grad, atol=1e-6)
