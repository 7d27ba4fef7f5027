"""The site of the documentation: it builds, asks nobody for anything, and says what the package says."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from jinja2 import UndefinedError

from natv2.runs.checking import flattened
from tests.conftest import REPOSITORY
from tests.explorer.browser import Page

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "image": "href"}
NO_PAGE = ("404.html",)


class _Loads(HTMLParser):
    """What a page loads by itself, and what it says."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.classes: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        self.classes |= set((about.get("class") or "").split())
        if tag in LOADED and about.get("rel") not in ("prev", "next"):
            self.found.append(about.get(LOADED[tag]) or "")


def pages(site: Path) -> Iterator[Path]:
    return site.rglob("*.html")


def test_nothing_is_loaded_from_elsewhere_and_what_is_loaded_is_there(site: Path) -> None:
    for page in pages(site):
        read = _Loads(page)
        for place in read.found:
            assert not re.match(r"(\w+:)?//", place), (page, place)
            if place and not place.startswith("data:") and page.name not in NO_PAGE:
                assert (page.parent / place.partition("#")[0].partition("?")[0]).exists(), (page, place)
        assert "mermaid" not in read.classes  # for which the theme fetches a library
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", style.read_text(encoding="utf-8")), style


def test_headings_are_levels_of_one_title(site: Path) -> None:
    """Else the table of contents beside a page leaves out what stands below a second title."""
    for page in pages(site):
        levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", page.read_text(encoding="utf-8"))]
        assert levels[0] == 1 and levels.count(1) == 1, page
        assert all(after <= before + 1 for before, after in pairwise(levels)), page


def test_an_equation_is_seen_whole_without_a_scrollbar(site: Path, chromium: Page) -> None:
    chromium.open(site / "equations.html")
    hidden = "[e.offsetWidth - e.clientWidth, e.scrollHeight - e.clientHeight]"
    scrolled = chromium.run(f"[...document.querySelectorAll('.math')].map((e) => {hidden})")
    assert len(scrolled) > 5 and all(pair == [0, 0] for pair in scrolled)


def test_every_parameter_has_its_type_its_default_and_its_meaning(site: Path) -> None:
    from parameter_reference import parameters

    from natv2.runs.asked import AskedParameters
    from natv2.settings import CONFIG_LOADER_ARGS

    checked = AskedParameters(REPOSITORY / "conf", "base", CONFIG_LOADER_ARGS).checked({})
    known = flattened(checked.model_dump(mode="json"))
    told = {each.name: each for each in parameters()}
    assert told.keys() == known.keys()
    assert [each for each in told.values() if not (each.type and each.default and each.meaning)] == []
    assert told["eps.phases.kernel.lr"][1:] == (
        "number",
        "0.03",
        "learning rate, the highest",
        "Table 5.2, KS",
    )
    assert told["search.turns"].source == "the thesis's experiments"
    page = (site / "parameters.html").read_text(encoding="utf-8")
    assert all(f"<code>{name}</code>" in page for name in known)


def test_comments_are_those_of_their_own_value() -> None:
    from yaml_comments import comments_of

    text = "a: 1 # one\nb: # block\n  c: x # first\n  # second\n  d: {e: 1} # flow\nf: '# none'\ng: 2\n"
    assert comments_of(text) == {
        "a": "one",
        "b": "block",
        "b.c": "first second",
        "b.d": "flow",
        "b.d.e": "flow",
    }


def test_every_command_and_option_is_told(site: Path) -> None:
    from command_reference import command_line

    from natv2.cli import cli

    text = command_line()
    assert re.findall(r"^## natv2 (.+)$", text, flags=re.MULTILINE) == sorted(cli.commands)
    for command in cli.commands.values():
        for option in command.params:
            assert all(opt in text for opt in option.opts if opt.startswith("-")), option.opts
    assert 'id="natv2-sweep"' in (site / "command_line.html").read_text(encoding="utf-8")


