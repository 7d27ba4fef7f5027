"""The page of the test's search, and a browser that shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from natv2.explorer.data import Explored
from natv2.explorer.gather import explored
from natv2.explorer.page import explorer_page
from tests.explorer import searches
from tests.explorer.browser import Page, browser, found_browser


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Explored:
    """All that there is of a search, finished networks with their files."""
    return explored(searches.searched(searches.finished_files(tmp_path_factory.mktemp("networks"))))


@pytest.fixture(scope="session")
def page(data: Explored) -> str:
    """Its page."""
    return explorer_page(data)


@pytest.fixture(scope="session")
def file(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page on disk."""
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_bytes(page.encode())
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser, where there is one."""
    program = found_browser()
    if program is None:
        pytest.skip("no Chromium here: NATV2_BROWSER may name one")
    with browser(program, tmp_path_factory.mktemp("profile")) as shown:
        yield shown


@pytest.fixture
def shown(chromium: Page, file: Path) -> Iterator[Page]:
    """The page in the browser, which must not have complained."""
    chromium.errors.clear()
    chromium.requests.clear()
    chromium.open(file)
    yield chromium
    assert chromium.errors == []
    assert chromium.requests == [file.absolute().as_uri()]
