"""The names of OFA's published MobileNetV3 supernets, in both spellings, and what ours are called there.

The blocks of all stages are numbered in a row, from 1 on: 0 is the first, fixed one.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from torch import Tensor

from natv2.errors import UserError
from natv2.spaces.design import DESIGNS

OFA_DESIGN = DESIGNS["OFAMobileNetV3"]
"""The design that OFA has published weights of."""

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""What a batch norm holds beside its weights: our supernets keep none (docs/methods.md, Recalibration)."""

# Published files say mobile_inverted_conv, today's classes conv; elastic layers wrap a layer of the same
# name, static ones have it alone.
_FOLDED = ((".mobile_inverted_conv.", ".conv."), (".bn.bn.", ".bn."), (".linear.linear.", ".linear."))
_DOUBLE_CONV = re.compile(r"\.conv\.conv\.weight$")

_OUTSIDE: Mapping[str, str] = MappingProxyType(
    {
        "network.stem.": "first_conv.",
        "network.first.depthwise.": "blocks.0.conv.depth_conv.",
        "network.first.project.": "blocks.0.conv.point_linear.",
        "network.heads.5.expand.": "final_expand_layer.",
        "network.heads.5.last.": "feature_mix_layer.conv.",
        "network.heads.5.classifier.": "classifier.linear.",
    }
)
_BLOCK = re.compile(r"network\.stages\.(\d+)\.levels\.(\d+)\.blocks\.inverted_bottleneck\.(\w+)\.(.+)")
_IN_BLOCK: Mapping[str, str] = MappingProxyType(
    {
        "expand": "inverted_bottleneck",
        "depthwise": "depth_conv",
        "squeeze_excite": "depth_conv.se.fc",
        "project": "point_linear",
    }
)
_TRANSFORM = re.compile(r"transforms\.(\d+)\.(\d+)")
_MATRICES = ("7to5_matrix", "5to3_matrix")


def published_name(name: str) -> str | None:
    """What OFA calls the parameter `name` of our supernets, in the short spelling; None where it has none."""
    if found := _TRANSFORM.fullmatch(name):
        level, step = int(found[1]), int(found[2])
        return f"blocks.{level + 1}.conv.depth_conv.conv.{_MATRICES[step]}" if step < len(_MATRICES) else None
    if found := _BLOCK.fullmatch(name):
        block = int(found[1]) * OFA_DESIGN.levels_per_stage + int(found[2]) + 1
        return f"blocks.{block}.conv.{_IN_BLOCK[found[3]]}.{_layer(found[4])}"
    for ours, theirs in _OUTSIDE.items():
        if name.startswith(ours):
            return theirs + _layer(name.removeprefix(ours))
    return None


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` with all names in the short spelling. Raises UserError where two become one."""
    result: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if (short := _short(name)) in result:
            raise UserError(f"it has {short} in two spellings")
        result[short] = tensor
    return result


def statistics_of(weights: Iterable[str]) -> dict[str, str]:
    """The names of the batch norms' statistics, each with that of the weight beside it."""
    norms = [name for name in weights if name.endswith(".bn.weight")]
    return {f"{name.removesuffix('weight')}{each}": name for name in norms for each in STATISTICS}


def is_matrix(name: str) -> bool:
    """Whether `name` is that of a matrix which makes kernels smaller."""
    return name.endswith(_MATRICES)


def other_network(state: Iterable[str]) -> str | None:
    """Which of OFA's other supernets has these names; None for MobileNetV3, and for what is none of them."""
    names = set(state)
    if any(name.startswith("input_stem.") for name in names):
        return "ResNet-50"
    if any(name.startswith("feature_mix_layer.bn.") for name in names):
        return "ProxylessNAS"
    return None


def _short(name: str) -> str:
    for long, short in _FOLDED:
        name = name.replace(long, short)
    return _DOUBLE_CONV.sub(".conv.weight", name)


def _layer(name: str) -> str:
    return name.replace("norm.", "bn.", 1) if name.startswith("norm.") else name
