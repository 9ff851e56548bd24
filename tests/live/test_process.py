"""Both programs over real sockets on this machine: quoting, killing, comparing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rlmm_tf.live.process import control_token, read_secret

RLMM = [sys.executable, "-c", "from experiments.cli import main; raise SystemExit(main())"]
ROOT = str(Path(__file__).parents[2])


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    with (folder / f"{arguments[1]}.log").open("w") as log:
        return subprocess.Popen(
            [*RLMM, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": ROOT},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Its folder and its address."""
    folder = tmp_path_factory.mktemp("trading")
    running = start(
        folder, "serve", "exchange", "--market", "book-large-tick", "--port", "0", "--speed", "20"
    )
    assert running.stdout is not None
    found = re.search(r"http://\S+", running.stdout.readline())
    assert found is not None
    yield folder, found[0]
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)


def test_compare_over_sockets(exchange: tuple[Path, str]) -> None:
    folder, url = exchange
    for name in ("random",):  # which needs no tuning
        made = start(folder, "serve", "token", name)
        made.communicate(timeout=60)
        assert made.returncode == 0
    compared = start(
        folder, "compare", "random", "--exchange", url, "--market", "book-large-tick",
        "--seconds", "4", "--json",
    )  # fmt: skip
    text, _ = compared.communicate(timeout=200)
    assert compared.returncode == 0, (folder / "random.log").read_text()
    rows = json.loads(text)
    assert {row["decisions"] > 5 for row in rows.values()} == {True}
    assert {row["messages"] > 1 for row in rows.values()} == {True}
    assert "Strategies side by side" in (folder / "runs/compare/index.html").read_text()
    token = read_secret(folder / "runs/exchange/random.token")
    headers = {"Authorization": f"Bearer {token}"}
    account = httpx.get(f"{url}/v1/account", headers=headers, trust_env=False).json()
    assert account["position_lots"] == rows["random"]["position_lots"]
    assert account["bought_lots"] == rows["random"]["bought_lots"]
    assert account["open_orders"] == []


def test_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    token = control_token(tmp_path)
    assert token == control_token(tmp_path)
    assert len(token) > 40
    (tmp_path / "open").write_text("x")
    (tmp_path / "open").chmod(0o644)
    with pytest.raises(ValueError, match="its owner alone"):
        read_secret(tmp_path / "open")
    (tmp_path / "open").chmod(0o600)
    (tmp_path / "open").write_text(" \n")
    with pytest.raises(ValueError, match="empty"):
        read_secret(tmp_path / "open")
