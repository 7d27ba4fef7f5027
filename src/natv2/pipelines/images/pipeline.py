"""`images`: what is in a data set."""

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline
from plotly.graph_objects import Figure

from natv2.errors import UserError
from natv2.images.image_set import ImageSplits
from natv2.images.report.figures import contact_sheet, counts_figure, counts_table
from natv2.images.report.page import images_page
from natv2.reporting.style import Image


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


def create_pipeline() -> Pipeline:
    """One node; the look itself is taken when the images are loaded, in this run as in every other."""
    outputs = ["image_report", "image_counts", "image_counts_figure", "contact_sheet", "image_page"]
    return Pipeline([Node(show_images, inputs="target_images", outputs=outputs, name="show_images")])
