from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from natv2.exits import exit_weights
from natv2.images import calibration_batches, evaluation_batches
from natv2.spaces import DESIGNS, Architecture, SearchSpace
from natv2.training.calibration import calibrate
from natv2.training.evaluation import Evaluator, share_paths, top1
from tests.strategies import architectures, some
from tests.tiny import shared_supernet, splits

NAME = "EE_DP_OFAMobileNetV3"
IMAGES = splits(train=32, valid=60)
CALIBRATION = calibration_batches(IMAGES, images=32, batch_size=16, seed=0)
BATCHES = list(evaluation_batches(IMAGES, IMAGES.valid, 25))
BETA = exit_weights("DESC", 5)[1]


def evaluator() -> Evaluator:
    return Evaluator(calibration=CALIBRATION, images=BATCHES, exit_weights=BETA)


def alone(architecture: Architecture) -> float:
    """The share of right answers of the extracted network, counted image by image."""
    supernet = shared_supernet(NAME, architecture.width)
    network = supernet.subnet(architecture, calibrate(supernet, architecture, CALIBRATION))
    right = 0
    with torch.no_grad():
        for batch in BATCHES:
            outputs = network(batch.at(architecture.resolution))
            weights = BETA if len(outputs) == 5 else (1.0,)
            logits = sum(w * o for w, o in zip(weights, outputs, strict=True))
            right += sum(int(row.argmax() == label) for row, label in zip(logits, batch.labels, strict=True))
    return right / len(IMAGES.valid)


def mixed(count: int = 6) -> list[Architecture]:
    """Random networks of two widths, their other exits, and the ensembles, in no order."""
    space = SearchSpace(design=DESIGNS[NAME], resolutions=(16, 24), widths=(0.1, 0.25))
    codes = space.sample_architectures(count, np.random.default_rng(1))
    codes[:, 2] = 4
    codes[:, space.first_block :] = np.maximum(codes[:, space.first_block :], 1)
    whole = [space.decode(code) for code in codes]
    others = [replace(a, exits=(e,)) for a in whole[:3] for e in (1, 3, 4)]
    ensembles = [shared_supernet(NAME, width).largest(16) for width in (0.1, 0.25)]
    every = [*whole, *others, *ensembles, whole[0]]
    return [every[i] for i in np.random.default_rng(0).permutation(len(every))]


def test_evaluated_together_as_each_one_alone():
    networks = mixed()
    family = {width: shared_supernet(NAME, width) for width in (0.1, 0.25)}
    found = evaluator().accuracies(family, networks, "test")
    assert found.tolist() == [alone(network) for network in networks]
    assert len(set(found.tolist())) > 5
    assert len(share_paths(networks)) < len(set(networks))


def test_the_exits_of_a_path_run_in_one_pass(monkeypatch):
    supernet = shared_supernet(NAME)
    networks = [replace(supernet.largest(16), exits=(e,)) for e in (2, 5, 1, 4, 3)]
    passes = []
    forward = type(supernet).forward

    def count(self, x, architecture, statistics=None):
        passes.append(architecture.exits)
        return forward(self, x, architecture, statistics)

    monkeypatch.setattr(type(supernet), "forward", count)
    evaluator().accuracies({0.1: supernet}, networks, "test")
    assert passes == [(1, 2, 3, 4, 5)] * len(BATCHES)


def test_calibration_is_done_with_the_calibration_images_only(monkeypatch):
    supernet, seen = shared_supernet(NAME), []

    def record(supernet, architecture, batches):
        seen.extend(i for batch in batches for i in batch.ids.tolist())
        return calibrate(supernet, architecture, batches)

    monkeypatch.setattr("natv2.training.evaluation.calibrate", record)
    evaluator().accuracies({0.1: supernet}, [supernet.largest(16)], "test")
    assert sorted(seen) == IMAGES.train.ids.tolist()


def test_top1_of_a_network():
    supernet = shared_supernet(NAME)
    architecture = replace(supernet.largest(16), exits=(4,))
    network = supernet.subnet(architecture, calibrate(supernet, architecture, CALIBRATION)).train()
    assert top1(network, BATCHES) == alone(architecture)


@pytest.mark.parametrize("name", ["OFAMobileNetV3", "EE_B_OFAMobileNetV3", NAME])
@some
@given(data=st.data())
def test_paths_cover_every_architecture_once(name, data):
    drawn = architectures(DESIGNS[name], resolutions=(16, 24), several_exits=True)
    networks = data.draw(st.lists(drawn, min_size=1, max_size=4))
    for base in list(networks):  # some that share a path with another
        if base.deepest_exit > 1:
            networks.append(replace(base, exits=(data.draw(st.integers(1, base.deepest_exit)),)))
    networks = data.draw(st.permutations(networks))
    paths = share_paths(networks)
    assert sorted(m for _, members in paths for m in members) == list(range(len(networks)))
    for path, members in paths:
        exits = {e for m in members for e in networks[m].exits}
        assert set(path.exits) == exits
        for member in members:
            # the member is what is left of the path when its other exits are gone
            assert replace(path, exits=networks[member].exits) == networks[member]


def test_exits_of_a_path_are_merged_and_other_networks_are_not():
    largest = shared_supernet(NAME).largest(16)
    exits = [replace(largest, exits=(e,)) for e in (3, 1, 5, 2, 4)]
    assert share_paths(exits) == [(largest, sorted(range(5), key=lambda i: -exits[i].exits[0]))]
    others = [
        replace(largest, exits=(3,)),
        replace(largest, exits=(3,), resolution=24),
        replace(largest, exits=(3,), width=0.25),
        replace(largest, exits=(3,), depths=(4, 4, 3, 4, 4)),
        replace(largest, exits=(3,), kernels=(3, *largest.kernels[1:])),
        replace(largest, exits=(3,), expand_ratios=(3, *largest.expand_ratios[1:])),
        replace(largest, exits=(3,), masks=(4, *largest.masks[1:])),
    ]
    assert len(share_paths(others)) == len(others)
