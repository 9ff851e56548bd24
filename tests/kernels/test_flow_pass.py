"""The flow pass against its slow twin, on random tables and on simulated ones, however cut."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.flow import FlowPass
from rlmm_tf.kernels.parse import Columns
from rlmm_tf.market_presets import small_tick
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import record
from tests.kernels.flow_twin import FlowTwin

EDGES = (0, 1, 3, 8)
BY_SIDE = ("price_ticks", "touch_lots", "gap_ticks", "levels", "extent_ticks", "lots_at_risk")
TYPES = {
    "ts_recv": np.int64,
    "kind": np.uint8,
    "side": np.int8,
    "price_ticks": np.int64,
    "qty_lots": np.int64,
    "order_id": np.uint64,
    "flags": np.uint8,
}


def random_table(seed: int, rows: int) -> list[dict[str, int]]:
    """Rows that obey the table's rules and little else: unknown orders, empty levels, anything."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(8, rows, p=[0, 0.45, 0.2, 0.06, 0.2, 0.06, 0.01, 0.02])
    ts = np.cumsum(rng.choice([0, 300, 2_000, 400_000], rows))
    table = []
    for kind, now in zip(kinds.tolist(), ts.tolist(), strict=True):
        side = int(rng.choice([1, -1]))
        sideless = kind in (EventKind.CLEAR, EventKind.STATUS) or (
            kind == EventKind.TRADE and rng.random() < 0.05
        )
        flags = int(rng.choice([0, 0, 0, EventFlag.REMAINS, EventFlag.REACH, EventFlag.AGENT]))
        if kind == EventKind.TRADE:
            flags = int(rng.choice([0, 0, EventFlag.MORE_FILLS, EventFlag.HIDDEN]))
        table.append(
            {
                "ts_ns": int(now),
                "kind": int(kind),
                "side": 0 if sideless else side,
                "price_ticks": int(100 - side * rng.integers(1, 12)),
                "qty_lots": int(rng.integers(0, 3))
                if kind == EventKind.STATUS
                else int(rng.integers(0 if kind == EventKind.MODIFY else 1, 9)),
                "order_id": int(rng.integers(0, 40)),
                "flags": flags,
            }
        )
    return table


def columns_of(table: list[dict[str, int]]) -> Columns:
    return {
        name: np.array([row["ts_ns" if name == "ts_recv" else name] for row in table], kind)
        for name, kind in TYPES.items()
    }


def run(columns: Columns, cuts: list[int], **settings: Any) -> tuple[Columns, Columns]:
    flow = FlowPass(distance_edges=EDGES, **settings)
    edges = [0, *cuts, len(columns["kind"])]
    parts, lives = [], []
    for start, end in pairwise(edges):
        parts.append(flow.run({name: values[start:end] for name, values in columns.items()}))
        lives.append(flow.lives())
    parts.append(flow.finish())
    lives.append(flow.lives())
    rows = {
        name: np.concatenate([part[name] for part in parts], axis=1 if name in BY_SIDE else 0)
        for name in parts[0]
    }
    return rows, {name: np.concatenate([part[name] for part in lives]) for name in lives[0]}


