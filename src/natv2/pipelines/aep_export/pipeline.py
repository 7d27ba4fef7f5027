"""`aep_export`: pruned and early-stopping networks as files for other programs, with their certificates."""

import pandas as pd
from kedro.pipeline import Node, Pipeline
from plotly.graph_objects import Figure

from natv2.aep.classifier import MultiExitClassifier
from natv2.aep.config import AepTraining
from natv2.export.config import ExportConfig
from natv2.export.formats import ExportedFiles
from natv2.export.report.figure import exports_figure
from natv2.export.report.shown import refuse_failed
from natv2.finished_network import StoredNetworks
from natv2.images.image_set import ImageSplits
from natv2.own_network import imported

_WHOLE = ("baseline", "ensemble")
"""What the others are compared with and made of."""


def export_multi_exit(
    finished: StoredNetworks,
    images: ImageSplits,
    training: AepTraining,
    export: ExportConfig,
) -> tuple[ExportedFiles, pd.DataFrame, Figure]:
    """What the network was cut to, and what stops early, in every format that can hold it."""
    from natv2.export.networks import export_networks  # loads the extra `export`

    # A network of a person's own is the one that this run's parameters name, not one that a file does.
    build = imported(training.network) if ":" in training.network else None
    networks = {
        name: MultiExitClassifier.build(each, build) for name, each in finished.items() if name not in _WHOLE
    }
    files, table = export_networks(networks, images, export)
    return files, table, exports_figure(table)


def create_pipeline() -> Pipeline:
    """Export, and end with an error where a file is not its network: what holds is kept by then."""
    inputs = ["aep_finished", "aep_images", "params:aep_training", "params:export"]
    outputs = ["aep_exports", "aep_export_table", "aep_export_figure"]
    return Pipeline(
        [
            Node(export_multi_exit, inputs=inputs, outputs=outputs, name="export_multi_exit"),
            Node(refuse_failed, inputs="aep_export_table", outputs=None, name="refuse_failed_aep_exports"),
        ]
    )
