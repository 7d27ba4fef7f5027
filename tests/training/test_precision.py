"""Training in bf16: what it changes, and what stays as it is in fp32."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from natv2.exits.weightings import exit_weights
from natv2.images.batches import Batch, Epochs, calibration_batches, evaluation_batches
from natv2.images.config import CalibrationConfig
from natv2.images.image_set import ImageSplits
from natv2.spaces.architecture import constant
from natv2.spaces.design import DESIGNS
from natv2.supernets.supernet import Supernet
from natv2.training.distillation import Teacher, make_teacher
from natv2.training.loop import Step, Validation, backward, fit
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import StateStore
from natv2.training.steps import elastic_step, joint_step, sandwich_step
from tests.tiny import Optimiser, new_supernet, splits

IMAGES = splits()
NAME = "EE_DP_OFAMobileNetV3"
WEIGHTS = exit_weights("DESC", 5)
DESIGN = DESIGNS[NAME]
SUBNETS = [
    constant(DESIGN, resolution=32, width=0.1, exits=(3,), depth=2, kernel=3, expand_ratio=3, mask=5),
    constant(DESIGN, resolution=32, width=0.1, exits=(5,), depth=3, kernel=5, expand_ratio=4, mask=7),
]


def batch() -> Batch:
    return next(iter(evaluation_batches(IMAGES, IMAGES.train, 16)))


def teacher() -> Teacher:
    supernet = new_supernet(NAME, seed=5)
    calibration = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
    return make_teacher(supernet, [supernet.largest(32)], WEIGHTS.output, calibration)


def joint(supernet: Supernet) -> Step:
    return joint_step(supernet, lambda epoch, index: supernet.largest(32), WEIGHTS.loss, label_smoothing=0.1)


def elastic(supernet: Supernet) -> Step:
    return elastic_step({0.1: supernet}, lambda e, i: SUBNETS, teacher(), kd_ratio=1.0, label_smoothing=0.1)


def sandwich(supernet: Supernet) -> Step:
    largest = supernet.largest(32)
    return sandwich_step(
        supernet, lambda e, i: largest, lambda e, i: SUBNETS, WEIGHTS, kd="ens", label_smoothing=0.1
    )


def train(
    module: nn.Module, step: Step, folder: Path, precision, images: ImageSplits = IMAGES, **options
) -> list[float]:
    """Two epochs; their mean losses."""
    history = fit(
        module,
        step,
        Epochs(images, images.train, 16, 0, "test"),
        optimiser=Optimiser(),
        schedule=RateSchedule(lr=0.01, epochs=2),
        precision=precision,
        store=StateStore(folder, "phase"),
        **options,
    )
    return [entry["loss"] for entry in history]


@pytest.mark.parametrize("kind", [joint, elastic, sandwich])
def test_a_step_in_bf16_is_near_one_in_fp32_and_keeps_fp32(tmp_path, kind):
    losses = {}
    for precision in ("fp32", "bf16", "auto"):
        supernet = new_supernet(NAME)
        losses[precision] = train(supernet, kind(supernet), tmp_path / precision, precision)
        assert {parameter.dtype for parameter in supernet.parameters()} == {torch.float32}
        gradients = [p.grad for p in supernet.parameters() if p.grad is not None]
        assert {gradient.dtype for gradient in gradients} == {torch.float32}
        state = StateStore(tmp_path / precision).load("loop")
        assert state is not None
        floats = [tensor for tensor in state.tensors.values() if tensor.is_floating_point()]
        assert {tensor.dtype for tensor in floats} == {torch.float32}
    assert losses["bf16"] != losses["fp32"] == losses["auto"]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.02)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_a_gpu_trains_as_the_cpu_does(tmp_path, precision):
    here, there = new_supernet(NAME), new_supernet(NAME).to("cuda")
    expected = train(here, joint(here), tmp_path / "cpu", "fp32")
    found = train(there, joint(there), tmp_path / "gpu", precision, IMAGES.to("cuda"))
    assert found == pytest.approx(expected, rel=0.02)


def test_what_is_learnt_from_and_the_losses_are_fp32(tmp_path):
    """The steps' forward passes alone are in bf16."""
    module, taught = nn.Linear(3 * 16 * 16, 4), []
    images, teaching = batch(), teacher()
    plain = images.at(16)

    def step(_: Batch, epoch: int, index: int) -> Tensor:
        assert torch.equal(batch().at(16), plain)
        logits = module(plain.flatten(1))
        taught.append(teaching.logits(images, 32))
        loss = cross_entropy(logits, images.labels)
        assert logits.dtype == torch.bfloat16
        assert loss.dtype == torch.float32
        assert teaching.soft_labels(taught[-1], 3).dtype == torch.float32
        assert torch.equal(loss, cross_entropy(logits.float(), images.labels))
        return backward(loss)

    def validate() -> dict[str, float]:
        assert not torch.is_autocast_enabled("cpu")
        return {}

    train(module, step, tmp_path, "bf16", validation=Validation(metrics=validate))
    for output, exact in zip(taught[0], teaching.logits(images, 32), strict=True):
        assert output.dtype == torch.float32
        assert not torch.equal(output, exact)
        assert torch.allclose(output, exact, atol=0.1)


def test_gradients_in_bf16_are_those_of_plain_autocast():
    """The backward pass runs outside of it, as torch asks for, through kernels that are computed too."""
    gradients = []
    for learning in (True, False):
        supernet = new_supernet(NAME)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = torch.stack([supernet(batch().at(32), a)[0].sum() for a in SUBNETS]).sum()
        if learning:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                assert not backward(loss).requires_grad
        else:
            loss.backward()
        gradients.append({n: p.grad for n, p in supernet.named_parameters() if p.grad is not None})
    first, second = gradients
    assert all(torch.equal(gradient, second[name]) for name, gradient in first.items())
