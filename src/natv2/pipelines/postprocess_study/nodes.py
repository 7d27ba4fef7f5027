"""Nodes of `postprocess_study`."""

import pandas as pd
from plotly.graph_objects import Figure

from natv2.images.image_set import ImageSplits
from natv2.postprocess.config import PostprocessConfig, PostprocessStudyConfig
from natv2.postprocess.extract import Extraction
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
    store: StateStore,
) -> pd.DataFrame:
    """Validation top-1 of each network before and after each way to refine it: a row each."""
    extraction = Extraction(
        narrow, wide, images, calibration=search.calibration, dropout=search.dropout, run=run
    )
    batch_size = search.evaluation_batch_size
    return study_ways(chosen, extraction, postprocess, postprocess_study, batch_size, store)


def report_study(scores: pd.DataFrame) -> tuple[pd.DataFrame, Figure]:
    """The mean over networks of each way, the best of each method marked, and a figure of it."""
    table = study_table(scores)
    return table, study_figure(table)
