"""Networks that stop early, of `aep` and of earlyon (PyPI, MIT): the same ResNet-18, images and epochs.

    python -m benchmarks.early_exits --path DIR --store DIR --table FILE [--dataset NAME] [--seeds 0 1]

Either side trains by each of its recipes, and the one that is best on validation images counts. At each
operating point that earlyon calibrates (a drop of accuracy, a share of computation) ours is calibrated for at
most the mean MACs that theirs has on validation images; both are then tested, and timed image by image, in
turns. MACs of both are counted by torch, heads included. earlyon is installed into a temporary
folder where it is not there. Seeds whose rows are in the table are not run again.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import earlyon_peer as peer
from benchmarks.configs import parameters
from natv2.aep.costs import mac_costs
from natv2.aep.joint_training import train, without_augmentation
from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.network.multi_exit import MultiExitNetwork
from natv2.baselines.verdict import gain_interval
from natv2.exits.leaving import EarlyStopping, running_ensembles, stopped
from natv2.exits.stopping_curve import choose_stopping, stopping_curve
from natv2.exits.weightings import exit_weights
from natv2.images.batches import evaluation_batches
from natv2.images.image_set import ImageSet, ImageSplits
from natv2.images.loading import load_images
from natv2.run import Run
from natv2.training.state_store import StateStore

OURS: Mapping[str, Mapping[str, Any]] = {
    "adam": {"optimizer": "adam", "lr": 1e-4},  # the thesis's
    "sgd": {"optimizer": "sgd", "lr": 1e-2},
}
WARM_UP, TIMED = 20, 300  # test images, one by one


@dataclass(frozen=True, eq=False)
class Trained:
    """A network of either side, by the recipe that is best on validation images."""

    recipe: str
    network: Any
    valid_top1: float


def prepared(part: ImageSet, images: ImageSplits, size: int) -> TensorDataset:
    """Images of a split as networks take them (N, 3, size, size), and their labels (N,)."""
    batches = list(evaluation_batches(images, part, 500))
    pixels = torch.cat([batch.at(size) for batch in batches])
    return TensorDataset(pixels, torch.cat([batch.labels for batch in batches]))


def our_network(
    recipe: str, images: ImageSplits, size: int, epochs: int, seed: int, store: StateStore
) -> Any:
    """A ResNet-18 with all its exits, trained as `aep` trains it."""
    changes = {"resolution": size, "max_epochs": epochs, "patience": epochs, **OURS[recipe]}
    config = parameters().aep.model_copy(update=changes)
    torch.manual_seed(seed)
    network, _ = multi_exit_network("resnet18", len(images.class_names), resolution=size)
    network = network.to(memory_format=torch.channels_last)
    run = Run(seed=seed, device="cpu", precision="fp32", threads=torch.get_num_threads())
    train(network, "MIX", images=images, config=config, run=run, store=store)
    return network.eval()


@torch.inference_mode()
def our_logits(network: MultiExitNetwork, pixels: Tensor) -> Tensor:
    """The logits of all exits of `network`: (exits, images, classes)."""
    return torch.cat([torch.stack(network(part)) for part in pixels.split(500)], dim=1)


def best(
    side: str, recipes: Sequence[str], make: Callable[[str], Any], judge: Callable[[Any], float]
) -> Trained:
    """What `make` gives by the recipe that `judge` says most of, a validation top-1."""
    found = []
    for recipe in recipes:
        start = time.process_time()
        network = make(recipe)
        found.append(Trained(recipe, network, judge(network)))
        told = f"{100 * found[-1].valid_top1:.2f} % of validation images, {time.process_time() - start:.0f} s"
        print(f"{side}, {recipe}: {told}", flush=True)
    return max(found, key=lambda each: each.valid_top1)


def timed_in_turns(sides: Mapping[str, Callable[[Tensor], object]], images: Tensor) -> dict[str, float]:
    """Median milliseconds of an image of each side, and images a second, one by one in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    with torch.inference_mode():
        for number, image in enumerate([*images[:WARM_UP], *images]):
            for name in sorted(sides, reverse=bool(number % 2)):
                start = time.perf_counter()
                sides[name](image[None])
                if number >= WARM_UP:
                    seconds[name].append(time.perf_counter() - start)
    found = {f"{name}_ms": 1e3 * median(each) for name, each in seconds.items()}
    return found | {f"{name}_per_s": len(each) / sum(each) for name, each in seconds.items()}


