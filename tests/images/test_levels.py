"""Images of more than 8 bits have one scale in a whole data set."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from natv2.images.levels import Extent, Levels, common_levels, extent
from natv2.images.loading import load_images

RAMP = np.linspace(0, 1, 400).reshape(20, 20)


def folder(root: Path, *, dark: NDArray[np.generic], bright: NDArray[np.generic], count: int = 20) -> Path:
    """Two classes that only brightness tells apart, `count` images each."""
    for name, values in (("dark", dark), ("bright", bright)):
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(values).save(root / name / f"{number:02}.tif")
    return root


def means(root: Path) -> tuple[float, float]:
    """The mean of the pixels of each class, bright and dark."""
    images = load_images("folder", root, root.parent / "store")
    pixels = images.train.images.float().mean(dim=(1, 2, 3))
    bright, dark = (float(pixels[images.train.labels == label].mean()) for label in (0, 1))
    return bright, dark


def test_12_bits_in_a_16_bit_file_keep_their_levels(tmp_path: Path) -> None:
    ramp = (4000 * RAMP).astype(np.uint16)
    root = folder(tmp_path / "photos", dark=ramp // 2, bright=ramp)
    images = load_images("folder", root, tmp_path / "store")
    assert images.levels == images.report.levels == Levels(0.0, 4095.0)
    assert len(images.train.images[images.train.labels == 0][0].unique()) > 200
    assert images.report.deep == 40
    assert "one scale for all: 0 is black, 4,095 white" in images.report.warnings()[0]


@pytest.mark.parametrize(
    ("dark", "bright"),
    [
        ((0.09 * RAMP).astype(np.float32), (0.9 * RAMP).astype(np.float32)),
        ((0.9 * RAMP).astype(np.float32), (9.0 * RAMP).astype(np.float32)),
        ((400 * RAMP).astype(np.float32), (4000 * RAMP).astype(np.float32)),
        ((20 * RAMP).astype(np.int32), (200 * RAMP).astype(np.int32)),
        ((7e4 * RAMP).astype(np.int32), (7e5 * RAMP).astype(np.int32)),
    ],
)
def test_a_class_that_brightness_tells_stays_darker(
    tmp_path: Path, dark: NDArray[np.generic], bright: NDArray[np.generic]
) -> None:
    light, shade = means(folder(tmp_path / "photos", dark=dark, bright=bright))
    assert light == pytest.approx(10 * shade, rel=0.1)
    assert 90 < light < 150


def test_test_images_tell_nothing_of_the_scale(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    folder(root / "train", dark=(100 * RAMP).astype(np.uint16), bright=(900 * RAMP).astype(np.uint16))
    folder(root / "test", dark=(6e4 * RAMP).astype(np.uint16), bright=(6e4 * RAMP).astype(np.uint16))
    images = load_images("folder", root, tmp_path / "store")
    assert images.levels == Levels(0.0, 1023.0)
    assert images.test.images.max() == 255  # clipped


def test_pixels_at_the_ends_say_nothing() -> None:
    values = np.full((100, 100), 1000, dtype=np.uint16)
    values[0, 0] = 65535
    assert extent(values) == Extent(1000.0, 1000.0, True)
    values[:2] = 65535
    assert extent(values).high == 65535
    floats = values[2:].astype(np.float32)
    floats[0] = np.nan
    floats[1] = np.inf
    assert extent(floats) == Extent(1000.0, 1000.0, False)
    assert extent(np.full((2, 2), np.nan)) == Extent(0.0, 0.0, False)


@pytest.mark.parametrize(
    ("low", "high", "whole", "levels"),
    [
        (0, 30, True, (0, 255)),
        (20, 256, True, (0, 511)),
        (0, 65535, True, (0, 65535)),
        (0, 70000, True, (0, 70000)),
        (-1000, 3000, True, (-1000, 3000)),
        (0, 0.9, False, (0, 1)),
        (0, 0.01, False, (0, 0.01)),
        (-1, 1, False, (-1, 1)),
        (0, 4000, False, (0, 4000)),
        (0, 0, False, (0, 0)),
    ],
)
def test_levels_suit_the_values(low: float, high: float, whole: bool, levels: tuple[float, float]) -> None:
    assert common_levels([Extent(low, high, whole)]) == levels


def test_bytes_are_between_black_and_white() -> None:
    values = np.array([-2.0, -1.0, 0.0, 1.0, 3.0, np.nan, np.inf])
    assert Levels(-1.0, 1.0).to_bytes(values).tolist() == [0, 0, 128, 255, 255, 0, 255]
    assert Levels(0.0, 0.0).to_bytes(np.zeros(2)).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("ramp", "mark", "expected"),
    [
        ((4000 * RAMP).astype(np.uint16), 65535, Levels(0.0, 4095.0)),
        ((300 * RAMP).astype(np.int32), -9999, Levels(0.0, 511.0)),
        ((0.9 * RAMP).astype(np.float32), -3.4e38, Levels(0.0, 1.0)),
        ((0.9 * RAMP).astype(np.float32), 1e20, Levels(0.0, 1.0)),
        ((250 * RAMP + 40).astype(np.float32), -9999.0, Levels(0.0, 290.0)),
    ],
)
def test_marks_of_missing_pixels_are_no_levels(ramp, mark, expected):
    marked = ramp.copy()
    marked[:, :2] = mark  # a tenth of the pixels
    with np.errstate(over="ignore"):
        assert common_levels([extent(marked)]) == expected == common_levels([extent(ramp)])


def test_few_values_and_bright_spots_are_no_marks():
    mask = np.zeros((20, 20), np.uint16)
    mask[5:9] = 65535
    assert extent(mask) == Extent(0, 65535, True)
    night = (300 * RAMP).astype(np.uint16)
    night[3, :8] = np.linspace(2000, 65535, 8).astype(np.uint16)  # stars of all brightnesses
    assert extent(night).high > 30_000
    lamp = (300 * RAMP).astype(np.uint16)
    lamp[:, :2] = 900  # brighter than all else by twice its range: a lamp, not a mark
    assert extent(lamp).high == 900
