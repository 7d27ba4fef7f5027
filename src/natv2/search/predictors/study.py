"""How well predictors order architectures that they have not seen (thesis, sections 6.2.2 and 6.3.1)."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from natv2.bar import Bar, progress_bar
from natv2.randomness import numpy_generator
from natv2.search.config import PredictorStudyConfig
from natv2.search.predictors.interface import Encoding, Predictor, features
from natv2.search.predictors.metrics import predictor_metrics
from natv2.search.predictors.table import PREDICTORS, is_installed
from natv2.spaces.space import Codes, SearchSpace
from natv2.training.state_store import State, StateStore

ENCODINGS: tuple[Encoding, ...] = ("integer", "one_hot")


def studied_predictors(config: PredictorStudyConfig, folds: int) -> Mapping[str, Predictor]:
    """The predictors by their names: those that were asked for, else all that are installed."""
    names = config.predictors or [name for name in PREDICTORS if is_installed(name)]
    return {name: PREDICTORS[name](folds=folds) for name in names}


def study_predictors(
    predictors: Mapping[str, Predictor],
    space: SearchSpace,
    codes: Codes,
    errors: NDArray[np.float64],
    config: PredictorStudyConfig,
    seed: int,
    store: StateStore,
) -> pd.DataFrame:
    """A row a predictor, encoding, size, repetition and test of `codes` (N, V) and true top-1 `errors` (N,).

    Columns beside these: rmse, pearson, spearman, kendall, fit_seconds (of one thread), predicted_sd and
    true_sd: how far predictions and truth are spread. The first of all samples are the tested ones, the same
    for all; the rest is what is fitted to. What a predictor has shown is saved in `store`.
    """
    steps = len(predictors) * len(ENCODINGS) * len(config.sizes) * config.repetitions
    rows = []
    with progress_bar("predictor study", steps) as bar, threadpool_limits(1):
        for name, predictor in predictors.items():
            study = partial(_study, name, predictor, space, codes, errors, config, seed, bar)
            rows += store.remembered(name, study).values["rows"]
            bar.report(f"{name} studied")
    return pd.DataFrame(rows)


def _study(
    name: str,
    predictor: Predictor,
    space: SearchSpace,
    codes: Codes,
    errors: NDArray[np.float64],
    config: PredictorStudyConfig,
    seed: int,
    bar: Bar,
) -> State:
    held_out = max(config.tests)
    rows = []
    for encoding in ENCODINGS:
        known = features(space, codes, encoding)
        for repetition in range(config.repetitions):
            # Larger sets hold the smaller ones: what differs between sizes is the size.
            drawn = numpy_generator(seed, "predictor study", repetition)
            order = held_out + drawn.permutation(len(codes) - held_out)
            for size in config.sizes:
                start = time.perf_counter()
                fitted = predictor.fit(known[order[:size]], errors[order[:size]], seed=repetition)
                taken = time.perf_counter() - start
                predicted = fitted.predict(known[:held_out])
                case = {"predictor": name, "encoding": encoding, "size": size, "repetition": repetition}
                rows += [
                    {**case, "tested": n, **_scores(errors[:n], predicted[:n]), "fit_seconds": taken}
                    for n in config.tests
                ]
                bar.advance(f"{name}, {encoding}, {size} architectures")
    return State(values={"rows": rows})


def _scores(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> dict[str, float]:
    spread = {"predicted_sd": float(predicted.std()), "true_sd": float(true.std())}
    return asdict(predictor_metrics(true, predicted)) | spread
