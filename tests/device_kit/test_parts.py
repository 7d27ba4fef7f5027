"""The parts of a kit are those of its networks: chained in onnxruntime they say what the network says."""

from collections import defaultdict
from functools import cache

import numpy as np
import pytest
import torch

from natv2.device_kit.assembled import assembled
from natv2.device_kit.part_graph import part_graph
from natv2.device_kit.weights import give_weights
from natv2.export.opened import session
from natv2.search.kit_contents import KitContents
from natv2.spaces.architecture import Architecture
from natv2.spaces.channels import channel_plan
from natv2.spaces.design import BLOCK_BITS, STAGES
from natv2.spaces.space import SearchSpace
from natv2.supernets.network import FIRST, STEM, Network, build, head, levels
from tests.designs import DESIGNS
from tests.tiny import CLASSES, images_of, shared_supernet

SIZES = (17, 32)


def contents_of(name: str) -> KitContents:
    space = SearchSpace(design=DESIGNS[name], resolutions=SIZES, widths=(0.1,))
    return KitContents.of(space, CLASSES)


def some_network(space: SearchSpace) -> Architecture:
    """Of all blocks, of uneven depths, with few kinds of parts: each takes a second to export."""
    design = space.design
    masks = [design.masks[(3 * level + 2) % len(design.masks)] for level in range(design.levels)]
    return Architecture(
        resolution=SIZES[0],
        width=0.1,
        exits=design.exits[-2:][:1],
        depths=tuple(design.depths[stage % len(design.depths)] for stage in range(len(STAGES))),
        kernels=(5 if 5 in design.kernels else design.kernels[-1],) * design.levels,
        expand_ratios=(4 if 4 in design.expand_ratios else design.expand_ratios[0],) * design.levels,
        masks=tuple(masks),
    )


class Graphs(dict):
    """Graphs of parts as kits have them, each made when it is asked for; designs share many of them."""

    def __init__(self, contents):
        super().__init__()
        self.contents = contents

    def __missing__(self, name):
        if name not in _GRAPHS:
            index = self.contents.parts.names.index(name)
            module = self.contents.parts.modules[index]
            give_weights(module)
            _GRAPHS[name] = part_graph(module, self.contents.parts.inputs[index][0])
        return _GRAPHS[name]


_GRAPHS = {}


def ran(model, x: np.ndarray) -> np.ndarray:
    (made,) = session(model.SerializeToString(), 1).run(None, {"x": x})
    return made


def chained(contents, code, graphs, x):
    """A network's logits by hand: part after part, as the latency table finds them, each in onnxruntime."""
    space, parts = contents.space, contents.parts
    code, architecture = space.canonical(code), space.decode(code)
    at = tuple(code[:2])

    def run(index, x):
        assert parts.inputs[index] == x.shape[1:3]
        return ran(graphs[parts.names[index]], x)

    exit = space.design.exits.index(architecture.deepest_exit)
    stem, first, last = parts.rest[at][exit]
    x = run(first, run(stem, x))
    for stage in range(architecture.deepest_exit):
        outputs = []
        for position in range(architecture.depths[stage]):
            level = stage * space.design.levels_per_stage + position
            blocks = [
                index for index in parts.levels[at][level, code[space.first_level + level]] if index >= 0
            ]
            outputs.append(sum(run(index, x) for index in blocks))
            x = outputs[-1] + sum(outputs[:-2]) if space.design.dense else outputs[-1]
    return run(last, x)


# Each way of building a network once: exporting a design takes seconds.
@pytest.mark.parametrize("name", ["SE_B_OFAMobileNetV3", "EE_DP_OFAMobileNetV3", "four_blocks", "ranges"])
def test_parts_in_a_chain_and_whole_graphs_of_a_kit_say_what_the_network_says(name):
    contents = contents_of(name)
    architecture = some_network(contents.space)
    code = contents.space.encode(architecture)
    graphs = Graphs(contents)
    network = Network(contents.space.design, architecture, CLASSES)
    give_weights(network)
    x = images_of(2, 3, SIZES[0], SIZES[0]).contiguous()
    with torch.no_grad():
        (logits,) = network.eval()(x)
    expected = logits.numpy()
    assert np.abs(expected).max() > 1e-3 and expected.std() > 0
    tolerance = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(chained(contents, code, graphs, x.numpy()), expected, atol=tolerance)
    whole = assembled(contents, code, graphs)
    np.testing.assert_allclose(ran(whole, x.numpy()), expected, atol=tolerance)


