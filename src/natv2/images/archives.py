"""Archives unpacked into a folder and nowhere else."""

import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from natv2.bar import progress_bar
from natv2.errors import UserError

_RATIO = 200  # of what comes out to the archive's own size; images hardly shrink
_FLOOR = 2**30  # bytes that may come out of any archive, however small
_BLOCK = 2**20

Member = tuple[str, IO[bytes]]
"""The name of a file in an archive, and its content."""


def extract(archive: Path, folder: Path) -> None:
    """Unpack the zip or tar file `archive` into `folder`, beside what is there.

    A stop leaves nothing half unpacked. Raises UserError on a damaged archive, a decompression bomb, and
    a member that is neither a file nor a folder within `folder`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{archive.name}."))
    try:
        _unpack(archive, temporary)
        temporary.chmod(0o755)  # mkdtemp gives the owner alone access
        _merge(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unpack(archive: Path, folder: Path) -> None:
    members = _zip_members if zipfile.is_zipfile(archive) else _tar_members
    room = max(_FLOOR, _RATIO * archive.stat().st_size)
    try:
        with progress_bar(f"unpacking {archive.name}", archive.stat().st_size) as bar:
            for name, content, position in members(archive):
                room = _write(content, folder / _inside(archive, name), archive, room)
                bar.advance("", position)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        LZMAError,
        EOFError,
        OSError,
        NotImplementedError,
    ) as error:
        raise UserError(f"{archive} cannot be unpacked: {error}; delete it, or fetch it again") from None


def _zip_members(archive: Path) -> Iterator[tuple[str, IO[bytes], int]]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(archive, member.filename, "it is a link or a device")
            if not member.is_dir():
                with file.open(member) as content:
                    yield member.filename, content, member.compress_size


def _tar_members(archive: Path) -> Iterator[tuple[str, IO[bytes], int]]:
    with archive.open("rb") as raw, tarfile.open(fileobj=raw) as file:
        done = 0
        for member in file:
            if member.isdir():
                continue
            content = file.extractfile(member) if member.isfile() else None
            if content is None:
                raise _refused(archive, member.name, "it is a link or a device")
            yield member.name, content, raw.tell() - done
            done = raw.tell()


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts + PureWindowsPath(name).parts:
        raise _refused(archive, name, "its path leaves the folder")
    return path


def _write(content: IO[bytes], path: Path, archive: Path, room: int) -> int:
    """Write `content` to `path`; what is left of `room`. What an archive declares is not believed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        while block := content.read(_BLOCK):
            room -= len(block)
            if room < 0:
                most = max(_FLOOR, _RATIO * archive.stat().st_size)
                raise UserError(f"{archive} is a decompression bomb: more than {most:,} bytes come out of it")
            file.write(block)
    return room


def _merge(source: Path, target: Path) -> None:
    """Move `source` to `target`, whole where there is nothing yet; new files take the place of old ones."""
    if not target.exists():
        source.rename(target)
        return
    for path in sorted(source.iterdir()):
        if path.is_dir() and (target / path.name).is_dir():
            _merge(path, target / path.name)
        else:
            path.replace(target / path.name)


def _refused(archive: Path, member: str, reason: str) -> UserError:
    return UserError(f"{archive} is refused for its member {member!r}: {reason}")
