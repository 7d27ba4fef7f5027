"""Plain networks are trained once for all searches on the same images, and again where anything differs."""

import json
import sys
from dataclasses import replace

import pandas as pd
import pytest
import torch

from natv2 import load_network
from natv2.baselines.plain import PlainClassifier
from natv2.baselines.train import BaselineTraining
from natv2.finished_network import Classifier
from natv2.images.batches import evaluation_batches
from natv2.spaces.architecture import constant, described
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.confidence import fit_temperature
from natv2.training.evaluation import answers
from natv2.training.finishing import Finishing
from natv2.training.state_store import StateStore
from tests.baselines.weights import MEAN, NETWORK, STD, given, published, write_weights
from tests.designs import DESIGNS
from tests.finishing import IMAGES, Brightness, Counting, Stop, finishing

NAMES = ["resnet20_050", "scaled_1M", "random_1M_1"]
SIZES = {"resolution": 16, "width": 0.1, "exits": (1,), "depth": 2, "mask": 4}


def plan(design: str = "EE_D_OFAMobileNetV3") -> pd.DataFrame:
    """A plain network that is not taught, and two of a search's space that are."""
    plain = {"name": NAMES[0], "network": NAMES[0], "kind": "plain", "taught": False, "macs": 5, "params": 7}
    rows = [plain]
    for name, kernel in zip(NAMES[1:], (3, 5), strict=True):
        architecture = constant(DESIGNS[design], kernel=kernel, expand_ratio=3, **SIZES)
        kind = name.partition("_")[0]
        own = {"name": name, "network": kind, "kind": kind, "taught": True, "macs": 1, "params": 2}
        rows.append(own | described(architecture))
    return pd.DataFrame(rows)


MINE = pd.DataFrame(
    [{"name": "own_net.net", "network": "own_net:net", "kind": "plain", "taught": False, "macs": 9}]
)
OWN = {"own_net:net": lambda classes: Brightness()}


