"""Text that pages have from files: it stands in them between two marks, and is as the files say.

    python docs/hooks/made_text.py

writes it anew into every page that has such marks; the build of the site and the tests refuse what is stale.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from evidence_tables import MACROS as NETWORKS
from exit_tables import EXIT_MACROS
from jinja2 import Environment, StrictUndefined

ROOT = Path(__file__).parents[2]
MACROS = {**NETWORKS, **EXIT_MACROS}
"""What pages may ask for."""

_MADE = re.compile(r"<!-- made: (?P<what>.+?) -->(?P<text>.*?)<!-- end -->", flags=re.DOTALL)


def renewed(page: str) -> str:
    """`page` with everything between such marks made anew; a table has lines of its own."""

    def made(match: re.Match[str]) -> str:
        expression = Environment(undefined=StrictUndefined).compile_expression(
            match["what"], undefined_to_none=False
        )
        text = str(expression(MACROS))
        around = "\n" if "|" in text else ""
        return f"<!-- made: {match['what']} -->{around}{text}{around}<!-- end -->"

    return _MADE.sub(made, page)


def check(page: str, name: str) -> None:
    """Raise ValueError where what is made in `page` is not what the files say now."""
    if page != renewed(page):
        raise ValueError(f"{name} has stale numbers; python docs/hooks/made_text.py writes them anew")


def pages() -> Iterator[Path]:
    """Every page of the repository that may have such text."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def main() -> None:
    """Write anew what is stale, and say where."""
    for file in pages():
        page = file.read_text(encoding="utf-8")
        if page != renewed(page):
            file.write_text(renewed(page), encoding="utf-8")
            print(f"written anew: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
