"""One file that is safe to open: names cannot become markup, nothing comes from outside."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from natv2.explorer.data import Explored, Network
from natv2.explorer.gather import explored
from natv2.explorer.page import embedded, explorer_page
from tests.explorer import searches
from tests.explorer.pages import data_of


class Parsed(HTMLParser):
    """The elements of a page, and the texts of its scripts and styles, as HTML reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.tags[-1][0] if self.tags else "", data))


def test_it_is_small_and_whole(page):
    assert len(page.encode()) < 1_500_000
    parsed = Parsed(page)
    assert [tag for tag, _ in parsed.tags if tag in ("script", "style", "link", "img", "iframe")] == [
        *("style", "script", "script")
    ]
    named = {name for _, attributes in parsed.tags for name in attributes}
    assert not named & {"src", "href", "srcset", "style"} and not [
        name for name in named if name.startswith("on")
    ]


def test_names_that_mean_harm_are_text(page):
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    assert not set("<>&\u2028\u2029") & set(data)
    read = data_of(page)
    assert read.images.classes == searches.HOSTILE
    assert searches.HOSTILE[1] in [network.name for network in read.networks]
    titles = [text for tag, text in Parsed(page).texts if tag == "title" and text.strip()]
    assert titles == [read.title] and searches.HOSTILE[0] in read.title


@settings(deadline=None)
@given(st.text())
def test_any_name_comes_back_as_it_was(name):
    data = Explored(
        title=name,
        search={name: name},
        measures=(),
        axes=("macs", "accuracy"),
        networks=(Network(kind="plain", name=name, values={}),),
    )
    text = embedded(data)
    assert not set("<>&\u2028\u2029") & set(text)
    assert Explored.model_validate(json.loads(text)) == data


def test_its_policy_allows_its_own_script_and_style_alone(page):
    (policy,) = [
        tag["content"]
        for name, tag in Parsed(page).tags
        if tag.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy

    def hashed(pattern: str) -> str:
        text = re.search(pattern, page, re.DOTALL)[1]
        return b64encode(sha256(text.encode()).digest()).decode()

    assert f"style-src 'sha256-{hashed('<style>(.*?)</style>')}'" in policy
    assert f"script-src 'sha256-{hashed('<script>(.*?)</script>')}'" in policy


def test_scripts_make_no_markup_of_texts():
    from natv2.explorer.page import _SCRIPTS, _asset

    for name in _SCRIPTS:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|fetch\(|XMLHttp",
            _asset(f"{name}.js"),
        )


def test_the_largest_archive_stays_below_the_size(tmp_path):
    import pandas as pd

    from natv2.explorer.gather import MOST

    archive = searches.tables()["archive"]
    long = pd.concat([archive] * (1 + MOST // len(archive)), ignore_index=True)
    tables = {**searches.tables(), "archive": long}
    assert len(explorer_page(explored(searches.searched(tables=tables))).encode()) < 1_500_000