def rows(
    ours: Trained, theirs: Trained, valid: TensorDataset, test: TensorDataset, seed: int
) -> Iterator[Any]:
    """A row for each operating point of `theirs`."""
    weights = exit_weights("MIX", len(ours.network.exits)).output
    (valid_pixels, valid_labels), (pixels, labels) = valid.tensors, test.tensors
    size, costs = pixels.shape[-1], mac_costs(ours.network, pixels.shape[-1]).when_stopping()
    curve = stopping_curve(our_logits(ours.network, valid_pixels), valid_labels, weights, costs)
    said = our_logits(ours.network, pixels)
    peer_valid, peer_test = (peer.said(theirs.network, each) for each in (valid_pixels, pixels))
    for aim in peer.operating_points(theirs.network, DataLoader(valid, 500)):
        price, left = peer.costs(theirs.network, size), peer.leaves(theirs.network, peer_test)
        allowed = float(price[peer.leaves(theirs.network, peer_valid)].mean())
        right = peer_test[torch.from_numpy(left), torch.arange(len(left))].argmax(dim=1) == labels
        row: dict[str, Any] = {"point": aim, "recipe": ours.recipe, "peer_recipe": theirs.recipe}
        row |= {"peer_macs": price[left].mean(), "peer_top1": float(right.double().mean())}
        if curve["mean_cost"].min() <= allowed:
            stopping = choose_stopping(curve, mean_cost=allowed)[0]
            logits, own_left = stopped(said, weights, stopping)
            own_right = logits.argmax(dim=1) == labels
            gain = gain_interval(own_right.numpy(), right.numpy(), seed)
            row |= {"macs": costs[own_left].mean(), "top1": float(own_right.double().mean())}
            row |= dict(zip(("gain", "gain_low", "gain_high"), gain, strict=True))
            early = EarlyStopping(ours.network, stopping, weights).eval()
            sides: dict[str, Callable[[Tensor], object]] = {"ours": early, "peer": theirs.network}
            row |= timed_in_turns(sides, pixels[:TIMED])
        yield row


def compared(options: argparse.Namespace, images: ImageSplits, seed: int) -> pd.DataFrame:
    """Both sides trained with `seed`, and the rows of their operating points."""
    size, epochs = options.resolution, options.epochs
    training, valid, test = (
        prepared(part, images, size) for part in (images.train, images.valid, images.test)
    )
    valid_pixels, truth = valid.tensors
    store = StateStore(options.store / f"{options.dataset}_{seed}")

    def top1(logits: Tensor) -> float:
        return float((logits.argmax(dim=1) == truth).double().mean())

    def judged(network: MultiExitNetwork) -> float:
        weights = exit_weights("MIX", len(network.exits)).output
        return top1(running_ensembles(our_logits(network, valid_pixels), weights)[-1])

    ours = best(
        f"seed {seed}, ours",
        tuple(OURS),
        lambda recipe: our_network(recipe, images, size, epochs, seed, store.child(recipe)),
        judged,
    )
    generator = torch.Generator().manual_seed(seed)
    batches = DataLoader(training, 64, shuffle=True, drop_last=True, generator=generator)
    theirs = best(
        f"seed {seed}, theirs",
        peer.RECIPES,
        lambda recipe: peer.trained(recipe, batches, len(images.class_names), size, epochs, seed),
        lambda model: top1(peer.said(model, valid_pixels)[-1]),
    )
    found = pd.DataFrame(list(rows(ours, theirs, valid, test, seed)))
    return found.assign(set=options.dataset, seed=seed, epochs=epochs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dataset", default="fashion_mnist")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument(
        "--store", type=Path, required=True, help="for decoded images, and where trainings go on"
    )
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--per-class", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    peer.provide_earlyon()
    torch.set_num_threads(1)
    known = pd.read_csv(options.table) if options.table.exists() else pd.DataFrame({"set": [], "seed": []})
    images = load_images(
        options.dataset,
        raw=options.path,
        store=options.store / "images",
        resolution=options.resolution,
        per_class=options.per_class,
    )
    for seed in options.seeds:
        if not ((known["set"] == options.dataset) & (known["seed"] == seed)).any():
            added = compared(options, without_augmentation(images), seed)
            known = pd.concat([known, added], ignore_index=True) if len(known) else added
            known.to_csv(options.table, index=False, float_format="%.6g")
    print(known.to_string())


if __name__ == "__main__":
    main()
