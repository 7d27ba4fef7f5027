"""Finished networks: saved in one file each, loaded from it in one call as classifiers of images."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import torch
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass
from torch import Tensor, nn

from natv2.errors import UserError
from natv2.exits.ensembles import ensemble
from natv2.files import misfit, parsed, read_tensors, write_tensors
from natv2.images.decode import UnreadableImageError
from natv2.images.given import Given, as_batch, image_of
from natv2.images.levels import Levels
from natv2.images.transforms import prepare
from natv2.prediction import Prediction, predictions

if TYPE_CHECKING:
    from natv2.images.batches import Batch

Build = Callable[[int], nn.Module]
"""Builds a network of a person's own for so many classes."""


@dataclass(frozen=True)
class StoredNetwork:
    """Tensors and JSON-ready header of a network, as its file has them."""

    tensors: Mapping[str, Tensor]
    header: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Save it, atomically."""
        write_tensors(path, self.tensors, self.header)

    @classmethod
    def read(cls, path: Path) -> "StoredNetwork":
        """What the file at `path` holds. Raises UserError on a damaged or foreign file."""
        return cls(*read_tensors(path))


StoredNetworks = Mapping[str, StoredNetwork]
"""Networks by their names."""


HEADER = ConfigDict(extra="forbid", allow_inf_nan=False)
"""How values of a header are checked, when it is made and when it is read."""

MOST_CLASSES, LARGEST_RESOLUTION = 100_000, 1024

ClassNames = Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_CLASSES)]
Pixel = Annotated[float, Field(ge=0, le=1)]


def _ordered(levels: Levels) -> Levels:
    if not 0 <= levels.white - levels.black < math.inf:
        raise ValueError(f"{levels}: white must be above black")
    return levels


@checked_dataclass(frozen=True, kw_only=True, config=HEADER)
class NetworkHeader:
    """What every finished network's file says beside its weights.

    `mean` and `std` normalise pixels in 0..1; `levels` scaled those images of its data set that have more
    than 8 bits (None: it has none, or an earlier version wrote the file); `weights` are the β of its exits;
    `temperature` divides its logits where they become probabilities, 1 where none was fitted; `record` holds
    how it was found and trained, for people.
    """

    class_names: ClassNames
    mean: tuple[Pixel, Pixel, Pixel]
    std: tuple[Pixel, Pixel, Pixel]
    levels: Annotated[Levels, AfterValidator(_ordered)] | None = None
    weights: tuple[float, ...] = (1.0,)
    temperature: Annotated[float, Field(ge=0.01, le=100)] = 1.0
    record: Mapping[str, Any] = field(default_factory=dict)

    def check_weights(self, exits: int) -> None:
        """Raise ValueError where there is not a weight for each of so many exits."""
        if len(self.weights) != exits:
            raise ValueError(f"{len(self.weights)} weights: one for each of {exits} exits is needed")


_MODULES: Mapping[str, str] = MappingProxyType(
    {
        "network": "natv2.supernets.classifier",
        "plain_network": "natv2.baselines.plain",
        "multi_exit_network": "natv2.aep.classifier",
    }
)
"""Which module has the classifier of each kind of file: loaded when there is such a file."""


class Classifier(nn.Module):
    """A finished network with what it expects of its images: their size and their normalisation."""

    kinds: ClassVar[dict[str, type["Classifier"]]] = {}
    kind: ClassVar[str]
    header_type: ClassVar[type[NetworkHeader]]

    def __init_subclass__(cls, *, kind: str, header: type[NetworkHeader]) -> None:
        super().__init_subclass__()
        cls.kind, cls.header_type = kind, header
        Classifier.kinds[kind] = cls

    def __init__(self, network: nn.Module, header: NetworkHeader) -> None:
        super().__init__()
        self.network, self.header = network, header
        self.class_names = tuple(header.class_names)

    @property
    @abstractmethod
    def resolution(self) -> int:
        """Pixels a side of the images that the network takes."""

    @classmethod
    @abstractmethod
    def build(cls, stored: StoredNetwork, build: Build | None = None) -> Self:
        """The classifier of `stored`, in evaluation mode. Raises UserError where it cannot be built."""

    def forward(self, images: Given) -> Tensor:
        """Map images of any size to logits (N, classes).

        They are a tensor (N, 3, H, W), uint8 or floats in 0..1, or what else `as_batch` knows, or a list of
        such; those of more than 8 bits are scaled as the network's data set was. Raises UserError on what is
        no image.
        """
        if isinstance(images, list | tuple) and images:
            return torch.cat([self(image) for image in images])
        batch = as_batch(images, self.header.levels).to(next(self.parameters()).device)
        return self.logits(prepare(batch, self.resolution, self.header.mean, self.header.std))

    def probabilities(self, images: Given) -> Tensor:
        """The probability of each class, (N, classes), for images as `forward` takes them."""
        logits: Tensor = self(images)
        return (logits / self.header.temperature).softmax(dim=1)

    def predict(self, images: Given | Path | str, top: int = 1) -> list[Prediction]:
        """The `top` likeliest classes of each image: a file by its path, or what else `forward` takes.

        Raises UserError on what is no image, with its path.
        """
        if top < 1:
            raise UserError(f"top {top}: at least one class is told")
        given = images if isinstance(images, list | tuple) else [images]
        self.eval()
        with torch.inference_mode():
            found = torch.cat([self.probabilities(self._read(image)) for image in given])
        return predictions(found, self.class_names, top)

    def _read(self, image: Any) -> Any:
        if not isinstance(image, str | Path):
            return image
        try:
            return image_of(Path(image), self.header.levels)
        except UnreadableImageError as error:
            raise UserError(f"{image}: {error}") from None

    def prepared(self, batch: "Batch") -> Tensor:
        """The images of `batch` at its size and in its normalisation, whatever their set's own is."""
        return batch.normalised(self.header.mean, self.header.std).at(self.resolution)

    def logits(self, x: Tensor) -> Tensor:
        """Map prepared images (N, 3, R, R) to logits (N, classes)."""
        return ensemble(self.network(x), self.header.weights)

    def stored(self) -> StoredNetwork:
        """What a file holds of it."""
        return StoredNetwork(dict(self.network.state_dict()), {"kind": self.kind, **asdict(self.header)})

    @classmethod
    def header_of(cls, stored: StoredNetwork) -> Any:
        """The header of `stored`. Raises UserError where it is that of another kind of network."""
        values = dict(stored.header)
        if (kind := values.pop("kind", None)) != cls.kind:
            raise UserError(f"a {cls.kind.replace('_', ' ')} is needed, not a {kind}")
        return parsed(cls.header_type, values)

    @classmethod
    def with_tensors(cls, network: nn.Module, header: NetworkHeader, tensors: Mapping[str, Tensor]) -> Self:
        """The classifier of `network`, which takes `tensors`. Raises UserError where they are not its own."""
        wrong = misfit(network.state_dict(), tensors)
        if wrong is not None:
            raise UserError(f"its weights are not those of its network as built now: {wrong}")
        network.load_state_dict(dict(tensors), assign=True)
        network.to(memory_format=torch.channels_last)
        return cls(network, header).eval()


