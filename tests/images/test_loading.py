"""Images from their folder to their splits."""

from pathlib import Path
from types import SimpleNamespace
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image

from natv2.errors import UserError
from natv2.images.batches import calibration_batches, training_batches
from natv2.images.config import CalibrationConfig
from natv2.images.datasets import DATASETS
from natv2.images.image_set import ImageSplits
from natv2.images.loading import derived_sizes, find_images, load_images, set_name
from tests.images.formats import WRITERS


def make_folder(
    root: Path, *, per_class: int = 20, side: int = 40, seed: int = 0, split: bool = False
) -> Path:
    """Three classes of noise, each in its own colour; all in one, or in train and test."""
    generator = np.random.default_rng(seed)
    for number in range(3 * per_class):
        label = "abc"[number % 3]
        part = "" if not split else "test" if number >= 2 * per_class else "train"
        pixels = generator.integers(0, 128, (side, side, 3))
        pixels[..., number % 3] += 127
        path = root / part / label / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return root


def load(root: Path, name: str = "folder", **options: object) -> ImageSplits:
    return load_images(name, root, root.parent / "store", **options)  # type: ignore[arg-type]


def parts(images: ImageSplits) -> list[set[int]]:
    return [set(part.ids.tolist()) for part in (images.train, images.valid, images.test)]


def test_a_folder_becomes_three_splits(tmp_path: Path) -> None:
    images = load(make_folder(tmp_path / "photos"))
    assert images.class_names == ("a", "b", "c")
    assert [len(part) for part in parts(images)] == [38, 10, 12]
    assert set.union(*parts(images)) == set(range(60))
    for part in (images.train, images.valid, images.test):
        brightest = part.images.float().mean(dim=(2, 3)).argmax(dim=1)
        assert torch.equal(brightest, part.labels)


