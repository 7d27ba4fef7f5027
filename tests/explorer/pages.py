"""What a page of the explorer was given."""

import re
from pathlib import Path

from natv2.explorer.data import Explored


def data_of(page: str) -> Explored:
    """The data in the text of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return Explored.model_validate_json(found[1])


def data_in(file: Path) -> Explored:
    """The data in a page on disk."""
    return data_of(file.read_text(encoding="utf-8"))
