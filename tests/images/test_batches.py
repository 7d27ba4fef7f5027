"""What is in a batch depends on its number alone, and every image has its turn."""

from dataclasses import replace

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from natv2.images.augmentation import Augmentation
from natv2.images.batches import (
    Batch,
    calibration_batches,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from natv2.images.config import CalibrationConfig
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.images.transforms import normalise, resize
from tests.tiny import splits


def epoch_of(
    splits: ImageSplits, *, batch_size: int = 100, seed: int = 0, epoch: int = 0, purpose: str = "t"
) -> list[Batch]:
    return list(
        training_batches(splits, splits.train, batch_size=batch_size, seed=seed, purpose=purpose, epoch=epoch)
    )


def ids(batches: list[Batch]) -> list[int]:
    return [i for batch in batches for i in batch.ids.tolist()]


def boxes(batch: Batch) -> torch.Tensor:
    assert batch.boxes is not None
    return batch.boxes


def test_a_batch_is_the_same_whatever_happened_before(digits: ImageSplits) -> None:
    for epoch in range(2):
        for batch in epoch_of(digits, epoch=epoch):
            batch.at(8)
    torch.rand(3)
    after = epoch_of(digits, epoch=2)[4]
    torch.manual_seed(5)
    fresh = epoch_of(digits, epoch=2)[4]
    assert torch.equal(after.ids, fresh.ids)
    assert torch.equal(after.at(12), fresh.at(12))


def test_seed_purpose_epoch_and_step_each_change_the_batch(digits: ImageSplits) -> None:
    first = epoch_of(digits)
    others = [epoch_of(digits, seed=1), epoch_of(digits, purpose="other"), epoch_of(digits, epoch=1)]
    for other in others:
        assert not torch.equal(first[0].ids, other[0].ids)
        assert not torch.equal(boxes(first[0]), boxes(other[0]))
    assert not torch.equal(boxes(first[0]), boxes(first[1]))


@settings(max_examples=30)
@given(st.integers(1, 50), st.integers(1, 60))
@example(3, 2)  # half of a batch is left, and one image
def test_every_image_once_an_epoch_but_for_a_small_last_batch(images: int, batch_size: int) -> None:
    numbers = torch.arange(images)
    part = ImageSet(torch.zeros(images, 3, 2, 2, dtype=torch.uint8), numbers, 10 * numbers)
    blank = (0.5, 0.5, 0.5)
    splits = ImageSplits(
        name="blank",
        class_names=("a",),
        mean=blank,
        std=blank,
        augmentation=Augmentation(),
        train=part,
        valid=part,
        test=part,
    )
    batches = epoch_of(splits, batch_size=batch_size)
    seen, rest = ids(batches), images % batch_size
    dropped = rest if images > batch_size and (rest == 1 or 2 * rest < batch_size) else 0
    assert len(batches) == steps_per_epoch(part, batch_size) >= 1
    assert len(set(seen)) == len(seen) == images - dropped
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert 2 * len(batches[-1]) >= batch_size or len(batches) == 1
    for batch in batches:
        assert torch.equal(batch.ids, 10 * batch.labels)
    assert ids(list(evaluation_batches(splits, part, batch_size))) == part.ids.tolist()


def test_pixels_labels_and_ids_belong_together(digits: ImageSplits) -> None:
    position = {i: n for n, i in enumerate(digits.train.ids.tolist())}
    for batch in epoch_of(digits)[:2]:
        expected = digits.train.subset(torch.tensor([position[i] for i in batch.ids.tolist()]))
        assert torch.equal(batch.labels, expected.labels)
        assert torch.equal(batch.pixels, expected.images)


def test_training_images_are_cropped_and_no_others(digits: ImageSplits) -> None:
    cropped = epoch_of(digits)[0]
    whole = next(iter(evaluation_batches(digits, digits.valid, 50)))
    plain = normalise(resize(digits.valid.images[:50], 12), digits.mean, digits.std)
    torch.testing.assert_close(whole.at(12), plain, rtol=0, atol=1e-4)
    assert torch.equal(whole.labels, digits.valid.labels[:50])
    plain = normalise(resize(cropped.pixels, 24), digits.mean, digits.std)
    difference = (cropped.at(24) - plain).abs().amax(dim=(1, 2, 3))
    assert (difference > 0.05).float().mean() > 0.9


def test_an_image_keeps_its_crop_whatever_the_resolution(digits: ImageSplits) -> None:
    augmentation = Augmentation(crop_scale=(0.3, 0.6), flip=True)
    batch = epoch_of(replace(digits, augmentation=augmentation))[0]
    small, large = batch.at(32), torch.nn.functional.avg_pool2d(batch.at(64), 2)
    # 8-pixel images shown at 32 hold only low frequencies: the two differ far less than two crops do.
    assert (small - large).abs().mean() < 0.02
    assert (small - small.flip(3)).abs().mean() > 0.5


def test_a_resolution_is_rendered_once(digits: ImageSplits) -> None:
    batch = epoch_of(digits)[0]
    assert batch.at(16) is batch.at(16)
    assert batch.at(16).shape == (100, 3, 16, 16)
    assert batch.at(20).shape == (100, 3, 20, 20)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("pooled", [True, False])
def test_a_batch_on_a_gpu_is_that_on_the_cpu(digits: ImageSplits, pooled: bool) -> None:
    plain = replace(digits, augmentation=Augmentation(pad=2, flip=True))
    moved = plain.to("cuda") if pooled else replace(plain, device="cuda")
    for there, here in zip(epoch_of(moved)[:2], epoch_of(plain)[:2], strict=True):
        assert there.at(12).is_cuda and there.labels.is_cuda
        assert torch.equal(there.labels.cpu(), here.labels)
        torch.testing.assert_close(there.at(12).cpu(), here.at(12), rtol=0, atol=1e-3)


def test_any_image_set_can_be_drawn_from(digits: ImageSplits) -> None:
    both = digits.train_and_valid()
    batches = training_batches(digits, both, batch_size=10, seed=0, purpose="fine_tuning", epoch=0)
    seen = set(ids(list(batches)))
    assert len(seen) >= len(both) - 4
    assert seen & set(digits.valid.ids.tolist())
    assert not seen & set(digits.test.ids.tolist())


@pytest.mark.parametrize(("images", "expected"), [(200, 200), (250, 250), (215, 200), (5000, 1149)])
def test_calibration_reads_training_images_only(digits: ImageSplits, images: int, expected: int) -> None:
    batches = calibration_batches(digits, CalibrationConfig(images=images, batch_size=50), 0)
    seen = ids(batches)
    assert len(seen) == len(set(seen)) == expected
    assert set(seen) <= set(digits.train.ids.tolist())
    again = calibration_batches(digits, CalibrationConfig(images=images, batch_size=50), 0)
    assert seen == ids(again)
    assert seen != ids(calibration_batches(digits, CalibrationConfig(images=images, batch_size=50), 1))
    plain = normalise(resize(batches[0].pixels, 9), digits.mean, digits.std)
    torch.testing.assert_close(batches[0].at(9), plain, rtol=0, atol=1e-4)


def test_no_batch_of_one_image_is_trained_or_calibrated_with():
    """Batch norm has no variance of one value."""
    images = splits(train=5)
    batches = training_batches(images, images.train, batch_size=2, seed=0, purpose="", epoch=0)
    assert [len(batch) for batch in batches] == [2, 2]
    assert steps_per_epoch(images.train, 2) == 2
    assert [len(b) for b in calibration_batches(images, CalibrationConfig(images=3, batch_size=2), 0)] == [2]


def test_large_images_are_evaluated_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    images = splits(valid=8, size=16)
    monkeypatch.setattr("natv2.images.batches._PIXELS", 3 * 16**2)
    for asked, sizes in ((8, [3, 3, 2]), (2, [2, 2, 2, 2])):
        batches = list(evaluation_batches(images, images.valid, asked))
        assert [len(batch) for batch in batches] == sizes
        assert ids(batches) == images.valid.ids.tolist()
    monkeypatch.setattr("natv2.images.batches._PIXELS", 1)
    assert len(next(iter(evaluation_batches(images, images.valid, 8)))) == 1
