import numpy as np
import pytest

from natv2.export.acceptance import compared, objections

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(size=(200, 5)).astype(np.float32)
LOGITS[0, 0] = 10.0  # the largest
LABELS = LOGITS.argmax(axis=1)


def told(found, precision, labels=LABELS, rounding=0.0) -> list[str]:
    return list(objections(compared(found.astype(np.float32), LOGITS, labels, rounding), precision))


@pytest.mark.parametrize(("share", "holds"), [(0.9e-4, True), (1.1e-4, False)])
def test_a_float_file_may_differ_by_a_share_of_the_largest_logit(share, holds):
    found = LOGITS.astype(np.float64)
    found[7, 2] += share * 10
    assert (told(found, "float") == []) == holds


def test_where_pytorch_rounds_by_more_a_float_file_may_too():
    found = LOGITS + 0.007 * np.sign(LOGITS)
    assert told(found, "float", rounding=1e-3) == []
    assert told(found, "float", rounding=0.8e-3) and told(found, "float")


def test_a_class_may_change_only_where_pytorch_is_not_sure():
    for margin, holds in ((1.5e-3, True), (3e-3, False)):
        expected = LOGITS.copy()
        expected[3] = [1, 1 + margin, 0, 0, 0]
        found = expected.copy()
        found[3, 0] += margin * 1.01
        agreement = compared(found, expected, None)
        assert agreement.predictions == 199 / 200
        assert (agreement.sure == 1) == holds


@pytest.mark.parametrize(
    ("precision", "wrong", "holds"),
    [("fp16", 1, True), ("fp16", 2, False), ("int8", 2, True), ("int8", 3, False)],
)
def test_rounded_files_may_lose_one_image_or_one_point(precision, wrong, holds):
    """Of 200: 0.1 points are less than one image, a point is two."""
    found = LOGITS.copy()
    found[:wrong] = np.roll(found[:wrong], 1, axis=1)
    assert (told(found, precision) == []) == holds
    # Without labels, as many images as change their class.
    assert (told(found, precision, None) == []) == holds


def test_top1_may_stay_though_classes_change():
    labels = (LABELS + 1) % 5  # PyTorch is always wrong
    found = LOGITS.copy()
    found[:50] = np.roll(found[:50], 2, axis=1)  # and so is the file
    assert told(found, "int8", labels) == [] and told(found, "int8", None)


@pytest.mark.parametrize("precision", ["float", "fp16", "int8"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(precision, value):
    found = LOGITS.copy()
    found[9, 4] = value
    assert told(found, precision)
