"""AEP against single-exit networks: Tables 4.3 to 4.11 of the thesis, from the runs that are kept.

All tables take the frame that `newest_runs` describes. Their values are percentage changes, the average over
pairs of a network and a data set of each pair's mean over its seeds. What no run has is missing; what runs
have beyond the thesis (`extras`) stands in columns of its own.
"""

from collections.abc import Hashable, Iterator, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from natv2.aep.report.changes import (
    COSTS,
    EXPERIMENT,
    TOP1,
    Variant,
    changes,
    columns,
    newest_runs,
    percentage_change,
    pixels_of,
    pooled,
    scenarios,
)

AVERAGE = "Average"

_PAIR = ["network", "dataset"]
_VARIANTS: tuple[Variant, ...] = ("ensemble", "pruned")
_DIGITS = 3  # as the thesis prints them


def accuracy_table(results: pd.DataFrame) -> pd.DataFrame:
    """Change of test top-1 against the single-exit network, by network and by data set (Tables 4.3, 4.4).

    Columns: scenario, by ('network' or 'dataset'), name, then EEdesc, …, EEunif, EEdesc*, …, EEunif*. The
    row Average is that over all pairs, so it is the same by network and by data set, in `summary_table`, and,
    where no pair is missing, the mean of the rows above it.
    """
    found = changes(newest_runs(results), of=_VARIANTS)
    series = columns(found)
    rows = [
        {"scenario": scenario, "by": by, "name": name, **_averages(group, series)}
        for scenario, by, name, group in _groups(found)
    ]
    return pd.DataFrame(rows, columns=["scenario", "by", "name", *series])


def runs_table(results: pd.DataFrame) -> pd.DataFrame:
    """The runs that all tables are made of: what tells them apart, seed, run, test top-1 of each variant."""
    runs = newest_runs(results)
    told, variants = [*EXPERIMENT, "seed", "run"], ["single", *_VARIANTS]
    runs = runs[runs["variant"].isin(variants)]
    table = runs.pivot(index=told, columns="variant", values=TOP1).reset_index()
    return table.reindex(columns=[*told, *variants]).rename_axis(columns=None)


def summary_table(results: pd.DataFrame) -> pd.DataFrame:
    """Change of test top-1 against the single-exit network (Table 4.5): scenario, EEdesc, …, EEunif*."""
    found = changes(newest_runs(results), of=_VARIANTS)
    return _by_scenario(found, columns(found))


def pruning_table(results: pd.DataFrame) -> pd.DataFrame:
    """Change of test top-1 by pruning the full ensemble (Table 4.6): scenario, EEdesc*, …, EEunif*."""
    found = changes(newest_runs(results), of=["pruned"], base="ensemble")
    return _by_scenario(found, columns(found, of=["pruned"]))


def exits_table(results: pd.DataFrame, exits: int = 4) -> pd.DataFrame:
    """Change of the test top-1 of each exit against the single-exit network (Table 4.7).

    Only networks with as many `exits` count. Columns: scenario, series ('EEdesc', …), exit_1, exit_2, ….
    """
    names = [f"exit_{number}" for number in range(1, exits + 1)]
    found = changes(newest_runs(results), of=["ensemble"])
    found = found[found["exits"] == exits].reindex(columns=[*found.columns.union(names, sort=False)])
    rows = []
    for scenario in scenarios(found):
        group = found[found["scenario"] == scenario]
        means = {name: _averages(group, columns(group, of=["ensemble"]), name) for name in names}
        for series in columns(group, of=["ensemble"]):
            if series in set(group["series"]):
                values = {name: means[name][series] for name in names}
                rows.append({"scenario": scenario, "series": series, **values})
    return pd.DataFrame(rows, columns=["scenario", "series", *names])


def costs_table(results: pd.DataFrame) -> pd.DataFrame:
    """Change of each cost against the single-exit network (Tables 4.8 to 4.10, and the time of training).

    Columns: cost ('Parameters', 'MACs', 'Latency', 'Time per epoch'), scenario, EE, EEdesc*, …, EEunif*. EE
    is the full ensemble whatever its weights, since they do not change its structure.
    """
    found = changes(newest_runs(results), of=_VARIANTS)
    full, pruned = (found[found["variant"] == variant] for variant in _VARIANTS)
    full = full.assign(series=pooled(full, "EE"))
    series = [*_pooled_columns(full, "EE"), *columns(pruned, of=["pruned"])]
    every = pd.concat([full, pruned])
    tables = [_by_scenario(every, series, cost).assign(cost=title) for cost, title in COSTS.items()]
    return pd.concat(tables, ignore_index=True)[["cost", "scenario", *series]]


