"""Tables about networks with several exits, made from docs/evidence."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from evidence_tables import gain_text, over_seeds, read


def exits_table(name: str) -> str:
    """Searches with several exits and with one over the same supernets, by seeds; in Markdown."""
    rows = read("many_exits")
    lines = [
        "| search.exits | hypervolume of (accuracy, mean MACs), by seed | networks on the front | "
        "most accurate, validation top-1, and its mean MACs |",
        "|---|---|---|---|",
    ]
    for exits, own in rows[rows["set"] == name].sort_values("seed").groupby("exits"):
        best = [f"{row['best']:.1f}, {row['best_mean_macs'] / 1e6:.2f} M" for row in own.to_dict("records")]
        cells = (
            str(exits),
            ", ".join(f"{value:.3f}" for value in own["hypervolume"]),
            ", ".join(str(count) for count in own["networks"]),
            "; ".join(best),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def exits_lead(name: str) -> str:
    """By how much hypervolume `many` is ahead of `one`: the mean over seeds and its 95 % interval."""
    rows = read("many_exits")
    volumes = rows[rows["set"] == name].pivot(index="seed", columns="exits", values="hypervolume")
    return over_seeds(volumes["many"] - volumes["one"], digits=3)


def finished_exits_table(name: str) -> str:
    """Finished networks of searches with several exits and with one, by mean MACs, in Markdown."""
    rows = read("many_finished")
    lines = [
        "| search.exits | mean MACs (MACs of all exits) | leave before the last exit | "
        "test top-1, as found → finished | milliseconds of an image, mean (median) |",
        "|---|---|---|---|---|",
    ]
    for row in rows[rows["set"] == name].sort_values("mean_macs").to_dict("records"):
        several = row["left_early"] == row["left_early"]
        cells = (
            str(row["exits"]),
            f"{row['mean_macs'] / 1e6:.2f} M" + (f" ({row['macs'] / 1e6:.2f} M)" if several else ""),
            f"{100 * row['left_early']:.0f} %" if several else "",
            f"{100 * row['found']:.1f} → {100 * row['test']:.1f}",
            f"{row['ms']:.2f} ({row['median_ms']:.2f})",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def earlyon_table() -> str:
    """Networks that stop early of `aep` beside earlyon's, at each of its operating points, in Markdown."""
    lines = [
        "| seed | earlyon calibrated for | test top-1, mean MACs: earlyon | aep | points above it (95 %) | "
        "median of an image, images a second: earlyon | aep |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in read("early_exits").to_dict("records"):
        gain = (100 * row[name] for name in ("gain", "gain_low", "gain_high"))
        sides = {
            side: (
                f"{100 * row[f'{before}top1']:.1f} %, {row[f'{before}macs'] / 1e6:.1f} M",
                f"{row[f'{side}_ms']:.2f} ms, {row[f'{side}_per_s']:.0f}",
            )
            for side, before in (("peer", "peer_"), ("ours", ""))
        }
        told, took = zip(sides["peer"], sides["ours"], strict=True)
        cells = (str(row["seed"]), row["point"], *told, gain_text(*gain), *took)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


EXIT_MACROS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {each.__name__: each for each in (exits_table, exits_lead, finished_exits_table, earlyon_table)}
)
"""What pages may call."""
