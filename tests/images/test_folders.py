"""Folders and tables as people have them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from natv2.errors import UserError
from natv2.images.datasets import DATASETS
from natv2.images.decode import decode, image_formats
from natv2.images.listing import Listing
from natv2.images.readers import files
from natv2.images.readers.folders import read_folders
from natv2.images.readers.table import read_table


def picture(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)
    return path


def folders(root: Path) -> Listing:
    return read_folders(DATASETS["folder"], root)


def table(file: Path) -> Listing:
    return read_table(DATASETS["table"], file)


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


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN", "lost+found", "@EADIR"])
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


def test_heic_photos_are_read_with_the_extra(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    image_formats()
    for name in ("a/1.heic", "b/1.HEIC"):
        picture(tmp_path / name)
    assert folders(tmp_path).names == ("a/1.heic", "b/1.HEIC")
    assert np.abs(decode(tmp_path / "a" / "1.heic", None).pixels - [255, 0, 0]).max() < 10


def test_files_of_other_kinds_are_named_where_there_are_no_classes(tmp_path: Path) -> None:
    for name in ("a/1.dcm", "a/2.DCM", "b/1.npy", "b/2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    message = "images of 0 classes, .*; these files are not read: 2 .dcm, 1 .npy, 1 no ending; images can be"
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


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_paths_and_labels(tmp_path: Path, ending: str) -> None:
    elsewhere = picture(tmp_path / "elsewhere" / "3.png")
    picture(tmp_path / "here" / "a, b.png")
    picture(tmp_path / "here" / "2.png")
    frame = pd.DataFrame(
        {
            "path": ["a, b.png", "2.png", str(elsewhere)],
            "label": ["10", "9", "NA"],
            "split": ["train", "val", "TEST"],
            "more": [1, 2, 3],
        }
    )
    file = tmp_path / "here" / f"list.{ending}"
    frame.to_csv(file, index=False) if ending == "csv" else frame.to_parquet(file)
    listing = table(file)
    assert listing.class_names == ("9", "10", "NA")
    assert listing.labels.tolist() == [1, 0, 2]
    assert listing.parts.tolist() == ["train", "valid", "test"]
    assert isinstance(listing.samples, tuple)
    assert [path.is_file() for path in listing.samples] == [True] * 3
    frame.drop(columns="split").to_csv(tmp_path / "here" / "plain.csv", index=False)
    assert table(tmp_path / "here" / "plain.csv").parts.tolist() == ["all"] * 3


@pytest.mark.parametrize(("label", "class_names"), [((1.0, 10.0), ("1", "10")), ((0.5, 1.0), ("0.5", "1.0"))])
def test_numbers_are_labels_too(
    tmp_path: Path, label: tuple[float, float], class_names: tuple[str, str]
) -> None:
    for name in ("7", "8"):
        picture(tmp_path / "a.png").rename(tmp_path / name)
    pd.DataFrame({"path": [7, 8], "label": label}).to_parquet(tmp_path / "list.parquet")
    listing = table(tmp_path / "list.parquet")
    assert (listing.names, listing.class_names) == (("7", "8"), class_names)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,class\n1.png,a\n", "has no column 'label'; it has path, class"),
        ("file,label\n1.png,a\n", "has no column 'path'"),
        ("path,label\n1.png,a\n2.png,\n", "row 2: there is no label"),
        ("path,label\n1.png,a\n1.png,b\n", "names '1.png' twice"),
        ("path,label\n1.png,a\n./1.png,b\n", "names './1.png' twice"),
        ("path,label\n1.png,a\n3.png,b\n", "1 of the files .* are not there, such as .*3.png"),
        ("path,label\n1.png,a\n2.png,a\n", "has 1 labels, at least 2"),
        ("path,label,split\n1.png,a,train\n2.png,b,holdout\n", "a split cannot be 'holdout'; allowed: train"),
        ("", "not a readable CSV"),
        ('path,label\n"1.png,a\n', "not a readable CSV"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    for name in ("1.png", "2.png"):
        picture(tmp_path / name)
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        table(tmp_path / "list.csv")


def test_a_foreign_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.parquet").write_bytes(np.random.default_rng(0).bytes(100))
    with pytest.raises(UserError, match="not a readable CSV or Parquet"):
        table(tmp_path / "list.parquet")
    with pytest.raises(FileNotFoundError):
        table(tmp_path / "none.csv")
