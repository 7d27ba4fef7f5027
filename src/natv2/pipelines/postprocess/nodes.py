"""Nodes of `postprocess`: choose, refine, and test once."""

import logging
from dataclasses import replace
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.plain import own_builds, untaught
from natv2.baselines.pretrained import KIND
from natv2.baselines.results import tested_baselines
from natv2.baselines.verdict import judge, pretrained_clause, sentence, with_verdict
from natv2.costs.measured_on import origin_of
from natv2.costs.network_latency import costs_of_plain, latency_teller
from natv2.finished_network import StoredNetworks
from natv2.images.balance import parts
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSplits
from natv2.network_facts import with_facts
from natv2.objectives.goal import Goal
from natv2.objectives.metric import Metric
from natv2.objectives.objectives import first_cost, others
from natv2.postprocess.config import PostprocessConfig
from natv2.postprocess.detail import verdicts_beside
from natv2.postprocess.extract import Extraction
from natv2.postprocess.refine import refine
from natv2.postprocess.report.figure import finished_figure
from natv2.postprocess.report.leaving import leaving_figure
from natv2.postprocess.results import say_drop, tested_networks, with_constraints, with_means
from natv2.postprocess.whole_schedule import WholeSchedule
from natv2.reporting.front import front_figure
from natv2.run import Run
from natv2.search.config import SearchConfig
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.finishing import Finishing
from natv2.training.state_store import StateStore
from natv2.training.teachers import choose_teacher

Tested = tuple[
    StoredNetworks,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    str,
    StoredNetworks,
    dict[str, Any],
]
"""What `test_networks` gives."""

logger = logging.getLogger("natv2")

SUPERNETS_OWN = ("scaled", "random")
"""Networks of the supernet's own design, trained alike: its values scaled evenly, and random candidates."""


def prepare_finishing(
    plain: StoredNetworks,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    baselines: BaselinesConfig,
    postprocess: PostprocessConfig,
    search: SearchConfig,
    run: Run,
    kept: StateStore,
    metric: Metric = "top1",
) -> Finishing:
    """Images, recipe and teacher of what will be finished; the thesis's recipe has no teacher."""
    extraction = _extraction(narrow, wide, images, search, run, metric)
    size = max(search.at(images.sizes).resolutions or ())
    finishing = extraction.finishing(postprocess.full, size, search.evaluation_batch_size, kept)
    if postprocess.recipe == "thesis":
        return finishing
    teacher = choose_teacher(
        postprocess.teacher,
        finishing,
        untaught(plain, own_builds(baselines)),
        lambda: extraction.largest(search.exit_weighting, size),
    )
    return replace(finishing, teacher=teacher)


def finish_networks(
    chosen: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    finishing: Finishing,
    postprocess: PostprocessConfig,
    search: SearchConfig,
    store: StateStore,
) -> tuple[StoredNetworks, StoredNetworks]:
    """Every chosen network as it was found, and as each method leaves it."""
    extraction = _extraction(narrow, wide, finishing.images, search, finishing.run, finishing.metric)
    whole = None
    if postprocess.recipe == "full":
        whole = WholeSchedule(extraction=extraction, finishing=finishing, config=postprocess)
    made = refine(chosen, extraction, postprocess, search.evaluation_batch_size, whole, store)
    finishing.labels.clear()  # they may be large, and the teacher can be asked again
    return made


def _extraction(
    narrow: Checkpoint, wide: Checkpoint, images: ImageSplits, search: SearchConfig, run: Run, metric: Metric
) -> Extraction:
    return Extraction(
        narrow, wide, images, calibration=search.calibration, dropout=search.dropout, run=run, metric=metric
    )


def test_networks(
    found: StoredNetworks,
    finished: StoredNetworks,
    plain: StoredNetworks,
    images: ImageSplits,
    baselines: BaselinesConfig,
    search: SearchConfig,
    goal: Goal,
    run: Run,
    summary: dict[str, Any],
    latency_table: pd.DataFrame,
    metric: Metric = "top1",
) -> Tested:
    """Read the test split, for the first and only time; what bounded the search bounds its networks too.

    Latency is that of the search's own device: where its table was measured elsewhere, what it expects.
    Gives the finished networks, which know what was found of them, their table, their recall (a fraction) of
    each class, the table of plain networks, the verdict as a table and as a sentence, and the plain networks,
    which know what was found of them too. Last is what stands in no table: `networks` in detail, and verdicts
    `beside` other networks than plain ones, by kind.
    """
    images, objectives = images.to(run.device), tuple(summary["objectives"])
    asked = Goal(objectives=objectives, constraints=goal.constraints.within(summary["constraints"]))
    batches = evaluation_batches(images, images.test, search.evaluation_batch_size)
    latency = latency_teller(latency_table, search.latency, run.device) if asked.needs_latency else None
    valid = evaluation_batches(images, images.valid, search.evaluation_batch_size)
    results, classes, right, details = tested_networks(found, finished, batches, latency, valid, metric)
    say_drop(results)
    results = with_constraints(with_means(results, asked.judged_by), asked.constraints)
    builds = own_builds(baselines)
    beside, right_plain = tested_baselines(plain, builds, batches, latency, run.device, metric)
    beside = with_means(beside, asked.judged_by)
    costs, right = costs_of_plain(others(objectives), latency_table), right | right_plain
    judged = beside[beside["plain"]]
    if (origin := origin_of(latency_table)) is not None and len(plain):
        logger.info("plain networks have no latency on %s: they are judged by %s", origin, ", ".join(costs))
    alike = parts(images.test.labels.cpu().numpy(), metric)
    verdict = judge(results, judged, right, costs, run.seed, alike)
    kinds = {kind: beside[beside["kind"] == kind] for kind in (KIND, *SUPERNETS_OWN)}
    apart = {
        kind: judge(results, rows, right, costs, run.seed, alike) for kind, rows in kinds.items() if len(rows)
    }
    results = with_verdict(results, verdict)
    told = [sentence(verdict, results, judged), pretrained_clause(apart.get(KIND, verdict[:0]))]
    said = " ".join(filter(None, told))
    return (
        *(with_facts(finished, results), results, classes, beside, verdict, said),
        with_facts(plain, beside),
        {"networks": details, "beside": verdicts_beside(apart)},
    )


def draw_leaving(finished: StoredNetworks, images: ImageSplits, search: SearchConfig, run: Run) -> Figure:
    """Where validation images leave the most accurate network that they leave early, with examples."""
    return leaving_figure(finished, images.to(run.device), search.evaluation_batch_size)


def draw_results(
    results: pd.DataFrame, beside: pd.DataFrame, archive: pd.DataFrame, summary: dict[str, Any]
) -> tuple[Figure, Figure]:
    """Finished networks before and after, and beside the front; plain and pretrained ones marked in both."""
    objectives, front = tuple(summary["objectives"]), archive[archive["non_dominated"]]
    plain, tuned = beside[beside["plain"]], beside[beside["kind"] == KIND]
    return (
        finished_figure(results, first_cost(objectives, "macs"), plain, tuned),
        front_figure(archive, front, results, first_cost(objectives, "turn"), plain=plain, pretrained=tuned),
    )
