"""Who teaches: what is asked for, or one sentence."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.errors import UserError
from natv2.finished_network import Classifier
from natv2.training.soft_labels import FinishingTeacher
from natv2.training.teachers import choose_teacher
from tests.finishing import IMAGES, Brightness, classifier_of, finishing
from tests.tiny import CLASSES, images_of

OWN = """
import torch
from torch import nn

class Own(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.linear = nn.Linear(3, classes)
    def forward(self, x):
        return self.linear(x.mean(dim=(2, 3)))

def plain(classes):
    return Own(classes).train()

def special(classes):
    network = Own(classes)
    network.resolution, network.mean, network.std = 24, [0.1, 0.2, 0.3], torch.tensor([0.5, 0.5, 0.25])
    return network

def more(classes):
    return Own(classes + 1)

def number(classes):
    return 3

def refusing(classes):
    raise RuntimeError("no\\nweights")

def several(classes):
    network = Own(classes)
    network.forward = lambda x: (x, x)
    return network

def failing(classes):
    return nn.Conv2d(5, classes, 1)

def grey(classes):
    network = Own(classes)
    network.mean = 0.5
    return network

def unsized(classes):
    network = Own(classes)
    network.resolution = "large"
    return network

value = 5
"""


def plain(accuracy: float, class_names: tuple[str, ...] = tuple("abcd"), seed: int = 0) -> PlainClassifier:
    header = PlainHeader(
        network="resnet20_050",
        resolution=20,
        class_names=class_names,
        mean=(0.4, 0.4, 0.4),
        std=(0.2, 0.2, 0.2),
        record={"valid_accuracy": accuracy},
    )
    return PlainClassifier.new(header, seed).eval()


def bright() -> Classifier:
    """A supernet's place holder that is right about every image."""
    return classifier_of(Brightness())


def chosen(tmp_path: Path, name: str, networks=None, supernet=bright) -> FinishingTeacher | None:
    return choose_teacher(name, finishing(tmp_path), networks or {}, supernet)


def never() -> Classifier:
    raise AssertionError("nobody asked for the supernet")


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_teachers.py").write_text(OWN)
    (tmp_path / "own_broken.py").write_text("import nothing_of_the_kind\n")
    monkeypatch.syspath_prepend(tmp_path)


def test_nobody_teaches_where_nobody_is_asked(tmp_path):
    assert chosen(tmp_path, "none", {"one": plain(1.0)}, never) is None


@pytest.mark.parametrize(("accuracy", "expected"), [(1.0, "one"), (0.9, "supernet")])
def test_auto_is_the_better_on_validation_images(tmp_path, accuracy, expected, caplog):
    caplog.set_level("INFO", "natv2")
    networks = {"two": plain(0.3, seed=2), "one": plain(accuracy, seed=1)}

    def supernet() -> Classifier:
        right = bright()
        with torch.no_grad():  # right about three classes of four: 75 %, or about all of them
            right.network.levels[0] -= 1 if expected == "one" else 0
        return right

    teacher = chosen(tmp_path, "auto", networks, supernet)
    assert teacher is not None and teacher.name == expected
    told = "75.00" if expected == "one" else "100.00"
    assert f"teacher: {expected} (validation top-1: one {100 * accuracy:.2f} %, supernet {told} %)" in (
        caplog.text
    )


def test_by_macro_auto_is_the_better_over_classes(tmp_path, caplog):
    """The supernet does not know class 0, which is half of the images and a quarter of the classes."""
    caplog.set_level("INFO", "natv2")
    valid = IMAGES.valid.subset(torch.tensor([0, 0, 0, 1, 2, 3]))
    assert valid.labels.tolist() == [0, 0, 0, 1, 2, 3]

    def supernet() -> Classifier:
        right = bright()
        with torch.no_grad():
            right.network.levels[0] -= 1
        return right

    for metric, expected in (("top1", "one"), ("macro", "supernet")):
        plan = replace(finishing(tmp_path), metric=metric, images=replace(IMAGES, valid=valid))
        teacher = choose_teacher("auto", plan, {"one": plain(0.6)}, supernet)
        assert teacher is not None and teacher.name == expected
    assert "teacher: supernet (validation macro accuracy: one 60.00 %, supernet 75.00 %)" in caplog.text


def test_auto_is_the_supernet_where_there_is_no_plain_network(tmp_path):
    teacher = chosen(tmp_path, "auto")
    assert teacher is not None and teacher.name == "supernet"


def test_each_of_both_can_be_asked_for(tmp_path):
    networks = {"one": plain(0.1, seed=1), "two": plain(0.2, seed=2)}
    teacher = chosen(tmp_path, "plain", networks, never)
    assert teacher is not None and teacher.name == "two"
    built = networks["two"]
    x = images_of(3, 3, 20, 20)
    assert torch.equal(teacher.logits(x), built.logits(x))
    assert (teacher.resolution, teacher.mean, teacher.std) == (20, (0.4, 0.4, 0.4), (0.2, 0.2, 0.2))
    teacher = chosen(tmp_path, "supernet", networks)
    assert teacher is not None and (teacher.name, teacher.mean) == ("supernet", IMAGES.mean)
    with pytest.raises(UserError, match=r"teacher=plain: .* no plain network; allowed are auto") as error:
        chosen(tmp_path, "plain", {}, never)
    assert "\n" not in error.value.message


def test_a_file_teaches_as_it_was_saved(tmp_path):
    path = tmp_path / "teacher.safetensors"
    stored = plain(0.5).stored()
    stored.write(path)
    teacher = chosen(tmp_path, str(path), supernet=never)
    assert teacher is not None
    built = PlainClassifier.build(stored)
    x = images_of(3, 3, 20, 20)
    assert torch.equal(teacher.logits(x), built.logits(x))
    assert (teacher.name, teacher.resolution, teacher.mean) == (str(path), 20, (0.4, 0.4, 0.4))
    assert teacher.mark == FinishingTeacher.of(built, "again", "cpu").mark


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (tuple("abcde"), r"knows 5 classes \(a, b, c, ...\), the images have 4"),
        (tuple("abdc"), r"the same, in the same order"),
        (("cat", "dog", "c", "d"), r"4 classes \(cat, dog, c, ...\), the images have 4 \(a, b, c, ...\)"),
    ],
)
def test_a_file_for_other_classes_is_told_in_one_sentence(tmp_path, names, said):
    path = tmp_path / "teacher.safetensors"
    plain(0.5, names).stored().write(path)
    with pytest.raises(UserError, match=said) as error:
        chosen(tmp_path, str(path), supernet=never)
    assert "\n" not in error.value.message and str(path) in error.value.message


