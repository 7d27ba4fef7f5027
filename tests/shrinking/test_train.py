from dataclasses import replace

import pandas as pd
import pytest
import torch

from natv2.exits import exit_weights
from natv2.images import Batch, calibration_batches, evaluation_batches
from natv2.shrinking import train
from natv2.shrinking.accuracy import phase_accuracy
from natv2.shrinking.config import PhaseConfig, ShrinkingConfig, equal_epochs
from natv2.shrinking.phases import PHASES, choices, phases_of
from natv2.shrinking.train import train_phase
from natv2.supernets import Supernet
from natv2.training.calibration import calibrate
from natv2.training.optimiser import OptimiserConfig
from natv2.training.progress import Progress
from tests.designs import DESIGNS
from tests.tiny import CLASSES, new_supernet, splits

IMAGES = splits(train=32, valid=40)
NAME = "EE_D_OFAMobileNetV3"


def every_phase(subnets: int = 1, epochs: int = 2, learning_rate: float = 0.05) -> dict[str, PhaseConfig]:
    optimiser = OptimiserConfig(learning_rate=learning_rate, epochs=epochs)
    return {phase: PhaseConfig(optimiser=optimiser, subnets=subnets) for phase in PHASES}


CONFIG = ShrinkingConfig(
    phases=every_phase(),
    resolutions=(16, 20, 24),
    batch_size=16,
    kd_ratio=1.0,
    label_smoothing=0.1,
    exit_weights="DESC",
    calibration_images=32,
    calibration_batch_size=16,
    evaluation_batch_size=16,
    extremes_only=False,
    probes=4,
    seed=0,
)


def run(supernet: Supernet, phase: str, folder, teacher: Supernet | None = None, **changes) -> list[float]:
    """Train a phase; the mean loss of each epoch."""
    losses = []
    progress = Progress(folder, phase, lambda metrics, epoch: losses.append(metrics[f"{phase}/loss"]))
    config = replace(CONFIG, **changes)
    train_phase(supernet, phase, teacher=teacher, images=IMAGES, config=config, progress=progress)
    return losses


def accuracy(supernet: Supernet, phase: str, **changes) -> pd.DataFrame:
    config = replace(CONFIG, **changes)
    return phase_accuracy(supernet, phase, images=IMAGES, part=IMAGES.valid, config=config, name="test")


def matrices(supernet: Supernet) -> list[torch.Tensor]:
    return [matrix.detach().clone() for pair in supernet.transforms for matrix in pair]


def test_kernel_matrices_leave_the_identity_in_the_kernel_phase(tmp_path):
    supernet = Supernet(DESIGNS[NAME], 0.1, CLASSES)
    run(supernet, "full", tmp_path / "full")
    assert all(torch.equal(matrix, torch.eye(len(matrix))) for matrix in matrices(supernet))
    run(supernet, "kernel", tmp_path / "kernel", supernet, phases=every_phase(4))
    assert not any(torch.equal(matrix, torch.eye(len(matrix))) for matrix in matrices(supernet))


@pytest.mark.parametrize("name", [NAME, "SE_DP_OFAMobileNetV3"])
def test_the_full_phase_trains_the_ensemble_of_all_exits(tmp_path, name):
    supernet, exits = new_supernet(name), 5 if name.startswith("EE") else 1
    (batch,) = evaluation_batches(IMAGES, IMAGES.train, 32)
    weights = exit_weights("DESC", exits)[0]
    with torch.no_grad():
        logits = supernet(batch.at(16), supernet.largest(16))
    assert len(logits) == exits
    targets = 0.9 * torch.eye(CLASSES)[batch.labels] + 0.1 / CLASSES
    each = [-(targets * output.log_softmax(dim=1)).sum(dim=1).mean() for output in logits]
    expected = sum(a * loss for a, loss in zip(weights, each, strict=True))
    (loss,) = run(
        supernet,
        "full",
        tmp_path,
        resolutions=(16,),
        batch_size=32,
        phases=every_phase(epochs=1, learning_rate=1e-9),
    )
    assert loss == pytest.approx(expected.item(), rel=1e-4)


