"""A halt of trading with news in it, in all three forms of a recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmm_tf.events import EventKind
from rlmm_tf.recording import BybitWriter, LobsterWriter

NS = 1_000_000_000
HALT_NS, END_NS = 2 * NS, 4 * NS
JUMP_TICKS = 5


@pytest.fixture(scope="module")
def halted(make_recorded: Any) -> Any:
    shocks = (
        {"kind": "halt", "start_ns": HALT_NS, "duration_ns": END_NS - HALT_NS},
        {"kind": "price_jump", "start_ns": 3 * NS, "value": JUMP_TICKS},
    )
    return make_recorded("book-large-tick", 6.0, chunk_s=1.0, shocks=shocks)


def test_status_rows_around_a_silence(halted: Any) -> None:
    kind, ts = halted.joined("kind"), halted.joined("ts_ns")
    status = np.flatnonzero(kind == EventKind.STATUS)
    assert ts[status].tolist() == [HALT_NS, END_NS]
    assert halted.joined("qty_lots")[status].tolist() == [0, 2]
    for name in ("side", "price_ticks", "order_id", "flags"):
        assert halted.joined(name)[status].tolist() == [0, 0]
    assert status[1] == status[0] + 1  # nothing happens in between, nor does the price jump
    assert halted.levels(int(status[0]), 1) == halted.levels(int(status[0]) - 1, 1)


def test_news_of_the_halt_trades_when_it_is_over(halted: Any) -> None:
    kind, ts = halted.joined("kind"), halted.joined("ts_ns")
    reopening = np.flatnonzero(kind == EventKind.STATUS)[1]
    row = int(reopening) + 1
    assert (kind[row], ts[row]) == (EventKind.TRADE, END_NS)
    at_once = np.flatnonzero(ts == END_NS)
    before, after = (halted.levels(int(i), -1)[0][0] for i in (reopening, at_once[-1]))
    assert after == before + JUMP_TICKS
    assert halted.levels(int(at_once[-1]), 1)[0][0] < after


def test_lobster_has_messages_of_type_7(halted: Any, tmp_path: Path) -> None:
    with LobsterWriter(tmp_path, halted.session, 5) as writer:
        for chunk in halted.chunks:
            writer.write(chunk)
    messages, book = (path.read_text().splitlines() for path in writer.paths)
    status = [i for i, line in enumerate(messages) if line.split(",")[1] == "7"]
    assert [messages[i] for i in status] == [
        "34202.000000000,7,0,0,-1,-1",
        "34204.000000000,7,0,0,1,-1",
    ]
    assert all(book[i] == book[i - 1] for i in status)


def test_bybit_has_nothing_to_say(halted: Any, tmp_path: Path) -> None:
    with BybitWriter(tmp_path / "x.jsonl", halted.session, 5) as writer:
        for chunk in halted.chunks:
            writer.write(chunk)
    lines = writer.paths[0].read_text().splitlines()
    since_ms = [json.loads(line)["ts"] - halted.session.start_ns // 1_000_000 for line in lines]
    assert any(ms <= 2000 for ms in since_ms)
    assert not any(2000 < ms < 4000 for ms in since_ms)
    assert 4000 in since_ms  # the jump
