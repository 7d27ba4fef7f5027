"""The report counts what is there and says what is odd."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from natv2.images.levels import Levels
from natv2.images.look import ImageReport
from natv2.images.looking import make_report
from tests.images.test_duplicates import pictures

PIXELS = pictures(60)


def index_of(**changes: Any) -> pd.DataFrame:
    """Sixty images of two classes: 20 and 10 train, 5 and 5 validate, 10 and 10 test."""
    frame = pd.DataFrame(
        {
            "name": [f"{number}.png" for number in range(60)],
            "label": [0] * 35 + [1] * 25,
            "split": ["train"] * 20
            + ["valid"] * 5
            + ["test"] * 10
            + ["train"] * 10
            + ["valid"] * 5
            + ["test"] * 10,
            "width": [40] * 50 + [80] * 10,
            "height": [30] * 60,
            "mode": ["RGB"] * 59 + ["L"],
            "digest": [str(number) for number in range(60)],
            "low": np.nan,
            "pages": 1,
            "error": "",
        }
    )
    for column, values in changes.items():
        for row, value in values.items():
            frame.loc[row, column] = value
    return frame


def report_of(index: pd.DataFrame, pixels: np.ndarray = PIXELS, **changes: Any) -> ImageReport:
    return make_report(
        **{
            "name": "mine",
            "title": "some images",
            "fingerprint": "f",
            "index": index,
            "pixels": pixels,
            "class_names": ("cat", "dog"),
            "mean": (0.1, 0.2, 0.3),
            "std": (0.4, 0.5, 0.6),
            "remarks": (),
            **changes,
        }
    )


def test_it_counts_classes_splits_sizes_and_modes() -> None:
    report = report_of(index_of())
    assert report.counts == {
        "cat": {"train": 20, "valid": 5, "test": 10},
        "dog": {"train": 10, "valid": 5, "test": 10},
    }
    assert report.sizes == {"40 x 30": 50, "80 x 30": 10}
    assert (report.width, report.height) == ((40, 40, 80), (30, 30, 30))
    assert report.modes == {"RGB": 59, "L": 1}
    assert report.warnings() == []
    assert report.summary() == (
        "mine (some images): 30 images train, 10 validate, 20 test; 2 classes, kept at 32 x 32"
    )


def test_it_comes_back_from_json() -> None:
    report = report_of(index_of(digest={0: "x", 21: "x"}))
    assert ImageReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"split": {35: ""}}, "mine: 1 class with fewer than 10 training images: 'dog'"),
        (
            {"split": {7: ""}, "error": {7: "truncated"}},
            "mine: 1 image could not be read and left out: 7.png (truncated)",
        ),
        (
            {"digest": {3: "x", 26: "x"}},
            "mine: 1 pair of the same image in two splits: 3.png (train) = 26.png (test)",
        ),
        (
            {"digest": {3: "x", 36: "x"}},
            "mine: 1 pair of the same image in two classes: 3.png (cat) = 36.png (dog)",
        ),
        (
            {"split": dict.fromkeys(range(35, 60), "test")},
            "mine: classes are unequal: 71.4 % of the test images are of the class 'dog', which is the top-1 "
            "of a network that always says so; see the macro accuracy too\n"
            "mine: 1 class with images in test only: 'dog'",
        ),
        (
            {"split": dict.fromkeys(range(35, 45), "test")},
            "mine: 1 class with no training images: 'dog'",
        ),
        ({"split": dict.fromkeys(range(35, 60), "")}, "mine: 1 class with no training images: 'dog'"),
        ({"split": dict.fromkeys(range(45, 50), "")}, "mine: 1 class with no validation images: 'dog'"),
        (
            {"split": dict.fromkeys(range(50, 60), "")},
            "mine: 1 class with no test images (the macro accuracy leaves them out): 'dog'",
        ),
        (
            {"split": dict.fromkeys([*range(21, 25), *range(45, 50)], "")},
            "mine: only 1 validation image, of 1 class: too few to judge by\n"
            "mine: 1 class with no validation images: 'dog'",
        ),
        (
            {"pages": {3: 2, 50: 7}},
            "mine: 2 files have several pages, of which the first is used: 3.png, 50.png",
        ),
        (
            {"mode": {3: "RGB;16", 4: "LA;16", 5: "I;16"}},
            "mine: 2 colour images have 16 bits a channel, the upper 8 of which are used: dark where a file "
            "has fewer bits",
        ),
        ({"pages": {3: 2}}, "mine: 1 file has several pages, of which the first is used: 3.png"),
    ],
)
def test_it_says_what_is_odd(changes: dict[str, dict[int, str]], warning: str) -> None:
    assert report_of(index_of(**changes)).warnings() == warning.split("\n")


def test_the_scale_of_more_than_8_bits_is_said() -> None:
    report = report_of(index_of(low={3: 0.0, 9: 5.0}), levels=Levels(0.0, 4095.0))
    assert report.warnings() == [
        "mine: 2 images of more than 8 bits; one scale for all: 0 is black, 4,095 white"
    ]
    assert ImageReport.model_validate_json(report.model_dump_json()) == report


def test_a_look_of_an_earlier_version_is_still_read() -> None:
    known = report_of(index_of()).model_dump(mode="json", exclude={"levels", "deep", "several_pages"})
    assert ImageReport.model_validate(known) == report_of(index_of())


def test_pictures_that_are_nearly_the_same_are_said_once() -> None:
    pixels = PIXELS.copy()
    pixels[26], pixels[50] = pixels[3], pixels[40]
    report = report_of(index_of(digest={3: "x", 26: "x"}), pixels)
    assert [(one.row, other.row) for one, other in report.duplicates.listed] == [(3, 26)]
    assert [(one.row, other.row) for one, other in report.near_duplicates.listed] == [(40, 50)]
    assert "1 pair of nearly the same image in two splits: 40.png (train)" in report.warnings()[1]


def test_many_copies_of_one_image_are_no_near_pairs() -> None:
    rows = [*range(5), *range(25, 30)]
    pixels = PIXELS.copy()
    pixels[rows] = pixels[0]
    report = report_of(index_of(digest=dict.fromkeys(rows, "x")), pixels)
    assert report.near_duplicates.count == 0
    assert {image.row for pair in report.duplicates.listed for image in pair} == set(rows)


def test_many_classes_share_one_warning() -> None:
    names = tuple(f"class {number}" for number in range(22))
    label = {n: 2 + n for n in range(20)}
    report = report_of(index_of(label=label, split=dict.fromkeys(range(20), "train")), class_names=names)
    (warning,) = [text for text in report.warnings() if "only" in text]
    assert warning == "mine: 20 classes with images in train only: 'class 2', 'class 3', 'class 4', ..."


def test_what_was_left_out_is_looked_at_no_more() -> None:
    pixels = PIXELS.copy()
    pixels[26] = pixels[3]
    report = report_of(index_of(split={26: ""}), pixels)
    assert report.near_duplicates.count == 0
    assert report.total("test") == 19


def test_remarks_are_warnings_too() -> None:
    report = report_of(index_of(), remarks=("1 file is no image",))
    assert report.warnings() == ["mine: 1 file is no image"]
