"""What MkDocs calls while it builds this site: macros, pages that are made, links out of docs/."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from api_reference import room_pages
from command_reference import command_line
from equations import as_mathml, inline
from jinja2 import Environment, StrictUndefined
from llms_text import llms_text
from made_text import check
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from parameter_reference import parameter_tables

ROOT = Path(__file__).parents[2]

OUTSIDE: Mapping[str, str] = MappingProxyType(
    {
        "benchmarks/README.md": "benchmarks.md",
        "CONTRIBUTING.md": "contributing.md",
        "CHANGELOG.md": "changelog.md",
    }
)
"""Pages of the site that stand elsewhere in the repository."""

MACROS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {"parameter_tables": parameter_tables, "command_line": command_line}
)
"""Pages that are made as a whole; what stands within a page is made_text's."""


@cache
def _rooms() -> Mapping[str, str]:
    return room_pages(ROOT / "src/natv2")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put a page for each room of the package into the navigation; set equations."""
    (reference,) = (each["Reference"] for each in config.nav or () if "Reference" in each)
    reference.append({"API": [{room: f"api/{room}.md"} for room in _rooms()]})
    fence = {"name": "math", "class": "math", "format": as_mathml}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and those that stand elsewhere."""
    for room, text in _rooms().items():
        files.append(File.generated(config, f"api/{room}.md", content=text))
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in the macros, whose names must be known, and let links lead to where pages are here.

    Raises ValueError where a number in the page is stale.
    """
    check(markdown, page.file.src_uri)
    source = next((each for each, name in OUTSIDE.items() if name == page.file.src_uri), None)
    if page.file.src_uri.startswith("api/"):
        return markdown
    if source is None:
        jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
        markdown = jinja.from_string(markdown).render(MACROS)
    if "```math" in markdown:
        markdown = inline(markdown)
    return _links(markdown, source or f"docs/{page.file.src_uri}")


def on_post_build(config: MkDocsConfig) -> None:
    """Write llms.txt, which tells programs that read what is where."""
    pages = dict(_pages(config.nav or []))
    (Path(config.site_dir) / "llms.txt").write_text(llms_text(ROOT, pages, OUTSIDE), encoding="utf-8")


def _links(markdown: str, source: str) -> str:
    """`markdown` of the file `source` of the repository, with links to the pages of the site."""
    folder = (ROOT / source).parent
    depth = 0 if not source.startswith("docs/") else source.count("/") - 1

    def led(match: re.Match[str]) -> str:
        target, mark, anchor = match[1].partition("#")
        place = (folder / target).resolve()
        if "://" in target or not target or not place.is_relative_to(ROOT):
            return match[0]
        inside = place.relative_to(ROOT).as_posix()
        page = OUTSIDE.get(inside, inside.removeprefix("docs/") if inside.startswith("docs/") else None)
        return match[0] if page is None else f"]({'../' * depth}{page}{mark}{anchor})"

    return re.sub(r"\]\(([^)\s]+)\)", led, markdown)


def _pages(nav: Any) -> Any:
    """Titles and files of the navigation, flat."""
    for entry in nav:
        for title, below in entry.items():
            yield from [(title, below)] if isinstance(below, str) else _pages(below)
