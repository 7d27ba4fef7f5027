"""A file's certificate: that it is the network it was made of, what it costs, how fast it is."""

import copy
import math
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from natv2.costs.count import CountedCosts, counted_costs
from natv2.export.acceptance import Agreement, compared, objections
from natv2.export.comparison import Comparison
from natv2.export.deployable import Deployable
from natv2.export.formats import Precision
from natv2.export.opened import BATCH, Opened
from natv2.export.stages import stops
from natv2.export.timing import Latency, Rounds, grey, latencies
from natv2.finished_network import Classifier


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What has been seen of one exported network, and `objections` to it: none where it holds.

    `files` are its files, the one to run first, with their SHA-256; `bytes` what they take together.
    `agreement` is on equal prepared images, `whole` on images that went through the whole file, in their own
    sizes. `params` and `macs` are counted from the file; `folded` parameters went into others and `idle` ones
    are 0 and left out, so together they are PyTorch's. `latency` is of one image, that of the network's own
    size or, where images leave early, of `timed` ones in turns.
    """

    network: str
    format: str
    precision: Precision
    files: Mapping[str, str]
    bytes: int
    images: str
    agreement: Agreement
    whole: Agreement
    params: int
    folded: int | None
    idle: int
    pytorch_params: int
    macs: int
    pytorch_macs: int
    latency: tuple[Latency, ...]
    timed: int
    machine: str
    versions: Mapping[str, str]
    note: str
    objections: tuple[str, ...]

    @property
    def file(self) -> str:
        """The file that people run."""
        return next(iter(self.files))

    @property
    def holds(self) -> bool:
        """Whether the file is the network it was made of."""
        return not self.objections

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; what is no number is None."""
        return {"holds": self.holds, **_finite(asdict(self))}


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, kw_only=True)
class Written:
    """An exported network before it is certified: its `files` by their names, the one to run first."""

    network: str
    format: str
    precision: Precision
    files: Mapping[str, bytes]


def certify(
    written: Written, opened: Opened, deployed: Deployable, comparison: Comparison, rounds: Rounds
) -> Certificate:
    """The certificate of `written`, which is `opened` in its runtime."""
    labels = None if comparison.labels is None else comparison.labels.numpy()
    expected = expected_logits(deployed.classifier, comparison)
    rounding = _rounding(deployed.classifier, comparison, expected)
    agreement = compared(opened.network(comparison.prepared.numpy()), expected, labels, rounding)
    whole = _whole(opened, deployed.classifier, comparison, rounding)
    pytorch = pytorch_costs(deployed.classifier)
    # What an image takes that may leave early depends on which: one alone would tell of one exit.
    timed = list(comparison.whole) if stops(deployed.classifier) else [grey(deployed.classifier)]
    return Certificate(
        network=written.network,
        format=written.format,
        precision=written.precision,
        files={name: sha256(content).hexdigest() for name, content in written.files.items()},
        bytes=sum(map(len, written.files.values())),
        images=comparison.images,
        agreement=agreement,
        whole=whole,
        params=opened.costs.params,
        folded=deployed.folded,
        idle=_left_out(opened.costs, pytorch, deployed),
        pytorch_params=pytorch.params,
        macs=opened.costs.macs,
        pytorch_macs=pytorch.macs,
        latency=latencies(opened, deployed.classifier, timed, rounds),
        timed=len(timed),
        machine=f"{platform.system()} {platform.machine()}, {platform.processor() or 'processor unknown'}",
        versions={
            "python": platform.python_version(),
            "natv2": version("natv2"),
            "torch": torch.__version__,
            **opened.versions,
        },
        note=opened.note,
        objections=(
            *objections(agreement, written.precision),
            *_objections_to_costs(opened.costs, pytorch, deployed),
            *(f"whole images: {each}" for each in _objections_to_whole(whole, written.precision)),
        ),
    )


@torch.inference_mode()
def expected_logits(classifier: Classifier, comparison: Comparison) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What PyTorch says of the prepared images: logits (N, classes)."""
    parts = [classifier.logits(part) for part in torch.split(comparison.prepared, BATCH)]
    return torch.cat(parts).numpy()


def pytorch_costs(classifier: Classifier) -> CountedCosts:
    """What `classifier` costs, counted while it runs in PyTorch."""
    return counted_costs(classifier.network, classifier.resolution)


@torch.inference_mode()
def _rounding(
    classifier: Classifier, comparison: Comparison, found: np.ndarray[Any, np.dtype[np.float32]]
) -> float:
    """How far logits are, at most, from those in double precision."""
    if stops(classifier):  # an image may leave elsewhere, which is no rounding
        return 0.0
    double = copy.deepcopy(classifier).double()
    parts = torch.split(comparison.prepared, BATCH)
    exact = torch.cat([double.logits(part.double()) for part in parts])
    return float(np.abs(found - exact.numpy()).max())


@torch.inference_mode()
def _whole(opened: Opened, classifier: Classifier, comparison: Comparison, rounding: float) -> Agreement:
    found = [opened.whole(image.numpy()) for image in comparison.whole]
    expected = [classifier(image).numpy() for image in comparison.whole]
    return compared(np.concatenate(found), np.concatenate(expected), None, rounding)


def _objections_to_whole(whole: Agreement, precision: Precision) -> Iterator[str]:
    # Resizing elsewhere rounds otherwise: only what a person would notice counts, another class.
    if precision == "float" and whole.sure < 1:
        yield f"{1 - whole.sure:.2%} of those that PyTorch is sure of get another class"


def _objections_to_costs(found: CountedCosts, pytorch: CountedCosts, deployed: Deployable) -> Iterator[str]:
    if found.macs != pytorch.macs:
        yield f"{found.macs:,} MACs are counted in the file, {pytorch.macs:,} in PyTorch"
    # Of norms that the exporter folded by itself it is not known what they took along.
    folded = deployed.folded
    if folded is not None and found.params + folded + _left_out(found, pytorch, deployed) != pytorch.params:
        yield (
            f"{found.params:,} parameters are counted in the file, of {pytorch.params:,} of which "
            f"{folded:,} were folded"
        )


def _left_out(found: CountedCosts, pytorch: CountedCosts, deployed: Deployable) -> int:
    """How many parameters that are 0 a file has not: all of them, or, by other exporters, none."""
    lacking = pytorch.params - found.params - (deployed.folded or 0)
    return lacking if lacking == deployed.idle else 0
