"""Nodes of `predictor_study`: samples, scores, their report."""

import logging
from functools import partial

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure

from natv2.devices import Precision, resolve_device
from natv2.images.image_set import ImageSplits
from natv2.pipelines.natv2_search.configuration import configure_adaptation
from natv2.pipelines.natv2_search.nodes import adapted_family, search_space
from natv2.randomness import numpy_generator
from natv2.search.adaptation.subnets import AdaptableFamily
from natv2.search.config import SearchParameters
from natv2.search.predictors.study import StudyConfig, study_predictors
from natv2.search.predictors.study_config import PredictorStudyParameters
from natv2.search.predictors.table import PREDICTORS, is_installed
from natv2.search.report.predictor_study import (
    encoding_lines,
    scores_table,
    size_lines,
    supernets_bars,
    weak_predictors,
)
from natv2.spaces.space import Codes
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.state_store import Progress, State

logger = logging.getLogger("natv2")

_PART = 100  # architectures evaluated between two saves: fewer would share less


def evaluate_samples(
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    predictor_study: PredictorStudyParameters,
    search: SearchParameters,
    seed: int,
    device: str,
    precision: Precision,
    progress: Progress,
) -> pd.DataFrame:
    """Random architectures of the adapted supernets with their true validation top-1: v00, ..., accuracy."""
    target = resolve_device(device)
    search, images = search.at(images.sizes), images.to(target)
    space = search_space(narrow, wide, search)
    subnets = AdaptableFamily(
        adapted_family(narrow, wide, search, target),
        space,
        images,
        configure_adaptation(search.model_copy(update={"kd_ratio": 0.0}), seed, precision),
        epochs=0,
        evaluation_batch_size=search.evaluation_batch_size,
        progress=progress,
    )
    drawn = space.sample_architectures(3 * predictor_study.samples, numpy_generator(seed, "predictor study"))
    codes = drawn[np.sort(np.unique(drawn, axis=0, return_index=True)[1])][: predictor_study.samples]

    def evaluated(part: Codes, start: int) -> State:
        accuracies = subnets.accuracies(part, f"samples {start + 1} to {start + len(part)}")
        return State(values={"accuracy": accuracies.tolist()})

    accuracy: list[float] = []
    for start in range(0, len(codes), _PART):
        compute = partial(evaluated, codes[start : start + _PART], start)
        accuracy += progress.remembered(f"samples_{start}", compute).values["accuracy"]
    names = [f"v{number:02}" for number in range(space.variables)]
    return pd.DataFrame(codes, columns=names).assign(accuracy=accuracy)


def score_predictors(
    samples: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    predictor_study: PredictorStudyParameters,
    search: SearchParameters,
    seed: int,
    progress: Progress,
) -> pd.DataFrame:
    """Every predictor, encoding, size and repetition, on samples that were evaluated before."""
    space = search_space(narrow, wide, search.at(images.sizes))
    names = predictor_study.predictors or [name for name in PREDICTORS if is_installed(name)]
    scores = study_predictors(
        {name: PREDICTORS[name](folds=search.folds) for name in names},
        space,
        samples.drop(columns="accuracy").to_numpy(np.int64),
        1 - samples["accuracy"].to_numpy(),
        StudyConfig(
            sizes=predictor_study.sizes,
            repetitions=predictor_study.repetitions,
            tests=predictor_study.tests,
            seed=seed,
        ),
        progress,
    )
    return scores.assign(supernet=space.design.label, dataset=images.name)


def report_predictors(
    scores: pd.DataFrame, every: pd.DataFrame, predictor_study: PredictorStudyParameters
) -> tuple[pd.DataFrame, Figure, Figure, Figure]:
    """The table of all supernets studied on the data set, newest scores each, and Figures 6.3 to 6.5."""
    supernet, dataset = scores["supernet"].iloc[0], scores["dataset"].iloc[0]
    same = every[every["dataset"] == dataset]
    newest = same[same["run"] == same.groupby("supernet")["run"].transform("max")]
    table = scores_table(newest)
    for row in weak_predictors(table).to_dict("records"):
        logger.warning(
            "%s stays below a Spearman correlation of 0.5 on %s: %.2f at %d architectures with its better "
            "encoding (%s); it explains %.0f %% of the errors' variance",
            row["predictor"],
            row["supernet"],
            row["spearman"],
            row["size"],
            row["encoding"],
            100 * row["explained"],
        )
    return (
        table,
        supernets_bars(table),
        size_lines(table, supernet),
        encoding_lines(table, supernet, predictor_study.shown),
    )
