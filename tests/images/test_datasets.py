"""The digits as they come from scikit-learn, and their splits."""

from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits

from natv2.errors import UserError
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.images.loading import load_images


def parts(splits: ImageSplits) -> tuple[ImageSet, ImageSet, ImageSet]:
    return splits.train, splits.valid, splits.test


def test_digits_are_scikit_learns(digits: ImageSplits) -> None:
    source = load_digits()
    for part in parts(digits):
        grey = torch.from_numpy(source.images)[part.ids]
        assert part.images.shape[1:] == (3, 8, 8)
        assert torch.equal((part.images / 255 * 16).round().double(), grey[:, None].expand(-1, 3, -1, -1))
        assert part.labels.tolist() == source.target[part.ids].tolist()
        assert part.images.max() == 255
    assert digits.class_names == tuple("0123456789")


def test_splits_share_no_image_and_miss_none(digits: ImageSplits) -> None:
    ids = [i for part in parts(digits) for i in part.ids.tolist()]
    assert sorted(ids) == list(range(1797))
    assert [len(part) for part in parts(digits)] == [1149, 288, 360]


def test_splits_are_stratified(digits: ImageSplits) -> None:
    whole = torch.bincount(torch.from_numpy(load_digits().target), minlength=10) / 1797
    for part in parts(digits):
        counts = torch.bincount(part.labels, minlength=10)
        assert (counts - whole * len(part)).abs().max() <= 1


def test_the_seed_decides_the_splits(digits: ImageSplits, tmp_path: Path) -> None:
    again, other = (load_images("digits", tmp_path, tmp_path, seed=seed) for seed in (0, 1))
    for old, same, different in zip(parts(digits), parts(again), parts(other), strict=True):
        assert torch.equal(old.ids, same.ids)
        assert torch.equal(old.images, same.images)
        assert not torch.equal(old.ids, different.ids)


def test_statistics_are_those_of_the_training_pixels(digits: ImageSplits) -> None:
    pixels = digits.train.images.double() / 255
    assert digits.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist())
    assert digits.std == pytest.approx(pixels.std(dim=(0, 2, 3), correction=0).tolist())


def test_unknown_name_is_refused_with_those_known(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^unknown data set 'x'; known: digits, tiny_imagenet, .*table$"):
        load_images("x", tmp_path, tmp_path)
