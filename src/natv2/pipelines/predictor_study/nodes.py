"""Nodes of `predictor_study`: samples, scores, their report."""

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure

from natv2.images.image_set import ImageSplits
from natv2.objectives.metric import Metric, said
from natv2.objectives.titles import metrics_of, of_metric
from natv2.run import Run
from natv2.search.adaptation.start import common_space, target_supernets
from natv2.search.config import PredictorStudyConfig, SearchConfig
from natv2.search.predictors.samples import true_samples
from natv2.search.predictors.study import studied_predictors, study_predictors
from natv2.search.report.predictor_study import (
    encoding_lines,
    newest_scores,
    scores_table,
    size_lines,
    supernets_bars,
    warn_of_weak_predictors,
)
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.state_store import StateStore


def evaluate_samples(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    predictor_study: PredictorStudyConfig,
    search: SearchConfig,
    run: Run,
    store: StateStore,
    metric: Metric = "top1",
) -> pd.DataFrame:
    """Random architectures of the adapted supernets with their true validation accuracy: v00, ...."""
    untaught = search.of_one_exit.model_copy(update={"kd_ratio": 0.0})
    supernets = target_supernets(narrow, wide, images, untaught, run)
    return true_samples(supernets, predictor_study.samples, store, metric)


def score_predictors(
    samples: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    predictor_study: PredictorStudyConfig,
    search: SearchConfig,
    run: Run,
    store: StateStore,
) -> pd.DataFrame:
    """Every predictor, encoding, size and repetition, on samples that were evaluated before."""
    space = common_space(narrow, wide, search.at(images.sizes).of_one_exit)
    scores = study_predictors(
        studied_predictors(predictor_study, search.folds),
        space,
        samples.drop(columns=["accuracy", "metric"], errors="ignore").to_numpy(np.int64),
        1 - samples["accuracy"].to_numpy(),
        predictor_study,
        run.seed,
        store,
    )
    (metric,) = metrics_of(samples)
    return scores.assign(supernet=space.design.label, dataset=images.name, **said(metric))


def report_predictors(
    scores: pd.DataFrame, every: pd.DataFrame, predictor_study: PredictorStudyConfig
) -> tuple[pd.DataFrame, Figure, Figure, Figure]:
    """The table of all supernets studied on the data set by the same metric, and Figures 6.3 to 6.5.

    Of each supernet the newest scores count.
    """
    supernet, dataset = scores["supernet"].iloc[0], scores["dataset"].iloc[0]
    table = scores_table(newest_scores(of_metric(every, scores), dataset))
    warn_of_weak_predictors(table)
    return (
        table,
        supernets_bars(table),
        size_lines(table, supernet),
        encoding_lines(table, supernet, predictor_study.shown),
    )
