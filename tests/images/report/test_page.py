"""The page and the sheet show what the report found, whatever people call their files."""

import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest

from natv2.images.report.figures import contact_sheet, counts_figure, counts_table, examples
from natv2.images.report.page import images_page
from tests.images.test_look import PIXELS, index_of, report_of

ODD = ("<script>alert(1)</script>", '猫 🐶 "q" & $x_1$')


class Reader(HTMLParser):
    """Collects the tags and texts of a page, and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_shows_counts_warnings_pairs_and_pictures() -> None:
    index = index_of(digest={3: "x", 26: "x"}, split={35: ""}, error={35: "truncated"})
    report = report_of(index, class_names=ODD)
    page = images_page(report, index, PIXELS, per_class=4)
    reader = read(page)
    for text in (*ODD, "3.png (train)", "26.png (test)", "35.png: truncated", "40 x 30", *report.warnings()):
        assert text in "".join(reader.texts)
    assert "script" not in reader.tags
    assert reader.tags.count("img") == 2 * 4 + 2
    assert not re.search(r"(src|href)=.?(http|//)", page)


def test_a_clean_set_says_so() -> None:
    page = images_page(report_of(index_of()), index_of(), PIXELS)
    assert "Nothing was found" in page


def test_examples_are_training_images_of_the_class() -> None:
    index = index_of()
    assert examples(index, 1, 3).tolist() == [35, 39, 44]
    assert examples(index, 1, 100).tolist() == list(range(35, 45))
    assert examples(index_of(split=dict.fromkeys(range(60), "test")), 0, 3).tolist() == []


def test_counts_as_table_and_figure_agree() -> None:
    report = report_of(index_of(), class_names=ODD)
    table = counts_table(report)
    assert table.to_dict("list") == {
        "class": list(ODD),
        "train": [20, 10],
        "valid": [5, 5],
        "test": [10, 10],
    }
    bars = counts_figure(report).data
    assert [(bar.name, sum(bar.y)) for bar in bars] == [("train", 30), ("valid", 10), ("test", 20)]


@pytest.mark.parametrize("side", [8, 200])
def test_the_sheet_has_a_row_for_each_class_and_any_name(side: int, tmp_path) -> None:
    pixels = np.resize(PIXELS, (60, side, side, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = contact_sheet(index_of(), pixels, ODD, columns=6)
        figure.savefig(tmp_path / "sheet.png")
    assert len(figure.axes) == 12
    assert sum(len(axis.images) for axis in figure.axes) == 12
    assert max(axis.images[0].get_array().shape[0] for axis in figure.axes) <= 128


def test_a_long_list_of_classes_is_cut_and_says_so() -> None:
    names = tuple(f"class {number}" for number in range(30))
    figure = contact_sheet(index_of(), PIXELS, names, columns=2)
    assert len(figure.axes) == 2 * 20
    assert figure.get_supxlabel() == "10 more classes are not shown"
