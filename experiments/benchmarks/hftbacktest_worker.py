"""A two-quote maker in hftbacktest, replayed on request; runs in hftbacktest's own environment.

    python -I hftbacktest_worker.py FEED.npz

For each line on stdin it replays the feed once and writes {"seconds", "trades"} as a JSON line. The
first line it writes tells that it has compiled. `hftbacktest.py` beside it starts it.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from hftbacktest import (
    BUY,
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
    event_dtype,
)
from numba import njit

LATENCY_NS = 1_000_000


@njit  # type: ignore[untyped-decorator]
def make_market(hbt: Any, step_ns: int, offset_ticks: float, lots: float) -> int:
    """Holds two quotes for a step each, as the engine's benchmark does; the number of decisions."""
    steps = 0
    next_id = 1
    while hbt.elapse(step_ns) == 0:
        steps += 1
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        mid_ticks = 0.5 * (depth.best_bid_tick + depth.best_ask_tick)
        bid_ticks = int(np.floor(mid_ticks - offset_ticks))
        ask_ticks = int(np.ceil(mid_ticks + offset_ticks))
        bid_stands = False
        ask_stands = False
        orders = hbt.orders(0).values()
        while orders.has_next():
            order = orders.get()
            if order.side == BUY and order.price_tick == bid_ticks:
                bid_stands = True
            elif order.side != BUY and order.price_tick == ask_ticks:
                ask_stands = True
            elif order.cancellable:
                hbt.cancel(0, order.order_id, False)
        if not bid_stands:
            hbt.submit_buy_order(0, next_id, bid_ticks * 1.0, lots, GTX, LIMIT, False)
            next_id += 1
        if not ask_stands:
            hbt.submit_sell_order(0, next_id, ask_ticks * 1.0, lots, GTX, LIMIT, False)
            next_id += 1
    return steps


def feed_of(rows: dict[str, Any]) -> Any:
    """Hftbacktest's events: after each change of a level its lots, and every trade before that."""
    feed = np.zeros(len(rows["ts_ns"]), event_dtype)
    side = np.where(rows["is_buy"], BUY_EVENT, SELL_EVENT)
    kind = np.where(rows["is_trade"], TRADE_EVENT, DEPTH_EVENT)
    feed["ev"] = (kind | EXCH_EVENT | LOCAL_EVENT | side).astype(np.uint64)
    feed["exch_ts"] = rows["ts_ns"]
    feed["local_ts"] = rows["ts_ns"] + LATENCY_NS
    feed["px"] = rows["price_ticks"]
    feed["qty"] = rows["lots"]
    return feed


def replay(feed: Any, quotes: tuple[int, float, float]) -> dict[str, float]:
    """One run over the feed."""
    asset = (
        BacktestAsset()
        .data([feed])
        .linear_asset(1.0)
        .constant_order_latency(LATENCY_NS, LATENCY_NS)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_qty_fee_model(-0.2, 0.3)
        .tick_size(1.0)
        .lot_size(1.0)
        .roi_lb(float(feed["px"].min() - 20.0))
        .roi_ub(float(feed["px"].max() + 20.0))
    )
    hbt = ROIVectorMarketDepthBacktest([asset])
    start = time.perf_counter()
    steps = make_market(hbt, *quotes)
    seconds = time.perf_counter() - start
    trades = int(hbt.state_values(0).num_trades)
    hbt.close()
    return {"seconds": seconds, "trades": trades, "steps": steps}


def main() -> int:
    """Replays until stdin ends."""
    rows = dict(np.load(sys.argv[1]))
    feed = feed_of(rows)
    quotes = (int(rows["step_ns"]), float(rows["offset_ticks"]), float(rows["quote_lots"]))
    sys.stdout.write(json.dumps(replay(feed, quotes)) + "\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        sys.stdout.write(json.dumps(replay(feed, quotes)) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
