"""Who teaches in each phase, seen from the nodes of the pipeline (thesis, section 5.1.3)."""

from itertools import pairwise

import pandas as pd
import pytest
import torch

from natv2.errors import UserError
from natv2.pipelines.ofav2_eps.nodes import full_phase, phase_node
from natv2.shrinking import phase as phase_module
from natv2.shrinking import teacher as teacher_module
from natv2.shrinking.config import Training
from natv2.shrinking.phases import PHASES, phases_of
from natv2.shrinking.teacher import teaching_supernet
from natv2.spaces.design import DESIGNS
from natv2.training.distillation import make_teacher
from natv2.training.state_store import StateStore
from tests.configs import RUN, training
from tests.tiny import splits

IMAGES = splits(train=16, valid=8)


def trained_by(name: str, teacher: str) -> Training:
    """An epoch for each phase, by a high rate."""
    phases = {phase: {"lr": 0.05} for phase in PHASES}
    eps = {"evaluation_batch_size": 8, "probes": 2, "phases": phases}
    return training(supernet=name, teacher=teacher, eps=eps)


@pytest.fixture
def taught(monkeypatch):
    """The teacher of each phase: its architecture, exit weights and tensors. Accuracies are not taken."""
    record = []

    def recording(supernet, architectures, weights, calibration, kd):
        teacher = make_teacher(supernet, architectures, weights, calibration, kd=kd)
        (network,) = teacher.networks.values()
        record.append((network.architecture, teacher.weights, network.state_dict()))
        return teacher

    def untested(supernet, phase, **options):
        return pd.DataFrame({"phase": phase, "accuracy": 0.5, "uncalibrated": 0.5, "probe": [0, 1]})

    monkeypatch.setattr(teacher_module, "make_teacher", recording)
    monkeypatch.setattr(phase_module, "phase_accuracy", untested)
    monkeypatch.setattr(phase_module, "probe", untested)
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
    settings, store = trained_by(name, teacher), StateStore(tmp_path)
    full, _ = full_phase(IMAGES, settings, RUN, 0.1, store.child("full"))
    assert taught == []  # the full phase has no teacher
    previous, expected = full, []
    for phase in list(PHASES)[1:]:
        checkpoint, report = phase_node(phase)(IMAGES, settings, RUN, previous, full, store.child(phase))
        if phase in phases_of(DESIGNS[name], "eps"):
            expected.append(weights_of(previous if teacher == "progressive" else full))
            assert checkpoint.phase == phase
            assert checkpoint.origin["teacher"] == teacher
            assert (report["accuracy"]["phase"] == phase).all()
            assert report["curve"]["epoch"].tolist() == [1]
        else:
            assert checkpoint is previous
            assert not report
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


def test_what_the_kernel_phase_does_to_the_ensemble_is_tracked_and_guarded_against(tmp_path, caplog):
    """It trains the last exit alone: the others fall behind the stages that they stand on."""
    images, tracked = splits(train=16, valid=64), {}
    store = StateStore(tmp_path, tracker=lambda metrics, step: tracked.update(metrics))
    elastic = {"kernels": [3, 5], "expand_ratios": [3], "depths": [1]}
    phases = {"full": {"lr": 0.1, "epochs": 12}, "kernel": {"lr": 0.2, "epochs": 2}}
    eps = {"resolutions": [16], "batch_size": 8, "probes": 2, "phases": phases}
    settings = training(supernet="EE_B_OFAMobileNetV3", teacher="progressive", elastic=elastic, eps=eps)
    full, _ = full_phase(images, settings, RUN, 0.1, store.child("full"))
    kernel, _ = phase_node("kernel")(images, settings, RUN, full, full, store.child("kernel"))
    guarded = settings.model_copy(update={"teacher": "progressive_guarded"})
    supernets = {
        each.teacher: teaching_supernet(
            full, kernel, images, each, RUN, store.child(f"exit_1.{each.teacher}")
        )
        for each in (settings, guarded)
    }
    before, after = tracked["kernel/teacher_previous"], tracked["exit_1.progressive/teacher_previous"]
    assert before > 0.9 > 0.7 > after
    assert tracked["exit_1.progressive_guarded/teacher_previous"] == after
    assert tracked["exit_1.progressive_guarded/teacher_full"] == before
    assert f"of the previous phase {100 * after:.1f} %" in caplog.text
    for teacher, expected in (("progressive", kernel), ("progressive_guarded", full)):
        found = supernets[teacher].state_dict()
        assert all(torch.equal(found[name], weight) for name, weight in expected.weights.items())
    # Of equal ones the newer: nothing has been lost since.
    other = kernel.supernet(), teaching_supernet(kernel, kernel, images, guarded, RUN, store.child("equal"))
    assert torch.equal(*(each.state_dict()["network.stem.conv.weight"] for each in other))


@pytest.mark.parametrize("schedule", ["eps", "random"])
def test_a_warm_up_beyond_derived_epochs_is_refused_where_these_are_trained(tmp_path, schedule):
    single_stage = {"epochs": None, "warmup_epochs": 10_000}
    eps = {"phases": {"single_stage": single_stage}}
    settings = training(supernet="OFAMobileNetV3", schedule=schedule, eps=eps)
    given = (IMAGES, settings, RUN, 0.1, StateStore(tmp_path))
    if schedule == "eps":
        checkpoint, _ = full_phase(*given)
        assert checkpoint.origin["schedule"] == "eps"
    else:
        message = r"eps.phases.single_stage.warmup_epochs \(10000\) must not be above"
        with pytest.raises(UserError, match=message):
            full_phase(*given)
