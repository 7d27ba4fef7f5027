"""Archives come out whole, inside their folder, or not at all."""

import io
import lzma
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_member_without_a_name_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "tar":
        archive = tarred(tmp_path / "x.tar", {"a.txt": b"a", "": b"nameless"})
    else:
        archive = tmp_path / "x.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("a.txt", b"a")
            file.writestr("b.txt", b"nameless")
            file.infolist()[1].filename = ""  # in the table at the end, which is what is read
    with pytest.raises(UserError, match=r"x\.\w+ is refused for its member '': it has no name"):
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


@pytest.mark.parametrize("kind", [tarfile.DIRTYPE, tarfile.REGTYPE])
def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes) -> None:
    monkeypatch.setattr(archives, "_FLOOR", 1000)
    with tarfile.open(tmp_path / "x.tar.xz", "w:xz") as file:
        for number in range(1000):
            member = tarfile.TarInfo(f"{number}")
            member.type = kind
            file.addfile(member)
    with pytest.raises(UserError, match="is a decompression bomb"):
        extract(tmp_path / "x.tar.xz", tmp_path / "out")
    assert untouched(tmp_path, tmp_path / "x.tar.xz")


def test_a_bomb_after_the_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_FLOOR", 10_000)
    plain = tarred(tmp_path / "x.tar", {"a.txt": b"a"}).read_bytes()
    archive = tmp_path / "x.tar.xz"
    archive.write_bytes(lzma.compress(plain + bytes(10_240)))
    extract(archive, tmp_path / "out")
    archive.write_bytes(lzma.compress(plain + bytes(2**24)))
    with pytest.raises(UserError, match="is a decompression bomb"):
        extract(archive, tmp_path / "out")


def test_a_header_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("n" * 2**21)
    with pytest.raises(UserError, match=r"cannot be unpacked: it has a header of 2,\d+,\d+ bytes"):
        extract(tarred(tmp_path / "x.tar.gz", member=member), tmp_path / "out")


def test_a_zip_of_another_method_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("a.txt", bytes(10_000))
    with pytest.raises(UserError, match=r"'a\.txt': it is compressed by other means"):
        extract(tmp_path / "x.zip", tmp_path / "out")


def test_a_zip_within_a_tar_is_a_file_of_it(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "x.zip").read_bytes()
    extract(tarred(tmp_path / "x.tar", {"inner.zip": inner}), tmp_path / "out")
    assert contents(tmp_path / "out") == {"inner.zip": inner}


def test_nothing_leaves_the_disk_of_a_folder_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Path] = []
    make = tempfile.mkdtemp

    def remember(*, dir: Path, prefix: str) -> Any:
        used.append(dir)
        return make(dir=dir, prefix=prefix)

    monkeypatch.setattr(tempfile, "mkdtemp", remember)
    for _ in range(2):
        extract(zipped(tmp_path / "x.zip"), tmp_path / "out")
    assert used == [tmp_path, tmp_path / "out"]
    assert contents(tmp_path / "out") == FILES


def test_a_place_that_cannot_be_written_to_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"x\.zip cannot be unpacked into .*file.out: "):
        extract(zipped(tmp_path / "x.zip"), tmp_path / "file" / "out")
    (tmp_path / "out" / "b.txt").mkdir(parents=True)
    with pytest.raises(UserError, match=r"cannot be unpacked into .*out: Is a directory"):
        extract(tmp_path / "x.zip", tmp_path / "out")


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"])
def test_a_truncated_archive_is_refused(tmp_path: Path, name: str) -> None:
    noise = {f"{number}.bin": bytes((7 * number * k * k) % 256 for k in range(1500)) for number in range(3)}
    archive = (zipped if name.endswith("zip") else tarred)(tmp_path / name, noise)
    whole = archive.read_bytes()
    # A tar file ends with nothing but zeros: three headers and three contents are what counts of it.
    end = 3 * (512 + 1536) if name == "x.tar" else len(whole)
    for size in [*range(0, end, 173), *range(0, end, 512), end - 1, end - 8]:
        archive.write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"cannot be unpacked: .+; delete it") as caught:
            extract(archive, tmp_path / "out")
        assert "\n" not in str(caught.value)
        assert untouched(tmp_path, archive)


@settings(max_examples=80)
@given(st.sampled_from(["x.zip", "x.tar", "x.tar.gz", "x.tar.xz"]), st.data())
def test_a_damaged_archive_is_refused_or_makes_no_difference(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        archive = (zipped if name.endswith("zip") else tarred)(folder / name, {"a/b.bin": bytes(range(200))})
        damaged = bytearray(archive.read_bytes())
        # A plain tar file has a checksum of its headers alone, a zip file none of its directory.
        checked = {"x.tar": 512, "x.zip": damaged.find(b"PK\x01\x02")}.get(name, len(damaged))
        damaged[data.draw(st.integers(0, checked - 1))] ^= data.draw(st.integers(1, 255))
        archive.write_bytes(damaged)
        try:
            extract(archive, folder / "out")
        except UserError as error:
            assert "\n" not in str(error)
            assert untouched(folder, archive)
        else:
            assert contents(folder / "out") == {"a/b.bin": bytes(range(200))}


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>" * 100, b"PK\x03\x04"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be unpacked: .+; delete it, or fetch it again"):
        extract(tmp_path / "x.zip", tmp_path / "out")


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", {"a.txt": b"a"})
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be unpacked: .*encrypted"):
        extract(archive, tmp_path / "out")
