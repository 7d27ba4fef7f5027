"""How near to the truth two estimates of LightGBM's Kendall's tau are: its own models', and a nested one.

The first lets each model of the ensemble predict what it has not seen; the second fits five ensembles more.
The truth is the tau on other networks of a made-up function with pairs of variables and noise.

    python -m benchmarks.predictor_trust [--draws 6]
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from natv2.search.predictors.folds import split_folds
from natv2.search.predictors.lightgbm import LightGBMEnsemble
from natv2.search.predictors.metrics import predictor_metrics
from natv2.search.predictors.selection import cross_validate
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace

TESTED, SIZES, FOLDS = 2000, (50, 100, 300), 5
Rows = NDArray[np.float64]


def nested(x: Rows, y: Rows, seed: int) -> float:
    """Tau of what five ensembles predict, each of the fifth that it has not seen."""
    predicted = np.empty(len(y))
    for rest, fold in split_folds(len(y), FOLDS, seed):
        predicted[fold] = LightGBMEnsemble().fit(x[rest], y[rest], seed=seed).predict(x[fold])
    return predictor_metrics(y, predicted).kendall


def main() -> None:
    """Print a line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=6)
    draws = parser.parse_args().draws
    design = DESIGNS["EE_D_OFAMobileNetV3"]
    space = SearchSpace(design=design, resolutions=(48, 52, 56, 60, 64), widths=(1.0, 1.2))
    fixed = np.random.default_rng(0)
    single, pairs = fixed.normal(size=space.variables), 0.3 * fixed.normal(size=(space.variables,) * 2)
    middle = space.sample_architectures(TESTED, fixed)
    mean, deviation = middle.mean(axis=0), middle.std(axis=0) + 1e-9

    def truth(codes: NDArray[np.int64], generator: np.random.Generator) -> Rows:
        scaled = (codes - mean) / deviation
        values = scaled @ single + ((scaled @ pairs) * scaled).sum(axis=1)
        noisy: Rows = values / values.std() + generator.normal(size=len(codes))
        return noisy

    print("networks | true tau | own models: tau, off by | nested: tau, off by")
    for size in SIZES:
        taus = []
        for draw in range(draws):
            generator = np.random.default_rng(100 + draw)
            seen, others = (space.sample_architectures(count, generator) for count in (size, TESTED))
            x, y = seen.astype(np.float64), truth(seen, generator)
            fitted, trust = cross_validate(LightGBMEnsemble(), x, y, seed=draw)
            true = predictor_metrics(truth(others, generator), fitted.predict(others.astype(np.float64)))
            taus.append((true.kendall, trust.kendall, nested(x, y, draw)))
        true_tau, own, other = np.array(taus).T
        told = (f"{each.mean():.3f}, {np.abs(each - true_tau).mean():.3f}" for each in (own, other))
        print(f"{size} | {true_tau.mean():.3f} | {' | '.join(told)}")


if __name__ == "__main__":
    main()
