"""Milliseconds of finished networks image by image, beside the MACs that tables say they take on average.

    python -m benchmarks.mean_latency FOLDER... --images DIR [--count 300]

FOLDERs are `finished_networks` of runs (data/06_models); DIR holds test images, any below it. One thread.
Each image goes to all networks in turns before the next, and through those that stop early only as far as it
must. For each network: mean MACs and MACs of its record, milliseconds (mean, median), the share that left
before the last exit; then Spearman's correlation of mean MACs with mean milliseconds.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from natv2.exits.early_classifier import EarlyClassifier
from natv2.finished_network import Classifier, load_network
from natv2.images.given import image_of
from natv2.images.transforms import prepare

WARM_UP = 20
SUFFIXES = (".jpg", ".jpeg", ".png")


def prepared(classifier: Classifier, pixels: torch.Tensor) -> torch.Tensor:
    header = classifier.header
    return prepare(pixels[None], classifier.resolution, header.mean, header.std)


def exit_of(classifier: Classifier, x: torch.Tensor) -> tuple[float, int]:
    """Seconds that an image took, and the exit that it left at."""
    start = time.perf_counter()
    if isinstance(classifier, EarlyClassifier) and classifier.stops:
        exit = int(classifier.decide(x)[1])
    else:
        classifier.logits(x)
        exit = 0
    return time.perf_counter() - start, exit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--count", type=int, default=300)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    files = sorted(path for path in arguments.images.rglob("*") if path.suffix.lower() in SUFFIXES)
    chosen = np.random.default_rng(0).permutation(len(files))[: arguments.count]
    images = [image_of(files[number]) for number in chosen]
    paths = sorted(path for folder in arguments.folders for path in folder.glob("*.safetensors"))
    networks = [load_network(path) for path in paths]
    seconds = np.zeros((len(networks), len(images)))
    exits = np.zeros_like(seconds, dtype=int)
    with torch.inference_mode():
        for number, pixels in enumerate([*images[:WARM_UP], *images], start=-WARM_UP):
            for place in range(len(networks)) if number % 2 else reversed(range(len(networks))):
                told = exit_of(networks[place], prepared(networks[place], pixels))
                if number >= 0:
                    seconds[place, number], exits[place, number] = told
    macs = []
    for path, network, own, left in zip(paths, networks, seconds, exits, strict=True):
        record = network.header.record
        macs.append(float(record.get("mean_macs", record["macs"])))
        early = f", {100 * (left < left.max()).mean():.0f} % leave before the last exit" if left.any() else ""
        cost = f"{macs[-1] / 1e6:.2f} M mean MACs of {record['macs'] / 1e6:.2f} M"
        took = f"{1e3 * own.mean():.2f} ms (median {1e3 * np.median(own):.2f})"
        where = path.absolute().parents[3].name  # the search's folder
        print(f"{where} {path.stem}: {cost}, {took}{early}")
    correlation = spearmanr(macs, seconds.mean(axis=1))[0]
    print(f"Spearman's correlation of mean MACs with mean milliseconds: {correlation:.2f}")


if __name__ == "__main__":
    main()
