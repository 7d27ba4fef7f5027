"""What a teacher says is asked once, kept, and learned from as Hinton's formula says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from natv2.images.batches import Batch
from natv2.training.mixing import Mix, Mixing
from natv2.training.soft_labels import FinishingTeacher, SoftLabels, distilled_loss, teacher_mark
from natv2.training.state_store import StateStore
from tests.finishing import IMAGES, STEPS, Counting, finishing, new_classifier, same_weights

MIXED = {"mixup": 0.4, "cutmix": 1.0}


def batches(tmp_path, epoch: int = 0) -> list[tuple[Batch, Mix | None]]:
    mixing = Mixing(**MIXED)
    epochs = finishing(tmp_path).epochs()
    return [(batch, mixing.draw(len(batch), 0, epoch, step)) for step, batch in enumerate(epochs(epoch))]


def answers(labels: SoftLabels, given, epoch: int = 0) -> list[Tensor]:
    found = [labels.logits(batch, mix, epoch, step) for step, (batch, mix) in enumerate(given)]
    labels.end(epoch)
    return found


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def logits_of(*seeds: int) -> list[Tensor]:
    made = (torch.Generator().manual_seed(seed) for seed in seeds)
    return [2 * torch.randn(5, 4, generator=each, dtype=torch.float64) for each in made]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_loss_and_its_gradient_are_hintons(temperature):
    student, teacher = logits_of(1, 2)
    student.requires_grad_()
    p = softmax(teacher.numpy() / temperature)
    q = softmax(student.detach().numpy() / temperature)
    loss = distilled_loss(student, teacher, temperature)
    assert loss.item() == pytest.approx(-(temperature**2) * (p * np.log(q)).sum(axis=1).mean(), rel=1e-9)
    loss.backward()
    assert np.allclose(student.grad.numpy(), temperature * (q - p) / 5, atol=1e-12)


def test_gradients_do_not_shrink_with_the_temperature():
    """At high ones they tend to (z - v) / C for logits z and v of mean 0 (section 2.1 of the paper)."""
    student, teacher = (each - each.mean(dim=1, keepdim=True) for each in logits_of(1, 2))
    student.requires_grad_()
    distilled_loss(student, teacher, 1e4).backward()
    assert torch.allclose(student.grad, (student - teacher).detach() / 4 / 5, rtol=1e-2, atol=1e-4)


def test_the_teacher_sees_the_images_as_it_knows_them_mixed_as_the_students(tmp_path):
    teacher = Counting()
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    given = batches(tmp_path)
    labels = SoftLabels(teacher.teacher(mean=mean, std=std), StateStore(tmp_path))
    for (batch, mix), said, seen in zip(given, answers(labels, given), teacher.seen, strict=True):
        # The tiny images are not augmented, and have the teacher's size.
        pixels = (batch.pixels.float() / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[
            :, None, None
        ]
        assert torch.allclose(seen, mix.images(pixels), atol=1e-5)
        assert torch.equal(said, Counting()(seen).half().float())
    student = given[0][0].at(16)
    assert not torch.allclose(given[0][1].images(student), teacher.seen[0])
    # Another size, the same part of each image.
    larger = Counting()
    answers(SoftLabels(larger.teacher(resolution=24), StateStore(tmp_path / "24")), given)
    assert larger.seen[0].shape[-2:] == (24, 24)


def test_what_is_kept_is_what_was_said(tmp_path):
    given, teacher = batches(tmp_path), Counting()
    said = answers(SoftLabels(teacher.teacher(), StateStore(tmp_path / "kept")), given)
    silent = Counting(stop_at=0)
    kept = answers(SoftLabels(silent.teacher(), StateStore(tmp_path / "kept")), given)
    assert all(torch.equal(one, other) for one, other in zip(said, kept, strict=True))
    assert (teacher.calls, silent.calls) == (STEPS, 0)
    for logits, (batch, mix) in zip(said, given, strict=True):
        assert logits.dtype == torch.float32
        asked = teacher(mix.images(batch.at(16)))
        assert torch.allclose(logits, asked, rtol=2**-11, atol=1e-7)


def test_each_epoch_is_kept_by_itself_and_a_half_finished_one_is_asked_again(tmp_path):
    first, second = batches(tmp_path), batches(tmp_path, epoch=1)
    store = StateStore(tmp_path / "kept")
    teacher = Counting()
    labels = SoftLabels(teacher.teacher(), store)
    answers(labels, first)
    for step, (batch, mix) in enumerate(second[:2]):
        labels.logits(batch, mix, 1, step)  # killed here
    again = Counting()
    after = SoftLabels(again.teacher(), store)
    one, two = answers(after, first), answers(after, second, epoch=1)
    assert again.calls == STEPS  # those of the second epoch
    assert not torch.equal(one[0], two[0])
    assert torch.equal(two[2], Counting()(second[2][1].images(second[2][0].at(16))).half().float())


def test_students_of_the_same_epochs_ask_once_and_learn_the_same(tmp_path):
    teacher = Counting()
    trained = []
    for number in range(3):
        asked = teacher if number < 2 else Counting(stop_at=0)  # nothing is left to ask
        student = new_classifier(seed=number % 2)
        finishing(tmp_path, teacher=asked.teacher(), **MIXED).train(
            student, (1.0,), StateStore(tmp_path / f"student {number}")
        )
        trained.append(student)
    assert teacher.calls == 2 * STEPS
    assert same_weights(trained[0], trained[2]) and not same_weights(trained[0], trained[1])


def test_a_student_without_a_teacher_or_a_weight_asks_nobody(tmp_path):
    teacher = Counting(stop_at=0)
    student = new_classifier()
    plan = finishing(tmp_path, teacher=teacher.teacher(), kd_weight=0.0)
    plan.train(student, (1.0,), StateStore(tmp_path / "student"))
    assert plan.teacher_name == "none" and plan.soft_labels(IMAGES.train) is None
    alone = new_classifier()
    finishing(tmp_path).train(alone, (1.0,), StateStore(tmp_path / "alone"))
    assert same_weights(student, alone)


def test_other_epochs_and_other_teachers_have_another_place(tmp_path):
    def place(part=IMAGES.train, mark="1", seed=0, images=IMAGES, **changes):
        made = finishing(tmp_path, images, teacher=Counting().teacher(mark), **changes)
        made = replace(made, run=made.run.model_copy(update={"seed": seed}))
        return made.soft_labels(part).store.folder

    # What does not change what a teacher is shown shares what it said.
    same = [place(), place(lr=0.1), place(epochs=7), place(temperature=1.0), place(label_smoothing=0.1)]
    assert len(set(same)) == 1
    others = [
        place(mark="2"),
        place(mixup=0.1),
        place(cutmix=0.1),
        place(batch_size=4),
        place(class_balance="sampling"),
        place(seed=1),
        place(IMAGES.train_and_valid()),
        place(IMAGES.train.subset(torch.arange(20))),
        place(images=replace(IMAGES, name="others")),
    ]
    assert len({place(), *others}) == 1 + len(others)


def test_a_mark_tells_weights_apart():
    network = new_classifier().network
    assert teacher_mark(network) == teacher_mark(new_classifier().network)
    assert teacher_mark(network) != teacher_mark(new_classifier(seed=1).network)
    before = teacher_mark(network)
    network.state_dict()["trunk.1.running_mean"][0] += 1
    assert teacher_mark(network) != before


@pytest.mark.parametrize("change", [{"resolution": 20}, {"mean": (0.1,) * 3}, {"std": (0.3,) * 3}])
def test_a_mark_tells_apart_what_the_same_weights_are_shown(change):
    def marked(**changes):
        classifier = new_classifier()
        classifier.header = replace(classifier.header, **changes)
        return FinishingTeacher.of(classifier, "x", "cpu").mark

    assert marked() == marked() != marked(**change)


def test_a_mark_tells_apart_how_exits_are_weighed():
    def marked(*weights):
        classifier = new_classifier(2)
        classifier.header = replace(classifier.header, weights=weights)
        return FinishingTeacher.of(classifier, "x", "cpu").mark

    assert marked(0.5, 0.5) != marked(0.3, 0.7)
