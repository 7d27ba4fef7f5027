"""Equations as MathML, which browsers draw by themselves: no script, no font, no network."""

import re
from typing import Any

from latex2mathml.converter import convert

_INLINE = re.compile(r"(?<![\w$`])\$([^$`\n]+)\$(?![\w$])")


def as_mathml(source: str, language: str, css_class: str, options: Any, md: Any, **kwargs: Any) -> str:
    """The equation of a fence ```math, for pymdownx.superfences."""
    return f'<div class="{css_class}">{convert(source.strip(), display="block")}</div>'


def inline(markdown: str) -> str:
    """`markdown` with what stands between single dollars set as MathML."""
    return _INLINE.sub(lambda match: convert(match[1]), markdown)
