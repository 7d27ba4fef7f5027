"""An image data set as a catalog entry."""

from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from kedro.io import AbstractDataset

from natv2.errors import UserError
from natv2.images.image_set import ImageSplits
from natv2.images.loading import load_images

# Where source and target are one set, its pixels are in memory once.
_LOADED: WeakValueDictionary[str, ImageSplits] = WeakValueDictionary()


class ImagesDataset(AbstractDataset[None, ImageSplits]):
    """The images called `name`, in three splits; read only.

    `raw` is where the raw files are or go to, `store` the folder in which they are kept decoded; the
    other arguments are those of `natv2.images.load_images`. Loaded once, and kept until Kedro has no more
    use for them.
    """

    def __init__(self, *, name: str, raw: str, store: str, **options: Any) -> None:
        self._name, self._raw, self._store = name, Path(raw), Path(store)
        self._options = options
        self._images: ImageSplits | None = None

    def load(self) -> ImageSplits:
        """The data set. Raises UserError on images that are missing or wrong."""
        if self._images is None:
            # Whole paths: a process may run in one project after another.
            which = str((self._describe(), self._raw.absolute(), self._store.absolute()))
            self._images = _LOADED.get(which) or load_images(
                self._name, self._raw, self._store, **self._options
            )
            _LOADED[which] = self._images
        return self._images

    def save(self, data: None) -> None:
        """Raise UserError: images come from outside."""
        raise UserError(f"the images {self._name!r} can only be read")

    def _exists(self) -> bool:
        return True  # a known data set can be had: loading fetches it, or says why not

    def _release(self) -> None:
        self._images = None

    def _describe(self) -> dict[str, Any]:
        return {"name": self._name, "raw": str(self._raw), "store": str(self._store), **self._options}
