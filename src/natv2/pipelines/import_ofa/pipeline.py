"""`import_ofa`: from OFA's two published files to the two supernets of `source=ofa_imagenet`."""

from kedro.pipeline import Node, Pipeline

from natv2.run import Run
from natv2.shrinking.config import Training
from natv2.supernets.checkpoint import Checkpoint
from natv2.supernets.import_ofa import PublishedSupernet, as_checkpoint, say_what_is_new


def import_supernets(
    published: tuple[PublishedSupernet, PublishedSupernet], training: Training, run: Run
) -> tuple[Checkpoint, Checkpoint]:
    """Supernets of the design asked for, with all that the published ones have of it."""
    say_what_is_new(published, training.design)
    narrow, wide = (as_checkpoint(each, training.design, run.seed) for each in published)
    return narrow, wide


def create_pipeline() -> Pipeline:
    """One node: nothing is trained."""
    return Pipeline(
        [
            Node(
                import_supernets,
                inputs=["ofa_supernets", "params:training", "params:run"],
                outputs=["narrow.supernet", "wide.supernet"],
                name="import_supernets",
            )
        ]
    )
