from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from natv2.devices import resolve
from natv2.exits.weightings import exit_weights
from natv2.images.augmentation import Augmentation
from natv2.images.batches import Batch, calibration_batches, evaluation_batches, training_batches
from natv2.images.config import CalibrationConfig
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.run import Run
from natv2.shrinking import accuracy as accuracy_module
from natv2.shrinking import teacher as teacher_module
from natv2.shrinking import train
from natv2.shrinking.accuracy import evaluator, phase_accuracy
from natv2.shrinking.config import EpsConfig, PhasesConfig, Training
from natv2.shrinking.identity import identity
from natv2.shrinking.phases import PHASES, choices, phases_of
from natv2.shrinking.train import train_phase
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import Design
from natv2.supernets.supernet import Supernet
from natv2.training.recalibration import calibrate
from natv2.training.state_store import StateStore
from tests.configs import RUN, training
from tests.designs import DESIGNS
from tests.tiny import CLASSES, new_supernet, splits

IMAGES = splits(train=32, valid=40)
NAME = "EE_D_OFAMobileNetV3"


def every_phase(
    subnets: int = 1, epochs: int = 2, lr: float = 0.05, **others: dict[str, Any]
) -> PhasesConfig:
    """The same row for each phase, and other values of some."""
    row = {"lr": lr, "epochs": epochs, "warmup_epochs": 0, "subnets": subnets}
    fitting = {"full": {"subnets": 0}, "single_stage": {"subnets": max(2, subnets)}}
    rows = {phase: {**row, **fitting.get(phase, {}), **others.get(phase, {})} for phase in PHASES}
    return PhasesConfig.model_validate(rows)


CONFIG = training(
    supernet=NAME,
    eps={
        "resolutions": [16, 20, 24],
        "batch_size": 16,
        "dropout": 0.0,
        "weight_decay": 0.0,
        "calibration": {"images": 32, "batch_size": 16},
        "evaluation": "all",
        "evaluation_batch_size": 16,
        "phases": every_phase().model_dump(),
    },
)


def changed(config: Training = CONFIG, **changes: Any) -> Training:
    """`config` with other values, of its own and of its section `eps`."""
    eps = {name: changes.pop(name) for name in [*changes] if name in EpsConfig.model_fields}
    return config.model_copy(update={**changes, "eps": config.eps.model_copy(update=eps)})


def trained_as(design: Design) -> dict[str, Any]:
    """The parameters of `design`."""
    elastic = {name: getattr(design, name) for name in ("kernels", "expand_ratios", "depths")}
    elastic["blocks"] = design.blocks if design.parallel else None
    supernet = {"deep": NAME, "bare": "EE_DP_OFAMobileNetV3"}.get(design.name, design.name)
    return {"supernet": supernet, "elastic": CONFIG.elastic.model_copy(update=elastic)}


def seeded(seed: int) -> Run:
    return RUN.model_copy(update={"seed": seed})


def train_in(
    store: StateStore,
    supernet: Supernet,
    phase: str,
    teacher: Supernet | None = None,
    *,
    seed: int = 0,
    **changes: Any,
) -> None:
    """Train a phase whose states `store` keeps."""
    train_phase(
        supernet,
        phase,
        teacher=teacher,
        images=IMAGES,
        training=changed(**trained_as(supernet.design), **changes),
        run=seeded(seed),
        store=store,
    )


def run(
    supernet: Supernet, phase: str, folder: Path, teacher: Supernet | None = None, **changes: Any
) -> list[float]:
    """Train a phase; the mean loss of each epoch."""
    losses = []
    store = StateStore(folder, phase, lambda metrics, epoch: losses.append(metrics[f"{phase}/loss"]))
    train_in(store, supernet, phase, teacher, **changes)
    return losses


def accuracy(
    supernet: Supernet, phase: str, part: ImageSet = IMAGES.valid, *, seed: int = 0, **changes: Any
) -> pd.DataFrame:
    return phase_accuracy(
        supernet,
        phase,
        images=IMAGES,
        part=part,
        training=changed(**trained_as(supernet.design), **changes),
        run=seeded(seed),
        name="test",
    )


