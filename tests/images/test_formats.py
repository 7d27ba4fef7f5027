"""ImageNet as it is downloaded: three archives, with archives in one of them."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from torchvision.datasets import imagenet

from natv2.errors import UserError
from natv2.images.listing import Listing
from natv2.images.loading import find_images
from tests.images.formats import WRITERS

_DEVKIT = "ILSVRC2012_devkit_t12"


def _tar(path: Path, files: Mapping[str, bytes]) -> bytes:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as file:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path.read_bytes()


def _devkit(folder: Path, wnids: list[str], truth: list[int]) -> None:
    """The development kit: synsets (inner ones have children) and the validation images' numbers."""
    kinds = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object), ("gloss", object)]
    kinds += [("num_children", object)]
    words = {"n01440764": "tench, Tinca tinca", "n02012849": "crane", "n03126707": "crane"}
    rows = [(number + 1, wnid, words[wnid], "", 0) for number, wnid in enumerate(wnids)]
    rows += [(len(wnids) + 1, "n00001740", "entity", "", 2)]
    savemat(folder / "meta.mat", {"synsets": np.array(rows, dtype=kinds)})
    files = {
        f"{_DEVKIT}/data/meta.mat": (folder / "meta.mat").read_bytes(),
        f"{_DEVKIT}/data/ILSVRC2012_validation_ground_truth.txt": "".join(f"{n}\n" for n in truth).encode(),
    }
    _tar(folder / f"{_DEVKIT}.tar.gz", files)
    (folder / "meta.mat").unlink()


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the three archives; no checksums are asked for."""
    unpacked, raw = tmp_path / "unpacked", tmp_path / "raw"
    raw.mkdir()
    WRITERS["imagenet"](unpacked)
    wnids = ["n03126707", "n01440764", "n02012849"]  # their numbers are not in the order of their names
    train = {
        f"{wnid}.tar": _tar(
            tmp_path / "class.tar",
            {path.name: path.read_bytes() for path in sorted((unpacked / "train" / wnid).iterdir())},
        )
        for wnid in wnids
    }
    _tar(raw / "ILSVRC2012_img_train.tar", train)
    images = sorted((unpacked / "val").rglob("*.JPEG"), key=lambda path: path.name[-9:])
    _tar(
        raw / "ILSVRC2012_img_val.tar",
        {f"ILSVRC2012_val_{place:08}.JPEG": path.read_bytes() for place, path in enumerate(images, 1)},
    )
    _devkit(raw, wnids, [wnids.index(path.parent.name) + 1 for path in images])
    unchecked = {key: (name, None) for key, (name, _) in imagenet.ARCHIVE_META.items()}
    monkeypatch.setattr(imagenet, "ARCHIVE_META", unchecked)
    return raw


def _contents(listing: Listing) -> list[tuple[str, str, bytes]]:
    rows = zip(listing.parts, listing.labels, listing.samples, strict=True)
    return sorted((str(part), listing.class_names[label], path.read_bytes()) for part, label, path in rows)


def test_imagenet_comes_out_of_its_archives(archives: Path, tmp_path: Path) -> None:
    found = find_images("imagenet", archives)
    assert found.class_names == ("tench, Tinca tinca", "crane (n02012849)", "crane (n03126707)")
    assert _contents(found) == _contents(find_images("imagenet", tmp_path / "unpacked"))


def test_an_archive_that_is_not_imagenets_is_refused(archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = {key: (name, "0" * 32) for key, (name, _) in imagenet.ARCHIVE_META.items()}
    monkeypatch.setattr(imagenet, "ARCHIVE_META", checked)
    with pytest.raises(UserError, match=r"^imagenet is not in .*by hand: ILSVRC2012_devkit_t12"):
        find_images("imagenet", archives)