def test_a_file_that_is_missing_or_damaged_is_told_in_one_sentence(tmp_path):
    path = tmp_path / "teacher.safetensors"
    for content in (None, b"no tensors"):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(UserError, match=r"teacher\.safetensors") as error:
            chosen(tmp_path, str(path), supernet=never)
        assert "\n" not in error.value.message


def test_a_person_s_own_classifier_teaches_with_its_own_size_and_normalisation(tmp_path, own):
    teacher = chosen(tmp_path, "own_teachers:special", supernet=never)
    assert teacher is not None
    assert (teacher.resolution, teacher.mean) == (24, pytest.approx((0.1, 0.2, 0.3)))
    assert teacher.std == pytest.approx((0.5, 0.5, 0.25))
    assert teacher.logits(torch.zeros(2, 3, 24, 24)).shape == (2, CLASSES)
    other = chosen(tmp_path, "own_teachers:plain", supernet=never)
    assert other is not None
    assert (other.resolution, other.mean, other.std) == (16, IMAGES.mean, IMAGES.std)
    assert not other.logits.training  # type: ignore[attr-defined]
    assert not any(each.requires_grad for each in other.logits.parameters())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("own_missing:plain", "ModuleNotFoundError"),
        ("own_broken:plain", "nothing_of_the_kind"),
        ("own_teachers:absent", "absent"),
        ("own_teachers:value", "'int' object is not callable"),
        ("own_teachers:number", "gave a int"),
        ("own_teachers:refusing", "no weights"),
        ("own_teachers:more", r"gives outputs \(5,\) for an image; one for each class is needed, 4"),
        ("own_teachers:several", "gives tuple for an image; one for each class is needed, 4"),
        ("own_teachers:failing", "for an image of 16 px"),
        ("own_teachers:grey", "mean"),
        ("own_teachers:unsized", "resolution"),
        (":", "package.module:function is needed"),
    ],
)
def test_a_classifier_that_does_not_load_or_gives_something_else_is_told_in_one_sentence(
    tmp_path, own, function, said
):
    with pytest.raises(UserError, match=said) as error:
        chosen(tmp_path, function, supernet=never)
    assert "\n" not in error.value.message
    assert f"postprocess.teacher '{function}'" in error.value.message


def test_what_teaches_is_known_by_its_weights(tmp_path):
    one, other = (chosen(tmp_path, "plain", {"x": plain(0.5, seed=seed)}, never) for seed in (1, 2))
    again = chosen(tmp_path, "plain", {"y": plain(0.5, seed=1)}, never)
    assert one is not None and other is not None and again is not None
    assert one.mark == again.mark != other.mark
    assert replace(finishing(tmp_path), teacher=one).teacher_name == "x"