def scenarios_table(results: pd.DataFrame) -> pd.DataFrame:
    """Change of test top-1 from one scenario to another (Table 4.11): scenarios, SE, EEdesc, …, EEunif*.

    Fine-tuned against from scratch at each resolution, then larger against smaller images. The accuracies of
    a pair are averaged over its seeds, those of SE over the runs with all weights too, then compared; a pair
    that is in only one of the two scenarios does not count.
    """
    runs = newest_runs(results)
    single = runs["variant"] == "single"
    series = [*_pooled_columns(runs[single], "SE"), *columns(runs)]
    means = runs.groupby(["scenario", "series", *_PAIR])[TOP1].mean()
    rows = []
    for new, old in _scenario_pairs(runs):
        # Series, network and data set are the index: what only one of the two has is missing.
        change = percentage_change(means.loc[new], means.loc[old]).rename(TOP1).reset_index()
        rows.append({"scenarios": f"{new} vs {old}", **_averages(change, series)})
    return pd.DataFrame(rows, columns=["scenarios", *series])


def spread_table(results: pd.DataFrame) -> pd.DataFrame:
    """How far the values of `accuracy_table` spread: a row for each of them that is not missing.

    Columns: scenario, by, name, series, change (the value), sd, seeds, pairs, runs. `pairs` of a network and
    a data set were averaged, of so many `runs`; `seeds` is how many seeds all of these pairs have, `sd` the
    standard deviation of the value over them, missing for fewer than two.
    """
    found = changes(newest_runs(results), of=_VARIANTS).dropna(subset=TOP1)
    order = columns(found)
    rows = [
        {"scenario": scenario, "by": by, "name": name, **row}
        for scenario, by, name, group in _groups(found)
        for row in sorted(_spread(group), key=lambda row: order.index(row["series"]))
    ]
    names = ["scenario", "by", "name", "series", "change", "sd", "seeds", "pairs", "runs"]
    return pd.DataFrame(rows, columns=names)


def trade_offs(results: pd.DataFrame) -> pd.DataFrame:
    """What accuracy is paid with (Figure 4.2): a row a scenario and series, in the order of the tables.

    Columns: scenario, series, weights, extras, variant ('ensemble' or 'pruned'), the changes of test_top1
    and of each of COSTS (per cent), and the number of pairs.
    """
    found = changes(newest_runs(results), of=_VARIANTS)
    way, values = ["scenario", "series", "weights", "extras", "variant"], [TOP1, *COSTS]
    groups = found.groupby([*way, *_PAIR])[values].mean().groupby(way)
    points = groups.mean().round(_DIGITS).assign(pairs=groups.size()).reset_index()
    order = {"scenario": scenarios(found).index, "series": columns(found).index}
    return points.sort_values(
        list(order), key=lambda column: column.map(order[str(column.name)]), ignore_index=True
    )


def _averages(found: pd.DataFrame, series: Sequence[str], value: str = TOP1) -> dict[str, float]:
    """Of each of `series` the average of `value` over the pairs, each its mean over seeds; else missing."""
    pairs = found.groupby(["series", *_PAIR])[value].mean()
    averages = pairs.groupby("series").mean().round(_DIGITS)
    return {name: float(averages.get(name, float("nan"))) for name in series}


def _by_scenario(found: pd.DataFrame, series: Sequence[str], value: str = TOP1) -> pd.DataFrame:
    """A row a scenario, a column a series."""
    rows = [
        {"scenario": scenario, **_averages(found[found["scenario"] == scenario], series, value)}
        for scenario in scenarios(found)
    ]
    return pd.DataFrame(rows, columns=["scenario", *series])


def _groups(found: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    """The rows of Tables 4.3 and 4.4: scenario, by, name and what is averaged there."""
    for scenario in scenarios(found):
        all_pairs = found[found["scenario"] == scenario]
        for by in _PAIR:
            for name, group in all_pairs.groupby(by):
                yield scenario, by, str(name), group
            yield scenario, by, AVERAGE, all_pairs


def _spread(group: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """The columns of `spread_table` from `series` on, for each series in one group of its rows."""
    pairs = group.drop_duplicates(["series", *_PAIR]).groupby("series").size()
    # Of a pair and a seed there is one run, the newest: a seed with as many runs as pairs has them all. The
    # average of fewer pairs would differ for another reason than the seed.
    seeds = group.groupby(["series", "seed"])[TOP1].agg(["size", "mean"]).reset_index()
    common = seeds[seeds["size"] == seeds["series"].map(pairs)].groupby("series")["mean"]
    table = pd.DataFrame(
        {
            "change": _averages(group, list(pairs.index)),
            "sd": common.std().round(_DIGITS),
            "seeds": common.size().reindex(pairs.index, fill_value=0),
            "pairs": pairs,
            "runs": group.groupby("series").size(),
        }
    )
    return table.rename_axis("series").reset_index().to_dict("records")


def _pooled_columns(runs: pd.DataFrame, name: str) -> list[str]:
    """The columns of what is pooled over weights, the thesis's own first."""
    return [name, *sorted(set(pooled(runs, name)) - {name})]


def _scenario_pairs(runs: pd.DataFrame) -> list[tuple[str, str]]:
    """What Table 4.11 compares: fine-tuned with from scratch, then larger with smaller images."""
    known = scenarios(runs)
    learning = [(f"FT-{pixels_of(old)}", old) for old in known if old.startswith("TR")]
    sizes = [(new, old) for new, old in combinations(known, 2) if new[:2] == old[:2]]
    return [(new, old) for new, old in learning if new in known] + sizes
