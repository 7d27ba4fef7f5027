"""Who teaches in each phase, seen from the nodes of the pipeline (thesis, section 5.1.3)."""

from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
import torch

from natv2.errors import UserError
from natv2.pipelines.ofav2_eps import nodes
from natv2.pipelines.ofav2_eps.nodes import full_phase, phase_node
from natv2.shrinking import train
from natv2.shrinking.eps_config import ElasticParameters, EpsParameters
from natv2.shrinking.phases import PHASES, phases_of
from natv2.spaces.design import DESIGNS
from natv2.training.distillation import make_teacher
from natv2.training.state_store import StateStore
from tests.pipelines.slices import parameters
from tests.tiny import splits

IMAGES = splits(train=16, valid=8)


def settings(name: str, teacher: str) -> tuple[Any, ...]:
    """The first arguments of the nodes of all phases."""
    row = {"lr": 0.05, "epochs": 1, "warmup_epochs": 0, "subnets": 1}
    special = {"full": row | {"subnets": 0}, "whole": row | {"subnets": 2}}
    eps = EpsParameters(
        resolutions=(16,),
        batch_size=16,
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
        probes=2,
        phases={phase: special.get(phase, row) for phase in PHASES},
    )
    elastic = ElasticParameters(kernels=(3, 5, 7), expand_ratios=(3, 4, 6), depths=(2, 3, 4), blocks=None)
    return IMAGES, name, elastic, eps, "eps", teacher, "ens", 0, "auto"


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

    monkeypatch.setattr(train, "make_teacher", recording)
    monkeypatch.setattr(nodes, "phase_accuracy", untested)
    monkeypatch.setattr(nodes, "probe", untested)
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
    training, store = settings(name, teacher), StateStore(tmp_path)
    full, _ = full_phase(*training, 0.1, None, "cpu", store.child("full"))
    assert taught == []  # the full phase has no teacher
    previous, expected = full, []
    for phase in list(PHASES)[1:]:
        arguments = (*training, previous, full, "cpu", store.child(phase))
        checkpoint, report = phase_node(phase)(*arguments)
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


@pytest.mark.parametrize("schedule", ["eps", "random"])
def test_a_warm_up_beyond_derived_epochs_is_refused_where_these_are_trained(schedule):
    values = parameters(supernet="OFAMobileNetV3", schedule=schedule)
    whole = values.eps.phases.whole.model_copy(update={"epochs": None, "warmup_epochs": 10_000})
    eps = values.eps.model_copy(update={"phases": values.eps.phases.model_copy(update={"whole": whole})})
    given = (splits(), DESIGNS["OFAMobileNetV3"], eps, schedule, "fixed", "ens", 0, "fp32")
    if schedule == "eps":
        assert nodes.configure(*given).schedule == "eps"
    else:
        with pytest.raises(UserError, match=r"eps.phases.whole.warmup_epochs \(10000\) must not be above"):
            nodes.configure(*given)
