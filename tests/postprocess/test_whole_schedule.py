"""Whole schedules of found networks: what they begin with, on what they train, what they take."""

import re

import pandas as pd
import pytest
import torch

from natv2.exits.weightings import exit_weights
from natv2.images.batches import evaluation_batches
from natv2.postprocess.extract import Extraction
from natv2.postprocess.methods import plan_postprocessing
from natv2.postprocess.refine import chosen_networks, refine
from natv2.postprocess.whole_schedule import WholeSchedule
from natv2.spaces.architecture import constant, described
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.confidence import fit_temperature
from natv2.training.evaluation import Validated, answers
from natv2.training.finishing import Finishing
from natv2.training.state_store import StateStore
from tests.configs import RUN, parameters
from tests.designs import DESIGNS
from tests.finishing import IMAGES, Counting, config, same_weights
from tests.pipelines.slices import family

DESIGN = DESIGNS["EE_D_OFAMobileNetV3"]
SEARCH = parameters().search
FULL = config(epochs=1, batch_size=12)


def architecture(exit: int, kernel: int = 3):
    sizes = {"resolution": 16, "width": 0.1, "depth": 2, "expand_ratio": 3, "mask": 4}
    return constant(DESIGN, exits=(exit,), kernel=kernel, **sizes)


def settings(**changes):
    known = {"recipe": "full", "start": "auto", "exit_weighting": "DESC", "method": "standard"}
    full = {"full": FULL.model_dump()}
    return parameters(postprocess=known | full | changes).postprocess


@pytest.fixture(scope="module")
def extraction() -> Extraction:
    narrow, wide = family(DESIGN.name, IMAGES)
    return Extraction(narrow, wide, IMAGES, calibration=SEARCH.calibration, dropout=0.1, run=RUN)


@pytest.fixture
def trained(monkeypatch) -> list[tuple[str, int]]:
    """Name of the store and number of images of each training that had something to do."""
    seen: list[tuple[str, int]] = []
    original = Finishing.train

    def watched(finishing, classifier, losses, store, part=None):
        if store.load("loop") is None:
            seen.append((store.name, len(finishing.images.train if part is None else part)))
        original(finishing, classifier, losses, store, part)

    monkeypatch.setattr(Finishing, "train", watched)
    return seen


def schedule(extraction: Extraction, folder, teacher=None, **changes) -> WholeSchedule:
    postprocess = settings(**changes)
    finishing = Finishing(
        images=extraction.images,
        config=postprocess.full,
        run=RUN,
        resolution=16,
        evaluation_batch_size=8,
        labels=StateStore(folder / "labels"),
        teacher=teacher,
    )
    return WholeSchedule(extraction=extraction, finishing=finishing, config=postprocess)


def plans(whole: WholeSchedule):
    """Of two networks, the second as an ensemble of three exits."""
    pairs = (("standard", architecture(2)), ("aep", architecture(3, kernel=5)))
    return [plan_postprocessing(method, each, DESIGN, whole.config) for method, each in pairs]


def finished(whole: WholeSchedule, folder) -> list[SubnetClassifier]:
    return [
        whole.finish(plan, {"network": str(n)}, StateStore(folder).child(f"n{n}"))
        for n, plan in enumerate(plans(whole))
    ]


def validation_top1(classifier: SubnetClassifier) -> float:
    right = classifier(IMAGES.valid.images).argmax(dim=1) == IMAGES.valid.labels
    return float(right.double().mean())


@pytest.mark.parametrize("start", ["found", "scratch"])
def test_a_network_is_finished_from_its_weights_or_from_new_ones(extraction, tmp_path, trained, start):
    whole = schedule(extraction, tmp_path, start=start)
    networks = finished(whole, tmp_path / "store")
    assert [size for _, size in trained] == [24, 24]
    for plan, network in zip(plans(whole), networks, strict=True):
        # The same by the parts alone.
        begun = extraction.network(plan) if start == "found" else extraction.new_network(plan)
        alone = extraction.classifier(begun, plan, {})
        losses = exit_weights("DESC", len(plan.architecture.exits)).loss
        whole.finishing.train(alone, losses, StateStore(tmp_path / f"alone {plan.method}"))
        assert same_weights(network, alone)
        record = network.header.record
        assert (record["start"], record["teacher"], record["epochs"]) == (start, "none", 1)
        assert record["accuracy_after"] == pytest.approx(validation_top1(network))
        logits, labels = answers(network, evaluation_batches(IMAGES, IMAGES.valid, 3))
        assert network.header.temperature == pytest.approx(fit_temperature(logits, labels), rel=1e-3)
    assert len(networks[1].header.weights) == 3


def test_new_weights_are_those_of_the_seed_and_the_architecture(extraction, tmp_path):
    one, other = plans(schedule(extraction, tmp_path))
    assert same_weights(extraction.new_network(one), extraction.new_network(one))
    found = extraction.network(one)
    assert not same_weights(extraction.new_network(one), found)
    assert extraction.new_network(one).state_dict().keys() == found.state_dict().keys()
    assert extraction.new_network(other).architecture == other.architecture


