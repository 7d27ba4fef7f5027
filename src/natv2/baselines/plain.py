"""Plain networks, built by their names, counted, and as finished classifiers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.efficientnet_lite import EfficientNetLite0
from natv2.baselines.names import BUILT
from natv2.baselines.resnet import resnet20
from natv2.costs.config import BatchLatencyConfig
from natv2.costs.count import CountedCosts, counted_costs
from natv2.costs.latency import network_latencies
from natv2.errors import UserError
from natv2.files import one_line
from natv2.finished_network import (
    HEADER,
    LARGEST_RESOLUTION,
    Build,
    Classifier,
    NetworkHeader,
    StoredNetwork,
    StoredNetworks,
    classifier_type,
)
from natv2.own_network import imported, own_network, said
from natv2.randomness import process_generator

_OWN: Mapping[str, Callable[..., nn.Module]] = {
    "resnet20": resnet20,
    "efficientnet_lite0": EfficientNetLite0,
}
NORM_MOMENTUM = 0.1
"""That of torch. Libraries have theirs for the length of ImageNet: at the 0.01 of torchvision's MobileNetV3
the statistics are not the network's yet when a short schedule ends, and the verdict would be on them."""


def plain_network(name: str, classes: int, build: Build | None = None) -> nn.Module:
    """The network called `name`, a row of `BUILT`, or what a person's own `build` makes.

    Raises UserError where its library is not installed, it is not known, or `build` fails.
    """
    if build is not None:
        return own_network(name, build, classes)
    if name not in BUILT:
        raise UserError(
            f"network {one_line(repr(name))} is not one of natv2's, and what a file names is never imported; "
            "for a network of your own give the function that builds it: load_network(path, build)"
        )
    network = _built(name, classes)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = NORM_MOMENTUM
    return network


def _built(name: str, classes: int) -> nn.Module:
    row = BUILT[name]
    options: dict[str, Any] = {"num_classes": classes}
    if row.width is not None:
        options["width_mult"] = row.width
    if row.library == "timm":
        return _timm(row.model, classes)
    if row.library == "natv2":
        return _OWN[row.model](**options)
    from torchvision.models import get_model  # takes seconds

    network: nn.Module = get_model(row.model, **options)
    return network


def _timm(model: str, classes: int) -> nn.Module:
    try:
        import timm
    except ImportError:
        raise UserError(f"{model} is timm's: pip install 'natv2[baselines]'") from None
    network: nn.Module = timm.create_model(model, num_classes=classes)
    return network


def own_builds(config: BaselinesConfig) -> dict[str, Build]:
    """The functions of a person's own that the parameters name: no table or file ever does.

    Raises UserError where one cannot be imported.
    """
    return {name: imported(name, "baselines.networks") for name in config.own}


def plain_costs(name: str, classes: int, resolution: int, build: Build | None = None) -> CountedCosts:
    """What the network called `name` costs for images of `resolution`.

    Raises UserError as `plain_network`, and where it cannot take such images.
    """
    # With values: one small image takes less than torch's bookkeeping of shapes on the meta device.
    with process_generator(0):
        network = plain_network(name, classes, build).eval()
    try:
        with torch.no_grad():
            logits = network(torch.zeros(1, 3, resolution, resolution))
        found = counted_costs(network, resolution)
    except Exception as error:  # whatever a person's network does
        raise UserError(f"{name} takes no images of {resolution} px: {said(error)}") from None
    if not isinstance(logits, Tensor) or logits.shape != (1, classes):
        raise UserError(f"{name} does not give one output for each of {classes} classes")
    return found


def plain_latencies(
    names: Sequence[str],
    builds: Mapping[str, Build],
    classes: int,
    resolution: int,
    config: BatchLatencyConfig,
    device: str,
) -> list[float]:
    """Milliseconds of each of these networks, in turns, with new weights."""
    networks = []
    for name in names:
        with process_generator(0):
            networks.append(plain_network(name, classes, builds.get(name)))
    taken = network_latencies(networks, resolution, config, batch=config.batch, device=device)
    return [float(each) for each in taken.median]


@dataclass(frozen=True, kw_only=True, config=HEADER)
class PlainHeader(NetworkHeader):
    """`network` is its name, a row of `BUILT`; that of a person's own is never looked up."""

    network: str
    resolution: Annotated[int, Field(ge=1, le=LARGEST_RESOLUTION)]


class PlainClassifier(Classifier, kind="plain_network", header=PlainHeader):
    """A plain network, trained beside those of a search."""

    header: PlainHeader

    @property
    def resolution(self) -> int:
        """That of its training."""
        return self.header.resolution

    def logits(self, x: Tensor) -> Tensor:
        """Map prepared images (N, 3, R, R) to logits (N, classes)."""
        logits: Tensor = self.network(x)
        return logits

    @classmethod
    def new(cls, header: PlainHeader, seed: int, build: Build | None = None) -> Self:
        """One that is not trained yet, its weights drawn for `seed`. Raises UserError as `plain_network`."""
        with process_generator(seed):
            network = plain_network(header.network, len(header.class_names), build)
        return cls(network.to(memory_format=torch.channels_last), header)

    @classmethod
    def build(cls, stored: StoredNetwork, build: Build | None = None) -> Self:
        """The classifier of a plain network's weights and header.

        `build` makes a network of a person's own for a number of classes: without it, `network` must be in
        our table. Raises UserError where it is not, or header and weights do not fit each other.
        """
        header = cls.header_of(stored)
        with process_generator(0), torch.device("cpu" if build else "meta"):
            network = plain_network(header.network, len(header.class_names), build)
        return cls.with_tensors(network, header, stored.tensors)


def rebuilt(stored: StoredNetwork, builds: Mapping[str, Build]) -> Classifier:
    """The classifier of `stored`; that of a person's own by the function of its name in `builds`.

    Raises UserError where it is not there.
    """
    kind = classifier_type(stored.header["kind"])
    assert kind is not None
    return kind.build(stored, builds.get(str(stored.header.get("network"))))


def untaught(networks: StoredNetworks, builds: Mapping[str, Build]) -> dict[str, Classifier]:
    """Those plain networks that were trained without a teacher and from nothing."""
    return {
        name: rebuilt(stored, builds)
        for name, stored in networks.items()
        if (stored.header["record"]["kind"], stored.header["record"]["teacher"]) == ("plain", "none")
    }
