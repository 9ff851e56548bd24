"""Sockets and time for a quoting client: asyncio around `rlmm_tf.live.client`.

Its folder holds the kill switch's file: while `HALT` exists nothing is quoted. The client writes it
itself whenever it halts, so that a new start stays halted; `clear` takes it away.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from rlmm_tf.live.client import Do, Drop, Get, QuotingClient, S, Send
from rlmm_tf.live.monitor import monitor_app
from rlmm_tf.live.telemetry import Latencies, Log, state_of

TICK_S = 0.05
FAREWELL_S = 3.0
MESSAGE_BYTES_MOST = 64 * 2**20  # a snapshot of a deep book
HALT_FILE = "HALT"


@dataclass(frozen=True)
class Place:
    """Where the exchange is, and what opens it."""

    url: str  # http://127.0.0.1:8700
    token: str

    @property
    def stream(self) -> str:
        """Of the WebSocket."""
        return f"{self.url.replace('http', 'ws', 1)}/v1/stream"

    @property
    def headers(self) -> dict[str, str]:
        """Of both ways in."""
        return {"Authorization": f"Bearer {self.token}"}


def read_secret(path: Path) -> str:
    """The token in a file.

    Raises:
        ValueError: others than its owner can read it, or it is empty.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ValueError(f"{path}: expected a file for its owner alone (0600), got {mode:04o}")
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise ValueError(f"{path}: expected a token, got an empty file")
    return text


def control_token(folder: Path) -> str:
    """That of the folder; made if there is none."""
    path = folder / "control.token"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    return read_secret(path)


class PolicyProcess:
    """One client and its connections."""

    def __init__(
        self, client: QuotingClient, place: Place, names: Mapping[str, str], folder: Path, log: Log
    ) -> None:
        """Nothing is opened yet."""
        self.client, self._place, self._names, self._log = client, place, dict(names), log
        self._halt_file = folder / HALT_FILE
        self._latencies = Latencies()
        self._socket: ClientConnection | None = None
        self._questions: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._state = client.gate.state
        self._rest: httpx.AsyncClient | None = None

    # --- for the page and for signals ---------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """See `state_of`."""
        return state_of(self.client, self._latencies, self._names)

    async def kill(self, why: str) -> None:
        """Cancel everything; halted from now on."""
        self._log.line(_now(), "kill", why=why)
        await self._do(self.client.kill(_now()))
        self._note_state()

    async def clear(self) -> None:
        """Go on."""
        self._halt_file.unlink(missing_ok=True)
        self._log.line(_now(), "clear")
        await self._do(self.client.clear(_now()))
        self._note_state()

    def stop(self) -> None:
        """Cancel everything and end."""
        self._stopping.set()

    # --- running ------------------------------------------------------------------------------

    async def run(self, duration_s: float | None = None) -> None:
        """Quote until `stop`, or for so long; then cancel everything."""
        async with httpx.AsyncClient(
            base_url=self._place.url, headers=self._place.headers, timeout=5.0, trust_env=False
        ) as self._rest:
            if self._halt_file.exists():
                self.client.gate.halt("kill_switch")
            tasks = [asyncio.create_task(self._connect()), asyncio.create_task(self._tick())]
            stopping = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait(
                    [*tasks, stopping], timeout=duration_s, return_when=asyncio.FIRST_COMPLETED
                )
                await self._farewell()
            finally:
                for task in (*tasks, stopping, *self._questions):
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            for one in ended:
                if isinstance(one, Exception):
                    raise one

    async def _farewell(self) -> None:
        """Leave nothing open; the exchange would cancel it too when the connection ends."""
        self._stopping.set()
        await self._do(self.client.kill(_now()))
        until = time.monotonic() + FAREWELL_S
        while self.client.gate.open and self._socket is not None and time.monotonic() < until:
            await asyncio.sleep(TICK_S / 5)
        if self._socket is not None:
            await self._socket.close()

    async def _connect(self) -> None:
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(
                    self._place.stream,
                    additional_headers=self._place.headers,
                    compression=None,
                    max_size=MESSAGE_BYTES_MOST,
                    ping_interval=None,
                    proxy=None,
                ) as socket:
                    self._socket = socket
                    await self._do(self.client.connected(_now()))
                    await self._listen(socket)
            self._socket = None
            wait_ns = self.client.disconnected(_now())
            self._log.line(_now(), "disconnected", again_in_ms=wait_ns // 1_000_000)
            await asyncio.sleep(wait_ns / S)

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            begin = time.perf_counter_ns()
            fills = self.client.own.fills
            todo = self.client.received(text, _now())
            if todo:
                self._latencies.add(time.perf_counter_ns() - begin)
                await self._do(todo)
            if self.client.own.fills != fills:
                self._log.line(_now(), "fill", position_lots=self.client.gate.position_lots)
            if self.client.gate.state != self._state:
                self._note_state()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self.client.gate.state != "HALTED" and self._halt_file.exists():
                await self.kill("file")
            await self._do(self.client.tick(_now()))
            if self.client.gate.state != self._state:
                self._note_state()

    async def _do(self, todo: list[Do]) -> None:
        for one in todo:
            with suppress(WebSocketException):  # the listener sees it too
                if isinstance(one, Get):
                    task = asyncio.create_task(self._ask(one))
                    self._questions.add(task)
                    task.add_done_callback(self._questions.discard)
                elif self._socket is not None and isinstance(one, Send):
                    await self._socket.send(one.text)
                elif self._socket is not None and isinstance(one, Drop):
                    self._log.line(_now(), "drop", why=one.why)
                    await self._socket.close()

    async def _ask(self, question: Get) -> None:
        assert self._rest is not None  # while it runs
        text = None
        with suppress(httpx.HTTPError):
            answer = await self._rest.get(question.url)
            text = answer.content if answer.status_code == httpx.codes.OK else None
        await self._do(self.client.answered(question.ticket, text, _now()))

    def _note_state(self) -> None:
        gate = self.client.gate
        self._state = gate.state
        self._log.line(_now(), "risk", state=gate.state, why=gate.why.name, pnl=gate.pnl)
        if gate.state == "HALTED" and not self._stopping.is_set():
            self._halt_file.write_text(f"{gate.why.name}\n", encoding="utf-8")


class _Page(uvicorn.Server):
    """Signals are the process's, not the page's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


async def run_with_page(
    process: PolicyProcess, *, port: int, token: str, duration_s: float | None = None
) -> None:
    """The client and its page on 127.0.0.1; SIGUSR1 kills, SIGTERM and SIGINT end.

    Raises:
        OSError: the port is not free.
    """
    loop = asyncio.get_running_loop()
    kills: set[asyncio.Task[None]] = set()
    loop.add_signal_handler(
        signal.SIGUSR1, lambda: kills.add(loop.create_task(process.kill("SIGUSR1")))
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    config = uvicorn.Config(
        monitor_app(process, token), host="127.0.0.1", port=port, log_level="error", lifespan="off"
    )
    page = _Page(config)
    serving = asyncio.create_task(page.serve())
    try:
        await process.run(duration_s)
    finally:
        page.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _now() -> int:
    return time.time_ns()