@pytest.fixture(autouse=True)
def own_module(tmp_path, monkeypatch):
    """The file of a person's own function: it can be imported, `OWN` has what it gives."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_net.py").write_text("def net(classes): ...\n")
    monkeypatch.delitem(sys.modules, "own_net", raising=False)
    yield tmp_path / "own_net.py"
    sys.modules.pop("own_net", None)


class Kept:
    """A folder in which several searches keep what they trained; `trained` has the parts of each training."""

    def __init__(self, root, monkeypatch) -> None:
        self.root, self.runs, self.trained = root, 0, []
        original = Finishing.train

        def counted(finishing, classifier, losses, store, part=None):
            size = len(finishing.images.train if part is None else part)
            self.trained.append((finishing.teacher_name, size, store.name))
            original(finishing, classifier, losses, store, part)

        monkeypatch.setattr(Finishing, "train", counted)

    def search(self, rows=None, teacher=None, seed=0, images=IMAGES, mark="1", metric="top1", **changes):
        """Train `rows` in a search of its own; its networks, and how many trainings that took."""
        self.runs += 1
        self.trained.clear()
        mine = {
            name: changes.pop(name)
            for name in ("design", "dropout", "refit", "builds", "pretrained", "pretrained_lr")
            if name in changes
        }
        made = finishing(self.root / f"run {self.runs}", images, **{"epochs": 1, "batch_size": 12} | changes)
        training = BaselineTraining(
            finishing=replace(made, run=made.run.model_copy(update={"seed": seed}), metric=metric),
            **{"design": DESIGNS["EE_D_OFAMobileNetV3"], "dropout": 0.1, "refit": False, "builds": {}} | mine,
            kept=StateStore(self.root / "kept"),
            store=StateStore(self.root / f"run {self.runs}" / "store"),
        )
        chosen = None if teacher is None else teacher.teacher(mark)
        self.asked = []
        networks = training.train(plan() if rows is None else rows, lambda plain: self.choose(plain, chosen))
        return networks, len(self.trained)

    def choose(self, plain, chosen):
        self.asked.append(list(plain))
        return chosen


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Kept:
    return Kept(tmp_path, monkeypatch)


def same(one, other) -> bool:
    """Bit for bit; a header is the same in its file."""
    return json.dumps(one.header) == json.dumps(other.header) and all(
        torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items()
    )


def test_without_a_teacher_each_is_trained_once_and_its_record_is_its_own(kept):
    networks, trainings = kept.search()
    assert list(networks) == NAMES and trainings == 3
    assert kept.asked == [["resnet20_050"]]  # only plain ones may teach
    types = [PlainClassifier, SubnetClassifier, SubnetClassifier]
    for (name, stored), expected in zip(networks.items(), types, strict=True):
        classifier = Classifier.kinds[stored.header["kind"]].build(stored)
        assert type(classifier) is expected and classifier.class_names == IMAGES.class_names
        hits = classifier(IMAGES.valid.images).argmax(dim=1) == IMAGES.valid.labels
        assert stored.header["record"] == {
            "kind": name.partition("_")[0] if name != "resnet20_050" else "plain",
            "dataset": "tiny",
            "teacher": "none",
            "valid_accuracy": pytest.approx(hits.double().mean().item()),
            "epochs": 1,
        }


def test_only_those_that_are_marked_are_taught_too(kept):
    alone, _ = kept.search()
    networks, trainings = kept.search(teacher=Counting())
    assert list(networks) == [*NAMES, "scaled_1M_taught", "random_1M_1_taught"]
    # What was trained without a teacher is known.
    assert trainings == 2 and [teacher for teacher, *_ in kept.trained] == ["counting"] * 2
    assert all(same(networks[name], alone[name]) for name in NAMES)
    for name in NAMES[1:]:
        assert networks[f"{name}_taught"].header["record"]["teacher"] == "counting"
        assert not same(networks[f"{name}_taught"], networks[name])


def test_a_teacher_that_counts_nothing_teaches_nobody(kept):
    networks, _ = kept.search(teacher=Counting(stop_at=0), kd_weight=0.0)
    assert list(networks) == NAMES


def test_a_second_search_on_the_same_images_trains_nothing(kept, caplog):
    caplog.set_level("INFO", "natv2")
    first, trainings = kept.search(teacher=Counting())
    assert trainings == 5
    again, trainings = kept.search(teacher=Counting(stop_at=0))
    assert trainings == 0
    assert first.keys() == again.keys() and all(same(first[name], again[name]) for name in first)
    assert caplog.text.count("is known from an earlier run on the same images") == 5
    # A plan of other neighbours, its columns as a file gives them, has some of them.
    some = plan().iloc[[0]].dropna(axis="columns").assign(latency=3.0, taught=True)
    networks, trainings = kept.search(some, teacher=Counting())
    assert list(networks) == ["resnet20_050", "resnet20_050_taught"] and trainings == 1


@pytest.mark.parametrize(
    ("changes", "trainings"),
    [
        ({"seed": 1}, 5),
        ({"lr": 0.01}, 5),
        ({"mixup": 0.2}, 5),
        ({"mark": "2"}, 2),  # the same without a teacher
        ({"images": replace(IMAGES, name="other")}, 5),
        ({"images": replace(IMAGES, class_names=tuple("abce"))}, 5),
        ({"images": replace(IMAGES, mean=(0.1,) * 3)}, 5),  # as those of an imported supernet's
        ({"metric": "macro"}, 5),  # whose records say nothing of another metric
        ({"refit": True}, 10),
        ({"dropout": 0.2}, 4),  # which plain networks do not have
        ({"design": DESIGNS["EE_B_OFAMobileNetV3"]}, 4),  # architectures of another design
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_what_differs_is_trained_anew(kept, changes, trainings):
    kept.search(teacher=Counting())
    _, count = kept.search(teacher=Counting(), **changes)
    assert count == trainings


def test_seeds_and_names_draw_other_weights_and_searches_of_one_seed_the_same(kept, tmp_path, monkeypatch):
    first, _ = kept.search(plan().iloc[[0]])
    other, _ = kept.search(plan().iloc[[0]], seed=1)
    assert not same(first["resnet20_050"], other["resnet20_050"])
    elsewhere, trainings = Kept(tmp_path / "elsewhere", monkeypatch).search(plan().iloc[[0]])
    assert trainings == 1 and same(first["resnet20_050"], elsewhere["resnet20_050"])


def test_with_refit_accuracy_is_of_the_first_training_and_weights_of_the_second(kept):
    once, _ = kept.search(plan().iloc[:1])
    twice, trainings = kept.search(plan().iloc[:1], refit=True)
    assert trainings == 2 and [size for _, size, _ in kept.trained] == [24, 32]
    one, two = once["resnet20_050"], twice["resnet20_050"]
    assert one.header["record"] == two.header["record"]
    assert one.header["temperature"] == two.header["temperature"]
    classifier = PlainClassifier.build(one)
    logits, labels = answers(classifier, evaluation_batches(IMAGES, IMAGES.valid, 3))
    assert one.header["temperature"] == pytest.approx(fit_temperature(logits, labels), rel=1e-3)
    assert not same(one, two)


def test_a_killed_training_goes_on(kept, monkeypatch):
    whole, _ = kept.search(plan().iloc[[1]], epochs=2)
    root = kept.root / "parts"
    kept.root, kept.runs = root, 0
    with pytest.raises(Stop):
        # Killed when the taught one begins; what was trained without is kept.
        kept.search(plan().iloc[[1]], epochs=2, teacher=Counting(stop_at=3))
    kept.runs = 0
    networks, trainings = kept.search(plan().iloc[[1]], epochs=2, teacher=Counting())
    assert trainings == 1 and same(networks["scaled_1M"], whole["scaled_1M"])


def test_a_person_s_own_network_is_trained_by_its_function(kept):
    networks, _ = kept.search(MINE, lr=1e-6, builds=OWN)
    (stored,) = networks.values()
    assert stored.header["network"] == "own_net:net"
    assert stored.header["record"]["valid_accuracy"] == 1.0


def test_a_person_s_own_network_is_trained_anew_once_its_code_is_another(kept, own_module):
    assert kept.search(MINE, builds=OWN)[1] == 1
    assert kept.search(MINE, builds=OWN)[1] == 0
    own_module.write_text("def net(classes):\n    return 'another'\n")
    assert kept.search(MINE, builds=OWN)[1] == 1


def tuned_row() -> pd.DataFrame:
    row = {"name": f"{NETWORK}_tuned", "network": NETWORK, "kind": "pretrained", "taught": False, "macs": 3}
    return pd.DataFrame([row | {"weights": "sha256:1"}])


def test_a_pretrained_network_keeps_its_normalisation_and_little_of_it_moves(kept, tmp_path):
    file = given(write_weights(tmp_path / "weights.pth"), "1" * 64)
    networks, trainings = kept.search(
        tuned_row(), teacher=Counting(), lr=1e-6, pretrained={NETWORK: file}, pretrained_lr=0.1
    )
    assert list(networks) == [f"{NETWORK}_tuned"] and trainings == 1
    assert kept.asked == [[]] and kept.trained[0][0] == "none"  # it does not teach, nor is it taught
    stored = networks[f"{NETWORK}_tuned"]
    assert (stored.header["kind"], stored.header["network"]) == ("plain_network", NETWORK)
    record = stored.header["record"]
    assert (record["kind"], record["teacher"]) == ("pretrained", "none")
    assert record["weights"] == f"weights.pth, SHA-256 {'1' * 64}"
    body, head = published().state_dict()["conv5.0.weight"], stored.tensors["fc.weight"]
    assert torch.allclose(stored.tensors["conv5.0.weight"], body, atol=1e-4)
    assert head.shape == (len(IMAGES.class_names), 1024)
    stored.write(tmp_path / "tuned.safetensors")
    loaded = load_network(tmp_path / "tuned.safetensors")
    assert (loaded.header.mean, loaded.header.std) == (MEAN, STD)
    hits = loaded(IMAGES.valid.images).argmax(dim=1) == IMAGES.valid.labels
    assert record["valid_accuracy"] == pytest.approx(hits.double().mean().item())


@pytest.mark.parametrize(("digest", "factor", "trainings"), [("1", 0.1, 0), ("2", 0.1, 1), ("1", 0.2, 1)])
def test_pretrained_ones_are_kept_by_their_weights_and_rate(kept, tmp_path, digest, factor, trainings):
    path = write_weights(tmp_path / "weights.pth")
    kept.search(tuned_row(), pretrained={NETWORK: given(path, "1" * 64)}, pretrained_lr=0.1)
    asked = {"pretrained": {NETWORK: given(path, digest * 64)}, "pretrained_lr": factor}
    assert kept.search(tuned_row(), **asked)[1] == trainings


def test_a_new_network_and_a_pretrained_one_are_never_taken_for_each_other(kept, tmp_path):
    new = tuned_row().assign(kind="plain")
    kept.search(new)
    file = given(write_weights(tmp_path / "weights.pth"))
    networks, trainings = kept.search(
        tuned_row(), pretrained={NETWORK: replace(file, mean=IMAGES.mean, std=IMAGES.std)}, pretrained_lr=1.0
    )
    assert trainings == 1 and networks[f"{NETWORK}_tuned"].header["record"]["kind"] == "pretrained"
    assert kept.search(new)[1] == 0
