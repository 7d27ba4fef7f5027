"""Nodes of `postprocess_study`."""

from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from natv2.images.image_set import ImageSplits
from natv2.objectives.metric import Metric, named_objectives
from natv2.objectives.titles import of_metric
from natv2.postprocess.config import PostprocessConfig, PostprocessStudyConfig
from natv2.postprocess.extract import Extraction
from natv2.postprocess.report.best_ways import SEARCH, best_ways_figure, newest_studies
from natv2.postprocess.report.study import study_figure, study_table
from natv2.postprocess.study import study_ways
from natv2.run import Run
from natv2.search.config import SearchConfig
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.state_store import StateStore


def study_postprocessing(
    chosen: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    postprocess: PostprocessConfig,
    postprocess_study: PostprocessStudyConfig,
    search: SearchConfig,
    run: Run,
    summary: dict[str, Any],
    store: StateStore,
    metric: Metric = "top1",
) -> pd.DataFrame:
    """Validation accuracy of each network before and after each way to refine it: a row each.

    With what `summary` says of the search that found the networks.
    """
    extraction = Extraction(
        narrow, wide, images, calibration=search.calibration, dropout=search.dropout, run=run, metric=metric
    )
    batch_size = search.evaluation_batch_size
    scores = study_ways(chosen, extraction, postprocess, postprocess_study, batch_size, store)
    told = {name: summary[name] for name in SEARCH}
    return scores.assign(**{**told, "objectives": "+".join(named_objectives(summary))})


def report_study(scores: pd.DataFrame, every: pd.DataFrame) -> tuple[pd.DataFrame, Figure, Figure]:
    """Of all searches studied on the data set: the mean over networks of each way, its figure, Figure 6.6.

    Those by another metric are left out. `every` has the scores of all runs; of each search its newest count.
    """
    studied = newest_studies(of_metric(every, scores), scores["dataset"].iloc[0])
    table = study_table(studied)
    return table, study_figure(table), best_ways_figure(studied)
