"""Whether finished networks beat plain ones of at most their cost, beyond the noise of the test images."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.objectives.objectives import OBJECTIVES, lower_title
from natv2.objectives.titles import accuracy_word
from natv2.randomness import numpy_generator

Right = NDArray[np.bool_]
"""Which test images a network is right about, (images,)."""

_RESAMPLED = 10_000
_INTERVAL = (0.025, 0.975)


def gain_interval(
    one: Right, other: Right, seed: int, parts: NDArray[np.int64] | None = None
) -> tuple[float, float, float]:
    """By how much `one` is better, accuracies as fractions, and its 95 % interval by a paired bootstrap.

    Test images are drawn anew with replacement, for both networks the same (Efron, 1979). Of an image only
    matters who alone is right about it, so a draw of all images is a multinomial draw of the three cases.
    Where accuracy is the mean over `parts` (images,), as classes, each part is drawn by itself, as large as
    it is: a draw of all images together may leave a small class out, and there is no accuracy then.
    """
    parts = np.zeros(len(one), np.int64) if parts is None else parts
    generator, gain, drawn_gain = numpy_generator(seed, "bootstrap"), 0.0, np.zeros(_RESAMPLED)
    different, sizes = np.unique(parts, return_counts=True)
    for part, count in zip(different, sizes.tolist(), strict=True):
        mine, others = one[parts == part], other[parts == part]
        better, worse = int((mine & ~others).sum()), int((others & ~mine).sum())
        shares = np.array([better, worse, count - better - worse]) / count
        drawn = generator.multinomial(count, shares, size=_RESAMPLED)
        gain += (better - worse) / count / len(different)
        drawn_gain += (drawn[:, 0] - drawn[:, 1]) / count / len(different)
    low, high = np.quantile(drawn_gain, _INTERVAL)
    return gain, float(low), float(high)


def judge(
    finished: pd.DataFrame,
    plain: pd.DataFrame,
    right: Mapping[str, Right],
    costs: Sequence[str],
    seed: int,
    parts: NDArray[np.int64] | None = None,
) -> pd.DataFrame:
    """For each finished network and each of `costs`, the best plain one of at most this cost, and the gain.

    `finished` has name and costs, `plain` also valid_accuracy, by which the best is chosen; `right` what each
    of both is right about. Accuracy is the mean over `parts` of these images, if any. A row: name, cost,
    best_plain, gain, gain_low, gain_high, fractions; best_plain is missing where no plain network is small
    enough.
    """
    rows = []
    for network in finished.to_dict("records"):
        for cost in costs:
            row = {"name": network["name"], "cost": cost, "best_plain": None}
            within = plain if plain.empty else plain[plain[cost] <= network[cost]]
            if len(within):
                ranked = within.sort_values("valid_accuracy", ascending=False, kind="stable")
                best = str(ranked["name"].iloc[0])
                gains = gain_interval(right[str(network["name"])], right[best], seed, parts)
                row |= {"best_plain": best} | dict(zip(("gain", "gain_low", "gain_high"), gains, strict=True))
            rows.append(row)
    columns = ["name", "cost", "best_plain", "gain", "gain_low", "gain_high"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[3:], float))


def with_verdict(results: pd.DataFrame, verdict: pd.DataFrame) -> pd.DataFrame:
    """`results` with best_plain and the gains of the first cost; those of others have its name at the end."""
    for number, cost in enumerate(verdict["cost"].unique()):
        of_cost = verdict[verdict["cost"] == cost].drop(columns="cost")
        names = {} if number == 0 else {name: f"{name}_{cost}" for name in of_cost if name != "name"}
        results = results.merge(of_cost.rename(columns=names), on="name", how="left")
    return results


def sentence(verdict: pd.DataFrame, finished: pd.DataFrame, plain: pd.DataFrame) -> str:
    """What the verdict comes to, for the end of a run.

    By each cost how many networks beat the best plain one beyond noise, and what of the others. Where none
    does: what is as accurate as a plain one that costs more, or which plain one to take.
    """
    if plain.empty:
        return "Verdict: none, for no plain network was trained beside these networks."
    by_cost = verdict.groupby("cost", sort=False)
    told = " ".join(_of_cost(rows, lower_title(OBJECTIVES[str(cost)].title)) for cost, rows in by_cost)
    text = f"Verdict: {told[:1].lower()}{told[1:]}"
    judged = verdict.dropna(subset="best_plain")
    if len(judged) and not (judged["gain_low"] > 0).any():
        beside = plain[plain["name"].isin(judged["best_plain"])].nlargest(1, "valid_accuracy").iloc[0]
        for other in (plain.nlargest(1, "valid_accuracy").iloc[0], beside):
            if (saved := _saved(finished, other, str(verdict["cost"].iloc[0]))) is not None:
                return f"{text} {saved}"
        best = beside["name"]
        text += f" Take the plain network {best} instead, {best}.safetensors of finished_plain_networks."
        text += " More epochs may change this: budget, or those of supernets and of postprocess.full."
    return text


def _of_cost(rows: pd.DataFrame, cost: str) -> str:
    """How all finished networks stand beside the plain ones by one cost; every network is told of once."""
    count, judged = len(rows), rows.dropna(subset="best_plain")
    if judged.empty:
        ours = "the finished network" if count == 1 else f"any of {count} finished networks"
        return f"There is no plain network of at most the {cost} of {ours}, so nothing is compared by {cost}."
    text = _beside(judged, count, cost)
    if others := count - len(judged):
        which = "the other one" if others == 1 else f"the other {others}"
        text += f" For {which} no plain network costs as little."
    return text


def _beside(judged: pd.DataFrame, count: int, cost: str) -> str:
    """How those of `count` finished networks that can be judged do beside the best plain network."""
    wins, losses = int((judged["gain_low"] > 0).sum()), int((judged["gain_high"] < 0).sum())
    ties = len(judged) - wins - losses
    best = f"the best plain network of at most {'their' if wins > 1 else 'its'} {cost}"
    if count == 1:
        if ties:
            return f"The finished network is within noise of {best}."
        return f"The finished network {'beats' if wins else 'is beaten by'} {best} beyond noise."
    beat = f"{wins or 'None'} of {count} finished networks beat{'' if wins > 1 else 's'} {best} beyond noise"
    others = ((losses, "beaten by it"), (ties, "within noise of it"))
    told = ", ".join(f"{number} {'is' if number == 1 else 'are'} {how}" for number, how in others if number)
    return f"{beat}{', ' if wins else ': '}{told}." if told else f"{beat}."


def _saved(finished: pd.DataFrame, plain: pd.Series, cost: str) -> str | None:
    """Which network is on validation images as accurate as `plain` by less of `cost`; None where none is."""
    enough = finished[
        (finished["accuracy_after"] >= plain["valid_accuracy"]) & (finished[cost] < plain[cost])
    ]
    if enough.empty:
        return None
    ours = enough.nsmallest(1, cost).iloc[0]
    share = float(ours[cost]) / float(plain[cost])
    return (
        f"{ours['name']} is as accurate on validation images as the plain network {plain['name']}, with "
        f"{100 * share:.2g} % of its {lower_title(OBJECTIVES[cost].title)} (test {accuracy_word(finished)} "
        f"{100 * ours['test_accuracy']:.1f} %, there {100 * plain['test_accuracy']:.1f} %)."
    )


def pretrained_clause(verdict: pd.DataFrame) -> str:
    """What is to be said of pretrained networks, where one of at most the cost is better beyond noise.

    `verdict` is that of `judge` on them. Empty where no finished network is beaten by one.
    """
    beaten = verdict[verdict["gain_high"] < 0]
    if beaten.empty:
        return ""
    titles = {name: lower_title(row.title) for name, row in OBJECTIVES.items()}
    parts = [
        f"{len(rows)} of {(verdict['cost'] == cost).sum()} at no more {titles[str(cost)]}"
        for cost, rows in beaten.groupby("cost", sort=False)
    ]
    names = beaten["best_plain"].unique()
    beat = "beats" if len(names) == 1 else "beat"
    return f"Fine-tuned from ImageNet, {' and '.join(names)} {beat} {', '.join(parts)} beyond noise."
