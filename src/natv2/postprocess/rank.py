"""Whether the archive orders networks as finishing does: what a search by its accuracies can be worth."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import scipy

from natv2.postprocess.config import PostprocessConfig, RankStudyConfig
from natv2.postprocess.extract import Extraction
from natv2.postprocess.methods import FoundWay, PostprocessPlan, plan_postprocessing
from natv2.postprocess.whole_schedule import WholeSchedule
from natv2.ranks.side_by_side import side_by_side
from natv2.spaces.architecture import architecture_of
from natv2.training.finishing import Finishing
from natv2.training.state_store import StateStore

_NEAR = 0.1  # of a budget's MACs


def networks_at_budgets(archive: pd.DataFrame, study: RankStudyConfig) -> pd.DataFrame:
    """Networks of `archive` around as many budgets of MACs, evenly spread over it, with a column `budget`.

    Of those within 10 % of a budget the nearest, as many a budget; no network twice.
    """
    shares = (np.arange(study.budgets) + 0.5) / study.budgets
    groups, taken = [], set[int]()
    for budget in np.quantile(archive["macs"], shares):
        away = (archive["macs"] / budget - 1).abs()
        near = away[(away <= _NEAR) & ~archive.index.isin(taken)].nsmallest(study.networks // study.budgets)
        taken |= set(near.index)
        groups.append(archive.loc[near.index].assign(budget=float(budget)))
    chosen: pd.DataFrame = pd.concat(groups, ignore_index=True)
    chosen.insert(0, "name", [f"network_{number:02}" for number in range(1, len(chosen) + 1)])
    return chosen


def finish_for_rank(
    chosen: pd.DataFrame,
    extraction: Extraction,
    finishing: Finishing,
    config: PostprocessConfig,
    seeds: int,
    store: StateStore,
) -> pd.DataFrame:
    """`chosen` with validation accuracy after finishing without a teacher, a column a seed: seed_1, ..."""
    columns = {}
    for number in range(1, seeds + 1):
        run = finishing.run.model_copy(update={"seed": finishing.run.seed + number - 1})
        whole = WholeSchedule(extraction=extraction, finishing=replace(finishing, run=run), config=config)
        kept, plans = store.child(f"seed_{number}"), {}
        for row in ({str(n): v for n, v in each.items()} for each in chosen.to_dict("records")):
            plans[row["name"]] = plan_postprocessing(
                "standard", architecture_of(row), extraction.design, config, FoundWay.of(row)
            )
        whole.prepare(plans, kept)
        jobs = [(whole, plan, kept.child(name)) for name, plan in plans.items()]
        columns[f"seed_{number}"] = side_by_side(_accuracy_after, jobs)
    return chosen.assign(**columns)


def _accuracy_after(whole: WholeSchedule, plan: PostprocessPlan, store: StateStore) -> float:
    after: float = whole.finish(plan, {}, store).header.record["accuracy_after"]
    return after


def rank_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Kendall's tau of the archive's accuracy with that after finishing, beside the ceiling.

    The ceiling is tau of two seeds of finishing with each other. A row over all networks and one within
    budgets, where only pairs of one budget count: networks, tau and ceiling, means over seeds.
    """
    seeds = [str(name) for name in scores if str(name).startswith("seed_")]
    rows = []
    for scope, groups in (("all", [scores]), ("within a budget", list(_by_budget(scores)))):
        archive = [_tau(groups, "accuracy", seed) for seed in seeds]
        ceiling = [_tau(groups, one, other) for one, other in combinations(seeds, 2)]
        row = {"scope": scope, "networks": sum(map(len, groups)), "tau": float(np.mean(archive))}
        rows.append({**row, "ceiling": float(np.mean(ceiling)) if ceiling else np.nan})
    return pd.DataFrame(rows)


def _by_budget(scores: pd.DataFrame) -> Iterator[pd.DataFrame]:
    return (group for _, group in scores.groupby("budget") if len(group) > 1)


def _tau(groups: list[pd.DataFrame], one: str, other: str) -> float:
    """The mean over `groups`, each counting as its pairs."""
    pairs = [len(group) * (len(group) - 1) / 2 for group in groups]
    taus = [scipy.stats.kendalltau(group[one], group[other]).statistic for group in groups]
    known = [(tau, count) for tau, count in zip(taus, pairs, strict=True) if np.isfinite(tau)]
    if not known:
        return np.nan
    return float(np.average([tau for tau, _ in known], weights=[count for _, count in known]))