def require_same(columns: Columns, table: list[dict[str, int]], **settings: Any) -> Columns:
    rows, lives = run(columns, [], **settings)
    twin = FlowTwin(settings["cluster_ns"], settings["reach_ticks"], settings["order_lots"], EDGES)
    twin.run(table)
    assert len(rows["ts_ns"]) == len(twin.rows)
    for name, values in rows.items():
        expected = np.array([row[name] for row in twin.rows])
        got = values.T if name in BY_SIDE else values
        wrong = np.flatnonzero((got != expected).reshape(len(got), -1).any(axis=1))
        assert len(wrong) == 0, f"{name} of row {wrong[0]}: {twin.rows[wrong[0]]}"
    ended = sorted(tuple(life.values()) for life in twin.lives)
    names = ("birth_ns", "end_ns", "end", "side", "away_ticks")
    assert sorted(zip(*(lives[name].tolist() for name in names), strict=True)) == ended
    cuts = sorted({3, 4, len(table) // 2})
    again, lives_again = run(columns, cuts, **settings)
    for whole, cut in ((rows, again), (lives, lives_again)):
        for name, values in whole.items():
            np.testing.assert_array_equal(values, cut[name], err_msg=name)
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_random_tables(seed: int) -> None:
    table = random_table(seed, 600)
    for settings in (
        {"cluster_ns": 1_000, "reach_ticks": 4, "order_lots": 3.0},
        {"cluster_ns": 0, "reach_ticks": 100, "order_lots": 0.0},
    ):
        require_same(columns_of(table), table, **settings)


def test_simulated_table() -> None:
    params = EnvParams(market=BookMarketParams(model=small_tick()))
    (chunk,) = record(params, seed=3, duration_ns=60 * NS_PER_S, levels=0)
    columns = {name: values for name, values in chunk.columns(0).items() if name in TYPES}
    table = [
        {("ts_ns" if name == "ts_recv" else name): int(columns[name][i]) for name in TYPES}
        for i in range(len(chunk))
    ]
    rows = require_same(columns, table, cluster_ns=1_000, reach_ticks=60, order_lots=0.0)
    assert (np.bincount(rows["group"], minlength=6)[:6] > 0).all()


def test_fills_of_one_order_are_one_event() -> None:
    def row(
        ts: int, kind: EventKind, price: int, lots: int, order: int, flags: int = 0
    ) -> dict[str, int]:
        return {
            "ts_ns": ts, "kind": kind, "side": -1, "price_ticks": price, "qty_lots": lots,
            "order_id": order, "flags": flags,
        }  # fmt: skip

    table = [
        row(0, EventKind.ADD, 101, 3, 1),
        row(1, EventKind.ADD, 101, 2, 2),
        row(2, EventKind.ADD, 104, 9, 3),
        row(10, EventKind.TRADE, 101, 3, 1, EventFlag.MORE_FILLS),
        row(5_000, EventKind.TRADE, 101, 2, 2),
        row(5_100, EventKind.TRADE, 104, 4, 3),
        row(9_000, EventKind.TRADE, 104, 1, 3),
    ]
    rows, lives = run(columns_of(table), [], cluster_ns=1_000)
    hits = rows["group"] == 1
    assert rows["lots"][hits].tolist() == [9, 1]
    assert rows["queue_lots"][hits].tolist() == [5, 5]
    assert rows["away_ticks"][hits].tolist() == [3, 0]
    assert rows["ts_ns"][hits].tolist() == [10, 9_000]
    assert rows["touch_lots"][1][hits].tolist() == [5, 4]
    assert lives["end"].tolist() == [1, 1, 2]


def test_a_better_quote_pushes_the_only_level_out_of_sight() -> None:
    def row(ts: int, kind: EventKind, side: int, price: int, flags: int = 0) -> dict[str, int]:
        return {
            "ts_ns": ts, "kind": kind, "side": side, "price_ticks": price, "qty_lots": 4,
            "order_id": 0, "flags": flags,
        }  # fmt: skip

    table = [
        row(0, EventKind.ADD, 1, 99),
        row(0, EventKind.ADD, -1, 105),
        row(7, EventKind.CANCEL, 1, 99, EventFlag.REACH),
        row(7, EventKind.ADD, 1, 101),
        row(9, EventKind.CANCEL, 1, 101, EventFlag.REACH),
        row(11, EventKind.ADD, 1, 98),
    ]
    rows = require_same(columns_of(table), table, cluster_ns=0, reach_ticks=9, order_lots=0.0)
    assert rows["group"].tolist() == [2, 3, 2, 255, 2]
    assert rows["away_ticks"].tolist() == [0, 0, -2, 0, 0]
    assert rows["open"].tolist() == [0, 1, 1, 0, 1]


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="distance_edges: expected rising values from 0"):
        FlowPass(distance_edges=(1, 2))
    with pytest.raises(ValueError, match="reach_ticks: expected 1 or above"):
        FlowPass(reach_ticks=0)
