"""Predictions as a table on the terminal, as CSV and as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from natv2.prediction import Prediction
from natv2.printable import printable

Row = tuple[Path, str, Prediction]
"""An image, the class that is said of it (or that it is unsure), and the likeliest classes."""


def as_lines(rows: Sequence[Row]) -> str:
    """For a terminal: class, probability in percent, further classes, path."""
    width = max(len(printable(said)) for _, said, _ in rows)
    lines = []
    for path, said, prediction in rows:
        others = ", ".join(f"{printable(name)} {100 * p:.1f}" for name, p in prediction.ranked[1:])
        text = f"{printable(said):{width}}  {100 * prediction.probability:5.1f} %  {printable(str(path))}"
        lines.append(f"{text}  ({others})" if others else text)
    return "\n".join(lines)


def as_csv(rows: Sequence[Row]) -> str:
    """path, class, probability; with several classes an image also class_1, probability_1, class_2, ...

    No spreadsheet takes a text of it for a formula.
    """
    import pandas as pd

    from natv2.reporting.spreadsheets import without_formulas

    found: list[dict[str, str | float]] = []
    for path, said, prediction in rows:
        row: dict[str, str | float] = {"path": printable(str(path)), "class": printable(said)}
        row["probability"] = prediction.probability
        if len(prediction.ranked) > 1:
            for number, (name, probability) in enumerate(prediction.ranked, start=1):
                row |= {f"class_{number}": printable(name), f"probability_{number}": probability}
        found.append(row)
    return without_formulas(pd.DataFrame(found)).to_csv(index=False, float_format="%.6g")


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects: path, class, probability, ranked."""
    found = [
        {
            "path": str(path),
            "class": said,
            "probability": prediction.probability,
            "ranked": [{"class": name, "probability": value} for name, value in prediction.ranked],
        }
        for path, said, prediction in rows
    ]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
