"""The README's numbers, its picture and its links."""

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_numbers_in_it_and_in_the_pages_are_those_of_the_files() -> None:
    from made_text import MACROS, check, pages

    told = "".join(page.read_text(encoding="utf-8") for page in pages())
    for page in pages():
        check(page.read_text(encoding="utf-8"), page.name)
    assert {name for name in MACROS if f"<!-- made: {name}(" in told} == MACROS.keys()


def test_a_stale_number_is_refused_and_written_anew() -> None:
    from made_text import check, renewed

    page = "about <!-- made: random_gap('fashion_mnist') -->77<!-- end --> points"
    with pytest.raises(ValueError, match="has stale numbers"):
        check(page, "x.md")
    assert "77" not in renewed(page)
    check(renewed(page), "x.md")
    with pytest.raises(UndefinedError, match="random_gab"):
        renewed("<!-- made: random_gab('fashion_mnist') --><!-- end -->")


def test_it_fits_on_one_screen_and_its_links_hold() -> None:
    assert len(README.splitlines()) <= 100
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert (REPOSITORY / target).is_file(), target


def test_links_between_all_pages_hold_in_the_repository_too() -> None:
    """As where files are read without the site."""
    for page in (*(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            place = Path(target)
            assert "://" in target or (page.parent / place).is_file(), (page.name, target)


def test_its_words_are_eight() -> None:
    (words,) = re.findall(r"## Eight words\n\n.*?\n\n", README, flags=re.DOTALL)
    assert len(words.strip().splitlines()) - 4 == 8
