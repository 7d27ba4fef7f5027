"""A real browser without a window: Chromium, told what to do through a pipe by its DevTools protocol.

No driver and no download: what is installed is used, or the tests that need it are skipped.
"""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
)
_LOAD, _WAIT = 60.0, 20.0  # seconds; far more than is needed, for busy machines


def found_browser() -> str | None:
    """The browser's program; NATV2_BROWSER names another."""
    named = os.environ.get("NATV2_BROWSER")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """A page in the browser; `errors` are what its console has said."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = os.fdopen(send, "wb", buffering=0), os.fdopen(receive, "rb")
        self._number, self._session = 0, ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = False
        target = self._command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._command(f"{domain}.enable")

    def _command(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._send.write(json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                result: dict[str, Any] = said["result"]
                return result

    def _next(self) -> dict[str, Any]:
        raw = bytearray()
        while (byte := self._receive.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser has ended")
            raw += byte
        said: dict[str, Any] = json.loads(raw)
        self._notice(said.get("method", ""), said.get("params", {}))
        return said

    def _notice(self, event: str, params: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(str(params["args"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Page.loadEventFired":
            self._loaded = True

    def open(self, file: Path, *, width: int = 1360, height: int = 1000, dark: bool = False) -> None:
        """Show a file from disk."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._command("Emulation.setEmulatedMedia", media="", features=scheme)
        self._loaded = False
        self._command("Page.navigate", url=file.absolute().as_uri())
        until(lambda: self._loaded or self.run("document.readyState") == "complete", _LOAD)
        self.settle()

    def run(self, script: str) -> Any:
        """What an expression gives, as JSON; promises are awaited."""
        told = self._command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(str(told["exceptionDetails"]))
        return told["result"].get("value")

    def settle(self) -> None:
        """Wait until what has changed is drawn."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def place(self, selector: str) -> tuple[float, float]:
        """The middle of the first element of a selector, scrolled into view."""
        box = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return box[0], box[1]

    def click(self, selector: str) -> None:
        """A click with the mouse."""
        self.drag(self.place(selector), ())

    def drag(self, start: tuple[float, float], steps: Any) -> None:
        """Press at `start`, go through `steps`, let go."""
        self._mouse("mouseMoved", start)
        self._mouse("mousePressed", start)
        at = start
        for at in steps:
            self._mouse("mouseMoved", at)
        self._mouse("mouseReleased", at)
        self.settle()

    def _mouse(self, kind: str, at: tuple[float, float]) -> None:
        self._command("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)

    def key(self, name: str) -> None:
        """Press a key, such as ArrowRight."""
        for kind in ("keyDown", "keyUp"):
            self._command("Input.dispatchKeyEvent", type=kind, key=name, code=name)
        self.settle()

    def picture(self, path: Path) -> None:
        """The whole page as a PNG file."""
        shot = self._command("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def on_paper(self) -> None:
        """Show the page as it is printed, until another one is opened."""
        self._command("Emulation.setEmulatedMedia", media="print")
        self.settle()

    def printed(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self._command("Page.printToPDF", printBackground=True)["data"])


def until(holds: Callable[[], bool], seconds: float = _WAIT) -> None:
    """Wait until something holds. Raises TimeoutError where it does not."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the page did not get there")
        time.sleep(0.02)


@contextmanager
def browser(program: str, folder: Path) -> Iterator[Page]:
    """A running browser with one page; its profile goes to `folder`."""
    from_us, to_browser = os.pipe()
    from_browser, to_us = os.pipe()
    # The protocol's pipes are the file descriptors 3 and 4.
    shell = f'exec "$0" "$@" 3<&{from_us} 4>&{to_us}'
    command = ["bash", "-c", shell, program, *_OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(
        command, pass_fds=(from_us, to_us), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(from_us)
    os.close(to_us)
    try:
        yield Page(to_browser, from_browser)
    finally:
        process.terminate()
        process.wait(timeout=20)
