"""Raw files of a named set: what a person has put there is unpacked, the rest is downloaded."""

from pathlib import Path

from natv2.disk import writing
from natv2.errors import UserError
from natv2.images.archives import extract
from natv2.images.datasets import DataSet
from natv2.images.downloads import download
from natv2.images.readers.torchvision import fetch_torchvision


def unpack(spec: DataSet, folder: Path) -> bool:
    """Unpack the archives of `spec` that are under `folder`; whether there were any."""
    found = [archive for archive in spec.archives if (folder / archive.file).is_file()]
    for archive in found:
        extract(folder / archive.file, folder / archive.into)
    return bool(found)


def fetch(name: str, spec: DataSet, folder: Path) -> None:
    """Download what `spec` says, or what torchvision can.

    Raises UserError that says which files to put where.
    """
    try:
        with writing(folder):
            _download(spec, folder)
        if spec.type is not None:
            fetch_torchvision(spec, folder)
    except (FileNotFoundError, UserError) as error:
        reason = str(error).rstrip(".")
        raise UserError(
            f"{name} is not in {folder}, and fetching it failed: {reason}. {_by_hand(spec)}"
        ) from None


def _download(spec: DataSet, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for archive in spec.archives:
        if archive.url is not None and not (folder / archive.file).exists():
            download(archive.url, folder / archive.file, md5=archive.md5)
            extract(folder / archive.file, folder / archive.into)


def _by_hand(spec: DataSet) -> str:
    wanted = [archive.file + (f" ({archive.url})" if archive.url else "") for archive in spec.archives]
    wanted += [spec.by_hand] if spec.by_hand else []
    return f"Put there by hand: {'; '.join(wanted)}"
