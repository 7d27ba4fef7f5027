"""What each setting of a whole schedule is worth, on validation images: where the defaults come from.

    python -m benchmarks.finishing --path DIR --name eurosat --per-class 300 --epochs 40 --table FILE

Random architectures of EE_D's space (width 0.5) near 0.65 M MACs are trained from nothing, each in the base
recipe and with one thing changed. A row of the table is a training: validation top-1 of the last epoch and
processor seconds. Rows that are there are not made again. Test images are not read.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.costs.parts import architecture_cost
from natv2.finished_network import Classifier, load_network
from natv2.images.image_set import ImageSplits
from natv2.images.loading import load_images
from natv2.nn.layers import initialise
from natv2.randomness import torch_generator
from natv2.run import Run
from natv2.spaces.architecture import Architecture
from natv2.spaces.design import DESIGNS
from natv2.spaces.space import SearchSpace
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from natv2.supernets.network import Network
from natv2.training.config import FullConfig
from natv2.training.finishing import Finishing
from natv2.training.soft_labels import FinishingTeacher
from natv2.training.state_store import StateStore

DESIGN = DESIGNS["EE_D_OFAMobileNetV3"]

BASE: Mapping[str, Any] = {
    "optimizer": "sgd",
    "lr": 0.05,
    "momentum": 0.9,
    "weight_decay": 3e-4,
    "max_gradient_norm": None,
    "batch_size": 64,
    "warmup_epochs": 0,
    "label_smoothing": 0.0,
    "average": None,
    "mixup": 0.0,
    "cutmix": 0.0,
    "class_balance": "none",
    "temperature": 4.0,
    "kd_weight": 0.5,
}

ONE_BY_ONE: Mapping[str, Mapping[str, Any]] = {
    "base": {},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "average 0.999": {"average": 0.999},
    "rate 0.1": {"lr": 0.1},
    "decay 1e-3": {"weight_decay": 1e-3},
    "mixup 0.2": {"mixup": 0.2},
    "cutmix 1": {"cutmix": 1.0},
    "adamw 2e-3": {"optimizer": "adamw", "lr": 2e-3, "weight_decay": 0.05},
    "warm-up 5": {"warmup_epochs": 5},
    "average 0.99": {"average": 0.99},
    "rate 0.02": {"lr": 0.02},
}

TAUGHT: Mapping[str, Mapping[str, Any]] = {
    "teacher T4 w0.5": {},
    "teacher T4 w1": {"kd_weight": 1.0},
    "teacher T2 w1": {"temperature": 2.0, "kd_weight": 1.0},
    "teacher T4 w2": {"kd_weight": 2.0},
    "teacher T4 w1, mixup 0.2": {"kd_weight": 1.0, "mixup": 0.2},
    "teacher T4 w1, rate 0.1": {"kd_weight": 1.0, "lr": 0.1},
    "teacher T4 w1, average 0.999": {"kd_weight": 1.0, "average": 0.999},
}


def near(images: ImageSplits, resolutions: tuple[int, ...], macs: float) -> list[Architecture]:
    """The first two of random architectures within 6 % of `macs`, drawn as the search draws them."""
    space = SearchSpace(design=DESIGN, resolutions=resolutions, widths=(0.5,))
    codes = space.sample_architectures(20_000, np.random.default_rng(0))
    found = []
    for code in codes:
        architecture = space.decode(code)
        cost = architecture_cost(DESIGN, architecture, len(images.class_names))
        if abs(float(cost[1]) / macs - 1) < 0.06:
            found.append(architecture)
        if len(found) == 2:
            break
    return found


def new_classifier(architecture: Architecture, images: ImageSplits, seed: int) -> SubnetClassifier:
    network = Network(DESIGN, architecture, len(images.class_names))
    initialise(network, torch_generator(seed, "weights", str(architecture.to_dict())))
    header = SubnetHeader(
        design=DESIGN,
        architecture=architecture,
        class_names=images.class_names,
        mean=images.mean,
        std=images.std,
    )
    return SubnetClassifier(network, header)


def plain(name: str, images: ImageSplits, resolution: int, seed: int) -> PlainClassifier:
    header = PlainHeader(
        network=name,
        resolution=resolution,
        class_names=images.class_names,
        mean=images.mean,
        std=images.std,
    )
    return PlainClassifier.new(header, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dataset", default="folder")
    parser.add_argument("--name", required=True, help="of the set, in the table")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--per-class", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--macs", type=float, default=0.65e6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--recipe", action="append", help="only this one; several may be given")
    parser.add_argument("--store", type=Path, required=True, help="where the teacher and its labels are kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = load_images(
        options.dataset,
        raw=options.path,
        store=options.store / "images",
        resolution=options.resolution,
        per_class=options.per_class,
    )
    run = Run(seed=options.seed, device="cpu", precision="fp32", threads=1)
    store = StateStore(options.store / options.name)
    size = options.resolution
    architectures = near(images, (3 * size // 4, 7 * size // 8, size), options.macs)
    rows: list[Any] = pd.read_csv(options.table).to_dict("records") if options.table.exists() else []
    done = {(r["set"], r["network"], r["recipe"], r["seed"]) for r in rows}

    def trained(
        name: str,
        recipe: str,
        make: Callable[[], Classifier],
        changes: Mapping[str, Any],
        teacher: Classifier | None = None,
    ) -> Classifier | None:
        key = (options.name, name, recipe, options.seed)
        if key in done:
            return None
        config = FullConfig(**{**BASE, "epochs": options.epochs, **changes})
        finishing = Finishing(
            images=images,
            config=config,
            run=run,
            resolution=size,
            evaluation_batch_size=500,
            labels=store.child("labels"),
            teacher=None if teacher is None else FinishingTeacher.of(teacher, "resnet20_100", "cpu"),
        )
        classifier, start = make(), time.process_time()
        with TemporaryDirectory() as folder:
            finishing.train(classifier, (1.0,), StateStore(Path(folder), name))
        row = dict(zip(("set", "network", "recipe", "seed"), key, strict=True))
        row |= {
            "valid_top1": 100 * finishing.validated(classifier).accuracy,
            "cpu_s": time.process_time() - start,
        }
        rows.append(row)
        done.add(key)
        pd.DataFrame(rows).to_csv(options.table, index=False)
        print(row, flush=True)
        return classifier

    def each(recipes: Mapping[str, Mapping[str, Any]], teacher: Classifier | None = None) -> None:
        for recipe, changes in recipes.items():
            if options.recipe and recipe not in options.recipe:
                continue
            for number, architecture in enumerate(architectures):
                name = f"random {number + 1}, exit {architecture.deepest_exit}, {architecture.resolution} px"
                trained(
                    name,
                    recipe,
                    partial(new_classifier, architecture, images, options.seed),
                    changes,
                    teacher,
                )

    each({"base": {}})
    if options.recipe and not set(options.recipe) & set(TAUGHT):
        each(ONE_BY_ONE)
        return
    trained("mobilenet_v3_small_050", "base", lambda: plain("mobilenet_v3_small_050", images, size, 0), {})
    file = options.store / f"{options.name}_teacher.safetensors"
    teacher = trained("resnet20_100", "base", lambda: plain("resnet20_100", images, size, 0), {})
    if teacher is not None:
        teacher.stored().write(file)

    teacher = load_network(file)
    each(TAUGHT, teacher)
    each(ONE_BY_ONE)


if __name__ == "__main__":
    main()