@pytest.mark.parametrize("name", ["EE_DP_OFAMobileNetV3"])
def test_parts_of_an_extracted_subnet_chained_in_onnxruntime_are_the_subnet(name):
    design = DESIGNS[name]
    architecture = Architecture(
        resolution=24,
        width=0.1,
        exits=design.exits[:2][-1:],
        depths=(2, 3, 2, 2, 2),
        kernels=(5, 3, 7, 5) * 5,
        expand_ratios=(4, 6, 3, 4) * 5,
        masks=tuple(design.masks[-1 - level % 2 * (len(design.masks) > 1)] for level in range(20)),
    )
    supernet = shared_supernet(name)
    statistics = {}
    supernet.record(images_of(8, 3, 24, 24, seed=1), architecture, statistics)
    subnet = supernet.subnet(architecture, statistics).eval()
    x = images_of(2, 3, 24, 24)
    with torch.no_grad():
        (expected,) = subnet(x)

    def run(module, x):
        return ran(part_graph(module, x.shape[1]), x)

    y = run(subnet.first, run(subnet.stem, x.contiguous().numpy()))
    for stage in subnet.stages:
        outputs = []
        for level in stage.levels:
            outputs.append(sum(run(block, y) for block in level.blocks.values()))
            y = outputs[-1] + sum(outputs[:-2]) if design.dense else outputs[-1]
    (last,) = subnet.heads.values()
    np.testing.assert_allclose(
        run(last, y), expected.numpy(), rtol=1e-4, atol=1e-5 * float(expected.abs().max())
    )


@cache
def told(part, design, width) -> str:
    return written(build(part, channel_plan(design, width), CLASSES, 0.0))


def written(module) -> str:
    """All that a module is, its shortcuts too, of which its own text says nothing."""
    return f"{module}{[each.shortcut for each in module.modules() if hasattr(each, 'shortcut')]}"


def walked(design, architecture):
    """What is in a network, part by part, with the pixels along the edge of its input as they really are."""
    plan, size = channel_plan(design, architecture.width), architecture.resolution
    yield told(STEM, design, architecture.width), size
    size = -(-size // 2)
    yield told(FIRST, design, architecture.width), size
    for stage in range(architecture.deepest_exit):
        for position, part in enumerate(levels(architecture, stage)):
            for bit in BLOCK_BITS.values():
                if part.mask & bit:
                    elastic = (
                        (part.kernel, part.expand_ratio)
                        if bit == BLOCK_BITS["inverted_bottleneck"]
                        else (0, 0)
                    )
                    block = type(part)(part.place, bit, *elastic)
                    yield told(block, design, architecture.width), size
            if position == 0 and plan.level(stage, 0).stride == 2:
                size = -(-size // 2)
    yield told(head(architecture.deepest_exit), design, architecture.width), size


@pytest.mark.parametrize(
    "name", ["EE_D_OFAMobileNetV3", "SE_DP_OFAMobileNetV3", "deep", "four_blocks", "bare"]
)
def test_no_part_of_any_network_is_missing_and_none_is_there_twice(name):
    space = SearchSpace(design=DESIGNS[name], resolutions=(17, 32), widths=(0.1, 0.35))
    contents = KitContents.of(space, CLASSES)
    there = [
        (written(m), side) for m, (_, side) in zip(contents.parts.modules, contents.parts.inputs, strict=True)
    ]
    assert len(set(there)) == len(there) == len(set(contents.part_entries))
    kinds = defaultdict(set)
    for part, (module, _) in zip(contents.parts.names, there, strict=True):
        kinds[part].add(module)
    assert all(len(modules) == 1 for modules in kinds.values())
    assert len({module for modules in kinds.values() for module in modules}) == len(kinds)
    found = set()
    for code in space.sample_codes(1500, np.random.default_rng(0)):
        found |= set(walked(space.design, space.decode(code)))
    assert found <= set(there)
    assert len(found) > 0.95 * len(there)  # and none that no network has