def test_after_the_full_phase_the_ensemble_is_tested():
    supernet = new_supernet(NAME)
    frame = accuracy(supernet, "full")
    assert frame["exit"].tolist() == ["ensemble"] * 3
    assert frame["resolution"].tolist() == [16, 20, 24]
    batches = calibration_batches(IMAGES, images=32, batch_size=16, seed=0)
    (valid,) = evaluation_batches(IMAGES, IMAGES.valid, 40)
    for row in frame.itertuples():
        largest = supernet.largest(row.resolution)
        with torch.no_grad():
            logits = supernet(valid.at(row.resolution), largest, calibrate(supernet, largest, batches))
        mixed = sum(b * o for b, o in zip(exit_weights("DESC", 5)[1], logits, strict=True))
        assert row.accuracy == pytest.approx((mixed.argmax(dim=1) == valid.labels).double().mean().item())


def test_accuracy_over_the_constant_combinations():
    supernet = new_supernet(NAME)
    frame = accuracy(supernet, "exit_2")
    dimensions = ["resolution", "exit", "depth", "kernel", "expand_ratio", "mask"]
    found = set(frame[dimensions].itertuples(index=False, name=None))
    assert found == {(r, e, 4, k, 6, 4) for r in (16, 20, 24) for e in "345" for k in (3, 5, 7)}
    assert len(frame) == 27
    assert frame["accuracy"].between(0, 1).all()
    assert (frame["supernet"] == NAME).all() and (frame["phase"] == "exit_2").all()
    extremes = accuracy(supernet, "exit_2", extremes_only=True)
    kept = frame["resolution"].isin([16, 24]) & frame["exit"].isin(["3", "5"]) & frame["kernel"].isin([3, 7])
    assert extremes.sort_values(dimensions).values.tolist() == (
        frame[kept].sort_values(dimensions).values.tolist()
    )


@pytest.mark.parametrize(
    ("name", "phase"),
    [
        (NAME, "exit_2"),
        ("SE_DP_OFAMobileNetV3", "level_1"),
        (NAME, "width_1"),
        ("deep", "depth_2"),
        ("bare", "level_2"),
    ],
)
def test_drawn_subnets_are_unlocked_and_share_one_size_a_batch(tmp_path, monkeypatch, name, phase):
    steps = []
    forward = Supernet.forward

    def record(self, x, architecture, statistics=None):
        if statistics is None and torch.is_grad_enabled():
            assert x.shape[-1] == architecture.resolution
            steps.append(architecture)
        return forward(self, x, architecture, statistics)

    monkeypatch.setattr(Supernet, "forward", record)
    supernet = new_supernet(name)
    run(supernet, phase, tmp_path, phases=every_phase(2, 4, 0.01), seed=2)
    assert len(steps) == 4 * 2 * 2
    unlocked = choices(DESIGNS[name], phase)
    for first, second in zip(steps[::2], steps[1::2], strict=True):
        assert first.resolution == second.resolution
        assert first != second
    sizes = {a.resolution for a in steps}
    assert sizes <= {16, 20, 24}
    assert len(sizes) > 1
    for dimension, values in vars(unlocked).items():
        assert {v for a in steps for v in getattr(a, dimension)} - {0} <= set(values)


def test_training_and_calibration_read_training_images_only(tmp_path, monkeypatch):
    """Validation images are read when accuracies are taken, test images never."""
    seen: dict[str, set[int]] = {"calibration": set(), "all": set()}
    at = Batch.at

    def look(self, resolution):
        seen["all"] |= set(self.ids.tolist())
        return at(self, resolution)

    taken = ShrinkingConfig.calibration

    def recording(self, images):
        batches = taken(self, images)
        seen["calibration"] |= {i for batch in batches for i in batch.ids.tolist()}
        return batches

    monkeypatch.setattr(Batch, "at", look)
    monkeypatch.setattr(ShrinkingConfig, "calibration", recording)
    supernet, train_ids, valid_ids = new_supernet(NAME), set(range(32)), set(range(1000, 1040))
    run(supernet, "kernel", tmp_path, supernet)
    assert seen == {"calibration": train_ids, "all": train_ids}
    seen["calibration"] = set()
    accuracy(supernet, "kernel")
    assert seen == {"calibration": train_ids, "all": train_ids | valid_ids}


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_DP_OFAMobileNetV3"])
def test_channels_are_sorted_before_each_width_phase_and_no_other(tmp_path, monkeypatch, name):
    asked = {}
    monkeypatch.setattr(
        train, "sort_channels", lambda supernet, ratios: asked.setdefault(phase, tuple(ratios))
    )
    supernet = new_supernet(name)
    for phase in phases_of(supernet.design, "eps"):
        run(supernet, phase, tmp_path / phase, phases=every_phase(epochs=0))
    assert asked == {"width_1": (6,), "width_2": (4, 6)}


