"""Sets whose official files are pickles: what is not the official file is not unpickled."""

import pickle
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torchvision import datasets

from natv2.errors import UserError
from natv2.images.loading import find_images
from tests.images.formats import WRITERS


class Planted:
    """Touches a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_the_mark_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Planted(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("name", "folder"), [("cifar10", "cifar-10-batches-py"), ("cifar100", "cifar-100-python")]
)
def test_a_pickle_without_the_published_md5_is_not_read(
    name: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise URLError("there is no network")

    monkeypatch.setattr("natv2.images.downloads.urlopen", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    WRITERS[name](tmp_path / "raw")
    mark = tmp_path / "mark"
    for file in (tmp_path / "raw" / folder).iterdir():
        file.write_bytes(pickle.dumps(Planted(mark)))
    with pytest.raises(UserError):
        find_images(name, tmp_path / "raw")
    assert not mark.exists()


@pytest.mark.parametrize("kind", [datasets.CIFAR10, datasets.CIFAR100])
def test_torchvision_knows_an_md5_of_every_pickle(kind: Any) -> None:
    pairs = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    assert all(len(md5) == 32 for _, md5 in pairs)


def test_the_names_of_imagenet_are_read_without_code(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    WRITERS["imagenet"](tmp_path / "raw")
    torch.save((Planted(mark), ["n01440764"]), tmp_path / "raw" / "meta.bin")
    with pytest.raises(UserError):
        find_images("imagenet", tmp_path / "raw")
    assert not mark.exists()
