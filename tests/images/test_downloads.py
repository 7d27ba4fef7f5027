"""Downloads go on where they stopped, and only what has the right checksum counts."""

import hashlib
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from natv2.errors import UserError
from natv2.images.downloads import download

CONTENT = bytes((k * k) % 251 for k in range(50_000))
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT: with ranges, without, or broken off in the middle."""

    def __init__(self, *args: object, asked: list[str | None]) -> None:
        self.asked = asked
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer."""
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if self.path == "/none":
            return self.send_error(404)
        if self.path == "/plain":
            start = 0
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        body = CONTENT[start:]
        self.wfile.write(body[:20_000] if self.path == "/broken" and not start else body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def asked() -> list[str | None]:
    """The ranges that were asked for."""
    return []


@pytest.fixture
def server(asked: list[str | None]) -> Iterator[str]:
    """The address of a server of CONTENT."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, asked=asked)) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_a_file_comes_whole_and_only_once(server: str, asked: list[str | None], tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.bin"
    for _ in range(2):
        download(f"{server}/ranges", path, md5=MD5)
    assert path.read_bytes() == CONTENT
    assert asked == [None]
    assert [file.name for file in path.parent.iterdir()] == ["x.bin"]


@pytest.mark.parametrize("how", ["broken", "ranges"])
def test_a_stopped_download_goes_on(server: str, asked: list[str | None], tmp_path: Path, how: str) -> None:
    path = tmp_path / "x.bin"
    if how == "broken":
        with pytest.raises(UserError, match=r"cannot be fetched \(.*20,000 of 50,000"):
            download(f"{server}/broken", path, md5=MD5)
        assert not path.exists()
    else:
        (tmp_path / "x.bin.part").write_bytes(CONTENT[:20_000])
    download(f"{server}/{how}", path, md5=MD5)
    assert path.read_bytes() == CONTENT
    assert asked[-1] == "bytes=20000-"


def test_a_server_without_ranges_sends_all_again(server: str, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(CONTENT[:30_000])
    download(f"{server}/plain", tmp_path / "x.bin", md5=MD5)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_a_complete_part_is_taken(server: str, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(CONTENT)
    download(f"{server}/ranges", tmp_path / "x.bin", md5=MD5)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_another_content_is_refused_and_forgotten(server: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"has the md5 {MD5}, not 0123"):
        download(f"{server}/ranges", tmp_path / "x.bin", md5="0123")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["/none", None])
def test_no_answer_is_said(server: str, tmp_path: Path, address: str | None) -> None:
    url = f"{server}{address}" if address else "http://127.0.0.1:9/x.bin"
    with pytest.raises(UserError, match=r"cannot be fetched \((Not Found|.*refused)"):
        download(url, tmp_path / "x.bin", md5=None)
    assert not (tmp_path / "x.bin").exists()
