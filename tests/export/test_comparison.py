import numpy as np
import pytest
import torch
from PIL import Image

from natv2.export import comparison
from natv2.export.comparison import of_folder, of_images, spread
from natv2.images.transforms import prepare
from tests.export.networks import subnet
from tests.tiny import splits


def test_numbers_are_spread_from_the_first_to_the_last():
    assert spread(5, 9) == [0, 1, 2, 3, 4]
    assert spread(9, 3) == [0, 4, 8]
    assert len(set(spread(1000, 256))) == 256 and spread(1000, 256)[-1] == 999


def test_validation_images_are_prepared_as_the_network_sees_them(monkeypatch):
    classifier, images = subnet("SE_B_OFAMobileNetV3"), splits()
    header = classifier.header
    whole = of_images(images.valid, classifier, "validation images of tiny")
    assert torch.equal(whole.prepared, prepare(images.valid.images, 24, header.mean, header.std))
    assert torch.equal(whole.labels, images.valid.labels) and whole.images == "the validation images of tiny"
    few = of_images(images.valid, classifier, "validation images of tiny", 4)
    assert torch.equal(few.labels, images.valid.labels[[0, 5, 10, 15]])
    assert few.images == "4 of the 16 validation images of tiny"
    # No more than memory should hold.
    monkeypatch.setattr(comparison, "_MOST_BYTES", 3 * 4 * 3 * 24**2)
    assert len(of_images(images.valid, classifier, "images").prepared) == 3


@pytest.mark.parametrize(("part", "label"), [("valid", 1), ("train", 2)])
def test_a_folder_with_parts_has_images_to_compare_on_and_images_to_calibrate_on(tmp_path, part, label):
    for name, kind in (("train", "c"), ("val", "b"), ("test", "a")):
        (tmp_path / "toys" / name / kind).mkdir(parents=True)
        for number in range(20):
            pixels = np.full((10 + number, 8, 3), number, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "toys" / name / kind / f"{number:02}.png")
    found = of_folder(tmp_path / "toys", subnet("SE_B_OFAMobileNetV3"), part)
    assert found.labels.tolist() == [label] * 20
    assert found.images == f"20 images of toys/{'val' if part == 'valid' else 'train'}"
    assert len(found.whole) == 16 and found.whole[-1].shape == (1, 3, 29, 8)
    assert found.prepared.is_contiguous() and str(tmp_path) not in found.images


def test_images_in_no_folder_of_a_class_have_no_labels(tmp_path):
    Image.new("RGB", (30, 20), "red").save(tmp_path / "1.png")
    found = of_folder(tmp_path, subnet("SE_B_OFAMobileNetV3"))
    assert found.labels is None and len(found.prepared) == 1
