"""Files fetched from the network: whole, checked, and resumed after a stop."""

import hashlib
import os
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from natv2.bar import progress_bar
from natv2.errors import UserError

_BLOCK = 2**20
_SECONDS = 30  # without a byte, before it is given up


def download(url: str, path: Path, *, md5: str | None) -> None:
    """Fetch `url` to `path`, unless it is there; what an earlier try has fetched is kept.

    Raises UserError where there is no answer, or where what came is not what `md5` says.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        _fetch(url, part)
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{url} cannot be fetched ({reason})") from None
    found = _md5(part)
    if md5 is not None and found != md5:
        part.unlink()
        raise UserError(f"what came from {url} has the md5 {found}, not {md5}: damaged, or another file")
    os.replace(part, path)


def _fetch(url: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response: HTTPResponse = urlopen(request, timeout=_SECONDS)
    except HTTPError as error:
        if error.code == 416:  # there is nothing beyond what is here
            return
        raise
    with response:
        if response.status != 206:  # a server that knows no ranges sends all of it
            have = 0
        rest = int(response.headers.get("Content-Length") or 0)
        with part.open("ab") as file, progress_bar(f"fetching {url}", have + rest, have) as bar:
            file.truncate(have)
            received = 0
            while block := response.read(_BLOCK):
                file.write(block)
                received += len(block)
                bar.advance(f"{(have + received) / 2**20:,.0f} MiB", len(block))
            if received < rest:
                raise URLError(f"the connection ended after {received:,} of {rest:,} bytes")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
