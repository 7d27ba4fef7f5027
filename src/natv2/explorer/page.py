"""One HTML file that draws a search: text, style and scripts of `assets` around the data."""

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from types import MappingProxyType

from natv2.explorer.data import Explored

_SCRIPTS = (
    *("statistics", "format", "scales", "state", "parallel", "pointing", "labels", "marks", "scatter"),
    *(
        "controls",
        "limits",
        "architecture",
        "parts",
        "take",
        "square",
        "exits",
        "finished",
        "detail",
        "strip",
    ),
    *("second", "table", "main"),
)
"""In the order in which they need each other."""

_IN_MARKUP: Mapping[int, str] = MappingProxyType(
    {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
)


def explorer_page(data: Explored) -> str:
    """The page of `data`. Its policy allows its own style and script alone: it asks for nothing."""
    style, script = _asset("style.css"), "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = escape(data.title.encode(errors="replace").decode())  # lone surrogates are no text
    return Template(_asset("page.html")).substitute(
        policy=policy, title=title, style=style, data=embedded(data), script=script
    )


def embedded(data: Explored) -> str:
    """`data` as JSON that no markup can end: the signs that HTML knows are escapes in it."""
    values = data.model_dump(mode="json", exclude_none=True)
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(_IN_MARKUP)


@cache
def _asset(name: str) -> str:
    return files("natv2.explorer").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """How a policy names an inline style or script."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
