"""Folders as people have them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from natv2.errors import UserError
from natv2.images import decode as decoding
from natv2.images.datasets import DATASETS
from natv2.images.decode import UnreadableImageError, decode, image_formats
from natv2.images.listing import Listing
from natv2.images.readers import files, strays
from natv2.images.readers.folders import read_folders


def picture(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)
    return path


def folders(root: Path) -> Listing:
    return read_folders(DATASETS["folder"], root)


def labelled(listing: Listing) -> dict[str, tuple[str, str]]:
    """Class and part of each sample, by its name."""
    return {
        name: (listing.class_names[label], str(part))
        for name, label, part in zip(listing.names, listing.labels, listing.parts, strict=True)
    }


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in ("猫/один.png", "猫/deep/er/two.JPG", "a b 🐶/c d.webp", "ñandú/x.gif"):
        picture(tmp_path / name)
    listing = folders(tmp_path)
    assert listing.class_names == tuple(sorted(["猫", "a b 🐶", "ñandú"]))
    assert labelled(listing) == {
        "猫/один.png": ("猫", "all"),
        "猫/deep/er/two.JPG": ("猫", "all"),
        "a b 🐶/c d.webp": ("a b 🐶", "all"),
        "ñandú/x.gif": ("ñandú", "all"),
    }
    assert isinstance(listing.samples, tuple)
    assert all(path.is_file() for path in listing.samples)


@pytest.mark.parametrize("valid", ["val", "valid", "Validation"])
def test_folders_of_parts(tmp_path: Path, valid: str) -> None:
    for part, name in (("train", "a"), ("train", "b"), (valid, "a"), (valid, "b"), ("test", "b")):
        picture(tmp_path / part / name / "x.png")
    assert labelled(folders(tmp_path)) == {
        "train/a/x.png": ("a", "train"),
        "train/b/x.png": ("b", "train"),
        f"{valid}/a/x.png": ("a", "valid"),
        f"{valid}/b/x.png": ("b", "valid"),
        "test/b/x.png": ("b", "test"),
    }


def test_a_name_taken_apart_is_the_same_class(tmp_path: Path) -> None:
    for name in ("train/café/1.png", "train/b/1.png", "test/cafe\u0301/1.png"):
        picture(tmp_path / name)
    assert folders(tmp_path).class_names == ("b", "café")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("train/1.png", "bus/1.png"):
        picture(tmp_path / name)
    assert folders(tmp_path).class_names == ("bus", "train")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["val/a/1.png", "val/b/1.png", "test/a/1.png"], "is split into valid, test: 'train' is needed"),
        (["train/1.png", "test/1.png"], r"has parts \(train, test\) and no class folders"),
        (["train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/a/1.png"], "both the part 'valid'"),
        (["train/a/1.png", "train/b/1.png", "extra/a/1.png"], "has 'extra' beside its parts train"),
        (["train/a/1.png", "train/b/1.png", "test/1.png"], "with class folders in each"),
    ],
)
def test_folders_of_unclear_meaning_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        picture(tmp_path / name)
    with pytest.raises(UserError, match=message):
        folders(tmp_path)


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png", "a/._1.png", ".hidden/1.png", "__MACOSX/1.png"):
        picture(tmp_path / name)
    (tmp_path / "a" / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "a" / "notes.txt").write_text("of no use")
    (tmp_path / "loose.txt").write_text("of no use either")
    (tmp_path / "empty").mkdir()
    (tmp_path / "b" / "gone.png").symlink_to(tmp_path / "b" / "nothing.png")
    picture(tmp_path / "_other" / "1.png")
    listing = folders(tmp_path)
    assert sorted(listing.names) == ["_other/1.png", "a/1.png", "b/1.png"]
    assert listing.class_names == ("_other", "a", "b")
    assert listing.remarks == (
        "class 'empty' has no images and was left out",
        "3 files are no images or in no class, and were passed over: a/notes.txt, b/gone.png, loose.txt",
        "3 files and folders that systems make were passed over: __MACOSX, a/.DS_Store, a/._1.png",
    )


MORE_SYSTEMS = ["RECYCLER", "FOUND.000", "LOST.DIR", "~snapshot", "@SynoResource", "__pycache__"]


@pytest.mark.parametrize(
    "name", ["@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN", "lost+found", "@EADIR", *MORE_SYSTEMS]
)
@pytest.mark.parametrize("at", ["", "a/", "a/deep/"])
def test_folders_that_systems_make_are_no_classes_and_hold_no_images(
    tmp_path: Path, name: str, at: str
) -> None:
    for image in ("a/1.png", "a/deep/2.png", "b/1.png", f"{at}{name}/1.png", f"{at}{name}/c/1.png"):
        picture(tmp_path / image)
    listing = folders(tmp_path)
    assert listing.class_names == ("a", "b")
    assert listing.names == ("a/1.png", "a/deep/2.png", "b/1.png")
    assert listing.remarks == (f"1 file or folder that systems make was passed over: {at}{name}",)


def test_a_nas_leaves_its_folder_beside_the_parts(tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/1.png", "@eaDir/train/1.png", "train/@eaDir/1.png"):
        picture(tmp_path / name)
    assert folders(tmp_path).names == ("train/a/1.png", "train/b/1.png")


def test_images_without_an_ending_are_images(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png"):
        picture(tmp_path / name).rename((tmp_path / name).with_suffix(""))
    (tmp_path / "a" / "README").write_text("of no use")
    listing = folders(tmp_path)
    assert listing.names == ("a/1", "b/1")
    assert listing.remarks == ("1 file is no image or in no class, and was passed over: a/README",)


def test_photos_that_need_an_extra_are_counted_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "image_suffixes", lambda: frozenset({".png"}))
    for name in ("a/1.png", "b/1.png"):
        picture(tmp_path / name)
    for name in ("a/IMG_1.HEIC", "b/IMG_2.heif", "a/notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert folders(tmp_path).remarks == (
        "1 file is no image or in no class, and was passed over: a/notes.txt",
        "2 HEIC photos were passed over: a/IMG_1.HEIC, b/IMG_2.heif; with the extra heif they are read: "
        "pip install 'natv2[heif]'",
    )


def test_heic_photos_alone_say_what_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (files, strays):
        monkeypatch.setattr(module, "image_suffixes", lambda: frozenset({".png"}))
    monkeypatch.setattr(decoding, "image_suffixes", lambda: frozenset({".png"}))
    for name in ("a/IMG_1.HEIC", "b/IMG_2.HEIC"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError, match=r"not read: 2 \.heic; PNG and TIFF are, HEIC with the extra heif"):
        folders(tmp_path)
    with pytest.raises(
        UnreadableImageError, match=r"is read with the extra heif: pip install 'natv2\[heif\]'"
    ):
        decode(tmp_path / "a" / "IMG_1.HEIC", None)


def test_heic_photos_are_read_with_the_extra(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    image_formats()
    for name in ("a/1.heic", "b/1.HEIC"):
        picture(tmp_path / name)
    assert folders(tmp_path).names == ("a/1.heic", "b/1.HEIC")
    assert np.abs(decode(tmp_path / "a" / "1.heic", None).pixels - [255, 0, 0]).max() < 10


def test_images_without_a_folder_of_their_class_are_counted(tmp_path: Path) -> None:
    for number in range(3):
        picture(tmp_path / f"{number}.png")
    with pytest.raises(UserError, match=r"; 3 of its images are in no folder of a class$"):
        folders(tmp_path)


def test_files_of_other_kinds_are_named_where_there_are_no_classes(tmp_path: Path) -> None:
    for name in ("a/1.dcm", "a/2.DCM", "b/1.npy", "b/2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    message = (
        "images of 0 classes, .*; these files are not read: 2 .dcm, 1 .npy, 1 no ending; PNG and TIFF are$"
    )
    with pytest.raises(UserError, match=message):
        folders(tmp_path)


@pytest.mark.parametrize("link", ["a/out.png", "out"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, link: str) -> None:
    root, outside = tmp_path / "mine", tmp_path / "secret"
    picture(root / "a" / "1.png")
    picture(root / "b" / "1.png")
    picture(outside / "x.png")
    (root / link).symlink_to(outside / "x.png" if link.endswith("png") else outside)
    with pytest.raises(UserError, match=r"out.* is a symbolic link to .*secret.*outside of .*mine"):
        folders(root)


def test_a_link_within_the_folder_and_to_it_is_followed(tmp_path: Path) -> None:
    picture(tmp_path / "mine" / "a" / "1.png")
    picture(tmp_path / "mine" / "b" / "1.png")
    (tmp_path / "mine" / "b" / "2.png").symlink_to(tmp_path / "mine" / "b" / "1.png")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert len(folders(tmp_path / "link")) == 3


def test_links_in_a_circle_are_passed_over(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png"):
        picture(tmp_path / name)
    for one, other in (("a/2.png", "a/3.png"), ("c", "d")):
        (tmp_path / one).symlink_to(tmp_path / other)
        (tmp_path / other).symlink_to(tmp_path / one)
    listing = folders(tmp_path)
    assert listing.names == ("a/1.png", "b/1.png")
    assert "a/2.png, a/3.png" in listing.remarks[0]


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/1.png", "b/1.png"):
        picture(tmp_path / name)
    scan = os.scandir

    def closed(folder: Path) -> object:
        if folder == tmp_path / "b":
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(UserError, match=r"b cannot be read \(Permission denied\): allow it"):
        folders(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png"):
        picture(tmp_path / name)
    (tmp_path / "b" / "1.png").rename(os.fsdecode(os.fsencode(tmp_path / "b") + b"/caf\xe9.png"))
    with pytest.raises(UserError, match=r"caf.*is not UTF-8; rename the file"):
        folders(tmp_path)


@pytest.mark.parametrize("classes", [0, 1])
def test_too_few_classes_are_refused(tmp_path: Path, classes: int) -> None:
    for number in range(classes):
        picture(tmp_path / str(number) / "x.png")
    with pytest.raises(UserError, match=f"has images of {classes} classes, at least 2"):
        folders(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder"):
        folders(tmp_path / "elsewhere")