@pytest.mark.parametrize("kd_ratio", [0.0, 1.0])
def test_a_stopped_phase_ends_as_an_undisturbed_one(tmp_path, monkeypatch, kd_ratio):
    """The width phase sorts its channels, so going on must neither sort twice nor lose the order."""
    teacher = new_supernet(NAME, seed=9)
    whole, stopped, resumed = new_supernet(NAME), new_supernet(NAME), new_supernet(NAME)
    run(whole, "width_1", tmp_path / "a", teacher, kd_ratio=kd_ratio)

    def stop(metrics, epoch):
        if epoch == 1:
            raise KeyboardInterrupt

    progress, config = Progress(tmp_path / "b", "width_1", stop), replace(CONFIG, kd_ratio=kd_ratio)
    with pytest.raises(KeyboardInterrupt):
        train_phase(stopped, "width_1", teacher=teacher, images=IMAGES, config=config, progress=progress)
    assert len(run(resumed, "width_1", tmp_path / "b", teacher, kd_ratio=kd_ratio)) < 2
    weights = resumed.state_dict()
    assert all(torch.equal(tensor, weights[key]) for key, tensor in whole.state_dict().items())


@pytest.mark.parametrize("schedule", ["random", "sandwich"])
def test_without_shrinking_the_whole_space_is_trained_from_the_start(tmp_path, monkeypatch, schedule):
    steps = []
    forward = Supernet.forward

    def record(self, x, architecture, statistics=None):
        if statistics is None and torch.is_grad_enabled():
            steps.append(architecture)
        return forward(self, x, architecture, statistics)

    monkeypatch.setattr(Supernet, "forward", record)
    supernet = new_supernet(NAME)
    changes = {"schedule": schedule, "phases": every_phase(4, 8, 0.01)}
    losses = run(supernet, "whole", tmp_path, teacher=new_supernet(NAME), **changes)
    assert len(losses) == 8
    assert len(steps) == 8 * 2 * 4
    for start in range(0, len(steps), 4):
        first, second, *others = batch = steps[start : start + 4]
        assert len({a.resolution for a in batch}) == 1
        if schedule == "sandwich":
            assert first == supernet.largest(first.resolution)
            assert (second.exits, {*second.depths} - {0}, {*second.kernels} - {0}) == ((1,), {2}, {3})
        assert all(len(a.exits) == 1 for a in others)
    drawn = [a for i, a in enumerate(steps) if schedule == "random" or i % 4 > 1]
    assert {a.exits[0] for a in drawn} == {1, 2, 3, 4, 5}
    assert {d for a in drawn for d in a.depths} - {0} == {2, 3, 4}


@pytest.mark.parametrize("name", ["OFAMobileNetV3", NAME, "SE_P_OFAMobileNetV3"])
def test_equal_budgets(name):
    """Table 5.2's rows, typed again: as many images x networks, whatever the schedule."""
    rows = {
        "full": (180, 0),
        "kernel": (120, 1),
        "level_1": (25, 2),
        "level_2": (120, 2),
        "exit_1": (25, 2),
        "exit_2": (60, 2),
        "exit_3": (90, 2),
        "exit_4": (120, 2),
        "depth_1": (25, 2),
        "depth_2": (120, 2),
        "width_1": (25, 4),
        "width_2": (120, 4),
    }
    phases = {
        phase: PhaseConfig(optimiser=OptimiserConfig(learning_rate=0.1, epochs=epochs), subnets=subnets)
        for phase, (epochs, subnets) in rows.items()
    }
    expected = {"OFAMobileNetV3": 1170, NAME: 1760, "SE_P_OFAMobileNetV3": 1460}[name]
    assert replace(CONFIG, phases=phases).passes(DESIGNS[name]) == expected
    assert equal_epochs(phases, DESIGNS[name], 4) == round(expected / 4)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "progressive"),
        ({"teacher": "fixed", "schedule": "ps"}, "fixed"),
        ({"kd": "none"}, "none"),
        ({"schedule": "random"}, "none"),
        ({"schedule": "sandwich"}, "in-place"),
    ],
)
def test_who_teaches_is_said(changes, expected):
    assert replace(CONFIG, **changes).taught_by() == expected


def test_without_distillation_there_is_no_teacher(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "make_teacher", None)
    run(new_supernet(NAME), "kernel", tmp_path, new_supernet(NAME), kd="none")
