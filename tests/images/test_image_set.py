"""Subsets keep images, labels and ids together."""

from dataclasses import replace

import pytest
import torch

from natv2.errors import UserError
from natv2.images.augmentation import Augmentation
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSet, ImageSplits


def test_train_and_valid_holds_both_in_order(digits: ImageSplits) -> None:
    both = digits.train_and_valid()
    assert both.ids.tolist() == digits.train.ids.tolist() + digits.valid.ids.tolist()
    assert torch.equal(both.images[-1], digits.valid.images[-1])
    assert torch.equal(both.labels[: len(digits.train)], digits.train.labels)


def test_only_relabels_in_the_order_given(digits: ImageSplits) -> None:
    part = digits.only(["7", "2"])
    assert part.class_names == ("7", "2")
    for old, new in ((digits.train, part.train), (digits.valid, part.valid), (digits.test, part.test)):
        by_id = dict(zip(old.ids.tolist(), old.labels.tolist(), strict=True))
        expected = {i: (7, 2).index(label) for i, label in by_id.items() if label in (7, 2)}
        assert dict(zip(new.ids.tolist(), new.labels.tolist(), strict=True)) == expected
    position = int((digits.test.ids == part.test.ids[0]).nonzero())
    assert torch.equal(part.test.images[0], digits.test.images[position])


def test_only_takes_statistics_of_its_own_training_images(digits: ImageSplits) -> None:
    part = digits.only(["1"])
    pixels = part.train.images.double() / 255
    assert part.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist())
    assert part.std == pytest.approx(pixels.std(dim=(0, 2, 3), correction=0).tolist())
    assert part.mean != pytest.approx(digits.mean, rel=1e-3)


@pytest.mark.parametrize(
    ("classes", "message"), [(["3", "x"], "'x'.*0, 1, 2"), ([], "at least"), (["1", "1"], "once")]
)
def test_only_refuses_other_classes(digits: ImageSplits, classes: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        digits.only(classes)


def test_batches_are_made_on_the_device(digits: ImageSplits) -> None:
    moved = digits.to("meta")
    batch = next(iter(evaluation_batches(moved, moved.valid, 10)))
    assert batch.pixels.device.type == batch.labels.device.type == batch.at(12).device.type == "meta"


def test_splits_of_different_pools_are_refused(digits: ImageSplits) -> None:
    other = ImageSet(digits.test.images, digits.test.labels, digits.test.ids)
    with pytest.raises(ValueError, match="one pool"):
        replace(digits, test=other)


def test_subsets_share_the_pool(digits: ImageSplits) -> None:
    part = digits.train.subset(torch.tensor([5, 2])).subset(torch.tensor([1]))
    assert part.pool is digits.train.pool
    assert torch.equal(part.images[0], digits.train.images[2])
    assert part.ids.tolist() == digits.train.ids[[2]].tolist()


def test_image_set_refuses_what_is_not_an_image_set() -> None:
    images, numbers = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)
    for bad in ((images.float(), numbers, numbers), (images[:, :1], numbers, numbers)):
        with pytest.raises(ValueError, match="uint8"):
            ImageSet(*bad)
    with pytest.raises(ValueError, match="labels"):
        ImageSet(images, numbers[:1], numbers)
    with pytest.raises(ValueError, match="ids"):
        ImageSet(images, numbers, numbers.int())


def test_crops_larger_than_the_image_are_refused() -> None:
    with pytest.raises(ValueError, match="crop_scale"):
        Augmentation(crop_scale=(0.5, 1.2))
