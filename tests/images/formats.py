"""Small data sets on disk, in the layouts in which the official ones come."""

import gzip
import json
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

CLASSES = ("ape", "bear", "cat")
COUNTS: Mapping[str, int] = MappingProxyType({"train": 8, "valid": 4, "test": 4})
"""Images of each class in an official part."""


def pixels(number: int, height: int = 20, width: int = 24) -> NDArray[np.uint8]:
    """Noise of its own for each number."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3)).astype(np.uint8)


def _image(path: Path, number: int, **size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(number, **size)).save(path)
    return path


def _text(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _numbered(part: str) -> list[tuple[int, int]]:
    """Number and label of each image of a part; numbers are unique over the parts."""
    start = {"train": 0, "valid": 1000, "test": 2000}[part]
    return [(start + place, place % len(CLASSES)) for place in range(len(CLASSES) * COUNTS[part])]


def _cifar(folder: Path, files: Mapping[str, str], meta: tuple[str, str], labels: str) -> None:
    folder.mkdir(parents=True)
    train = _numbered("train")
    share = len(train) // sum(name != "test" and "test" not in name for name in files)
    for place, name in enumerate(files):
        rows = _numbered("test") if "test" in name else train[place * share : (place + 1) * share]
        data = np.stack([pixels(number, 32, 32).transpose(2, 0, 1).ravel() for number, _ in rows])
        (folder / name).write_bytes(pickle.dumps({"data": data, labels: [label for _, label in rows]}))
    (folder / meta[0]).write_bytes(pickle.dumps({meta[1]: list(CLASSES)}))


def _cifar10(root: Path) -> None:
    names = [f"data_batch_{number}" for number in range(1, 6)]
    # Five files: what does not divide stays out of this small copy.
    _cifar(
        root / "cifar-10-batches-py",
        dict.fromkeys([*names, "test_batch"], ""),
        ("batches.meta", "label_names"),
        "labels",
    )


def _cifar100(root: Path) -> None:
    files = dict.fromkeys(["train", "test"], "")
    _cifar(root / "cifar-100-python", files, ("meta", "fine_label_names"), "fine_labels")


def _stl10(root: Path) -> None:
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    for part in ("train", "test"):
        rows = _numbered(part)
        columns = [pixels(number, 96, 96).transpose(2, 1, 0) for number, _ in rows]
        (folder / f"{part}_X.bin").write_bytes(np.stack(columns).tobytes())
        (folder / f"{part}_y.bin").write_bytes(bytes(label + 1 for _, label in rows))
    (folder / "unlabeled_X.bin").write_bytes(b"")
    _text(folder / "class_names.txt", list(CLASSES))
    _text(folder / "fold_indices.txt", ["0 1 2"])


def _fashion_mnist(root: Path) -> None:
    folder = root / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for part, prefix in (("train", "train"), ("test", "t10k")):
        rows = _numbered(part)
        grey = np.stack([pixels(number, 28, 28)[..., 0] for number, _ in rows])
        images = struct.pack(">iiii", 2051, len(rows), 28, 28) + grey.tobytes()
        labels = struct.pack(">ii", 2049, len(rows)) + bytes(label for _, label in rows)
        for name, content in (
            (f"{prefix}-images-idx3-ubyte", images),
            (f"{prefix}-labels-idx1-ubyte", labels),
        ):
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))


def _food101(root: Path) -> None:
    for part in ("train", "test"):
        listed: dict[str, list[str]] = {name: [] for name in CLASSES}
        for number, label in _numbered(part):
            _image(root / "food-101" / "images" / CLASSES[label] / f"{number}.jpg", number)
            listed[CLASSES[label]].append(f"{CLASSES[label]}/{number}")
        (root / "food-101" / "meta").mkdir(exist_ok=True)
        (root / "food-101" / "meta" / f"{part}.json").write_text(json.dumps(listed))


def _stanford_cars(root: Path) -> None:
    folder = root / "stanford_cars"
    (folder / "devkit").mkdir(parents=True)
    savemat(folder / "devkit" / "cars_meta.mat", {"class_names": np.array(CLASSES, dtype=object)})
    for part, annotations in (
        ("train", folder / "devkit" / "cars_train_annos.mat"),
        ("test", folder / "cars_test_annos_withlabels.mat"),
    ):
        rows = []
        for number, label in _numbered(part):
            _image(folder / f"cars_{part}" / f"{number:05}.jpg", number)
            rows.append((f"{number:05}.jpg", label + 1))
        savemat(annotations, {"annotations": np.array(rows, dtype=[("fname", object), ("class", object)])})


def _fgvc_aircraft(root: Path) -> None:
    data = root / "fgvc-aircraft-2013b" / "data"
    for part, name in (("train", "train"), ("valid", "val"), ("test", "test")):
        lines = []
        for number, label in _numbered(part):
            _image(data / "images" / f"{number:07}.jpg", number)
            lines.append(f"{number:07} {CLASSES[label]} 700")
        _text(data / f"images_variant_{name}.txt", lines)
    _text(data / "variants.txt", [f"{name} 700" for name in CLASSES])


def _dtd(root: Path) -> None:
    folder = root / "dtd" / "dtd"
    for part, name in (("train", "train"), ("valid", "val"), ("test", "test")):
        paths = [f"{CLASSES[label]}/{CLASSES[label]}_{number:04}.jpg" for number, label in _numbered(part)]
        for path, (number, _) in zip(paths, _numbered(part), strict=True):
            _image(folder / "images" / path, number)
        _text(folder / "labels" / f"{name}1.txt", paths)


def _oxford_pets(root: Path) -> None:
    folder = root / "oxford-iiit-pet"
    for part, name in (("train", "trainval"), ("test", "test")):
        lines = []
        for number, label in _numbered(part):
            _image(folder / "images" / f"{CLASSES[label]}_terrier_{number}.jpg", number)
            lines.append(f"{CLASSES[label]}_terrier_{number} {label + 1} 1 1")
        _text(folder / "annotations" / f"{name}.txt", lines)
    for beside in ("list.txt", "trimaps/._ape_terrier_0.png"):  # the archive has such files
        _text(folder / "annotations" / beside, ["#Image CLASS-ID SPECIES BREED ID"])


def _flowers102(root: Path) -> None:
    labels, ids = [], {}
    for part, name in (("train", "trnid"), ("valid", "valid"), ("test", "tstid")):
        rows = _numbered(part)
        ids[name] = np.arange(len(labels) + 1, len(labels) + 1 + len(rows))
        for place, (number, label) in zip(ids[name], rows, strict=True):
            _image(root / "flowers-102" / "jpg" / f"image_{place:05}.jpg", number)
            labels.append(label + 1)
    savemat(root / "flowers-102" / "setid.mat", ids)
    savemat(root / "flowers-102" / "imagelabels.mat", {"labels": np.array(labels)})


def _eurosat(root: Path) -> None:
    for number, label in _numbered("train"):
        _image(root / "eurosat" / "2750" / CLASSES[label] / f"{CLASSES[label]}_{number}.jpg", number)


def _gtsrb(root: Path) -> None:
    folder = root / "gtsrb" / "GTSRB"
    header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
    for label in range(len(CLASSES)):
        lines = [header]
        for track in range(6):
            for frame in range(3):
                name = f"{label:05}/{track:05}_{frame:05}.ppm"
                _image(folder / "Final_Training" / "Images" / name, 100 * label + 10 * track + frame)
                lines.append(f"{name[6:]};24;20;1;1;9;9;{label}")
        _text(folder / "Final_Training" / "Images" / f"{label:05}" / f"GT-{label:05}.csv", lines)
    lines = [header]
    for place, (number, label) in enumerate(_numbered("test")):
        _image(folder / "Final_Test" / "Images" / f"{place:05}.ppm", number)
        lines.append(f"{place:05}.ppm;24;20;1;1;9;9;{label}")
    _text(root / "gtsrb" / "GT-final_test.csv", lines)
    unlabelled = [line.rpartition(";")[0] for line in lines]
    _text(folder / "Final_Test" / "Images" / "GT-final_test.test.csv", unlabelled)


def _tiny_imagenet(root: Path) -> None:
    folder = root / "tiny-imagenet-200"
    wnids = ("n01443537", "n01629819", "n02012849")
    for number, label in _numbered("train"):
        _image(folder / "train" / wnids[label] / "images" / f"{wnids[label]}_{number}.JPEG", number)
        _text(folder / "train" / wnids[label] / f"{wnids[label]}_boxes.txt", ["of no use"])
    lines = []
    for number, label in _numbered("test"):
        _image(folder / "val" / "images" / f"val_{number}.JPEG", number)
        lines.append(f"val_{number}.JPEG\t{wnids[label]}\t0\t0\t9\t9")
    _text(folder / "val" / "val_annotations.txt", lines)
    _image(folder / "test" / "images" / "test_0.JPEG", 1)
    words = ("goldfish, Carassius auratus", "crane", "crane")
    _text(folder / "wnids.txt", list(wnids))
    _text(folder / "words.txt", [f"{wnid}\t{word}" for wnid, word in zip(wnids, words, strict=True)])


def _cinic10(root: Path) -> None:
    for part in ("train", "valid", "test"):
        for number, label in _numbered(part):
            _image(root / "CINIC-10" / part / CLASSES[label] / f"cifar10-{number}.png", number)
    _text(root / "CINIC-10" / "README.md", ["CINIC-10"])


def _imagenet(root: Path) -> None:
    wnids = ("n01440764", "n02012849", "n03126707")
    names = (("tench", "Tinca tinca"), ("crane",), ("crane",))
    for part, folder in (("train", "train"), ("test", "val")):
        for number, label in _numbered(part):
            _image(root / folder / wnids[label] / f"{wnids[label]}_{number}.JPEG", number)
    # What torchvision keeps of the development kit.
    torch.save((dict(zip(wnids, names, strict=True)), ["n01440764"]), root / "meta.bin")


WRITERS: Mapping[str, Callable[[Path], None]] = MappingProxyType(
    {
        "tiny_imagenet": _tiny_imagenet,
        "cifar10": _cifar10,
        "cifar100": _cifar100,
        "cinic10": _cinic10,
        "stl10": _stl10,
        "food101": _food101,
        "stanford_cars": _stanford_cars,
        "fgvc_aircraft": _fgvc_aircraft,
        "dtd": _dtd,
        "oxford_pets": _oxford_pets,
        "flowers102": _flowers102,
        "eurosat": _eurosat,
        "fashion_mnist": _fashion_mnist,
        "gtsrb": _gtsrb,
        "imagenet": _imagenet,
    }
)


def relax_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torchvision's classes read files that are not the official ones."""

    def without(pairs: Any) -> list[list[Any]]:
        return [[name, None] for name, _ in pairs]

    for kind in (datasets.CIFAR10, datasets.CIFAR100, datasets.STL10):
        monkeypatch.setattr(kind, "train_list", without(kind.train_list))
        monkeypatch.setattr(kind, "test_list", without(kind.test_list))
    for kind in (datasets.CIFAR10, datasets.CIFAR100):
        monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": None})
    monkeypatch.setattr(datasets.FashionMNIST, "resources", without(datasets.FashionMNIST.resources))
    files = datasets.Flowers102._file_dict
    monkeypatch.setattr(
        datasets.Flowers102, "_file_dict", {key: (name, None) for key, (name, _) in files.items()}
    )
