"""`rlmm serve exchange` as a process: over sockets, killed, and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import websockets

from experiments.cli import main
from rlmm_tf.live import protocol as p


def started(folder: Path, *more: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "experiments.cli", "serve", "exchange", "--port", "0",
            "--market", "book-large-tick", "--folder", str(folder), *more,
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout as stdout:
        line = stdout.readline()
    assert line.startswith("exchange at http://127.0.0.1:"), line
    return process, line.removeprefix("exchange at ").strip()


async def trade(url: str, headers: dict[str, str]) -> list[p.FillUpdate]:
    """Buys a few lots over the stream; returns the fills that were told."""
    stream = url.replace("http", "ws") + "/v1/stream"
    fills = []
    async with websockets.connect(stream, additional_headers=headers, compression=None) as socket:
        assert p.server_message(await socket.recv()).protocol == p.PROTOCOL
        await socket.send(p.as_json(p.Subscribe()))
        while True:
            message = p.server_message(await socket.recv())
            if isinstance(message, p.Snapshot):
                order = p.Submit(
                    client_order_id=1, side="bid", kind="ioc", price_ticks=message.asks[0][0] + 3,
                    size_lots=message.asks[0][1] + 1,
                )  # fmt: skip
                await socket.send(p.as_json(order))
            elif isinstance(message, p.FillUpdate):
                fills.append(message)
            elif isinstance(message, p.Answer):
                return fills


def test_a_killed_exchange_has_every_fill_that_it_told(tmp_path: Path) -> None:
    process, url = started(tmp_path)
    try:
        headers = {"authorization": f"Bearer {(tmp_path / 'maker.token').read_text().strip()}"}
        with httpx.Client(headers=headers, base_url=url) as http:
            resting = {"client_order_id": 9, "side": "bid", "price_ticks": 1, "size_lots": 1}
            assert http.post("/v1/orders", json=resting).json()["accepted"]
        fills = asyncio.run(trade(url, headers))
        assert fills
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    process, url = started(tmp_path)
    try:
        with httpx.Client(headers=headers, base_url=url) as http:
            found = p.Fills.model_validate_json(http.get("/v1/fills").content)
            state = p.AccountState.model_validate_json(http.get("/v1/account").content)
        assert list(found.fills) == fills
        assert state.position_lots == sum(fill.size_lots for fill in fills)
        assert (state.epoch, state.open_orders) == (2, ())
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in {0, -signal.SIGTERM, 143}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "--market: expected it, or --replay, got none"),
        (["--market", "P1"], "--market: expected"),
        (["--market", "book-large-tick", "--speed", "0"], "--speed: expected from 1 to 1000"),
        (["--market", "book-large-tick", "--host", "0.0.0.0"], "--host: expected an address of"),
        (["--replay", "none.parquet"], "--replay: "),
    ],
)
def test_what_cannot_be_served_is_refused(
    arguments: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "exchange", "--folder", str(tmp_path), *arguments]) == 2
    assert line in capsys.readouterr().err


def test_tokens_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--folder", str(tmp_path)]
    assert main(["serve", "token", "watcher", "--scopes", "read", *folder]) == 0
    token = tmp_path / "watcher.token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text().strip() not in capsys.readouterr().out
    assert main(["serve", "token", "Bad Name", "--scopes", "read,fly", *folder]) == 2
    err = capsys.readouterr().err
    assert "ACCOUNT: expected small letters" in err
    assert "--scopes: expected some of read, trade, admin, got 'fly'" in err
