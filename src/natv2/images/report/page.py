"""The look at a data set as one HTML page with pictures, which needs nothing beside itself."""

import base64
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from io import BytesIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from natv2.images.look import ImageReport, Named, Pairs
from natv2.images.report.figures import examples
from natv2.reporting.style import BLUE, SPLIT_COLOURS

_MOST_CLASSES = 200  # with pictures; all are in the table
_MOST_PAIRS = 30
_TINY = 32
_SIDE = 96  # pixels of a picture's longer side on the page


def images_page(
    report: ImageReport, index: pd.DataFrame, pixels: NDArray[np.uint8], per_class: int = 10
) -> str:
    """The page: what is odd first, then counts, sizes, modes, and examples of each class.

    `pixels` are uint8 (N, H, W, 3); `index` has a row for each with its name, label and split.
    """
    parts = [
        f"<h1>{escape(report.name)}</h1><p class=lead>{escape(report.title)}</p>",
        _facts(report),
        _warnings(report),
        _pairs("The same image in two classes", report.contradictions, pixels),
        _pairs("The same image in two splits", report.duplicates, pixels),
        _pairs("Nearly the same image in two splits", report.near_duplicates, pixels),
        _list("Left out: could not be read", [f"{name}: {reason}" for name, reason in report.unreadable]),
        _classes(report),
        _histogram("Sizes as they came (width x height)", report.sizes),
        _histogram("Modes as they came", report.modes),
        _examples(report, index, pixels, per_class),
    ]
    style = files("natv2.images.report").joinpath("page.css").read_text(encoding="utf-8")
    head = f'<meta charset="utf-8"><title>{escape(report.name)}</title><style>{style}</style>'
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _facts(report: ImageReport) -> str:
    colour = [
        f"{100 * mean:.1f} ± {100 * std:.1f}" for mean, std in zip(report.mean, report.std, strict=True)
    ]
    facts = {
        "classes": f"{len(report.counts):,}",
        "training images": f"{report.total('train'):,}",
        "validation images": f"{report.total('valid'):,}",
        "test images": f"{report.total('test'):,}",
        "kept at": report.stored_size,
        "as they came, median": f"{report.width[1]:,} x {report.height[1]:,}",
        "red, green, blue (%)": " / ".join(colour),
    }
    cells = "".join(f"<div class=fact><b>{escape(value)}</b>{name}</div>" for name, value in facts.items())
    return f"<div class=facts>{cells}</div>"


def _warnings(report: ImageReport) -> str:
    warnings = "".join(f"<div class=warning>{escape(text)}</div>" for text in report.warnings())
    return f"<h2>What is odd</h2>{warnings or '<div class=fine>Nothing was found.</div>'}"


def _classes(report: ImageReport) -> str:
    most = max(sum(counts.values()) for counts in report.counts.values())
    rows = []
    for name, counts in report.counts.items():
        bars = "".join(
            f'<span class=bar style="width:{100 * counts[split] / most:.2f}%;background:{colour}"></span>'
            for split, colour in SPLIT_COLOURS.items()
        )
        cells = "".join(f"<td>{counts[split]:,}</td>" for split in SPLIT_COLOURS)
        rows.append(f"<tr><td>{escape(name)}</td>{cells}<td class=bars>{bars}</td></tr>")
    heads = "".join(f'<th style="color:{colour}">{split}</th>' for split, colour in SPLIT_COLOURS.items())
    return (
        f"<h2>Images of each class</h2><table><tr><th>class</th>{heads}<th></th></tr>{''.join(rows)}</table>"
    )


def _histogram(title: str, counts: Mapping[str, int]) -> str:
    most = max(counts.values(), default=1)
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{count:,}</td><td class=bars>"
        f'<span class=bar style="width:{100 * count / most:.2f}%;background:{BLUE}"></span></td></tr>'
        for name, count in counts.items()
    )
    return f"<h2>{title}</h2><table>{rows}</table>"


def _examples(report: ImageReport, index: pd.DataFrame, pixels: NDArray[np.uint8], per_class: int) -> str:
    rows = []
    for label, name in enumerate(list(report.counts)[:_MOST_CLASSES]):
        pictures = _pictures(pixels, examples(index, label, per_class))
        rows.append(f"<div class=class><div class=name>{escape(name)}</div>{pictures}</div>")
    more = len(report.counts) - len(rows)
    rest = f"<p>{more:,} more classes are not shown.</p>" if more > 0 else ""
    return f"<h2>Training images</h2>{''.join(rows)}{rest}"


def _pairs(title: str, pairs: Pairs, pixels: NDArray[np.uint8]) -> str:
    if not pairs.count:
        return ""
    shown = [
        f"<div class=pair>{_pictures(pixels, [one.row, other.row])}<br>{_label(one)}<br>{_label(other)}</div>"
        for one, other in pairs.listed[:_MOST_PAIRS]
    ]
    count = f"{'' if pairs.all_found else 'at least '}{pairs.count:,}"
    return f"<h2>{title}: {count}</h2>{''.join(shown)}"


def _label(image: Named) -> str:
    return f"{escape(image.name)} ({escape(image.label)}, {image.split})"


def _list(title: str, lines: list[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>{title}: {len(lines):,}</h2><ul>{items}</ul>" if lines else ""


def _pictures(pixels: NDArray[np.uint8], rows: Iterable[int]) -> str:
    return "".join(_picture(pixels[row]) for row in rows)


def _picture(pixels: NDArray[np.uint8]) -> str:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((_SIDE, _SIDE))
    content = BytesIO()
    # Tiny pictures are shown enlarged, and JPEG's blocks with them; a page of large PNGs takes megabytes.
    kind = "png" if max(image.size) <= _TINY else "jpeg"
    image.save(content, kind, quality=90)
    text = base64.b64encode(content.getvalue()).decode()
    scale = max(1, 64 // max(image.size))
    size = f"width={image.width * scale} height={image.height * scale}"
    return f'<img {size} alt="" src="data:image/{kind};base64,{text}">'