def classifier_type(kind: object) -> type[Classifier] | None:
    """The classifier of what a file calls its `kind`, None where it is of no such kind."""
    name = str(kind)
    if name in _MODULES:
        import_module(_MODULES[name])
    return Classifier.kinds.get(name)


def load_network(path: Path | str, build: Build | None = None) -> Classifier:
    """The finished network in `path`, in evaluation mode; its `class_names` name the logits.

    A folder will do where it holds one network, as that of a run of `aep`.
    `build` makes a network of a person's own for a number of classes, where `aep` pruned such a one: no code
    is ever named by a file. Raises UserError where the file is missing, damaged or of another kind, and on a
    folder of several.
    """
    path = _file(Path(path))
    stored = StoredNetwork.read(path)
    kind = classifier_type(stored.header.get("kind"))
    if kind is None:
        raise UserError(f"{path} does not hold a finished network")
    try:
        return kind.build(stored, build)
    except UserError as error:
        raise UserError(f"{path}: {error.message}") from None


def _file(path: Path) -> Path:
    """`path`, or the one network in it where it is a folder."""
    if not path.is_dir():
        return path
    inside = sorted(path.glob("*.safetensors"))
    if len(inside) != 1:
        names = ", ".join(file.name for file in inside) or "none"
        raise UserError(f"{path} is a folder; one network is needed, it holds: {names}")
    return inside[0]
