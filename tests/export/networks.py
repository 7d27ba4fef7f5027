"""Small finished networks of every kind, none of whose tensors is at a neutral value."""

from dataclasses import replace
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn

from natv2.aep.classifier import MultiExitClassifier, MultiExitHeader
from natv2.aep.network.backbones import multi_exit_network
from natv2.baselines.plain import PlainClassifier, PlainHeader
from natv2.exits.leaving import confidence, running_ensembles
from natv2.exits.weightings import exit_weights
from natv2.export.comparison import synthetic
from natv2.export.deployable import Deployable, deployable
from natv2.finished_network import Classifier
from natv2.images.levels import Levels
from natv2.images.transforms import prepare
from natv2.randomness import process_generator
from natv2.spaces.architecture import Architecture, constant
from natv2.spaces.design import DESIGNS
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from tests.aep.tiny import NAMES, TinyNetwork
from tests.tiny import images_of, shared_supernet

Early = TypeVar("Early", MultiExitClassifier, SubnetClassifier)

KNOWN = {
    "class_names": tuple("abcd"),
    "mean": (0.5, 0.4, 0.3),
    "std": (0.2, 0.3, 0.25),
    "levels": Levels(0, 4095),
    "temperature": 1.7,
}


@cache
def subnet(design: str, exits: tuple[int, ...] = (5,), depth: int = 2) -> SubnetClassifier:
    """A network with all that its design has; its kernels differ from level to level."""
    supernet = shared_supernet(design)
    plain = constant(
        supernet.design,
        resolution=24,
        width=0.1,
        exits=exits,
        depth=depth,
        kernel=5,
        expand_ratio=4,
        mask=supernet.design.full_mask,
    )
    varied = {
        "kernels": tuple(3 + 2 * (level % 3) if kernel else 0 for level, kernel in enumerate(plain.kernels)),
        "masks": tuple(
            mask and (mask if level % 3 else 5 & supernet.design.full_mask)
            for level, mask in enumerate(plain.masks)
        ),
    }
    architecture = Architecture(**{**vars(plain), **varied})
    statistics: dict[str, Tensor] = {}
    supernet.record(images_of(8, 3, 24, 24), architecture, statistics)
    header = SubnetHeader(
        design=supernet.design,
        architecture=architecture,
        weights=(1.0,) if len(exits) == 1 else exit_weights("ASC", len(exits))[1],
        **KNOWN,
    )
    return SubnetClassifier(supernet.subnet(architecture, statistics), header).eval()


def plain(name: str, build=None) -> PlainClassifier:
    """A plain network at 32 pixels."""
    header = PlainHeader(network=name, resolution=32, **KNOWN)
    classifier = PlainClassifier.new(header, 0, build)
    randomise(classifier)
    return classifier.eval()


def multi_exit(name: str, kept: tuple[int, ...], thresholds=None, build=None) -> MultiExitClassifier:
    """A classic network of aep's at 32 pixels, with some of its exits."""
    exits = NAMES if build else None
    with process_generator(0):
        network, modules = multi_exit_network(name, 4, resolution=32, exits=exits, build=build)
    header = MultiExitHeader(
        network=name,
        modules=modules,
        kept=kept,
        resolution=32,
        weights=exit_weights("DESC", len(kept))[1],
        thresholds=thresholds,
        **KNOWN,
    )
    classifier = MultiExitClassifier(network.keep(kept), header)
    randomise(classifier)
    return classifier.eval()


@cache
def stopping() -> MultiExitClassifier:
    """A person's own network, with three exits at which images leave."""
    return with_thresholds(multi_exit("tests.export.networks:own", (1, 2, 4), build=own))


def with_thresholds(whole: Early) -> Early:
    """`whole`, at each of whose three exits a third of made-up images leaves."""
    with torch.no_grad():
        logits = torch.stack(whole.network(synthetic(whole).prepared))
    surest = confidence(running_ensembles(logits, whole.header.weights))
    # Between two images, as calibrated ones are.
    middle = []
    staying = torch.ones(surest.shape[1], dtype=torch.bool)
    for row in surest[:-1]:
        middle.append(float(row[staying].sort().values[-22:-20].mean()))
        staying &= row < middle[-1]
    header = replace(whole.header, thresholds=(*middle, 0.0))
    return type(whole)(whole.network, header).eval()


@torch.no_grad()
def randomise(classifier: Classifier) -> None:
    """Move norms and biases away from their first values."""
    generator = torch.Generator().manual_seed(1)
    for layer in classifier.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.2, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
            layer.weight.uniform_(0.5, 1.5, generator=generator)
        if isinstance(getattr(layer, "bias", None), Tensor):
            layer.bias.normal_(0, 0.2, generator=generator)


def prepared_as(classifier: Classifier, images: Tensor) -> Tensor:
    """Images, uint8 (N, 3, H, W), as `classifier` takes them."""
    header = classifier.header
    return prepare(images, classifier.resolution, header.mean, header.std)


def own(classes: int) -> nn.Module:
    """A person's own network."""
    return TinyNetwork(classes)


NETWORKS = {
    **{f"{design}, one exit": (subnet, design) for design in DESIGNS if not design.startswith("EE")},
    **{f"{design}, 2 exits": (subnet, design, (1, 3)) for design in DESIGNS if design.startswith("EE")},
    "all exits": (subnet, "EE_DP_OFAMobileNetV3", (1, 2, 3, 4, 5)),
    "dense skips over two levels": (subnet, "EE_D_OFAMobileNetV3", (3,), 4),
    "resnet18 of aep": (multi_exit, "resnet18", (1, 2, 4)),
    "mobilenet_v3_small of aep": (multi_exit, "mobilenet_v3_small", (2, 3)),
    "one's own of aep": (multi_exit, "tests.export.networks:own", (1, 2, 3, 4), None, own),
    "plain mobilenet": (plain, "mobilenet_v3_small_035"),
    "plain resnet20": (plain, "resnet20_050"),
    "plain shufflenet": (plain, "shufflenet_v2_050"),
    "timm's": (plain, "lcnet_050"),
    "plain, one's own": (plain, "tests.export.networks:own", own),
}
"""What makes each, and with what."""


def network(name: str) -> Classifier:
    make, *given = NETWORKS[name]
    return make(*given)


@cache
def deployed(name: str) -> Deployable:
    """What is exported of it; its graph, which takes seconds, is made once in a process."""
    classifier = network(name)
    before = {key: value.clone() for key, value in classifier.state_dict().items()}
    made = deployable(classifier)
    assert made.graph.graph.node
    after = classifier.state_dict()  # that of the classifier itself stays as it is
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    return made
