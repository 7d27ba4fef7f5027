"""The digits, loaded once."""

from pathlib import Path

import pytest

from natv2.images.image_set import ImageSplits
from natv2.images.loading import load_images


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> ImageSplits:
    """The digits, split with seed 0."""
    folder: Path = tmp_path_factory.mktemp("data")
    return load_images("digits", folder / "raw", folder / "store")
