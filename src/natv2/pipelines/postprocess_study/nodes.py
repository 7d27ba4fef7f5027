"""Nodes of `postprocess_study`."""

from collections.abc import Iterator
from itertools import product

import pandas as pd
from plotly.graph_objects import Figure

from natv2.devices import Precision, resolve_device
from natv2.images.image_set import ImageSplits
from natv2.pipelines.postprocess.nodes import Workbench, configure
from natv2.postprocess.config import PostprocessParameters, PostprocessStudyParameters
from natv2.postprocess.report.study import study_figure, study_table
from natv2.search.config import SearchParameters
from natv2.search.report.description import architecture_of
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.recipe import find_epochs
from natv2.training.state_store import Progress


def study_postprocessing(
    chosen: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    postprocess: PostprocessParameters,
    postprocess_study: PostprocessStudyParameters,
    search: SearchParameters,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> pd.DataFrame:
    """Validation top-1 of each network before and after each way to refine it: a row each.

    Only the phase that finds the epochs is run; a network whose first exit was found has no ensemble.
    """
    bench = Workbench(narrow, wide, images, search, seed, resolve_device(device))
    rows = []
    for each in chosen.head(postprocess_study.networks).to_dict("records"):
        row = {str(name): value for name, value in each.items()}
        for way in _ways(postprocess, postprocess_study):
            plan = bench.plan("aep" if way.method == "aep" else "standard", architecture_of(row), way)
            if plan.method != way.method:
                continue
            weighting = plan.weighting if plan.method == "aep" else ""
            name = f"{row['name']}_{plan.method}{weighting}_{plan.optimizer}_{way.lr:g}"
            found = find_epochs(
                bench.network(plan),
                images=bench.images,
                config=configure(plan, way, search, seed, precision),
                progress=progress.child(name),
            )
            rows.append(
                {
                    "name": row["name"],
                    "method": plan.method,
                    "weighting": weighting,
                    "optimizer": plan.optimizer,
                    "lr": way.lr,
                    "accuracy_before": row["accuracy"],
                    "accuracy_after": found.valid_accuracy,
                    "epochs": found.epochs,
                }
            )
    return pd.DataFrame(rows)


def report_study(scores: pd.DataFrame) -> tuple[pd.DataFrame, Figure]:
    """The mean over networks of each way, the best of each method marked, and a figure of it."""
    table = study_table(scores)
    return table, study_figure(table)


def _ways(
    postprocess: PostprocessParameters, study: PostprocessStudyParameters
) -> Iterator[PostprocessParameters]:
    """Each combination, as parameters of post-processing."""
    methods = [
        ("standard", postprocess.weighting),
        *(("aep", weighting) for weighting in study.weightings),
    ]
    for (method, weighting), optimizer, lr in product(methods, study.optimizers, study.learning_rates):
        changes = {"method": method, "weighting": weighting, "optimizer": optimizer, "lr": lr}
        yield postprocess.model_copy(update=changes)
