"""A supernet's training step against those of the same architectures as static modules.

    python -m benchmarks.elastic_step [--supernet OFAMobileNetV3] [--rounds 7]

Random architectures of width 1.0 at 64 pixels, 200 classes, batches of 32, both sides
channels-last, one thread. A step is forward, backward and the optimiser's step for one
architecture. The two sides alternate in one process, each first as often as second. The aim: a
ratio of at most 1.10.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from natv2.randomness import numpy_generator
from natv2.shrinking.phases import sample
from natv2.spaces import DESIGNS, Architecture, Choices
from natv2.supernets import Supernet
from natv2.training.optimiser import OptimiserConfig, make_optimiser

ARCHITECTURES, BATCH, CLASSES, RESOLUTION, WIDTH = 10, 32, 200, 64, 1.0
CONFIG = OptimiserConfig(learning_rate=1e-3, epochs=1, weight_decay=3e-5)


def stepper(module: nn.Module, logits: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], float]:
    """Takes images and labels, trains `module` by one step, gives the seconds that took."""
    optimiser = make_optimiser(module, CONFIG)

    def step(images: Tensor, labels: Tensor) -> float:
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        cross_entropy(logits(images), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return time.perf_counter() - start

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--supernet", default="OFAMobileNetV3", choices=DESIGNS)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    design = DESIGNS[arguments.supernet]
    supernet = Supernet(design, WIDTH, CLASSES).to(memory_format=torch.channels_last)
    architectures = sample(
        design,
        Choices.everything(design),
        ARCHITECTURES,
        resolution=RESOLUTION,
        width=WIDTH,
        generator=numpy_generator(0, "architectures"),
    )
    images = torch.randn(BATCH, 3, RESOLUTION, RESOLUTION).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (BATCH,))

    def elastic(architecture: Architecture) -> Callable[[Tensor], Tensor]:
        return lambda x: supernet(x, architecture)[0]

    def static(architecture: Architecture) -> Callable[[Tensor, Tensor], float]:
        network = supernet.subnet(architecture).train()
        return stepper(network, lambda x: network(x)[0])

    sides = [(stepper(supernet, elastic(a)), static(a)) for a in architectures]
    times: list[tuple[list[float], list[float]]] = [([], []) for _ in sides]
    for turn in range(-1, arguments.rounds):  # the first one warms up
        for index, pair in enumerate(sides):
            for side in (0, 1) if (turn + index) % 2 else (1, 0):
                seconds = pair[side](images, labels)
                if turn >= 0:
                    times[index][side].append(seconds)
    ratios = [e / s for both in times for e, s in zip(*both, strict=True)]
    for ours, theirs in times:
        print(f"elastic {1e3 * median(ours):6.1f} ms   static {1e3 * median(theirs):6.1f} ms")
    whole = [sum(median(both[side]) for both in times) for side in (0, 1)]
    print(f"{arguments.supernet}: {len(ratios)} pairs, median ratio {median(ratios):.3f}")
    print(f"of the sums of the architectures' medians: {whole[0] / whole[1]:.3f}")


if __name__ == "__main__":
    main()
