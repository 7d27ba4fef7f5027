"""Names that would act on a terminal or in a spreadsheet are only shown."""

import numpy as np
import pandas as pd
import pytest

from natv2.errors import UserError
from natv2.printable import printable
from natv2.reporting.spreadsheets import with_formulas, without_formulas
from natv2.reporting.tables import as_text


@pytest.mark.parametrize("name", ["a cat", "猫 🐶", "ñandú", "क्‍ष", "👩‍👧", "مي‌خواهم", "a\xa0b"])
def test_letters_of_any_language_stay(name: str) -> None:
    assert printable(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nERROR b", "a\\nERROR b"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\x9bb", "a\\x9bb"),
        ("gnp\u202etxt.exe", "gnp\\u202etxt.exe"),
        ("a\r\tb\u2028", "a\\r\\tb\\u2028"),
    ],
)
def test_what_acts_on_a_terminal_is_escaped(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert UserError(f"class {name} is wrong").format_message() == f"class {shown} is wrong"
    assert shown in as_text(pd.DataFrame({"class": [name]}))


def test_a_long_value_is_cut_and_long_prose_is_not() -> None:
    value = "one value " * 600
    said = UserError(f"row 3: a split cannot be {value!r}; allowed: train").format_message()
    assert said == f"row 3: a split cannot be '{value[:100]}...'; allowed: train"
    for message in (f"natv2's {value} network's", f"no file '{'f' * 255}'", f"a 'b' {value} 'c'"):
        assert UserError(message).format_message() == message


def test_spreadsheets_run_nothing_and_numbers_stay() -> None:
    table = pd.DataFrame(
        {
            "class": ["=1+1", "+a", "-cmd", "@x", "\t=1", "-1.5", "+3", "a=b", "", None, "'=1"],
            "value": [-1.5, np.nan, *range(9)],
            "=head": pd.Categorical(["=1", *["a"] * 10]),
        }
    )
    safe = without_formulas(table)
    texts = ["'=1+1", "'+a", "'-cmd", "'@x", "'\t=1", "-1.5", "+3", "a=b", ""]
    assert safe["class"].tolist()[:9] == texts
    assert safe["value"].equals(table["value"])
    assert safe.columns.tolist() == ["class", "value", "'=head"]
    assert safe["'=head"].tolist()[:2] == ["'=1", "a"]
    back = with_formulas(safe)
    assert back["class"].tolist()[:9] == table["class"].tolist()[:9]
    assert back.columns.tolist() == table.columns.tolist()
