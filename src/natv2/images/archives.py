"""Archives unpacked into a folder and nowhere else."""

import bz2
import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from natv2.bar import progress_bar
from natv2.errors import UserError

_RATIO = 200  # of what comes out to the archive's own size; images hardly shrink
_FLOOR = 2**30  # bytes that may come out of any archive, however small
_BLOCK = 2**20
_MEMBER = 2**12  # bytes that a file or folder takes on a disk, however small; makes too many of them a bomb

_COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
# What the standard library lets through where an archive is not whole, besides OSError without a number.
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@dataclass
class _Room:
    """How many bytes may still come out of `archive`. What it declares itself is not believed."""

    archive: Path
    left: int

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            most = _most(self.archive)
            raise UserError(
                f"{self.archive} is a decompression bomb: more than {most:,} bytes come out of it"
            )


class _Tape(io.BufferedIOBase):
    """An uncompressed tar file that remembers its last block and has no headers that fill the memory."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.last = b""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _BLOCK:
            raise tarfile.ReadError(f"it has a header of {size:,} bytes")
        self.last = self._content.read(size)
        return self.last

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()


def extract(archive: Path, folder: Path) -> None:
    """Unpack the zip or tar file `archive` into `folder`, beside what is there.

    A stop leaves nothing half unpacked. Raises UserError on a damaged archive, a decompression bomb, and
    a member that is neither a file nor a folder within `folder`.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The folder itself, where there is one, may be on another disk than its parent.
        beside = folder if folder.exists() else folder.parent
        temporary = Path(tempfile.mkdtemp(dir=beside, prefix=f".{archive.name}."))
        try:
            _unpack(archive, temporary)
            temporary.chmod(0o755)  # mkdtemp gives the owner alone access
            _merge(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except _DAMAGED as error:
        raise _damaged(archive, error) from None
    except OSError as error:
        if error.errno is None:  # gzip and bz2 raise it on what is not theirs
            raise _damaged(archive, error) from None
        raise UserError(f"{archive} cannot be unpacked into {folder}: {error.strerror}") from None


def _unpack(archive: Path, folder: Path) -> None:
    with archive.open("rb") as raw:
        members = _zip_members if raw.read(4) == b"PK\x03\x04" else _tar_members
    room = _Room(archive, _most(archive))
    with progress_bar(f"unpacking {archive.name}", archive.stat().st_size) as bar:
        for name, content, position in members(archive, room):
            _write(content, folder / _inside(archive, name), room)
            bar.advance("", position)


def _zip_members(archive: Path, room: _Room) -> Iterator[tuple[str, IO[bytes], int]]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            room.take(_MEMBER)
            _inside(archive, member.filename)  # zipfile fails on a member without a name
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(archive, member.filename, "it is a link or a device")
            # Of any other method zipfile takes apart a whole block at once, however much comes out.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _refused(archive, member.filename, "it is compressed by other means than deflate")
            if not member.is_dir():
                with file.open(member) as content:
                    yield member.filename, content, member.compress_size


def _tar_members(archive: Path, room: _Room) -> Iterator[tuple[str, IO[bytes], int]]:
    with archive.open("rb") as raw, _decompressed(raw) as whole:
        done = 0
        tape = _Tape(whole)
        with tarfile.open(fileobj=tape, mode="r:") as file:
            for member in file:
                room.take(_MEMBER)
                if member.isdir():
                    continue
                content = file.extractfile(member) if member.isfile() else None
                if content is None:
                    raise _refused(archive, member.name, "it is a link or a device")
                yield member.name, content, raw.tell() - done
                done = raw.tell()
        # tarfile takes half a header, or a damaged one, for the end.
        if tape.last != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("unexpected end of data")
        while rest := whole.read(_BLOCK):  # the checksum comes last
            room.take(len(rest))


def _decompressed(raw: io.BufferedReader) -> Any:
    start = raw.peek(8)
    for mark, opened in _COMPRESSIONS.items():
        if start.startswith(mark):
            return opened(raw)
    return raw


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if not path.parts:
        raise _refused(archive, name, "it has no name")
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts + PureWindowsPath(name).parts:
        raise _refused(archive, name, "its path leaves the folder")
    return path


def _write(content: IO[bytes], path: Path, room: _Room) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        while block := content.read(_BLOCK):
            room.take(len(block))
            file.write(block)


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


def _most(archive: Path) -> int:
    return max(_FLOOR, _RATIO * archive.stat().st_size)


def _refused(archive: Path, member: str, reason: str) -> UserError:
    return UserError(f"{archive} is refused for its member {member!r}: {reason}")


def _damaged(archive: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    return UserError(f"{archive} cannot be unpacked: {reason}; delete it, or fetch it again")
