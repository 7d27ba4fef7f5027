"""The networks that `network=` may name, known without torch: the thesis's (4.2.1), torchvision's others."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network of torchvision's and the modules that its exits follow."""

    model: str
    exits: tuple[str, ...]


_VGG16 = ("features.4", "features.9", "features.16", "features.23", "features.30")
_MOBILENET = ("features.1", "features.3", "features.6", "features.8", "features.11")

BACKBONES: Mapping[str, Backbone] = {
    "resnet50": Backbone(model="resnet50", exits=("layer1", "layer2", "layer3", "layer4")),
    "vgg16": Backbone(model="vgg16", exits=_VGG16[1:]),
    "vgg16_full": Backbone(model="vgg16", exits=_VGG16),
    "densenet169": Backbone(
        model="densenet169",
        exits=(*(f"features.transition{block}" for block in (1, 2, 3)), "features.norm5"),
    ),
    "mobilenet_v3_small": Backbone(model="mobilenet_v3_small", exits=_MOBILENET[1:]),
    "mobilenet_v3_small_full": Backbone(model="mobilenet_v3_small", exits=_MOBILENET),
    "efficientnet_b5": Backbone(
        model="efficientnet_b5", exits=tuple(f"features.{stage}" for stage in (2, 4, 5, 7))
    ),
    "efficientnet_b5_full": Backbone(
        model="efficientnet_b5", exits=tuple(f"features.{stage}" for stage in range(1, 8))
    ),
}
"""Those of the thesis: 4 exits, and in the full variants one after each stage."""

TORCHVISION = tuple(files("natv2.aep.network").joinpath("torchvision.txt").read_text().split())
"""All classifiers of torchvision."""


def check_network(name: str) -> str:
    """`name`, if it may be a network's. Raises ValueError where it is not."""
    known = [*BACKBONES, *TORCHVISION]
    if ":" not in name and name not in known:
        own = "or your own as package.module:function"
        raise ValueError(f"known: {', '.join(dict.fromkeys(known))}, {own}")
    return name
