"""The look at a data set as one HTML page with pictures, which needs nothing beside itself."""

import base64
from importlib.resources import files
from io import BytesIO

import numpy as np
import pandas as pd
from jinja2 import Environment
from numpy.typing import NDArray
from PIL import Image

from natv2.images.look import ImageReport
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
    here = files("natv2.images.report")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(here.joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        report=report,
        style=here.joinpath("page.css").read_text(encoding="utf-8"),
        facts=_facts(report),
        colours=SPLIT_COLOURS,
        blue=BLUE,
        most=max(sum(counts.values()) for counts in report.counts.values()),
        most_pairs=_MOST_PAIRS,
        shown=list(report.counts)[:_MOST_CLASSES],
        examples=lambda label: examples(index, label, per_class),
        picture=lambda row: _picture(pixels[row]),
    )


def _facts(report: ImageReport) -> dict[str, str]:
    colour = [
        f"{100 * mean:.1f} ± {100 * std:.1f}" for mean, std in zip(report.mean, report.std, strict=True)
    ]
    return {
        "classes": f"{len(report.counts):,}",
        "training images": f"{report.total('train'):,}",
        "validation images": f"{report.total('valid'):,}",
        "test images": f"{report.total('test'):,}",
        "kept at": report.stored_size,
        "as they came, median": f"{report.width[1]:,} x {report.height[1]:,}",
        "red, green, blue (%)": " / ".join(colour),
    }


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
