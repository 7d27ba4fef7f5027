"""Every optimiser, learning rate and exit weighting on networks of a search (thesis, section 6.3.2)."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from natv2.objectives.metric import said
from natv2.postprocess.config import PostprocessConfig, PostprocessStudyConfig
from natv2.postprocess.extract import Extraction
from natv2.postprocess.methods import FoundWay, plan_postprocessing
from natv2.spaces.architecture import architecture_of
from natv2.training.config import RecipeConfig
from natv2.training.recipe import find_epochs
from natv2.training.state_store import StateStore


def study_ways(
    chosen: pd.DataFrame,
    extraction: Extraction,
    config: PostprocessConfig,
    study: PostprocessStudyConfig,
    evaluation_batch_size: int,
    store: StateStore,
) -> pd.DataFrame:
    """Validation accuracy of each network before and after each way to refine it: a row each.

    Only the phase that finds the epochs is run; a network whose first exit was found has no ensemble.
    """
    rows: list[dict[str, Any]] = []
    for each in chosen.head(study.networks).to_dict("records"):
        row = {str(name): value for name, value in each.items()}
        for way in _ways(config, study):
            method = "aep" if way.method == "aep" else "standard"
            found_way, architecture = FoundWay.of(row), architecture_of(row)
            plan = plan_postprocessing(method, architecture, extraction.design, way, found_way)  # type: ignore[arg-type]
            if plan.method != way.method:
                continue
            assert isinstance(plan.config, RecipeConfig)
            exit_weighting = plan.exit_weighting if plan.method == "aep" else ""
            name = f"{row['name']}_{plan.method}{exit_weighting}_{plan.config.optimizer}_{plan.config.lr:g}"
            found = find_epochs(
                extraction.network(plan),
                images=extraction.images,
                config=plan.config,
                exit_weighting=plan.exit_weighting,
                evaluation_batch_size=evaluation_batch_size,
                run=extraction.run,
                store=store.child(name),
                metric=extraction.metric,
            )
            rows.append(
                {
                    "name": row["name"],
                    "method": plan.method,
                    "exit_weighting": exit_weighting,
                    "optimizer": plan.config.optimizer,
                    "lr": plan.config.lr,
                    "accuracy_before": row["accuracy"],
                    "accuracy_after": found.valid_accuracy,
                    "epochs": found.epochs,
                }
            )
    return pd.DataFrame(rows).assign(**said(extraction.metric))


def _ways(config: PostprocessConfig, study: PostprocessStudyConfig) -> Iterator[PostprocessConfig]:
    """Each combination, as a configuration of post-processing."""
    methods = [("standard", config.exit_weighting), *(("aep", each) for each in study.exit_weightings)]
    for (method, exit_weighting), optimizer, lr in product(methods, study.optimizers, study.learning_rates):
        thesis = config.thesis.model_copy(update={"optimizer": optimizer, "lr": lr})
        changes = {"method": method, "exit_weighting": exit_weighting, "recipe": "thesis", "thesis": thesis}
        yield config.model_copy(update=changes)
