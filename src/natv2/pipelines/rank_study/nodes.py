"""Nodes of `rank_study`."""

import pandas as pd
from plotly.graph_objects import Figure

from natv2.images.image_set import ImageSplits
from natv2.objectives.metric import Metric
from natv2.postprocess.config import PostprocessConfig, RankStudyConfig
from natv2.postprocess.extract import Extraction
from natv2.postprocess.rank import finish_for_rank, networks_at_budgets, rank_table
from natv2.postprocess.report.rank import rank_figure
from natv2.run import Run
from natv2.search.config import SearchConfig
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.state_store import StateStore


def study_rank(
    archive: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    postprocess: PostprocessConfig,
    rank_study: RankStudyConfig,
    search: SearchConfig,
    run: Run,
    store: StateStore,
    metric: Metric = "top1",
) -> pd.DataFrame:
    """Networks of the archive around some budgets of MACs, with what finishing by each seed made of them."""
    extraction = Extraction(
        narrow, wide, images, calibration=search.calibration, dropout=search.dropout, run=run, metric=metric
    )
    size = max(search.at(images.sizes).resolutions or ())
    finishing = extraction.finishing(postprocess.full, size, search.evaluation_batch_size, store)
    whole = postprocess.model_copy(update={"recipe": "full", "refit": False})
    chosen = networks_at_budgets(archive, rank_study)
    return finish_for_rank(chosen, extraction, finishing, whole, rank_study.seeds, store)


def report_rank(scores: pd.DataFrame) -> tuple[pd.DataFrame, Figure]:
    """Kendall's tau beside its ceiling, and a figure of each network before and after."""
    return rank_table(scores), rank_figure(scores)
