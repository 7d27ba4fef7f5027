"""A named image data set as a catalog entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from natv2.errors import UserError
from natv2.images import ImageSplits, load_images


class ImagesDataset(AbstractDataset[None, ImageSplits]):
    """The images called `name`, split into train, valid and test with `seed`; read only.

    `filepath` is the folder of raw files, where what has to be fetched is fetched to.
    """

    def __init__(self, *, name: str, filepath: str, seed: int = 0) -> None:
        self._name = name
        self._folder = Path(filepath)
        self._seed = seed

    def load(self) -> ImageSplits:
        """The data set, decoded. Raises UserError on an unknown name."""
        return load_images(self._name, self._folder, self._seed)

    def save(self, data: None) -> None:
        """Raise UserError: images come from outside."""
        raise UserError(f"the images {self._name!r} can only be read")

    def _exists(self) -> bool:
        return True  # a known data set can always be had: loading fetches it

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name, "filepath": str(self._folder), "seed": self._seed}
