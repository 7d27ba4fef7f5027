"""`images`: what is in a data set."""

from kedro.pipeline import Node, Pipeline

from natv2.pipelines.images.nodes import show_images


def create_pipeline() -> Pipeline:
    """One node; the look itself is taken when the images are loaded, in this run as in every other."""
    return Pipeline(
        [
            Node(
                show_images,
                inputs="target_images",
                outputs=[
                    "image_report",
                    "image_counts",
                    "image_counts_figure",
                    "contact_sheet",
                    "image_page",
                ],
                name="show_images",
            )
        ]
    )
