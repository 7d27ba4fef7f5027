"""Subsets keep images, labels and ids together."""

import pytest
import torch

from natv2.errors import UserError
from natv2.images import Augmentation, ImageSet, ImageSplits


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


def test_to_moves_every_split(digits: ImageSplits) -> None:
    moved = digits.to("meta")
    assert {part.images.device.type for part in (moved.train, moved.valid, moved.test)} == {"meta"}


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
