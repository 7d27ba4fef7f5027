"""Nodes of `images`: the look at a data set as JSON, table, figures and page."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure as Image
from plotly.graph_objects import Figure

from natv2.errors import UserError
from natv2.images.image_set import ImageSplits
from natv2.images.report.figures import contact_sheet, counts_figure, counts_table
from natv2.images.report.page import images_page


def show_images(images: ImageSplits) -> tuple[dict[str, Any], pd.DataFrame, Figure, Image, str]:
    """What was found when the images were loaded: the report, counts and their figure, examples, the page."""
    if images.report is None or images.index is None:
        raise UserError(f"{images.name} came without the look at its images")
    pixels = images.train.pool.permute(0, 2, 3, 1).numpy()
    report, index = images.report, images.index
    return (
        report.model_dump(mode="json"),
        counts_table(report),
        counts_figure(report),
        contact_sheet(index, pixels, images.class_names),
        images_page(report, index, pixels),
    )
