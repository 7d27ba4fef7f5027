"""`export`: finished and plain networks as files for other programs, each with its certificate."""

import pandas as pd
from kedro.pipeline import Node, Pipeline
from plotly.graph_objects import Figure

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.plain import own_builds, rebuilt
from natv2.export.config import ExportConfig
from natv2.export.formats import ExportedFiles
from natv2.export.report.figure import exports_figure
from natv2.export.report.order import order_sentence
from natv2.export.report.shown import refuse_failed
from natv2.finished_network import StoredNetworks
from natv2.images.image_set import ImageSplits


def export_finished(
    finished: StoredNetworks,
    plain: StoredNetworks,
    images: ImageSplits,
    baselines: BaselinesConfig,
    export: ExportConfig,
) -> tuple[ExportedFiles, pd.DataFrame, Figure, str]:
    """Every finished and every plain network in every format."""
    from natv2.export.networks import export_networks  # loads the extra `export`

    builds = own_builds(baselines)
    networks = {name: rebuilt(stored, builds) for name, stored in {**plain, **finished}.items()}
    files, table = export_networks(networks, images, export)
    return files, table, exports_figure(table), order_sentence(table)


def create_pipeline() -> Pipeline:
    """Export, and end with an error where a file is not its network: what holds is kept by then."""
    networks = ["finished_networks", "finished_plain_networks"]
    inputs = [*networks, "target_images", "params:baselines", "params:export"]
    outputs = ["exports", "export_table", "export_figure", "export_order"]
    return Pipeline(
        [
            Node(export_finished, inputs=inputs, outputs=outputs, name="export_finished"),
            Node(refuse_failed, inputs="export_table", outputs=None, name="refuse_failed_exports"),
        ]
    )
