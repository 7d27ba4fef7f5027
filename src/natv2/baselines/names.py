"""The plain networks that `baselines.networks` may name, known without torch."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


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


def check_plain(name: str) -> str:
    """`name`, if it may be a plain network's. Raises ValueError where it is not."""
    if ":" not in name and name not in PLAIN:
        raise ValueError(f"known: {', '.join(PLAIN)}, or your own as package.module:function")
    return name
