"""The client's page: who may see and press what, and that it works in a browser."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from rlmm_tf.live.monitor import PAGE, monitor_app, page_headers
from rlmm_tf.live.telemetry import Latencies, metrics_of, state_of
from tests.live.exchanges import make_gateway
from tests.live.wire import Wire

S = 1_000_000_000
CHROMIUM = shutil.which("chromium")
TOKEN = "a control token"


class Watched:
    """A client in simulated time, and what it was told."""

    def __init__(self, folder: Path) -> None:
        wire = Wire(make_gateway(folder, now_ns=S), 1, 0.0)
        wire.run(5 * S)
        self.client, self.told = wire.client, list[str]()

    def state(self) -> dict[str, Any]:
        return state_of(self.client, Latencies(), {"policy": "<b>glft</b>", "symbol": "SIM"})

    async def kill(self, why: str) -> None:
        self.told.append(f"kill by {why}")

    async def clear(self) -> None:
        self.told.append("clear")


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


class Browser:
    """Asks the page's application, without sockets."""

    def __init__(self, watched: Watched) -> None:
        self._app = monitor_app(watched, TOKEN)

    def _ask(self, method: str, path: str, headers: Any = None) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            base = "http://127.0.0.1:8701"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(asked())

    def get(self, path: str) -> httpx.Response:
        return self._ask("GET", path)

    def post(self, path: str, headers: Any = None) -> httpx.Response:
        return self._ask("POST", path, headers)


@pytest.fixture
def browser(watched: Watched) -> Browser:
    return Browser(watched)


def test_page_may_do_nothing_but_ask_where_it_came_from(browser: Browser) -> None:
    answer = browser.get("/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert dict(page_headers(PAGE.read_text()))["Content-Security-Policy"] == policy
    assert not re.search(r"https?://|\son\w+=|\sstyle=|innerHTML", answer.text)


def test_state_and_metrics(browser: Browser, watched: Watched) -> None:
    state = browser.get("/state").json()
    assert state["stage"] == "live"
    assert state["book"]["bids"][0][0] < state["book"]["asks"][0][0]
    assert state["latency_us"] == {"p50": None, "p99": None, "p99.9": None, "largest": None}
    metrics = browser.get("/metrics").text
    assert metrics == metrics_of(watched.state())
    assert 'rlmm_client_state{state="ACTIVE"} 1' in metrics
    assert all(re.match(r"# TYPE \w+ \w+$|\w+(\{.*\})? -?[\d.]+$", x) for x in metrics.splitlines())


def test_kill_is_easy_but_not_for_other_sites(browser: Browser, watched: Watched) -> None:
    assert browser.post("/kill").status_code == 403
    ours = {"X-RLMM": "1"}
    assert browser.post("/kill", headers={**ours, "Origin": "http://a.example"}).status_code == 403
    assert browser.post("/kill", headers={**ours, "Host": "a.example"}).status_code == 403
    assert watched.told == []
    assert browser.post("/kill", headers=ours).status_code == 200
    assert watched.told == ["kill by page"]
    assert browser.get("/kill").status_code == 405


def test_clear_wants_the_control_token(browser: Browser, watched: Watched) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer ä".encode()}):
        assert browser.post("/clear", headers=headers).status_code == 401
    assert browser.post("/clear", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert watched.told == ["clear"]


def test_latencies() -> None:
    latencies = Latencies()
    for us in range(1, 101):
        latencies.add(1000 * us)
    assert latencies.us() == {"p50": 50.5, "p99": 99.0, "p99.9": 99.9, "largest": 100.0}


@contextmanager
def served(watched: Watched) -> Iterator[str]:
    config = uvicorn.Config(monitor_app(watched, TOKEN), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: make setup-extra")
def test_page_in_a_browser(watched: Watched, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    with served(watched) as url:
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=400,900",
            "--virtual-time-budget=2500", "--dump-dom", url,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    best = watched.client.view.levels(1, 1)[0]
    assert "ACTIVE, live" in done.stdout
    assert "&lt;b&gt;glft&lt;/b&gt; on SIM" in done.stdout  # text, never markup
    assert f">{best[0]}</td>" in done.stdout
    assert re.search(r'<polyline id="line" points="[\d.]+,', done.stdout)
