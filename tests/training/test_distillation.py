import numpy as np
import pytest
import torch
from torch import Tensor

from natv2.exits.weightings import exit_weights
from natv2.images.batches import Batch, calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.training.distillation import Teacher, joint_loss, make_teacher, soft_labels, student_loss
from natv2.training.recalibration import calibrate
from tests.tiny import CLASSES, new_supernet, splits

IMAGES = splits()
CALIBRATION = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
LABELS = torch.tensor([0, 3, 1, 1, 2])


def taught(teacher: Teacher, batch: Batch, exit: int = 5) -> Tensor:
    return teacher.soft_labels(teacher.logits(batch, 16), exit)


def logits_of(*seeds: int) -> list[Tensor]:
    return [
        torch.randn(5, CLASSES, generator=torch.Generator().manual_seed(s), dtype=torch.float64)
        for s in seeds
    ]


def log_softmax(logits: Tensor) -> np.ndarray:
    values = logits.detach().numpy()
    return values - np.log(np.exp(values).sum(axis=1, keepdims=True))


def smoothed_cross_entropy(logits: Tensor, smoothing: float) -> float:
    """The right class has 1 - s + s/C, every other s/C."""
    targets = np.full((5, CLASSES), smoothing / CLASSES)
    targets[np.arange(5), LABELS.numpy()] += 1 - smoothing
    return float(-(targets * log_softmax(logits)).sum(axis=1).mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_joint_loss_is_equation_4_2(smoothing):
    outputs = logits_of(1, 2, 3)
    weights = exit_weights("DESC", 3).loss
    expected = sum(a * smoothed_cross_entropy(o, smoothing) for a, o in zip(weights, outputs, strict=True))
    found = joint_loss(outputs, LABELS, weights, label_smoothing=smoothing)
    assert found.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kd_ratio", [0.0, 1.0, 0.4])
def test_student_loss_is_cross_entropy_and_that_with_soft_labels(smoothing, kd_ratio):
    student, teacher = logits_of(1, 2)
    soft = teacher.softmax(dim=1)
    expected = smoothed_cross_entropy(student, smoothing)
    alone = student_loss(student, LABELS, None, kd_ratio=kd_ratio, label_smoothing=smoothing)
    assert alone.item() == pytest.approx(expected, rel=1e-9)
    expected += kd_ratio * float(-(soft.numpy() * log_softmax(student)).sum(axis=1).mean())
    found = student_loss(student, LABELS, soft, kd_ratio=kd_ratio, label_smoothing=smoothing)
    assert found.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("weighting", ["DESC", "ASC", "UNIF"])
def test_soft_labels_are_the_ensemble_of_the_five_exits(weighting):
    supernet = new_supernet("EE_D_OFAMobileNetV3")
    weights = exit_weights(weighting, 5).output
    teacher = make_teacher(supernet, [supernet.largest(r) for r in (16, 24)], weights, CALIBRATION)
    (batch,) = evaluation_batches(IMAGES, IMAGES.train.subset(torch.arange(5)), 5)
    for resolution in (16, 24):
        largest = supernet.largest(resolution)
        with torch.no_grad():
            logits = supernet(batch.at(resolution), largest, calibrate(supernet, largest, CALIBRATION))
        assert len(logits) == 5
        mixed = sum(w * o.double().numpy() for w, o in zip(weights, logits, strict=True))
        expected = np.exp(mixed) / np.exp(mixed).sum(axis=1, keepdims=True)
        soft = teacher.soft_labels(teacher.logits(batch, resolution), 2)
        assert np.allclose(soft.numpy(), expected, atol=1e-6)
        assert not soft.requires_grad


def test_a_single_exit_teaches_with_its_softmax():
    supernet = new_supernet("SE_P_OFAMobileNetV3")
    largest = supernet.largest(16)
    teacher = make_teacher(supernet, [largest], exit_weights("DESC", 1).output, CALIBRATION)
    (batch,) = evaluation_batches(IMAGES, IMAGES.valid, 16)
    with torch.no_grad():
        (logits,) = supernet(batch.at(16), largest, calibrate(supernet, largest, CALIBRATION))
    assert torch.equal(taught(teacher, batch), logits.softmax(dim=1))


@pytest.mark.parametrize("name", ["EE_B_OFAMobileNetV3", "SE_B_OFAMobileNetV3"])
def test_exit_to_exit_a_subnet_learns_from_the_exit_at_its_depth(name):
    supernet = new_supernet(name)
    exits, largest = supernet.design.exits, supernet.largest(16)
    weights = exit_weights("DESC", len(exits)).output
    teacher = make_teacher(supernet, [largest], weights, CALIBRATION, kd="e2e")
    (batch,) = evaluation_batches(IMAGES, IMAGES.valid, 16)
    logits = teacher.logits(batch, 16)
    for exit, output in zip(exits, logits, strict=True):
        assert torch.equal(teacher.soft_labels(logits, exit), output.softmax(dim=1))
    if len(exits) == 1:  # where there is one exit, the ensemble is it
        assert torch.equal(soft_labels(logits, exits, 5, weights, "ens"), logits[0].softmax(dim=1))


def test_a_loss_can_learn_from_what_the_teacher_says():
    """Logits made for inference only could not be kept for a backward pass, nor could the batch's images."""
    supernet = new_supernet("EE_B_OFAMobileNetV3")
    teacher = make_teacher(supernet, [supernet.largest(16)], exit_weights("DESC", 5).output, CALIBRATION)
    (batch,) = evaluation_batches(IMAGES, IMAGES.valid, 16)
    soft = taught(teacher, batch)
    student = supernet(batch.at(16), supernet.largest(16))[-1]
    student_loss(student, batch.labels, soft, kd_ratio=1.0, label_smoothing=0.0).backward()
    assert supernet.network.stem.conv.weight.grad.abs().sum() > 0


def test_the_teacher_is_static_and_in_evaluation_mode():
    supernet = new_supernet("EE_B_OFAMobileNetV3", dropout=0.5)
    teacher = make_teacher(supernet, [supernet.largest(16)], exit_weights("DESC", 5).output, CALIBRATION)
    whole, part = (next(iter(evaluation_batches(IMAGES, IMAGES.valid, size))) for size in (16, 3))
    before = taught(teacher, whole)
    # an image's soft label does not depend on the others in its batch, nor on what was taught before
    assert torch.allclose(taught(teacher, part), before[:3], atol=1e-6)
    with torch.no_grad():
        for parameter in supernet.parameters():
            parameter.zero_()
    assert torch.equal(taught(teacher, whole), before)
    assert not any(p.requires_grad for network in teacher.networks.values() for p in network.parameters())