def test_a_table_of_the_same_files_gives_the_same_images(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos", split=True)
    rows = [
        f"{p.relative_to(root)},{p.parent.name},{p.parent.parent.name}" for p in sorted(root.rglob("*.png"))
    ]
    (root / "list.csv").write_text("\n".join(["path,label,split", *rows]))
    folder, table = load(root), load(root / "list.csv", "table")
    assert folder.test.ids.tolist() == sorted(folder.test.ids.tolist())
    by_name = {tuple(image.flatten().tolist()): int(label) for image, label in _pairs(folder)}
    assert {tuple(image.flatten().tolist()): int(label) for image, label in _pairs(table)} == by_name
    assert len(by_name) == 60


def _pairs(images: ImageSplits) -> list[tuple[torch.Tensor, torch.Tensor]]:
    sets = (images.train, images.valid, images.test)
    return [pair for part in sets for pair in zip(part.images, part.labels, strict=True)]


def test_no_test_image_reaches_training_calibration_or_statistics(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos", split=True)
    first = load(root)
    for path in (root / "test").rglob("*.png"):
        Image.new("RGB", (40, 40), "white").save(path)
    second = load(root)
    assert (second.test.images == 255).all()
    assert (first.mean, first.std, first.sizes) == (second.mean, second.std, second.sizes)
    for images in (first, second):
        batches = list(training_batches(images, images.train, batch_size=8, seed=0, purpose="x", epoch=0))
        batches += calibration_batches(images, CalibrationConfig(images=1000, batch_size=8), 0)
        seen = {number for batch in batches for number in batch.ids.tolist()}
        assert seen <= set(images.train.ids.tolist())
    assert torch.equal(first.train.images, second.train.images)
    assert torch.equal(first.valid.images, second.valid.images)


def test_statistics_are_those_of_the_training_images(tmp_path: Path) -> None:
    images = load(make_folder(tmp_path / "photos"))
    pixels = images.train.images.double() / 255
    assert images.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist())
    assert images.std == pytest.approx(pixels.std(dim=(0, 2, 3), correction=0).tolist())


def test_an_unreadable_image_stops_or_is_left_out(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos")
    whole = load(root)
    broken = root / "b" / "031.png"
    broken.write_bytes(broken.read_bytes()[:500])
    with pytest.raises(
        UserError, match=r"1 of the 60 images of photos-\w+ cannot be read: b/031.png \(.*trunc"
    ):
        load(root)
    images = load(root, skip_unreadable=True)
    left_out = set.union(*parts(whole)) - set.union(*parts(images))
    assert len(left_out) == 1
    assert [mine - theirs for mine, theirs in zip(parts(images), parts(whole), strict=True)] == [set()] * 3
    assert images.report is not None
    assert any("1 image" in warning and "left out" in warning for warning in images.report.warnings())


def test_a_file_beside_the_images_changes_a_remark_and_no_run(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos")
    before = load(root).report
    (root / "a" / "Thumbs.db").write_bytes(b"x")
    after = load(root).report
    assert before is not None and after is not None
    assert before.fingerprint == after.fingerprint
    assert not before.remarks and "Thumbs.db" in after.remarks[0]


def test_too_little_room_is_said_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder(tmp_path / "photos")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(UserError, match=r"has room for 0\.0 GiB"):
        load(root)


def test_a_listed_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    WRITERS["tiny_imagenet"](tmp_path / "raw")
    (tmp_path / "raw" / "tiny-imagenet-200" / "val" / "images" / "val_2003.JPEG").unlink()
    with pytest.raises(UserError, match=r"val_2003\.JPEG is listed and not there"):
        load(tmp_path / "raw", "tiny_imagenet")


def test_a_split_without_a_readable_image_is_refused(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos", split=True)
    for path in (root / "test").rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"photos-\w+ has no readable image in its split 'test'"):
        load(root, skip_unreadable=True)


def test_larger_resolutions_keep_larger_images(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos", per_class=4, side=300)
    assert load(root).train.pool.shape[2:] == (144, 144)
    assert load(root, resolution=64).train.pool.shape[2:] == (72, 72)
    assert load(root, resolution=256).train.pool.shape[2:] == (288, 288)
    assert load(root, resolution=320).train.pool.shape[2:] == (300, 300)


@pytest.mark.parametrize(
    ("side", "searched"),
    [
        (64, (48, 52, 56, 60, 64)),
        (3, (24, 28, 32)),
        (32, (24, 28, 32)),
        (44, (32, 36, 40, 44)),
        (100, (76, 80, 88, 92, 100)),
        (4000, (96, 104, 112, 120, 128)),
    ],
)
def test_sizes_follow_from_the_images(side: int, searched: tuple[int, ...]) -> None:
    assert derived_sizes(side).searched == searched
    trained = derived_sizes(side).trained
    assert set(trained) <= set(searched)
    assert trained[-1] == searched[-1]


def test_flip_and_share_can_be_asked_for(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos")
    images = load(root, flip=False, valid_fraction=0.5)
    assert not images.augmentation.flip
    assert DATASETS["folder"].augmentation.flip
    assert len(images.valid) == len(images.train) == 24


def test_a_share_that_changes_nothing_is_said(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "photos")
    images = load(root, valid_fraction=0.5)
    assert not images.report.remarks
    for part in ("train", "valid", "test"):
        make_folder(root.parent / "split" / part)
    (remark,) = load(root.parent / "split", valid_fraction=0.5).report.remarks
    assert "images.valid_fraction=0.5 changes nothing" in remark


def test_a_test_set_that_is_borrowed_from_the_training_images_is_said(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for part, count in (("train", 20), ("val", 5)):
        make_folder(root / part, per_class=count)
    images = load(root)
    assert [len(part) for part in parts(images)] == [48, 15, 12]
    assert images.report.remarks == (
        "there are no test images: 12 of the 60 training images (20%) are tested on instead",
    )


def test_own_sets_are_told_apart_by_their_places(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "my photos 🐶", tmp_path / "b" / "my photos 🐶"
    assert set_name("folder", one) != set_name("folder", two)
    assert set_name("folder", one).startswith("my_photos_")
    assert set_name("cifar10", one) == "cifar10"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no folder .*nowhere; give it as data_path"):
        load(tmp_path / "nowhere")


def test_a_file_where_a_data_sets_folder_is_asked_for_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "EuroSAT.zip"
    archive.touch()
    with pytest.raises(UserError, match=r"EuroSAT\.zip is a file, but eurosat is looked for in a folder"):
        find_images("eurosat", archive)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "stl10", "flowers102"])
def test_checksums_tell_files_that_are_not_the_official_ones(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise URLError("there is no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    WRITERS[name](tmp_path / "raw")
    with pytest.raises(UserError, match=f"^{name} is not in .*Put there by hand: "):
        find_images(name, tmp_path / "raw")
