"""A whole schedule: its loss by hand, its draws by count, its resumption bit for bit."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from natv2.exits.weightings import exit_weights
from natv2.training.finishing import PURPOSE, class_weights
from natv2.training.mixing import Mixing
from natv2.training.state_store import StateStore
from tests.finishing import (
    IMAGES,
    STEPS,
    Brightness,
    Counting,
    Stop,
    classifier_of,
    finishing,
    new_classifier,
    same_weights,
)
from tests.tiny import CLASSES

UNEQUAL = replace(IMAGES, train=IMAGES.train.subset(torch.tensor([0, 1, 2, 4, 5, 6, 8, 9, 12, 16, 20])))
COUNTS = (6, 3, 2, 0)  # of its classes


def log_softmax(values: np.ndarray) -> np.ndarray:
    return values - np.log(np.exp(values).sum(axis=1, keepdims=True))


def test_class_weights_are_inverse_counts():
    assert torch.bincount(UNEQUAL.train.labels, minlength=CLASSES).tolist() == list(COUNTS)
    weights = class_weights(UNEQUAL.train.labels, CLASSES)
    assert weights.tolist() == pytest.approx([11 / 3 / 6, 11 / 3 / 3, 11 / 3 / 2, 0])
    # On the average of the images a class's weight is 1, and all classes count alike.
    assert weights[UNEQUAL.train.labels].mean().item() == pytest.approx(1)
    assert (weights[:3] * torch.tensor(COUNTS[:3])).tolist() == pytest.approx([11 / 3] * 3)
    assert class_weights(IMAGES.train.labels, CLASSES).tolist() == pytest.approx([1.0] * CLASSES)


def labelled(logits: np.ndarray, labels: list[int], weights: list[float], smoothing: float) -> float:
    """Each image's class has 1 - s, all classes share s; the mean by their class's weight."""
    log_p, total = log_softmax(logits), 0.0
    for row, label in zip(log_p, labels, strict=True):
        total -= (1 - smoothing) * weights[label] * row[label]
        total -= smoothing / CLASSES * sum(w * each for w, each in zip(weights, row, strict=True))
    return total / sum(weights[label] for label in labels)


@pytest.mark.parametrize(
    ("changes", "taught", "exits"),
    [
        ({}, False, 1),
        ({"label_smoothing": 0.1}, False, 2),
        ({"class_balance": "weights", "label_smoothing": 0.2}, False, 1),
        ({"mixup": 0.4, "class_balance": "weights"}, False, 2),
        ({"kd_weight": 0.5, "temperature": 3.0}, True, 2),
        ({"cutmix": 1.0, "label_smoothing": 0.1, "kd_weight": 2.0, "temperature": 2.0}, True, 2),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_the_loss_of_a_step_is_that_of_the_formulas(tmp_path, changes, taught, exits):
    teacher = Counting()
    plan = finishing(tmp_path, UNEQUAL, **changes, **({"teacher": teacher.teacher()} if taught else {}))
    losses = exit_weights("DESC", exits).loss
    classifier = new_classifier(exits)
    alone = copy.deepcopy(classifier.network).train()
    (batch,) = plan.epochs()(0)
    found = plan.step(classifier, losses, UNEQUAL.train)(batch, 0, 0).item()

    mix = Mixing(mixup=plan.config.mixup, cutmix=plan.config.cutmix).draw(len(batch), 0, PURPOSE, 0, 0)
    x = batch.at(16) if mix is None else mix.images(batch.at(16))
    logits = alone(x)
    weights = [1.0] * CLASSES
    if plan.config.class_balance == "weights":
        weights = [11 / 3 / count if count else 0.0 for count in COUNTS]
    own = batch.labels.tolist()
    expected = 0.0
    for weight, one in zip(losses, [logits] if exits == 1 else logits, strict=True):
        values = one.detach().double().numpy()
        each = labelled(values, own, weights, plan.config.label_smoothing)
        if mix is not None:
            others = [own[n] for n in mix.partners.tolist()]
            other = labelled(values, others, weights, plan.config.label_smoothing)
            each = mix.share * each + (1 - mix.share) * other
        if taught:
            t = plan.config.temperature
            p = np.exp(log_softmax(Counting()(x).half().double().numpy() / t))
            soft = -(p * log_softmax(values / t)).sum(axis=1).mean()
            each += plan.config.kd_weight * t**2 * soft
        expected += weight * each
    assert found == pytest.approx(expected, rel=1e-5)
    gradients = [parameter.grad for parameter in classifier.network.parameters()]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


def test_balanced_epochs_have_as_many_images_and_all_classes_alike(tmp_path):
    epochs = finishing(tmp_path, UNEQUAL, class_balance="sampling", batch_size=11).epochs()
    drawn, each = [], []
    for epoch in range(150):
        (batch,) = epochs(epoch)
        assert len(batch) == len(UNEQUAL.train)
        assert torch.equal(batch.labels, batch.ids % CLASSES)  # of the tiny images
        drawn += batch.ids.tolist()
        each.append(tuple(batch.ids.tolist()))
    assert len(set(each)) == 150
    assert set(drawn) == set(UNEQUAL.train.ids.tolist())
    n = len(drawn)
    for image in set(drawn):
        share = 1 / 3 / COUNTS[image % CLASSES]
        deviation = (share * (1 - share) / n) ** 0.5
        assert abs(drawn.count(image) / n - share) < 4.5 * deviation
    again = finishing(tmp_path, UNEQUAL, class_balance="sampling", batch_size=11).epochs()
    assert tuple(next(iter(again(7))).ids.tolist()) == each[7]


@pytest.mark.parametrize("balance", ["none", "weights"])
def test_other_epochs_show_every_image_once(tmp_path, balance):
    plan = finishing(tmp_path, class_balance=balance)
    for part in (None, IMAGES.train_and_valid()):
        seen = torch.cat([batch.ids for batch in plan.epochs(part)(1)])
        assert sorted(seen.tolist()) == sorted((IMAGES.train if part is None else part).ids.tolist())


@pytest.mark.parametrize("asked", [0, 1, STEPS, STEPS + 2, 2 * STEPS + 1])
def test_a_schedule_that_is_killed_and_resumed_ends_bit_for_bit_as_the_undisturbed_one(tmp_path, asked):
    """Killed while the teacher is asked for a batch, with everything that a schedule may have."""
    changes = {
        "average": 0.9,
        "mixup": 0.4,
        "cutmix": 1.0,
        "label_smoothing": 0.1,
        "class_balance": "weights",
        "optimizer": "adamw",
        "lr": 0.01,
        "epochs": 3,
        "warmup_epochs": 1,
        "max_gradient_norm": 1.0,
    }

    def trained(name: str, stop_at: int | None = None):
        teacher, classifier = Counting(stop_at=stop_at), new_classifier(2, dropout=0.3)
        plan = finishing(tmp_path / name, teacher=teacher.teacher(), **changes)
        torch.rand(len(name))  # the global generator is at another place
        plan.train(classifier, exit_weights("UNIF", 2).loss, StateStore(tmp_path / name / "store"))
        return classifier, teacher.calls

    whole, calls = trained("whole")
    assert calls == 3 * STEPS
    with pytest.raises(Stop):
        trained("parts", stop_at=asked)
    resumed, calls = trained("parts")
    assert same_weights(whole, resumed)
    assert calls == (3 - asked // STEPS) * STEPS  # a half-finished epoch is asked again, a whole one is not
    again, calls = trained("parts")  # nothing is left to do
    assert same_weights(whole, again) and calls == 0
    assert not same_weights(whole, new_classifier(2, dropout=0.3))


def test_accuracy_is_that_of_single_images(tmp_path):
    right = classifier_of(Brightness())
    network = new_classifier()
    network.eval()
    plan = finishing(tmp_path)
    assert plan.validated(right).accuracy == 1.0
    valid, hits = IMAGES.valid, 0
    for image, label in zip(valid.images, valid.labels.tolist(), strict=True):
        hits += int(network(image[None]).argmax()) == label
    assert plan.validated(network).accuracy == pytest.approx(hits / len(valid))


def test_accuracy_by_macro_is_the_mean_over_classes(tmp_path):
    valid = IMAGES.valid.subset(torch.tensor([0, 4, 1, 2]))  # two of class 0, none of the last one
    plan = replace(finishing(tmp_path), metric="macro", images=replace(IMAGES, valid=valid))
    wrong = Brightness()
    with torch.no_grad():
        wrong.levels[0] -= 1
    assert plan.validated(classifier_of(wrong)).accuracy == pytest.approx(2 / 3)
    assert replace(plan, metric="top1").validated(classifier_of(wrong)).accuracy == 0.5


def test_what_a_schedule_will_take_is_asked_without_a_trace(tmp_path):
    teacher = Counting()
    plan = finishing(tmp_path, teacher=teacher.teacher(), average=0.9, mixup=0.2)
    classifier = new_classifier(dropout=0.3)
    before = copy.deepcopy(classifier)
    seconds = plan.expected_seconds(classifier, IMAGES.train_and_valid())
    assert seconds > 0 and teacher.calls == 0
    assert same_weights(classifier, before)
    assert not any(parameter.grad is not None for parameter in classifier.parameters())
    assert plan.teaching_seconds() > 0 and teacher.calls == 1
    assert finishing(tmp_path).teaching_seconds() == 0
    assert not list(tmp_path.rglob("*.safetensors"))
    # And what follows is what it would have been.
    trained = []
    for each in (classifier, before):
        finishing(tmp_path).train(each, (1.0,), StateStore(tmp_path / str(len(trained))))
        trained.append(each)
    assert same_weights(*trained)


def test_a_network_of_another_normalisation_is_trained_and_tested_by_its_own(tmp_path):
    own = {"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)}
    trained = []
    for number, images in enumerate([IMAGES, replace(IMAGES, **own)]):
        classifier, plan = new_classifier(), finishing(tmp_path, images)
        classifier.header = replace(classifier.header, **own)
        plan.train(classifier, (1.0,), StateStore(tmp_path / str(number)))
        trained.append((classifier.network, plan.validated(classifier)))
    (one, accuracy), (other, expected) = trained
    assert same_weights(one, other) and accuracy == expected
    as_the_set = new_classifier()
    finishing(tmp_path).train(as_the_set, (1.0,), StateStore(tmp_path / "set"))
    assert not same_weights(one, as_the_set.network)
