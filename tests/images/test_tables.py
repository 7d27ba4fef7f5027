"""Tables of images as people have them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from natv2.errors import UserError
from natv2.images.datasets import DATASETS
from natv2.images.listing import Listing
from natv2.images.readers.table import read_table
from natv2.images.splits import split
from tests.images.test_folders import picture


def table(file: Path) -> Listing:
    return read_table(DATASETS["table"], file)


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


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_whole_numbers_are_the_same_classes_in_either_kind_of_table(tmp_path: Path, ending: str) -> None:
    for name in ("1.png", "2.png"):
        picture(tmp_path / name)
    frame = pd.DataFrame({"path": ["1.png", "2.png"], "label": [10.0, 2.0]})
    file = tmp_path / f"list.{ending}"
    frame.to_csv(file, index=False) if ending == "csv" else frame.to_parquet(file)
    assert table(file).class_names == ("2", "10")


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
        ("path,label\n1.png,a\n2.png,\u200b\n", "row 2: there is no label"),  # nobody sees it
        ("path,label\n1.png,a\n1.png,b\n", "names '1.png' twice"),
        ("path,label\n1.png,a\n./1.png,b\n", "names './1.png' twice"),
        ("path,label\n1.png,a\n3.png,b\n", "1 of the files .* are not there, such as .*3.png"),
        ("path,label\n1.png,a\n2.png,a\n", "has 1 labels, at least 2"),
        ("path,label,split\n1.png,a,train\n2.png,b,holdout\n", "a split cannot be 'holdout'; allowed: train"),
        ("path,label,split\n1.png,a,train\n2.png,b,\n", "row 2: there is no split; allowed: train"),
        ("path,label\n1.png,a\n2.png,   \n", "row 2: there is no label"),
        ("path,label\n1.png,a\n  ,b\n", "row 2: there is no path"),
        ("path,label\n1.png,a\n2.png,\"['a', 'b']\"\n", r"row 2: .* are several labels"),
        ("path,label,Label\n1.png,a,b\n", "has the column 'label' twice"),
        ("Datei,label\n1.png,a\n", "has no column 'path'; it has Datei, label"),
        (
            "path,label,group,split\n1.png,a,p,train\n2.png,b,p,test\n",
            "has 1 of its groups in two splits, such as 'p'",
        ),
        (f"path,label\n1.png,a\n{'x' * 5000},b\n", r"1 of the files .* are not there, such as .*xxx\.\.\.$"),
        ("path,label\n1.png,a\na\0b,b\n", "are not there|not a readable"),
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


@pytest.mark.parametrize("label", [["a"], {"a": 1}, np.inf, b"a"])
def test_what_is_no_label_is_refused_with_its_row(tmp_path: Path, label: object) -> None:
    for name in ("1.png", "2.png"):
        picture(tmp_path / name)
    labels = pd.Series([0.5, label] if label == np.inf else [label, label])
    pd.DataFrame({"path": ["1.png", "2.png"], "label": labels}).to_parquet(tmp_path / "list.parquet")
    with pytest.raises(UserError, match=r"row [12]: .* is no label"):
        table(tmp_path / "list.parquet")


def test_columns_are_found_whatever_their_case(tmp_path: Path) -> None:
    for name in ("1.png", "2.png", "3.png"):
        picture(tmp_path / name)
    (tmp_path / "list.csv").write_text(
        "PATH, Label ,SPLIT,Group\n1.png,a,Train,x\n2.png,b, test,y\n3.png,b,train,x\n"
    )
    listing = table(tmp_path / "list.csv")
    assert listing.parts.tolist() == ["train", "test", "train"]
    assert listing.groups is not None and listing.groups.tolist() == [0, 1, 0]
    assert listing.remarks == ()


def test_an_absent_split_is_said_where_another_column_may_be_meant(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        picture(tmp_path / name)
    (tmp_path / "list.csv").write_text("path,label,subset\n1.png,a,train\n2.png,b,test\n")
    (remark,) = table(tmp_path / "list.csv").remarks
    assert remark == "the table has no column 'split', only path, label, subset: its images are split here"


def test_groups_stay_together_and_an_image_without_one_is_alone(tmp_path: Path) -> None:
    rows = ["path,label,group"]
    for number in range(60):
        picture(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{'ab'[number // 30]},{'' if number % 3 == 0 else f'p{number // 6}'}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    listing = table(tmp_path / "list.csv")
    assert listing.groups is not None and len(set(listing.groups.tolist())) == 30
    assigned = split(listing, DATASETS["table"].counts, name="x", seed=0)
    for group in range(10):
        own = [n for n in range(6 * group, 6 * group + 6) if n % 3]
        assert len(set(listing.groups[own].tolist())) == len(set(assigned[own].tolist())) == 1
    assert set(assigned.tolist()) == {"train", "valid", "test"}


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9, 0.97, 0.99])
def test_a_damaged_parquet_file_is_one_sentence(tmp_path: Path, at: float) -> None:
    frame = pd.DataFrame({"path": ["1.png", "2.png"], "label": ["a", "b"]})
    frame.to_parquet(tmp_path / "list.parquet")
    content = bytearray((tmp_path / "list.parquet").read_bytes())
    for place in range(int(at * len(content)), int(at * len(content)) + 8):
        content[place] ^= 0x55
    (tmp_path / "list.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"list\.parquet"):
        table(tmp_path / "list.parquet")


def test_a_foreign_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.parquet").write_bytes(np.random.default_rng(0).bytes(100))
    with pytest.raises(UserError, match="not a readable CSV or Parquet"):
        table(tmp_path / "list.parquet")
    with pytest.raises(FileNotFoundError):
        table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("group", [["a"], ["b"]], r"row 1: .*\['a'\].* is no group"),
        ("split", [0, 1], "row 1: a split cannot be '0'"),
        ("split", [["train"], ["train"]], "row 1: a split cannot be"),
    ],
)
def test_columns_of_other_things_are_refused_with_their_row(tmp_path: Path, column, values, told) -> None:
    for name in ("1.png", "2.png"):
        picture(tmp_path / name)
    rows = {"path": ["1.png", "2.png"], "label": ["a", "b"], column: values}
    pd.DataFrame(rows).to_parquet(tmp_path / "list.parquet")
    with pytest.raises(UserError, match=told):
        table(tmp_path / "list.parquet")
