"""Nodes of `baselines`: which plain networks bear on the verdict, and their training."""

import logging
from collections.abc import Sequence

import pandas as pd

from natv2.baselines.candidates import choose_baselines
from natv2.baselines.config import BaselinesConfig
from natv2.baselines.plain import own_builds, plain_latencies
from natv2.baselines.pretrained import planned_files, pretrained_files
from natv2.baselines.train import BaselineTraining
from natv2.costs.measured_on import origin_of
from natv2.costs.network_latency import costs_of_plain
from natv2.finished_network import StoredNetworks
from natv2.images.image_set import ImageSplits
from natv2.objectives.goal import Goal
from natv2.objectives.metric import Metric
from natv2.objectives.objectives import in_whole_costs, others
from natv2.postprocess.config import PostprocessConfig
from natv2.postprocess.extract import Extraction
from natv2.postprocess.refine import chosen_networks
from natv2.run import Run
from natv2.search.adaptation.start import common_space
from natv2.search.config import SearchConfig
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.state_store import StateStore
from natv2.training.teachers import choose_teacher

logger = logging.getLogger("natv2")


def plan_baselines(
    front: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    baselines: BaselinesConfig,
    postprocess: PostprocessConfig,
    search: SearchConfig,
    goal: Goal,
    run: Run,
    latency_table: pd.DataFrame,
) -> pd.DataFrame:
    """The networks to be trained, around the costs of those that will be finished; fetches what it is to.

    Plain networks have no entry in a latency table: where it is of another device, other costs count.
    """
    space = common_space(narrow, wide, search.at(images.sizes).of_one_exit)
    classes, size = len(images.class_names), space.resolutions[-1]

    def latency(names: Sequence[str]) -> Sequence[float]:
        return plain_latencies(names, own_builds(baselines), classes, size, search.latency, run.device)

    named = costs_of_plain(others(goal.objectives), latency_table)
    chosen, costs = in_whole_costs(chosen_networks(front, postprocess), named)
    if (origin := origin_of(latency_table)) is not None:
        logger.info("plain networks have no latency on %s: those near in %s count", origin, ", ".join(costs))
    weights = pretrained_files(baselines)
    return choose_baselines(chosen, space, classes, costs, baselines, run.seed, latency, weights)


def train_baselines(
    plan: pd.DataFrame,
    narrow: Checkpoint,
    wide: Checkpoint,
    images: ImageSplits,
    baselines: BaselinesConfig,
    postprocess: PostprocessConfig,
    search: SearchConfig,
    run: Run,
    kept: StateStore,
    store: StateStore,
    metric: Metric = "top1",
) -> StoredNetworks:
    """Each of `plan` by the recipe of finishing, and those near in cost by the same teacher too.

    Raises UserError where weights that the plan has are not there any more.
    """
    extraction = Extraction(
        narrow, wide, images, calibration=search.calibration, dropout=search.dropout, run=run, metric=metric
    )
    size = max(search.at(images.sizes).resolutions or ())
    finishing = extraction.finishing(postprocess.full, size, search.evaluation_batch_size, kept)
    training = BaselineTraining(
        finishing=finishing,
        design=narrow.design,
        dropout=search.dropout,
        refit=postprocess.refit,
        builds=own_builds(baselines),
        kept=kept.child("networks"),
        store=store,
        pretrained=planned_files(plan),
        pretrained_lr=baselines.pretrained_lr,
    )
    return training.train(
        plan,
        lambda plain: choose_teacher(
            postprocess.teacher, finishing, plain, lambda: extraction.largest(search.exit_weighting, size)
        ),
    )
