"""A finished network takes images of more than 8 bits as its data set was decoded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import natv2
from natv2.aep.train import trained
from natv2.errors import UserError
from natv2.finished_network import Classifier, NetworkHeader, StoredNetwork
from natv2.images.config import CalibrationConfig
from natv2.images.given import as_batch
from natv2.images.levels import Levels
from natv2.images.loading import load_images
from natv2.postprocess.extract import Extraction
from natv2.postprocess.methods import plan_postprocessing
from natv2.training.state_store import StateStore
from tests.configs import RUN, aep_training, parameters
from tests.pipelines.slices import family
from tests.tiny import splits

LEVELS = Levels(0.0, 4095.0)
RAMP = np.linspace(0, 1, 400).reshape(20, 20)
GREYS = (4000 * RAMP).astype(np.uint16)


@pytest.mark.parametrize(
    "values",
    [
        GREYS,
        (7e4 * RAMP).astype(np.int32),
        (0.004 * RAMP).astype(np.float32),
        (4000 * RAMP - 1000).astype(np.float32),
    ],
    ids=["12 bits in 16", "32 bits", "small fractions", "below 0"],
)
def test_a_raw_file_becomes_the_pixels_that_were_decoded_from_it(
    tmp_path: Path, values: NDArray[np.generic]
) -> None:
    dark = (values.min() + (values - values.min()) // 3).astype(values.dtype)
    for name, greys in (("bright", values), ("dark", dark)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(np.roll(greys, number, axis=0)).save(tmp_path / f"photos/{name}/{number}.tif")
    Image.fromarray((255 * RAMP).astype(np.uint8)).save(tmp_path / "photos/dark/eight.png")
    images = load_images("folder", tmp_path / "photos", tmp_path / "store")
    assert images.levels is not None and images.index is not None
    for name, pixels in zip(images.index["name"], images.train.pool, strict=True):
        with Image.open(tmp_path / "photos" / name) as file:
            assert torch.equal(as_batch(file, images.levels)[0], pixels)
            if name.endswith(".tif"):
                raw = np.asarray(file)
                for given in (raw, raw[..., None], torch.from_numpy(raw.copy())[None]):
                    assert torch.equal(as_batch(given, images.levels)[0], pixels)


def test_greys_of_any_whole_numbers_and_floats_of_one_channel_are_scaled() -> None:
    expected = as_batch(Image.fromarray(LEVELS.to_bytes(GREYS)))
    for dtype in (">u2", "<u2", "u4", "i8", "f4", "f8", ">f4"):
        assert torch.equal(as_batch(GREYS.astype(dtype), LEVELS), expected), dtype
    tensor = torch.from_numpy(GREYS)
    for given in (tensor, tensor[None], tensor[None, None], tensor.expand(3, -1, -1), tensor.double()):
        assert torch.equal(as_batch(given, LEVELS), expected)
    assert as_batch(np.stack([GREYS] * 3)[..., None], LEVELS).shape == (3, 3, 20, 20)
    assert as_batch(Image.fromarray(GREYS).rotate(90), LEVELS).shape == (1, 3, 20, 20)


def test_8_bits_and_floats_of_three_channels_are_what_they_are_without_levels() -> None:
    pixels = torch.randint(256, (2, 3, 20, 24), dtype=torch.uint8)
    for given in (pixels, pixels.float() / 255, pixels[0].permute(1, 2, 0).numpy()):
        assert torch.equal(as_batch(given, LEVELS), as_batch(given))
    picture = Image.fromarray(pixels[0, 0].numpy())
    assert torch.equal(as_batch(picture, LEVELS), as_batch(picture))


@pytest.mark.parametrize(
    ("given", "levels", "told"),
    [
        (Image.fromarray(GREYS), None, r"an image of more than 8 bits \(mode I;16\) cannot be classified"),
        (GREYS, None, r"an array of shape \(20, 20\)"),
        (GREYS[..., None].repeat(3, axis=2), None, "pixels of uint16 cannot be classified"),
        (np.stack([GREYS, GREYS, GREYS.T], axis=2), LEVELS, "colours of uint16 cannot be classified"),
        (GREYS[..., None].repeat(3, axis=2).astype(float), LEVELS, "floats from 0 to 4000 are no pixels"),
        (GREYS.astype(np.uint8), LEVELS, r"an array of shape \(20, 20\)"),
        (GREYS > 5, LEVELS, r"an array of shape \(20, 20\)"),
        (GREYS.astype(complex), LEVELS, r"an array of shape \(20, 20\)"),
        (GREYS[:0], LEVELS, r"an array of shape \(0, 20\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_clear_meaning_is_refused_in_one_line(
    given: object, levels: Levels | None, told: str
) -> None:
    with pytest.raises(UserError, match=told) as raised:
        as_batch(given, levels)
    assert "\n" not in raised.value.message


def subnet(folder: Path) -> StoredNetwork:
    """As `postprocess` takes it out of its supernet."""
    images = replace(splits(), levels=LEVELS)
    narrow, wide = family("OFAMobileNetV3", images)
    calibration = CalibrationConfig(images=16, batch_size=16)
    extraction = Extraction(narrow, wide, images, calibration=calibration, dropout=0.0, run=RUN)
    architecture = wide.supernet(dropout=0.0).largest(16)
    plan = plan_postprocessing("none", architecture, wide.design, parameters().postprocess)
    return extraction.classifier(extraction.network(plan), plan, {}).stored()


def multi_exit(folder: Path) -> StoredNetwork:
    """As `aep` trains it."""
    images = replace(splits(), levels=LEVELS)
    training = aep_training(
        network="mobilenet_v3_small", aep={"max_epochs": 1, "resolution": 16, "batch_size": 32}
    )
    stores = (StateStore(folder / "kept"), StateStore(folder / "own"))
    return trained("baseline", images, training, RUN, *stores)[0]["baseline"]


@pytest.mark.parametrize("make", [subnet, multi_exit])
def test_a_network_takes_the_scale_of_its_data_set_with_it(tmp_path: Path, make) -> None:
    stored = make(tmp_path)
    loaded = written(tmp_path / "network.safetensors", stored)
    assert loaded.header.levels == LEVELS
    decoded = torch.from_numpy(LEVELS.to_bytes(GREYS)).expand(1, 3, -1, -1)
    with torch.inference_mode():
        for given in (GREYS, torch.from_numpy(GREYS.astype(np.float32)), [Image.fromarray(GREYS)]):
            assert torch.equal(loaded(given), loaded(decoded))
        header = {name: value for name, value in stored.header.items() if name != "levels"}
        before = written(tmp_path / "before.safetensors", StoredNetwork(stored.tensors, header))
        assert torch.equal(before(decoded), loaded(decoded))
        with pytest.raises(UserError, match="this network learned from 8 bits"):
            before(Image.fromarray(GREYS))


@pytest.mark.parametrize("levels", [(1.0, 0.0), (0.0, float("inf")), (-1e308, 1e308), (float("nan"), 1.0)])
def test_levels_are_numbers_in_their_order(levels: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="levels"):
        NetworkHeader(class_names=("a",), mean=(0, 0, 0), std=(1, 1, 1), levels=Levels(*levels))


def written(path: Path, stored: StoredNetwork) -> Classifier:
    stored.write(path)
    return natv2.load_network(path)
