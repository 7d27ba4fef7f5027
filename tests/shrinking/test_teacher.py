"""Who teaches in each phase, seen from the nodes of the pipeline (thesis, section 5.1.3)."""

from itertools import pairwise

import pandas as pd
import pytest
import torch

from natv2.parameters import EpsParameters
from natv2.pipelines.ofav2_eps import nodes
from natv2.pipelines.ofav2_eps.nodes import full_phase, shrinking_phase
from natv2.shrinking import train
from natv2.shrinking.phases import PHASES
from natv2.spaces import DESIGNS
from natv2.training.distillation import make_teacher
from natv2.training.progress import Progress
from tests.tiny import splits

IMAGES = splits(train=16, valid=8)


def parameters(teacher: str) -> EpsParameters:
    row = {"lr": 0.05, "epochs": 1, "warmup_epochs": 0, "subnets": 1}
    return EpsParameters(
        resolutions=(16,),
        batch_size=16,
        teacher=teacher,
        kd_ratio=1.0,
        label_smoothing=0.1,
        dropout=0.1,
        momentum=0.9,
        weight_decay=3e-5,
        max_gradient_norm=None,
        exit_weights="DESC",
        calibration={"images": 16, "batch_size": 16},
        evaluation="extremes",
        evaluation_batch_size=8,
        phases={phase: row | {"subnets": 0 if phase == "full" else 1} for phase in PHASES},
    )


@pytest.fixture
def taught(monkeypatch):
    """The teacher of each phase: its architecture, exit weights and tensors. Accuracies are not taken."""
    record = []

    def recording(supernet, architectures, weights, calibration):
        teacher = make_teacher(supernet, architectures, weights, calibration)
        (network,) = teacher.networks.values()
        record.append((network.architecture, teacher.weights, network.state_dict()))
        return teacher

    def untested(supernet, phase, **options):
        return pd.DataFrame({"phase": [phase], "accuracy": [0.5]})

    monkeypatch.setattr(train, "make_teacher", recording)
    monkeypatch.setattr(nodes, "phase_accuracy", untested)
    return record


def weights_of(checkpoint) -> dict[str, torch.Tensor]:
    return {k.removeprefix("network."): w for k, w in checkpoint.weights.items() if k.startswith("network.")}


def same(taught: dict[str, torch.Tensor], weights: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(taught[name], weight) for name, weight in weights.items())


@pytest.mark.parametrize(
    ("name", "teacher"),
    [
        ("EE_B_OFAMobileNetV3", "progressive"),
        ("SE_P_OFAMobileNetV3", "fixed"),
    ],
)
def test_the_progressive_teacher_changes_with_every_phase_and_the_fixed_one_never(
    tmp_path, taught, name, teacher
):
    eps, progress = parameters(teacher), Progress(tmp_path)
    full, _ = full_phase(IMAGES, name, 0.1, eps, 0, "cpu", progress.child("full"))
    assert taught == []  # the full phase has no teacher
    previous, expected = full, []
    for phase in list(PHASES)[1:]:
        arguments = (IMAGES, eps, 0, "cpu", progress.child(phase))
        checkpoint, rows = shrinking_phase(phase, previous, full, *arguments)
        if PHASES[phase].applies_to(DESIGNS[name]):
            expected.append(weights_of(previous if teacher == "progressive" else full))
            assert checkpoint.phase == phase
            assert (rows["teacher"] == teacher).all() and (rows["phase"] == phase).all()
        else:
            assert checkpoint is previous
            assert rows.empty
        previous = checkpoint
    assert len(taught) == len(expected) == {"EE_B_OFAMobileNetV3": 9, "SE_P_OFAMobileNetV3": 7}[name]
    exits = (1, 2, 3, 4, 5) if name.startswith("EE") else (5,)
    for (architecture, weights, tensors), expectation in zip(taught, expected, strict=True):
        assert architecture.exits == exits
        assert architecture.depths == (4,) * 5
        assert len(weights) == len(exits)
        assert same(tensors, expectation)
    stems = [tensors["stem.conv.weight"] for _, _, tensors in taught]
    changes = [not torch.equal(a, b) for a, b in pairwise(stems)]
    assert all(changes) if teacher == "progressive" else not any(changes)
