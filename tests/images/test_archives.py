"""Archives come out whole, inside their folder, or not at all."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from natv2.errors import UserError
from natv2.images import archives
from natv2.images.archives import extract

OUTSIDE = ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "C:\\out.txt", "..\\out.txt"]
FILES = {"top/a.txt": b"a" * 3000, "top/deep/ß 🐶.bin": bytes(range(256)), "b.txt": b""}


def zipped(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes] = FILES, member: tarfile.TarInfo | None = None) -> Path:
    compression = {"tar": "w", "gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}[path.suffix[1:]]
    with tarfile.open(path, compression) as file:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        if member is not None:
            file.addfile(member)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def untouched(tmp_path: Path, archive: Path) -> bool:
    """Whether nothing but the archive is left: no half of it, nothing beside its folder."""
    return contents(tmp_path).keys() == {archive.name}


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "x.tar.bz2", "x.tar.xz"])
def test_everything_comes_out(tmp_path: Path, name: str) -> None:
    archive = (zipped if name.endswith("zip") else tarred)(tmp_path / name)
    extract(archive, tmp_path / "out" / "side")
    assert contents(tmp_path / "out" / "side") == FILES


def test_it_comes_beside_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "out" / "top").mkdir(parents=True)
    (tmp_path / "out" / "top" / "mine.txt").write_bytes(b"mine")
    (tmp_path / "out" / "b.txt").write_bytes(b"old")
    extract(zipped(tmp_path / "x.zip"), tmp_path / "out")
    assert contents(tmp_path / "out") == {**FILES, "top/mine.txt": b"mine"}


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    files = {"a.txt": b"a", name: b"escaped"}
    archive = zipped(tmp_path / "x.zip", files) if kind == "zip" else tarred(tmp_path / "x.tar", files)
    with pytest.raises(UserError, match=r"x\.\w+ is refused for its member '.*out.txt': its path leaves"):
        extract(archive, tmp_path / "out")
    assert untouched(tmp_path, archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("link")
    member.type, member.linkname = kind, "/etc/passwd"
    archive = tarred(tmp_path / "x.tar.gz", member=member)
    with pytest.raises(UserError, match="refused for its member 'link': it is a link or a device"):
        extract(archive, tmp_path / "out")
    assert untouched(tmp_path, archive)


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match="'link': it is a link or a device"):
        extract(tmp_path / "x.zip", tmp_path / "out")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz"])
def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(archives, "_FLOOR", 1000)
    archive = (zipped if name.endswith("zip") else tarred)(tmp_path / name, {"zeros": bytes(2**20)})
    with pytest.raises(UserError, match=r"is a decompression bomb: more than [\d,]+ bytes"):
        extract(archive, tmp_path / "out")
    assert untouched(tmp_path, archive)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.xz"])
def test_a_truncated_archive_is_refused(tmp_path: Path, name: str, share: float) -> None:
    noise = {f"{number}.bin": bytes((7 * number * k * k) % 256 for k in range(5000)) for number in range(5)}
    archive = (zipped if name.endswith("zip") else tarred)(tmp_path / name, noise)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(share * len(whole) * (0.6 if name == "x.tar" else 1))])
    with pytest.raises(UserError, match="cannot be unpacked"):
        extract(archive, tmp_path / "out")
    assert untouched(tmp_path, archive)
