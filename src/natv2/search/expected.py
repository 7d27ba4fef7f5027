"""What is to be expected of networks before they are tested, beside their accuracy."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from natv2.objectives.costs import CostsOf
from natv2.objectives.goal import Goal
from natv2.objectives.objectives import ACCURACY, MEANS, is_tested
from natv2.search.archive import Archive
from natv2.search.predictors.interface import Encoding, Predictor, features
from natv2.spaces.space import Codes, SearchSpace

Values = NDArray[np.float64]

_FEWEST = 20  # networks that a predictor is fitted to; of fewer the mean is expected


def expected_costs(
    archive: Archive,
    space: SearchSpace,
    costs_of: CostsOf,
    goal: Goal,
    encoding: Encoding,
    predictor: Predictor,
    seed: int,
) -> CostsOf:
    """`costs_of` with a column more for each other thing that networks are judged by when they are tested.

    Each is predicted from those of `archive`. A mean cost is that of all exits where nobody leaves early;
    elsewhere its share of that is predicted. Where nothing is to be predicted it is `costs_of` itself.
    """
    names = [name for name in goal.judged_by if is_tested(name) and name != ACCURACY]
    if not names:
        return costs_of
    early = _early(archive.codes, space)
    known = features(space, archive.codes, encoding)

    def fitted(
        rows: NDArray[np.bool_], target: NDArray[np.float64]
    ) -> Callable[[Codes], NDArray[np.float64]]:
        if rows.sum() < _FEWEST:
            mean = float(target[rows].mean()) if rows.any() else 1.0
            return lambda codes: np.full(len(codes), mean)
        model = predictor.fit(known[rows], target[rows], seed=seed)
        return lambda codes: model.predict(features(space, codes, encoding))

    models = {}
    for name in names:
        values = archive.values[name].to_numpy()
        if name in MEANS:
            models[name] = fitted(early, values / archive.values[MEANS[name]].to_numpy(np.float64))
        else:
            models[name] = fitted(np.ones(len(values), np.bool_), 1 - values)

    def costs(codes: Codes) -> pd.DataFrame:
        frame = costs_of(codes)
        leaving = _early(codes, space)
        for name, predict in models.items():
            if name in MEANS:
                share = np.ones(len(codes))
                share[leaving] = np.clip(predict(codes[leaving]), 0.0, 1.0) if leaving.any() else 1.0
                frame[name] = share * frame[MEANS[name]].to_numpy()
            else:
                frame[name] = 1 - predict(codes)
        return frame

    return costs


def _early(codes: Codes, space: SearchSpace) -> NDArray[np.bool_]:
    """Whether images leave the network of each of `codes` early."""
    if space.ways is None:
        return np.zeros(len(codes), np.bool_)
    return codes[:, space.first_level - 1] > 0
