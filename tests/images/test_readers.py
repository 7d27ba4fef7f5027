"""Every named set is read from its official layout as torchvision reads it."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
from torchvision import datasets

from natv2.errors import UserError
from natv2.images.datasets import DATASETS
from natv2.images.decode import decode
from natv2.images.listing import Listing
from natv2.images.loading import find_images, load_images
from tests.images.formats import WRITERS, relax_checksums

NAMED = [name for name, spec in DATASETS.items() if spec.classes is not None and name != "digits"]
Sample = tuple[str, bytes]
"""Class name and pixels."""


@pytest.fixture(autouse=True)
def _offline_and_lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise URLError("there is no network")

    relax_checksums(monkeypatch)
    monkeypatch.setattr("natv2.images.downloads.urlopen", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)


def written(name: str, folder: Path) -> Path:
    WRITERS[name](folder)
    return folder


def ours(listing: Listing) -> dict[str, Counter[Sample]]:
    """How often each sample is in each official part."""
    parts: dict[str, Counter[Sample]] = {}
    for sample, label, part in zip(listing.samples, listing.labels, listing.parts, strict=True):
        array = sample if isinstance(sample, np.ndarray) else decode(sample, None).pixels
        parts.setdefault(str(part), Counter())[(listing.class_names[label], array.tobytes())] += 1
    return parts


def of_torchvision(dataset: Any, names: Any = None) -> Counter[Sample]:
    names = dataset.classes if names is None else names
    return Counter((names[label], np.asarray(image.convert("RGB")).tobytes()) for image, label in dataset)


def expected(name: str, root: Path, listing: Listing) -> dict[str, Counter[Sample]]:
    """The same, read by torchvision itself."""
    spec, names = DATASETS[name], listing.class_names
    if spec.type is not None:
        kind = getattr(datasets, spec.type)
        return {
            part: of_torchvision(kind(root, **arguments), names) for part, arguments in spec.parts.items()
        }
    if name == "gtsrb":
        train = datasets.ImageFolder(root / "gtsrb" / "GTSRB" / "Final_Training" / "Images")
        return {
            "train": of_torchvision(train, names),
            "test": of_torchvision(datasets.GTSRB(root, split="test"), names),
        }
    if name == "cinic10":
        return {
            part: of_torchvision(datasets.ImageFolder(root / "CINIC-10" / part))
            for part in ("train", "valid", "test")
        }
    return dict(_tiny(root / "tiny-imagenet-200", names))


def _tiny(root: Path, names: tuple[str, ...]) -> Iterator[tuple[str, Counter[Sample]]]:
    train = datasets.ImageFolder(root / "train")
    yield "train", of_torchvision(train, names)
    rows = [line.split("\t") for line in (root / "val" / "val_annotations.txt").read_text().splitlines()]
    yield (
        "test",
        Counter(
            (
                names[train.class_to_idx[row[1]]],
                decode(root / "val" / "images" / row[0], None).pixels.tobytes(),
            )
            for row in rows
        ),
    )


def test_there_is_a_writer_for_every_named_set() -> None:
    assert sorted(WRITERS) == sorted(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_it_is_what_torchvision_reads(name: str, tmp_path: Path) -> None:
    root = written(name, tmp_path / "raw")
    listing = find_images(name, root)
    assert len(set(listing.class_names)) == len(listing.class_names)
    assert len(set(listing.names)) == len(listing)
    assert ours(listing) == expected(name, root, listing)
    assert any("not the whole set" in remark for remark in listing.remarks)


@pytest.mark.parametrize("name", NAMED)
def test_it_becomes_three_splits_that_keep_the_official_ones(name: str, tmp_path: Path) -> None:
    root = written(name, tmp_path / "raw")
    listing = find_images(name, root)
    images = load_images(name, root, tmp_path / "store")
    official = {part: set(np.flatnonzero(listing.parts == part).tolist()) for part in ("valid", "test")}
    own = {part: set(getattr(images, part).ids.tolist()) for part in ("train", "valid", "test")}
    assert sum(len(ids) for ids in own.values()) == len(set.union(*own.values())) == len(listing)
    for part, ids in official.items():
        assert own[part] == ids or not ids
    assert images.class_names == listing.class_names
    assert images.report is not None and images.report.total("train") == len(images.train)


@pytest.mark.parametrize("name", NAMED)
def test_a_missing_set_says_what_to_put_where(name: str, tmp_path: Path) -> None:
    root = tmp_path / "raw"
    with pytest.raises(
        UserError, match=f"{name} is not in .*raw, and fetching it failed: .*Put there by hand: "
    ):
        find_images(name, root)


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("cifar10", "cifar100", "stl10")])
def test_a_truncated_image_is_named(name: str, tmp_path: Path) -> None:
    root = written(name, tmp_path / "raw")
    listing = find_images(name, root)
    if isinstance(listing.samples, np.ndarray):
        pytest.skip("its images are in one file")
    broken = listing.samples[3]
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises(UserError, match=rf"1 of the [\d,]+ images of {name} cannot be read: .*{broken.name}"):
        load_images(name, root, tmp_path / "store")
    assert len(load_images(name, root, tmp_path / "store", skip_unreadable=True).train) > 0


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cifar10", "cifar-10-batches-py/data_batch_2"),
        ("cifar100", "cifar-100-python/train"),
        ("fashion_mnist", "FashionMNIST/raw/train-images-idx3-ubyte"),
        ("flowers102", "flowers-102/setid.mat"),
        ("stanford_cars", "stanford_cars/devkit/cars_train_annos.mat"),
    ],
)
def test_a_truncated_array_is_one_message(name: str, file: str, tmp_path: Path) -> None:
    root = written(name, tmp_path / "raw")
    find_images(name, root)
    content = (root / file).read_bytes()
    (root / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=f"^{name} is "):
        find_images(name, root)


@pytest.mark.parametrize(
    ("name", "folder", "archive"),
    [
        ("cifar10", "cifar-10-batches-py", "cifar-10-python.tar.gz"),
        ("stl10", "stl10_binary", "stl10_binary.tar.gz"),
        ("food101", "food-101", "food-101.tar.gz"),
        ("fgvc_aircraft", "fgvc-aircraft-2013b", "fgvc-aircraft-2013b.tar.gz"),
        ("tiny_imagenet", "tiny-imagenet-200", "tiny-imagenet-200.zip"),
        ("eurosat", "eurosat/2750", "EuroSAT.zip"),
        ("dtd", "dtd/dtd", "dtd/dtd-r1.0.1.tar.gz"),
    ],
)
def test_an_archive_put_by_hand_is_unpacked(name: str, folder: str, archive: str, tmp_path: Path) -> None:
    root = written(name, tmp_path / "raw")
    before = ours(find_images(name, root))
    base, kind = (archive[:-7], "gztar") if archive.endswith("tar.gz") else (archive[:-4], "zip")
    inside = root / folder
    shutil.make_archive(str(root / base), kind, inside.parent, inside.name)
    shutil.rmtree(inside)
    assert ours(find_images(name, root)) == before


@pytest.mark.parametrize(
    ("name", "missing"), [("imagenet", "train/n01440764"), ("dtd", "dtd/dtd/labels/val1.txt")]
)
def test_parts_with_other_classes_are_refused(name: str, missing: str, tmp_path: Path) -> None:
    path = written(name, tmp_path / "raw") / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_text("\n".join(line for line in path.read_text().splitlines() if "ape" not in line))
    with pytest.raises(UserError, match=r"is incomplete: its part '\w+' has not the classes of the others"):
        find_images(name, path.parents[1 if name == "imagenet" else 3])


def test_gtsrb_tracks_stay_together(tmp_path: Path) -> None:
    root = written("gtsrb", tmp_path / "raw")
    listing = find_images("gtsrb", root)
    images = load_images("gtsrb", root, tmp_path / "store", valid_fraction=0.3)
    valid = set(images.valid.ids.tolist())
    tracks: dict[tuple[int, str], list[bool]] = {}
    for number in np.flatnonzero(listing.parts == "train").tolist():
        track = (int(listing.labels[number]), Path(listing.names[number]).stem.split("_")[0])
        tracks.setdefault(track, []).append(number in valid)
    assert all(len(set(sides)) == 1 for sides in tracks.values())
    assert len(tracks) == 18
    assert sum(sides[0] for sides in tracks.values()) == 5
