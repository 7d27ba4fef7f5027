"""The site, built once, as `mkdocs build --strict` builds it."""

import logging
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.explorer.conftest import chromium
from tests.pipelines.conftest import journey
from tests.sharing import shared_folder

__all__ = ["chromium", "journey"]

for place in (str(REPOSITORY / "docs/hooks"), str(REPOSITORY)):
    if place not in sys.path:
        sys.path.append(place)  # what the site is made by, and the benchmarks that draw its figures


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder. A warning, such as a link to nothing, fails."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    def make(folder: Path) -> None:
        logging.getLogger("mkdocs").setLevel(logging.WARNING)
        build(load_config(str(REPOSITORY / "mkdocs.yml"), strict=True, site_dir=str(folder)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        return shared_folder(tmp_path_factory, "site", make)
