"""Which networks of a front are refined, as they were found and as each method leaves them (6.1.5)."""

import logging
from typing import Any

import pandas as pd

from natv2.finished_network import StoredNetwork, StoredNetworks
from natv2.postprocess.config import PostprocessConfig
from natv2.postprocess.extract import Extraction
from natv2.postprocess.methods import METHODS, Method, plan_postprocessing
from natv2.spaces.architecture import architecture_of
from natv2.training.recipe import FoundEpochs, fine_tune
from natv2.training.state_store import StateStore

logger = logging.getLogger("natv2")


def chosen_networks(front: pd.DataFrame, postprocess: PostprocessConfig) -> pd.DataFrame:
    """What to refine: the whole front, or its high trade-off points and its most accurate network."""
    chosen = front.sort_values("accuracy", ascending=False, ignore_index=True)
    if postprocess.finish == "high_tradeoff":
        chosen = chosen[chosen["high_tradeoff"] | (chosen.index == 0)].reset_index(drop=True)
    chosen.insert(0, "name", [f"network_{number:02}" for number in range(1, len(chosen) + 1)])
    return chosen


def refine(
    chosen: pd.DataFrame,
    extraction: Extraction,
    config: PostprocessConfig,
    evaluation_batch_size: int,
    store: StateStore,
) -> tuple[StoredNetworks, StoredNetworks]:
    """Every chosen network as it was found, and as each method leaves it, in two phases."""
    found: dict[str, StoredNetwork] = {}
    finished: dict[str, StoredNetwork] = {}
    methods = METHODS[config.method]
    for row in ({str(n): v for n, v in each.items()} for each in chosen.to_dict("records")):
        as_found = plan_postprocessing("none", architecture_of(row), extraction.design, config)
        network = extraction.network(as_found)
        found[row["name"]] = extraction.stored(network, as_found, {"network": row["name"]})
        for method in methods:
            name = row["name"] if len(methods) == 1 else f"{row['name']}_{method}"
            stored = _refined(row, name, method, extraction, config, evaluation_batch_size, store.child(name))
            if stored is not None:
                finished[name] = stored
    return found, finished


def _refined(
    row: dict[str, Any],
    name: str,
    method: Method,
    extraction: Extraction,
    config: PostprocessConfig,
    evaluation_batch_size: int,
    store: StateStore,
) -> StoredNetwork | None:
    """The network of `row` after `method`; None where that comes to another one, which refines it too."""
    plan = plan_postprocessing(method, architecture_of(row), extraction.design, config)
    if plan.method != method and plan.method in METHODS[config.method]:
        logger.info("%s: %s; the standard method alone refines it", row["name"], plan.remark)
        return None
    if plan.remark:
        logger.info("%s: %s; it is refined by the standard method", name, plan.remark)
    network, outcome = extraction.network(plan), FoundEpochs(epochs=0, valid_accuracy=row["accuracy"])
    if plan.method != "none":
        network, outcome = fine_tune(
            network,
            images=extraction.images,
            config=plan.config,
            evaluation_batch_size=evaluation_batch_size,
            run=extraction.run,
            store=store,
        )
    record = {"network": row["name"], "accuracy_before": row["accuracy"], **plan.to_dict()}
    record |= {"accuracy_after": outcome.valid_accuracy, "epochs": outcome.epochs}
    return extraction.stored(network, plan, record)
