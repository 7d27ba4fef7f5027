"""Every sub-ensemble of a multi-exit network on validation images, and the best one (section 4.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
from torch import Tensor

from natv2.aep.costs import KeptExits, PartCosts, all_subsets
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.images.batches import Batch

TOP = 5  # the second accuracy's k; fewer where there are fewer classes
_VALUES = 1 << 22  # of ensembles' logits that are looked at together: 16 MB


@dataclass(frozen=True, kw_only=True)
class ExitLogits:
    """What each exit said of some images: `logits_ENC` (exits, images, classes) and `labels` (images,)."""

    exits: KeptExits
    logits_ENC: Tensor
    labels: Tensor


@torch.inference_mode()
def exit_logits(network: MultiExitNetwork, batches: Iterable[Batch], resolution: int) -> ExitLogits:
    """The logits of all exits of `network`, in evaluation mode, in one pass over `batches`; on the CPU."""
    network.eval()
    logits, labels = [], []
    for batch in batches:
        logits.append(torch.stack(network(batch.at(resolution))).float().cpu())
        labels.append(batch.labels.cpu())
    return ExitLogits(exits=network.exits, logits_ENC=torch.cat(logits, dim=1), labels=torch.cat(labels))


@torch.inference_mode()
def accuracies(
    logits_ENC: Tensor, labels: Tensor, weights_SE: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Top-1 and top-5 (fractions, (S,)) of ensembles that weigh the exits by `weights_SE` (S, exits).

    A class with the same logit as the right one and a smaller number goes before it, as in argmax.
    """
    _, images, classes = logits_ENC.shape
    top1, top5 = torch.zeros(len(weights_SE)), torch.zeros(len(weights_SE))
    step = max(1, _VALUES // (len(weights_SE) * classes))
    earlier = torch.arange(classes)
    for start in range(0, images, step):
        chunk_ENC, truth = logits_ENC[:, start : start + step], labels[start : start + step]
        ensembles_SNC = (weights_SE @ chunk_ENC.flatten(1)).view(len(weights_SE), -1, classes)
        own_SN1 = ensembles_SNC.gather(2, truth.expand(len(weights_SE), -1)[..., None])
        ahead = ensembles_SNC > own_SN1
        tied = (ensembles_SNC == own_SN1) & (earlier < truth[:, None])
        rank = (ahead | tied).sum(dim=2)
        top1 += (rank == 0).sum(dim=1)
        top5 += (rank < TOP).sum(dim=1)
    return (top1.double() / images).numpy(), (top5.double() / images).numpy()


def evaluate_subsets(
    exit_logits: ExitLogits, weights: Sequence[float], costs: dict[str, PartCosts]
) -> pd.DataFrame:
    """Every non-empty subset of the exits: kept, top1, top5 (fractions) and a column for each of `costs`.

    Kept exits keep their `weights` (β). Best first: by top-1, then top-5, then the first of the costs.
    `non_dominated` are those that none beats in top-1 and all costs.
    """
    subsets = all_subsets(exit_logits.exits)
    weights_SE = torch.tensor(
        [[w * (exit in kept) for exit, w in zip(exit_logits.exits, weights, strict=True)] for kept in subsets]
    )
    top1, top5 = accuracies(exit_logits.logits_ENC, exit_logits.labels, weights_SE)
    table = pd.DataFrame({"kept": [format_exits(kept) for kept in subsets], "top1": top1, "top5": top5})
    for name, cost in costs.items():
        table[name] = [cost.of(kept) for kept in subsets]
    objectives = np.column_stack([-top1, *(table[name] for name in costs)])
    table["non_dominated"] = False
    table.loc[NonDominatedSorting().do(objectives, only_non_dominated_front=True), "non_dominated"] = True
    order = ["top1", "top5", *list(costs)[:1]]
    return table.sort_values(order, ascending=[False, False, *[True] * (len(order) - 2)], ignore_index=True)


def format_exits(kept: KeptExits) -> str:
    """Kept exits as text: 1+2+4."""
    return "+".join(map(str, kept))


def parse_exits(kept: str) -> KeptExits:
    """Kept exits from what `format_exits` gives."""
    return tuple(map(int, kept.split("+")))


def chosen_subsets(subsets: pd.DataFrame, pruning: str) -> pd.Series:
    """Which of `subsets` (best first) to cut to: the best, with "front" all that are not dominated too."""
    best = pd.Series(subsets.index == 0)
    return best | subsets["non_dominated"] if pruning == "front" else best
