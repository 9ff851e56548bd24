"""Headless Chromium: what only a browser can do with a page.

It is spoken to through two pipes and not a port, so that nothing listens and nobody else can ask.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "RLMM_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S = 120.0  # a machine may be busy
A4_INCHES = 8.27, 11.69
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
# The browser expects the two pipes as its files 3 and 4.
_STARTER = (
    "import fcntl, os, sys\n"
    "pipes = [fcntl.fcntl(int(pipe), fcntl.F_DUPFD, 10) for pipe in sys.argv[1:3]]\n"
    "os.dup2(pipes[0], 3)\n"
    "os.dup2(pipes[1], 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
_WATCHED = {
    "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded",
    "Page.javascriptDialogOpening",
}  # fmt: skip
Message = dict[str, Any]


class BrowserError(RuntimeError):
    """There is no browser, or it did not do what it was asked."""


def find_browser() -> Path:
    """The program that RLMM_CHROMIUM names, or the first of the usual names that is there.

    Raises:
        BrowserError: there is none; the message says what to do.
    """
    named = os.environ.get(VARIABLE)
    for name in (named,) if named else NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    where = f"a program at {VARIABLE}={named!r}" if named else f"one of {', '.join(NAMES)}"
    raise BrowserError(
        f"expected {where}, found none; `make setup-extra` installs Chromium on Debian, and the "
        "print command of any other browser makes the same pages from index.html"
    )


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    width: int = 1280
    height: int = 900
    dark: bool = False


@dataclass(frozen=True)
class Seen:
    """What a page did while it was opened."""

    requests: tuple[str, ...]  # addresses, its own first
    complaints: tuple[str, ...]  # to the console, as exceptions or dialogues
    overflow_px: int  # by which its content is wider than the window


class Browser:
    """A browser that was started for this, with a profile that is thrown away."""

    def __init__(self, program: Path) -> None:
        self._profile = tempfile.TemporaryDirectory(
            prefix="rlmm-browser-", ignore_cleanup_errors=True
        )
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        profile = f"--user-data-dir={self._profile.name}"
        pipes = str(to_browser), str(from_browser)
        command = [sys.executable, "-ISc", _STARTER, *pipes, str(program), *_OPTIONS, profile]
        self._process = subprocess.Popen(
            [*command, "about:blank"],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._calls = 0
        self._events: list[Message] = []
        self._session: str | None = None
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the browser and all that it has started."""
        for handle in (self._to, self._from):
            os.close(handle)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._profile.cleanup()

    def call(self, method: str, **parameters: Any) -> Message:
        """Asks for something of the DevTools protocol, and waits for the answer.

        Raises:
            BrowserError: it was refused, or there was no answer.
        """
        self._calls += 1
        message: Message = {"id": self._calls, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        with contextlib.suppress(BrokenPipeError):  # it ended: what is read next says so
            os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._calls:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: Message = answer["result"]
                return result
            self._events.append(answer)

    def visit(self, address: str, look: Look) -> Seen:
        """Opens a page, and tells what it did."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=look.width,
            height=look.height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if look.dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self._events.clear()
        error = self.call("Page.navigate", url=address).get("errorText")
        if error:
            raise BrowserError(f"{address}: {error}")
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())
        overflow = self.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        events = list(self._events)
        return Seen(
            requests=tuple(
                event["params"]["request"]["url"]
                for event in events
                if event["method"] == "Network.requestWillBeSent"
            ),
            complaints=tuple(
                json.dumps(event["params"], sort_keys=True)
                for event in events
                if event["method"] in _WATCHED
            ),
            overflow_px=max(0, int(overflow)),
        )

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise BrowserError(f"{expression}: {found['exceptionDetails']['text']}")
        return found["result"].get("value")

    def screenshot(self, height_most: int = 20_000) -> bytes:
        """The whole page that is open, a PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        height = min(height_most, int(size["height"]))
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        """The page that is open, printed on A4."""
        width, height = A4_INCHES
        printed = self.call(
            "Page.printToPDF", paperWidth=width, paperHeight=height, printBackground=True
        )
        return base64.b64decode(printed["data"])

    def _next(self) -> Message:
        """The next message of the browser."""
        end_s = time.monotonic() + TIMEOUT_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end_s - time.monotonic()))
            if not ready:
                raise BrowserError(f"the browser said nothing for {TIMEOUT_S:.0f} s")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise BrowserError("the browser ended")
            self._buffer += piece
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: Message = json.loads(raw)
        return message


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser for the time of a `with` block.

    Raises:
        BrowserError: there is none, or it does not start.
    """
    running = Browser(find_browser())
    try:
        yield running
    finally:
        running.close()
