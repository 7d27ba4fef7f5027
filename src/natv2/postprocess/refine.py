"""Which networks of a front are finished, as they were found and as each method leaves them (6.1.5)."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from natv2.errors import UserError
from natv2.finished_network import StoredNetwork, StoredNetworks
from natv2.postprocess.config import PostprocessConfig
from natv2.postprocess.extract import Extraction
from natv2.postprocess.methods import METHODS, FoundWay, PostprocessPlan, plan_postprocessing
from natv2.postprocess.whole_schedule import WholeSchedule
from natv2.ranks.side_by_side import side_by_side
from natv2.spaces.architecture import architecture_of
from natv2.supernets.classifier import SubnetClassifier
from natv2.training.config import RecipeConfig
from natv2.training.evaluation import validated
from natv2.training.recipe import fine_tune
from natv2.training.state_store import StateStore

logger = logging.getLogger("natv2")


_FINISHED_BY = (
    *("resolution", "width", "exit", "depths", "kernels", "expand_ratios", "masks"),
    *("kept", "leaving"),
)
"""Columns of all that finishing networks of several exits begins with."""


def chosen_networks(front: pd.DataFrame, postprocess: PostprocessConfig) -> pd.DataFrame:
    """What of `front` is to be finished, by names, the most accurate first.

    Raises UserError where every network is above each budget.
    """
    chosen = front.sort_values("accuracy", ascending=False, ignore_index=True)
    if postprocess.finish == "high_tradeoff":
        chosen = chosen[chosen["high_tradeoff"] | (chosen.index == 0)]
    elif isinstance(postprocess.finish, tuple):
        chosen = chosen.loc[sorted(_best_within(chosen, postprocess.finish))]
    if postprocess.method != "none" and "kept" in chosen:
        # Output weights are searched anew: what differs in these alone would end as the same network.
        chosen = chosen.drop_duplicates(list(_FINISHED_BY))
    chosen = chosen.reset_index(drop=True)
    chosen.insert(0, "name", [f"network_{number:02}" for number in range(1, len(chosen) + 1)])
    return chosen


def _best_within(ranked: pd.DataFrame, budgets: Sequence[float]) -> set[int]:
    """The first row of `ranked` of at most each of `budgets`, in MACs, by its number."""
    found, smallest = set[int](), int(ranked["macs"].min())
    for budget in budgets:
        within = ranked.index[ranked["macs"] <= budget]
        if len(within):
            found.add(int(within[0]))
        else:
            logger.warning("no network has at most %g MACs: the smallest found has %d", budget, smallest)
    if not found:
        raise UserError(
            f"postprocess.finish: no network has at most {max(budgets):g} MACs; "
            f"the smallest that the search found has {smallest}"
        )
    return found


@dataclass(frozen=True, kw_only=True)
class _Task:
    """One network to be finished: its name, that of its row, and how."""

    name: str
    network: str
    accuracy: float
    plan: PostprocessPlan

    @property
    def record(self) -> dict[str, Any]:
        """What its file says of it before it is finished."""
        return {"network": self.network, "accuracy_before": self.accuracy, **self.plan.to_dict()}


def refine(
    chosen: pd.DataFrame,
    extraction: Extraction,
    config: PostprocessConfig,
    evaluation_batch_size: int,
    whole: WholeSchedule | None,
    store: StateStore,
) -> tuple[StoredNetworks, StoredNetworks]:
    """Every chosen network as it was found, and as each method leaves it.

    By `whole`, the schedule of recipe=full, or in the two phases of section 6.1.5.
    """
    rows = [{str(name): value for name, value in each.items()} for each in chosen.to_dict("records")]
    found: dict[str, StoredNetwork] = {}
    for row in rows:
        as_found = PostprocessPlan.as_it_is(architecture_of(row), config.exit_weighting, FoundWay.of(row))
        network = extraction.network(as_found)
        record = {"network": row["name"]}
        classifier = extraction.classifier(network, as_found, record)
        if as_found.way is not None:
            known = extraction.exits_of(classifier, as_found, evaluation_batch_size)
            classifier = known.apply(classifier, record)
        found[row["name"]] = classifier.stored()
    tasks = list(_tasks(rows, extraction, config))
    if whole is not None:
        _say_how_long(tasks, whole)
        whole.prepare({task.name: task.plan for task in tasks if task.plan.config is not None}, store)
    jobs = [(task, extraction, evaluation_batch_size, whole, store.child(task.name)) for task in tasks]
    finished = side_by_side(_finished, jobs)
    return found, dict(zip((task.name for task in tasks), finished, strict=True))


def _finished(
    task: _Task,
    extraction: Extraction,
    evaluation_batch_size: int,
    whole: WholeSchedule | None,
    store: StateStore,
) -> StoredNetwork:
    """The network of `task` as its method leaves it."""
    if task.plan.config is None:
        network = extraction.network(task.plan)
        record = {**task.record, "accuracy_after": task.accuracy, "epochs": 0}
        classifier = extraction.classifier(network, task.plan, record)
        if task.plan.way is not None:
            exits = extraction.exits_of(classifier, task.plan, evaluation_batch_size)
            return exits.apply(classifier, {**record, "macro_after": exits.macro}).stored()
        known = validated(classifier, extraction.images, evaluation_batch_size, extraction.metric)
        record["macro_after"] = known.macro
        classifier = extraction.classifier(network, task.plan, record, known.temperature)
    elif isinstance(task.plan.config, RecipeConfig):
        classifier = _fine_tuned(task, task.plan.config, extraction, evaluation_batch_size, store)
    else:
        assert whole is not None
        classifier = whole.finish(task.plan, task.record, store)
    return classifier.stored()


def _tasks(rows: list[dict[str, Any]], extraction: Extraction, config: PostprocessConfig) -> Iterator[_Task]:
    """Each network by each method, but where that comes to another one, which finishes it too."""
    methods = METHODS[config.method]
    for row in rows:
        for method in methods:
            name = row["name"] if len(methods) == 1 else f"{row['name']}_{method}"
            way = FoundWay.of(row)
            plan = plan_postprocessing(method, architecture_of(row), extraction.design, config, way)
            if plan.method != method and plan.method in methods:
                logger.info("%s: %s; the standard method alone refines it", row["name"], plan.remark)
                continue
            if plan.remark:
                logger.info("%s: %s; it is refined by the standard method", name, plan.remark)
            yield _Task(name=name, network=row["name"], accuracy=row["accuracy"], plan=plan)


def _fine_tuned(
    task: _Task, config: RecipeConfig, extraction: Extraction, evaluation_batch_size: int, store: StateStore
) -> SubnetClassifier:
    """The network of `task` after both phases of section 6.1.5.

    Of several exits that were found the first phase tells the weights and thresholds: its network has not
    seen the validation images.
    """
    network, outcome = fine_tune(
        extraction.network(task.plan),
        images=extraction.images,
        config=config,
        exit_weighting=task.plan.exit_weighting,
        evaluation_batch_size=evaluation_batch_size,
        run=extraction.run,
        store=store,
        metric=extraction.metric,
    )
    known = {"accuracy_after": outcome.valid_accuracy, "epochs": outcome.epochs}
    record = {**task.record, **known}
    if task.plan.way is None:
        return extraction.classifier(network, task.plan, record)
    tried = extraction.classifier(outcome.network, task.plan, record)
    exits = extraction.exits_of(tried, task.plan, evaluation_batch_size)
    finished = extraction.classifier(network, task.plan, record)
    return exits.apply(finished, {**record, "accuracy_after": exits.accuracy, "macro_after": exits.macro})


def _say_how_long(tasks: list[_Task], whole: WholeSchedule) -> None:
    """Log what finishing will take, from a few timed steps of each network."""
    plans: Mapping[str, PostprocessPlan] = {
        task.name: task.plan for task in tasks if task.plan.config is not None
    }
    if plans:
        seconds = whole.expected_seconds(list(plans.values()))
        logger.info(
            "finishing %d networks, %d epochs each: about %s",
            *(len(plans), whole.config.full.epochs, timedelta(seconds=round(seconds))),
        )