def cross_entropy(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return -(targets * output.log_softmax(dim=1)).sum(dim=1).mean()


def smoothed(batch: Batch) -> torch.Tensor:
    return 0.9 * torch.eye(CLASSES)[batch.labels] + 0.1 / CLASSES


def first_epoch(phase: str, batch_size: int = 32) -> list[Batch]:
    """The batches of the first epoch of `phase`."""
    return list(training_batches(IMAGES, IMAGES.train, batch_size=batch_size, seed=0, purpose=phase, epoch=0))


@pytest.fixture
def trained(monkeypatch) -> list[Architecture]:
    """Fills with the networks that are trained, one after the other."""
    networks = []
    forward = Supernet.forward

    def record(self, x, architecture, statistics=None):
        if statistics is None and torch.is_grad_enabled():
            assert x.shape[-1] == architecture.resolution
            networks.append(architecture)
        return forward(self, x, architecture, statistics)

    monkeypatch.setattr(Supernet, "forward", record)
    return networks


def matrices(supernet: Supernet) -> list[torch.Tensor]:
    return [matrix.detach().clone() for pair in supernet.transforms for matrix in pair]


def test_kernel_matrices_leave_the_identity_in_the_kernel_phase(tmp_path):
    supernet = Supernet(DESIGNS[NAME], 0.1, CLASSES)
    run(supernet, "full", tmp_path / "full")
    assert all(torch.equal(matrix, torch.eye(len(matrix))) for matrix in matrices(supernet))
    run(supernet, "kernel", tmp_path / "kernel", supernet, phases=every_phase(4))
    assert not any(torch.equal(matrix, torch.eye(len(matrix))) for matrix in matrices(supernet))


@pytest.mark.parametrize(
    ("name", "weighting"), [(NAME, "DESC"), (NAME, "MIX"), ("SE_DP_OFAMobileNetV3", "DESC")]
)
def test_the_full_phase_trains_the_ensemble_of_all_exits(tmp_path, name, weighting):
    supernet, exits = new_supernet(name), 5 if name.startswith("EE") else 1
    weights, expected = exit_weights(weighting, exits).loss, []
    for batch in first_epoch("full", 16):
        with torch.no_grad():
            logits = supernet(batch.at(16), supernet.largest(16))
        assert len(logits) == exits
        each = [cross_entropy(output, smoothed(batch)) for output in logits]
        expected.append(sum(a * loss for a, loss in zip(weights, each, strict=True)))
    assert len(expected) == 2
    (loss,) = run(
        supernet,
        "full",
        tmp_path,
        resolutions=(16,),
        exit_weighting=weighting,
        phases=every_phase(epochs=1, lr=1e-9),
    )
    assert loss == pytest.approx(torch.stack(expected).mean().item(), rel=1e-4)


@pytest.mark.parametrize(("kd", "kd_ratio"), [("ens", 0.7), ("e2e", 0.7), ("ens", 0.0)])
def test_subnets_learn_the_labels_and_what_the_largest_network_of_the_teacher_says(
    tmp_path, trained, kd, kd_ratio
):
    supernet, teacher, phase = new_supernet(NAME), new_supernet(NAME, seed=9), "exit_4"
    row = {"lr": 1e-9, "epochs": 1, "subnets": 6}
    (loss,) = run(
        supernet,
        phase,
        tmp_path,
        teacher,
        resolutions=(16,),
        batch_size=32,
        exit_weighting="MIX",
        kd=kd,
        kd_ratio=kd_ratio,
        phases=every_phase(**{phase: row}),
    )
    (batch,), largest, subnets = first_epoch(phase), teacher.largest(16), list(trained)
    assert len({network.exits for network in subnets}) > 2
    calibration = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
    expected = []
    with torch.no_grad():
        logits = teacher(batch.at(16), largest, calibrate(teacher, largest, calibration))
        mixed = sum(b * o for b, o in zip(exit_weights("MIX", 5).output, logits, strict=True))
        for subnet in subnets:
            (output,) = supernet(batch.at(16), subnet)
            said = (mixed if kd == "ens" else logits[subnet.exits[0] - 1]).softmax(dim=1)
            expected.append(cross_entropy(output, smoothed(batch)) + kd_ratio * cross_entropy(output, said))
    assert loss == pytest.approx(torch.stack(expected).mean().item(), rel=1e-5)


@pytest.mark.parametrize("kd", ["none", "ens", "e2e"])
def test_in_a_sandwich_subnets_learn_what_the_largest_network_says_in_training(tmp_path, trained, kd):
    supernet = new_supernet(NAME)
    phases = every_phase(5, 1, 1e-9)
    changes = {"schedule": "sandwich", "resolutions": (16,), "batch_size": 32, "exit_weighting": "MIX"}
    (loss,) = run(supernet, "single_stage", tmp_path, None, kd=kd, phases=phases, **changes)
    (batch,), (largest, *subnets) = first_epoch("single_stage"), list(trained)
    with torch.no_grad():
        logits = supernet(batch.at(16), largest)
        losses, outputs = exit_weights("MIX", 5)
        each = [cross_entropy(output, smoothed(batch)) for output in logits]
        expected = [sum(a * loss for a, loss in zip(losses, each, strict=True))]
        mixed = sum(b * o for b, o in zip(outputs, logits, strict=True)).softmax(dim=1)
        for subnet in subnets:
            (output,) = supernet(batch.at(16), subnet)
            said = {"none": smoothed(batch), "ens": mixed, "e2e": logits[subnet.exits[0] - 1].softmax(dim=1)}
            expected.append(cross_entropy(output, said[kd]))
    assert loss == pytest.approx(torch.stack(expected).mean().item(), rel=1e-5)


def test_every_draw_is_another_for_another_supernet_seed_and_epoch(tmp_path, monkeypatch, trained):
    """Two supernets of a family go through the same phases under other names."""
    seen, dropped, at = [], [], Batch.at

    def look(self, resolution):
        seen.append(tuple(self.ids.tolist()))
        dropped.append(torch.initial_seed())  # of the generator that dropout draws from
        return at(self, resolution)

    monkeypatch.setattr(Batch, "at", look)
    changes = {"phases": every_phase(1, 4, 0.01), "kd": "none"}
    for name in ("narrow.kernel", "wide.kernel"):
        for seed in (0, 1):
            store = StateStore(tmp_path / f"{name} {seed}", name)
            train_in(store, new_supernet("OFAMobileNetV3"), "kernel", seed=seed, **changes)
    runs = [slice(start, start + 8) for start in range(0, len(trained), 8)]  # 4 epochs of two steps
    assert len(runs) == 4
    assert len(set(seen)) == len(set(dropped)) == len(seen) == 32
    sizes = [tuple(network.resolution for network in trained[steps]) for steps in runs]
    kernels = [tuple(network.kernels for network in trained[steps]) for steps in runs]
    assert len(set(sizes)) == len(set(kernels)) == 4
    assert all(len(set(drawn)) == 8 for drawn in kernels)
    assert any(drawn[0::2] != drawn[1::2] for drawn in sizes)  # a size for each step, not for each epoch


@pytest.mark.parametrize("weighting", ["DESC", "MIX"])
def test_after_the_full_phase_the_ensemble_is_tested(weighting):
    supernet = new_supernet(NAME)
    frame = accuracy(supernet, "full", exit_weighting=weighting)
    assert frame["exit"].tolist() == ["ensemble"] * 3
    assert frame["resolution"].tolist() == [16, 20, 24]
    batches = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
    (valid,) = evaluation_batches(IMAGES, IMAGES.valid, 40)
    for row in frame.itertuples():
        largest = supernet.largest(row.resolution)
        with torch.no_grad():
            logits = supernet(valid.at(row.resolution), largest, calibrate(supernet, largest, batches))
        mixed = sum(b * o for b, o in zip(exit_weights(weighting, 5).output, logits, strict=True))
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
    extremes = accuracy(supernet, "exit_2", evaluation="extremes")
    kept = frame["resolution"].isin([16, 24]) & frame["exit"].isin(["3", "5"]) & frame["kernel"].isin([3, 7])
    # A mean of fewer networks is not that of all: their settings tell them apart.
    assert set(extremes["settings"]).isdisjoint(frame["settings"])
    ours, theirs = (f.drop(columns="settings").sort_values(dimensions) for f in (extremes, frame[kept]))
    assert ours.values.tolist() == theirs.values.tolist()


def test_what_no_column_names_is_in_the_settings():
    def settings(images: ImageSplits = IMAGES, run: Run = RUN, **changes: Any) -> object:
        return identity(changed(**changes), run, images)["settings"]

    auto = resolve(RUN.model_copy(update={"precision": "auto"}))  # fp32 on a CPU
    same = [{"run": seeded(9)}, {"run": auto}, {"kd": "e2e"}, {"evaluation_batch_size": 7}, {"probes": 3}]
    same += [{"phases": every_phase(level_1={"lr": 0.7})}]  # which this supernet does not have
    other = [{"kd_ratio": 0.25}, {"exit_weighting": "ASC"}, {"resolutions": (16, 24, 32)}, {"batch_size": 3}]
    other += [{"phases": every_phase(kernel={"lr": 0.7})}]
    other += [{"run": RUN.model_copy(update={"precision": "bf16"})}]
    assert {settings(**changes) for changes in same} == {settings()}
    fewer, mirrored = splits(train=16, valid=40), replace(IMAGES, augmentation=Augmentation(flip=True))
    others = [settings(**changes) for changes in other]
    assert len({settings(), settings(fewer), settings(mirrored), *others}) == 9
    frame = accuracy(
        new_supernet(NAME), "single_stage", schedule="random", evaluation="extremes", kd_ratio=0.25
    )
    assert len(set(frame["settings"])) == 1


@pytest.mark.parametrize("schedule", ["ps", "eps"])
def test_what_each_row_says_of_its_training(schedule):
    phases = every_phase(depth_1={"lr": 0.1, "epochs": 7, "subnets": 3})
    changes = {"schedule": schedule, "teacher": "fixed", "kd": "e2e", "seed": 5, "evaluation": "extremes"}
    frame = accuracy(new_supernet(NAME), "depth_1", phases=phases, **changes)
    exits = {"ps": {"5"}, "eps": {"1", "5"}}[schedule]
    assert set(frame["exit"]) == exits
    assert len(frame) == 2 * 2 * 2 * len(exits)  # sizes, kernels, depths
    expected = {"source": "tiny", "supernet": NAME, "width": 0.1, "phase": "depth_1", "step": "depth"}
    expected |= {"schedule": schedule, "teacher": "fixed", "kd": "e2e", "seed": 5}
    expected["passes"] = 7 * 3 + 2 * {"ps": 5, "eps": 9}[schedule]  # every other phase has two epochs
    assert {name: set(frame[name]) for name in expected} == {key: {value} for key, value in expected.items()}
    nobody = accuracy(new_supernet(NAME), "single_stage", schedule="random", evaluation="extremes")
    assert set(nobody["teacher"]) == {"none"}


@pytest.mark.parametrize(
    ("name", "phase", "schedule"),
    [
        (NAME, "exit_2", "eps"),
        ("SE_DP_OFAMobileNetV3", "level_1", "eps"),
        (NAME, "width_1", "eps"),
        (NAME, "width_1", "ps"),
        ("deep", "depth_2", "eps"),
        ("bare", "level_2", "eps"),
    ],
)
def test_drawn_subnets_are_unlocked_and_share_one_size_a_batch(tmp_path, trained, name, phase, schedule):
    supernet = new_supernet(name)
    run(supernet, phase, tmp_path, phases=every_phase(2, 4, 0.01), seed=2, schedule=schedule)
    assert len(trained) == 4 * 2 * 2
    unlocked = choices(DESIGNS[name], phase, schedule)
    for first, second in zip(trained[::2], trained[1::2], strict=True):
        assert first.resolution == second.resolution
        assert first != second
    sizes = {a.resolution for a in trained}
    assert sizes <= {16, 20, 24}
    assert len(sizes) > 1
    for dimension, values in vars(unlocked).items():
        assert {v for a in trained for v in getattr(a, dimension)} - {0} <= set(values)


def test_training_and_calibration_read_training_images_only(tmp_path, monkeypatch):
    """Validation images are read when accuracies are taken, test images never."""
    seen: dict[str, set[int]] = {"calibration": set(), "all": set()}
    at = Batch.at

    def look(self, resolution):
        seen["all"] |= set(self.ids.tolist())
        return at(self, resolution)

    def recording(*arguments):
        batches = calibration_batches(*arguments)
        seen["calibration"] |= {i for batch in batches for i in batch.ids.tolist()}
        return batches

    monkeypatch.setattr(Batch, "at", look)
    for module in (accuracy_module, teacher_module):
        monkeypatch.setattr(module, "calibration_batches", recording)
    supernet, train_ids, valid_ids = new_supernet(NAME), set(range(32)), set(range(1000, 1040))
    run(supernet, "kernel", tmp_path, supernet)
    assert seen == {"calibration": train_ids, "all": train_ids}
    seen["calibration"] = set()
    accuracy(supernet, "kernel")
    assert seen == {"calibration": train_ids, "all": train_ids | valid_ids}
    seen["all"] = set()
    accuracy(supernet, "kernel", IMAGES.test)
    assert seen == {"calibration": train_ids, "all": train_ids | set(range(2000, 2016))}


def test_calibration_images_are_drawn_by_the_seed():
    config = changed(calibration=CalibrationConfig(images=24, batch_size=16))
    tests = [evaluator(IMAGES, IMAGES.valid, config, seeded(seed)) for seed in (0, 0, 1)]
    drawn = [[batch.ids.tolist() for batch in each.calibration] for each in tests]
    assert [len(ids) for ids in drawn[0]] == [16, 8]
    assert drawn[0] == drawn[1] != drawn[2]


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

    store = StateStore(tmp_path / "b", "width_1", stop)
    with pytest.raises(KeyboardInterrupt):
        train_in(store, stopped, "width_1", teacher, kd_ratio=kd_ratio)
    assert len(run(resumed, "width_1", tmp_path / "b", teacher, kd_ratio=kd_ratio)) < 2
    weights = resumed.state_dict()
    assert all(torch.equal(tensor, weights[key]) for key, tensor in whole.state_dict().items())


@pytest.mark.parametrize("schedule", ["random", "sandwich"])
def test_without_shrinking_the_whole_space_is_trained_from_the_start(tmp_path, trained, schedule):
    supernet, steps = new_supernet(NAME), trained
    changes = {"schedule": schedule, "phases": every_phase(4, 8, 0.01)}
    losses = run(supernet, "single_stage", tmp_path, teacher=new_supernet(NAME), **changes)
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
    typed = {phase: {"epochs": epochs, "subnets": subnets} for phase, (epochs, subnets) in rows.items()}
    expected = {"OFAMobileNetV3": 1170, NAME: 1760, "SE_P_OFAMobileNetV3": 1460}[name]
    assert changed(supernet=name, phases=every_phase(**typed)).passes == expected
    assert changed(supernet=name, phases=every_phase(**typed), schedule="ps").passes == 1170
    for subnets, epochs in ((4, round(expected / 4)), (10_000, 1)):
        phases = every_phase(**typed, single_stage={"epochs": None, "subnets": subnets})
        config = changed(supernet=name, phases=phases, schedule="random")
        assert config.phase("single_stage").epochs == epochs
        assert config.passes == epochs * subnets


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "progressive"),
        ({"teacher": "progressive_guarded"}, "progressive_guarded"),
        ({"teacher": "fixed", "schedule": "ps"}, "fixed"),
        ({"kd": "none"}, "none"),
        ({"schedule": "random"}, "none"),
        ({"schedule": "sandwich"}, "in-place"),
    ],
)
def test_who_teaches_is_said(changes, expected):
    assert changed(**changes).taught_by == expected


