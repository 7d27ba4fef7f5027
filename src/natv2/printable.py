"""Names as terminals and logs may show them: nothing in them is a command."""

import unicodedata

_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}  # also escape sequences of terminals, newlines, halves of characters
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # of direction


def printable(text: str) -> str:
    """`text` in one line; what would act on a terminal is escaped, letters of any language stay."""
    if text.isprintable():
        return text
    return "".join(_escape(letter) for letter in text)


def _escape(letter: str) -> str:
    acts = letter in _TURNS or unicodedata.category(letter) in _CONTROLS
    return letter.encode("unicode_escape").decode() if acts else letter
