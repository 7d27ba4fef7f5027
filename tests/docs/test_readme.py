"""The README's numbers, its picture and its links."""

import re
from pathlib import Path

from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_its_table_and_its_gap_are_those_of_the_files() -> None:
    from evidence_tables import random_gap, short_table

    assert short_table("fashion_mnist") in README
    assert f"come within {random_gap('fashion_mnist')} points on average" in README


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