def test_the_api_has_the_docstrings(site: Path) -> None:
    from natv2.finished_network import load_network

    page = (site / "api/finished_network.html").read_text(encoding="utf-8")
    assert "load_network" in page
    assert (load_network.__doc__ or "").splitlines()[0].split("`")[0] in page
    rooms = {path.stem for path in (REPOSITORY / "src/natv2").iterdir() if path.stem[0] != "_"}
    assert {path.stem for path in (site / "api").glob("*.html")} == rooms


def test_llms_txt_names_every_page(site: Path) -> None:
    text = (site / "llms.txt").read_text(encoding="utf-8")
    named = re.findall(r"\]\(([^)]+)\)", text)
    assert {site / name for name in named} == set(pages(site)) - {site / name for name in NO_PAGE}
    assert text.startswith("# NATv2\n\n> ")


def test_numbers_of_tables_are_those_of_the_files(site: Path) -> None:
    """By hand from the rows, beside the page's own way."""
    rows = (
        pd.read_csv(REPOSITORY / "docs/evidence/networks.csv")
        .query("seed == 0 and set == 'fashion_mnist'")
        .set_index("name")
    )
    page = (site / "results.html").read_text(encoding="utf-8")
    found, plain = rows.loc["network_02"], rows.loc["mobilenet_v3_small_050"]
    for text in (f"81.9 → {100 * found['test']:.1f}", f"MobileNetV3-Small 0.5: {100 * plain['test']:.1f}"):
        assert text in page
    assert f"{100 * (found['test'] - plain['test']):.1f} (2.3 to 3.5)" in page
    assert "{{" not in page


def test_a_macro_that_is_not_known_or_a_stale_number_fails_the_build() -> None:
    import build_site

    page = type("Page", (), {"file": type("File", (), {"src_uri": "x.md"})})
    assert "natv2 clean" in build_site.on_page_markdown("{{ command_line() }}", page, None, None)
    with pytest.raises(UndefinedError, match="command_lime"):
        build_site.on_page_markdown("{{ command_lime() }}", page, None, None)
    with pytest.raises(ValueError, match="has stale numbers"):
        build_site.on_page_markdown(
            "<!-- made: random_gap('fashion_mnist') -->7<!-- end -->", page, None, None
        )


def test_links_lead_to_where_pages_are_in_the_site() -> None:
    from build_site import _links

    links: Mapping[str, tuple[str, str]] = {
        "[a](../benchmarks/README.md#x)": ("docs/results.md", "[a](benchmarks.md#x)"),
        "[a](../../CONTRIBUTING.md)": ("docs/recipes/a.md", "[a](../contributing.md)"),
        "[a](docs/aep.md)": ("CONTRIBUTING.md", "[a](aep.md)"),
        "[a](https://b.c/d.md)": ("docs/a.md", "[a](https://b.c/d.md)"),
    }
    for link, (source, expected) in links.items():
        assert _links(link, source) == expected


@pytest.mark.parametrize("name", ["front", "phases", "elastic"])
def test_a_figure_is_drawn_from_the_data_as_they_are_now(name: str) -> None:
    from draw_figures import DRAWN, FIGURES

    draw, digest = DRAWN[name]
    assert f">{digest()}<" in (FIGURES / f"{name}.svg").read_text(encoding="utf-8")
    assert draw().axes


def test_names_in_the_front_touch_no_mark_no_axis_and_no_other_name() -> None:
    from draw_figures import front

    (figure := front()).draw_without_rendering()
    (axes,) = figure.axes
    names = [text.get_window_extent() for text in axes.texts]
    assert len(names) >= 5
    marks = [
        axes.transData.transform(place) for line in axes.lines for place in zip(*line.get_data(), strict=True)
    ]
    for number, box in enumerate(names):
        assert axes.get_window_extent().padded(-1).contains(*box.min), number
        assert axes.get_window_extent().padded(-1).contains(*box.max), number
        assert not any(box.padded(4).contains(*mark) for mark in marks), number
        assert not any(box.overlaps(other) for other in names[:number]), number


def test_every_page_of_the_folder_is_in_the_navigation() -> None:

    text = (REPOSITORY / "mkdocs.yml").read_text()
    for page in (REPOSITORY / "docs").rglob("*.md"):
        assert f": {page.relative_to(REPOSITORY / 'docs').as_posix()}\n" in text, page
