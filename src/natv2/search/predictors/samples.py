"""Random architectures of adapted supernets, truly evaluated: what predictors are studied on (6.2.2)."""

from functools import partial

import numpy as np
import pandas as pd

from natv2.objectives.metric import Metric, said
from natv2.randomness import numpy_generator
from natv2.search.adaptation.subnets import AdaptableFamily
from natv2.search.adaptation.training import TargetSupernets
from natv2.spaces.space import Codes
from natv2.training.state_store import State, StateStore

_PART = 100  # architectures evaluated between two saves: fewer would share less


def true_samples(
    supernets: TargetSupernets, count: int, store: StateStore, metric: Metric = "top1"
) -> pd.DataFrame:
    """`count` different architectures with their validation accuracy by `metric`: v00, ..., accuracy."""
    space, subnets = supernets.space, AdaptableFamily(supernets, store, metric=metric)
    drawn = space.sample_architectures(3 * count, numpy_generator(supernets.run.seed, "predictor study"))
    codes = drawn[np.sort(np.unique(drawn, axis=0, return_index=True)[1])][:count]

    def evaluated(part: Codes, start: int) -> State:
        accuracies = subnets.accuracies(part, f"samples {start + 1} to {start + len(part)}")
        return State(values={"accuracy": accuracies.tolist()})

    accuracy: list[float] = []
    for start in range(0, len(codes), _PART):
        compute = partial(evaluated, codes[start : start + _PART], start)
        accuracy += store.remembered(f"samples_{start}", compute).values["accuracy"]
    names = [f"v{number:02}" for number in range(space.variables)]
    return pd.DataFrame(codes, columns=names).assign(accuracy=accuracy, **said(metric))