@pytest.mark.parametrize(
    ("accuracies", "better"),
    [((0.6, 0.3), "found"), ((0.3, 0.6), "scratch"), ((0.5, 0.5), "found")],
)
def test_auto_begins_all_networks_with_what_is_better_for_the_first(
    extraction, tmp_path, trained, monkeypatch, caplog, accuracies, better
):
    """On validation images, of whole schedules; nothing is trained twice."""
    caplog.set_level("INFO", "natv2")
    scripted = iter([*accuracies, max(accuracies), 0.1])
    monkeypatch.setattr(
        Finishing, "validated", lambda finishing, classifier: Validated(next(scripted), 0.0, 1.0)
    )
    first, second = finished(schedule(extraction, tmp_path / "a"), tmp_path / "auto")
    assert [name.partition(".")[0] for name, _ in trained] == ["n0", "n0", "n1"]
    told = ", ".join(f"{s} {100 * a:.2f} %" for s, a in zip(("found", "scratch"), accuracies, strict=True))
    assert f"start from weights: {better} (validation top-1 of the first: {told})" in caplog.text
    monkeypatch.undo()
    fixed = finished(schedule(extraction, tmp_path / "b", start=better), tmp_path / "fixed")
    for one, other in zip((first, second), fixed, strict=True):
        assert one.header.record["start"] == other.header.record["start"] == better
        assert same_weights(one, other)


def test_with_refit_each_is_trained_once_more_on_both_parts(extraction, tmp_path, trained):
    once = finished(schedule(extraction, tmp_path / "a", start="found"), tmp_path / "once")
    trained.clear()
    whole = schedule(extraction, tmp_path / "b", start="found", refit=True)
    twice = finished(whole, tmp_path / "twice")
    assert [size for _, size in trained] == [24, 32, 24, 32]
    for plan, one, two in zip(plans(whole), once, twice, strict=True):
        # What is said of it is from images that had no part in its training.
        assert two.header.record["accuracy_after"] == one.header.record["accuracy_after"]
        assert two.header.temperature == one.header.temperature
        assert not same_weights(one, two)
        alone = extraction.classifier(extraction.network(plan), plan, {})
        losses = exit_weights("DESC", len(plan.architecture.exits)).loss
        both = IMAGES.train_and_valid()
        whole.finishing.train(alone, losses, StateStore(tmp_path / f"alone {plan.method}"), both)
        assert same_weights(two, alone)


def test_a_finished_run_that_resumes_trains_nothing(extraction, tmp_path, trained):
    first = finished(schedule(extraction, tmp_path / "a", refit=True), tmp_path / "store")
    trained.clear()
    again = finished(schedule(extraction, tmp_path / "a", refit=True), tmp_path / "store")
    assert not trained
    assert all(same_weights(one, other) for one, other in zip(first, again, strict=True))
    assert [one.header.record for one in first] == [other.header.record for other in again]


def test_a_teacher_is_asked_once_for_all_networks_and_all_starts(extraction, tmp_path):
    teacher = Counting()
    first, _ = finished(schedule(extraction, tmp_path, teacher.teacher()), tmp_path / "store")
    assert teacher.calls == 2 and first.header.record["teacher"] == "counting"


def test_what_it_will_take_is_asked_without_a_trace(extraction, tmp_path, monkeypatch):
    """Each network's steps, for each part of images; another training of one where starts are compared."""
    supernets = {width: each.state_dict() for width, each in extraction._family.items()}
    before = {width: {n: t.clone() for n, t in state.items()} for width, state in supernets.items()}
    timed = []

    def seconds(finishing, classifier, part=None):
        timed.append((classifier.network.architecture, len(part)))
        return 10.0

    teacher = Counting()
    whole = schedule(extraction, tmp_path, teacher.teacher(), start="found")
    assert whole.expected_seconds(plans(whole)) > 0
    # The teacher is asked for one batch alone; and what follows is what it would have been.
    assert teacher.calls == 1 and not list(tmp_path.rglob("*.safetensors"))
    for width, state in supernets.items():
        assert all(torch.equal(tensor, before[width][name]) for name, tensor in state.items())
    monkeypatch.setattr(Finishing, "expected_seconds", seconds)
    one, other = (plan.architecture for plan in plans(whole))
    for changes, expected in (
        ({"start": "found"}, [(one, 24), (other, 24)]),
        ({"start": "found", "refit": True}, [(one, 24), (one, 32), (other, 24), (other, 32)]),
    ):
        timed.clear()
        whole = schedule(extraction, tmp_path, **changes)
        assert whole.expected_seconds(plans(whole)) == 10.0 * len(expected)
        assert timed == expected
    whole = schedule(extraction, tmp_path, start="auto")
    assert whole.expected_seconds(plans(whole)) == 30.0
    assert whole.expected_seconds([]) == 0.0


def test_refining_by_a_whole_schedule_says_how_long_and_finishes_every_network(extraction, tmp_path, caplog):
    caplog.set_level("INFO", "natv2")
    front = pd.DataFrame(
        [
            {"accuracy": 0.6, "high_tradeoff": False, **described(architecture(2))},
            {"accuracy": 0.5, "high_tradeoff": True, **described(architecture(3, kernel=5))},
            {"accuracy": 0.4, "high_tradeoff": False, **described(architecture(1))},
        ]
    )
    whole = schedule(extraction, tmp_path, start="found", method="both")
    chosen = chosen_networks(front, whole.config)
    assert chosen["name"].tolist() == ["network_01", "network_02"]
    store = StateStore(tmp_path / "store")
    found, ends = refine(chosen, extraction, whole.config, 8, whole, store)
    assert list(found) == ["network_01", "network_02"]
    names = [f"network_{n}_{method}" for n in ("01", "02") for method in ("standard", "aep")]
    assert list(ends) == names
    assert re.search(r"finishing 4 networks, 1 epochs each: about \d+:\d\d:\d\d", caplog.text)
    for name, stored in ends.items():
        record = stored.header["record"]
        assert record["method"] == name.rpartition("_")[2] and record["optimizer"] == "sgd"
        assert record["accuracy_before"] == (0.6 if "01" in name else 0.5)
        network = SubnetClassifier.build(stored)
        assert record["accuracy_after"] == pytest.approx(validation_top1(network))
