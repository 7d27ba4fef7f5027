"""What an augmentation refuses."""

from typing import Any

import pytest

from natv2.images.augmentation import Augmentation


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"crop_scale": (0.0, 1.0)}, "crop_scale"),
        ({"crop_scale": (0.9, 0.8)}, "crop_scale"),
        ({"crop_scale": (0.9, 1.1)}, "crop_scale"),
        ({"pad": -1}, "pad -1"),
        ({"pad": 4, "crop_scale": (0.8, 1.0)}, "only one kind of crop"),
        ({"auto": "rand"}, "'rand'.*randaugment"),
    ],
)
def test_nonsense_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Augmentation(**fields)


def test_what_goes_together_is_taken() -> None:
    assert Augmentation(pad=4, flip=True, auto="autoaugment_cifar10").pad == 4
    assert Augmentation(crop_scale=(0.08, 1.0), auto="randaugment").flip is False