def test_without_distillation_there_is_no_teacher(tmp_path, monkeypatch):
    monkeypatch.setattr(teacher_module, "make_teacher", None)
    run(new_supernet(NAME), "kernel", tmp_path, new_supernet(NAME), kd="none")


@pytest.mark.parametrize(
    ("phase", "schedule", "networks"),
    [
        ("full", "eps", 1),
        ("width_2", "eps", 3),
        ("single_stage", "sandwich", 3),
        ("single_stage", "random", 3),
    ],
)
def test_an_epoch_tells_the_right_answers_of_all_its_networks(
    tmp_path, monkeypatch, phase, schedule, networks
):
    """Of the largest network its ensemble's (Algorithm 3.1)."""
    supernet, counted = new_supernet(NAME), []
    forward = Supernet.forward

    def watched(self, x, architecture, statistics=None):
        logits = forward(self, x, architecture, statistics)
        if self is supernet and statistics is None:
            weights = exit_weights("DESC", 5).output if len(logits) > 1 else (1.0,)
            counted.append(sum(weight * output for weight, output in zip(weights, logits, strict=True)))
        return logits

    monkeypatch.setattr(Supernet, "forward", watched)
    store = StateStore(tmp_path, phase)
    changes = {"phases": every_phase(subnets=networks, epochs=2), "kd": "none", "schedule": schedule}
    changes |= {"resolutions": (16,)}
    history = train_phase(
        supernet, phase, teacher=None, images=IMAGES, training=changed(**changes), run=seeded(0), store=store
    )
    labels = [
        batch.labels
        for epoch in range(2)
        for batch in training_batches(IMAGES, IMAGES.train, batch_size=16, seed=0, purpose=phase, epoch=epoch)
        for _ in range(networks)
    ]
    right = [
        (output.argmax(dim=1) == truth).float().mean() for output, truth in zip(counted, labels, strict=True)
    ]
    expected = torch.stack(right).view(2, -1).mean(dim=1).tolist()
    assert [entry["train_accuracy"] for entry in history] == pytest.approx(expected)
