"""Predictions as a table on the terminal, as CSV and as JSON."""

import csv
import io
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
    """path, class, probability; with several classes an image also class_1, probability_1, class_2, ..."""
    most = max(len(prediction.ranked) for _, _, prediction in rows)
    ranks = range(1, most + 1) if most > 1 else range(0)
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    ranked = [name for n in ranks for name in (f"class_{n}", f"probability_{n}")]
    writer.writerow(["path", "class", "probability", *ranked])
    for path, said, prediction in rows:
        each = [value for pair in prediction.ranked for value in pair] if ranked else []
        writer.writerow([path, said, f"{prediction.probability:.6g}", *map(_short, each)])
    return output.getvalue()


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


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
