"""Nodes of `postprocess`: choose, refine, and test once."""

from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from natv2.finished_network import StoredNetworks
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.objectives.goal import Goal
from natv2.objectives.objectives import first_cost
from natv2.postprocess.config import PostprocessConfig
from natv2.postprocess.extract import Extraction
from natv2.postprocess.refine import refine
from natv2.postprocess.report.figure import finished_figure
from natv2.postprocess.results import tested_networks, with_constraints
from natv2.reporting.front import front_figure
from natv2.run import Run
from natv2.search.config import SearchConfig
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.state_store import StateStore


def finish_networks(
    chosen: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    postprocess: PostprocessConfig,
    search: SearchConfig,
    run: Run,
    store: StateStore,
) -> tuple[StoredNetworks, StoredNetworks]:
    """Every chosen network as it was found, and as each method leaves it, in two phases."""
    extraction = Extraction(
        narrow, wide, images, calibration=search.calibration, dropout=search.dropout, run=run
    )
    return refine(chosen, extraction, postprocess, search.evaluation_batch_size, store)


def test_networks(
    found: StoredNetworks,
    finished: StoredNetworks,
    images: ImageSplits,
    archive: pd.DataFrame,
    search: SearchConfig,
    goal: Goal,
    run: Run,
    summary: dict[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame, Figure, Figure]:
    """Read the test split, for the first and only time; what bounded the search bounds its networks too.

    Gives the table of finished networks, their top-1 (a fraction) in each class, and two figures.
    """
    images, objectives = images.to(run.device), tuple(summary["objectives"])
    asked = Goal(objectives=objectives, constraints=goal.constraints.within(summary["constraints"]))
    batches = evaluation_batches(images, images.test, search.evaluation_batch_size)
    latency = search.latency if asked.needs_latency else None
    results, classes = tested_networks(found, finished, batches, latency, run.device)
    results = with_constraints(results, asked.constraints)
    front = archive[archive["non_dominated"]]
    return (
        results,
        classes,
        finished_figure(results, first_cost(objectives, "macs")),
        front_figure(archive, front, results, asked.axis),
    )
