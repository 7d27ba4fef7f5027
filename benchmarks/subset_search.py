"""All sub-ensembles of a multi-exit network judged, against one validation pass of it.

    python -m benchmarks.subset_search [--network NAME] [--resolution 64] [--images 1000] [--classes 200]

127 subsets of seven exits by default, from the logits of one pass; channels-last, one thread; the pass and
the pass with the judging alternate in one process. The aim: a ratio of at most 1.1.
"""

import argparse

import torch

from benchmarks.turns import in_turns, summary, timed
from natv2.aep.costs import parameter_costs
from natv2.aep.network.backbones import multi_exit_network
from natv2.aep.pruning import evaluate_subsets, exit_logits
from natv2.exits.weightings import exit_weights
from natv2.images.batches import Batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--network", default="efficientnet_b5_full")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, _ = multi_exit_network(options.network, options.classes, resolution=options.resolution)
    network.eval().to(memory_format=torch.channels_last)
    weights = exit_weights("MIX", len(network.exits)).output
    batches = [
        Batch(
            pixels=torch.randint(256, (100, 3, options.resolution, options.resolution), dtype=torch.uint8),
            labels=torch.randint(options.classes, (100,)),
            ids=torch.arange(100),
            mean=(0.5, 0.5, 0.5),
            std=(0.25, 0.25, 0.25),
        )
        for _ in range(options.images // 100)
    ]

    def one_pass() -> None:
        with torch.inference_mode():
            for batch in batches:
                network(batch.at(options.resolution))

    def judged() -> None:
        evaluate_subsets(
            exit_logits(network, batches, options.resolution), weights, {"params": parameter_costs(network)}
        )

    times = in_turns([(timed(judged), timed(one_pass))], options.rounds)
    print(f"{options.network}, {2 ** len(network.exits) - 1} subsets: {summary(times)}")


if __name__ == "__main__":
    main()
