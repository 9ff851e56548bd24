"""From market data to a quote decision, inside the client, without the socket.

    python -m experiments.benchmarks.live_decision [--messages N] [--require US]

A market message as text goes in; out come the requests of a 64 x 64 policy, judged by the risk
gate: parsing, the book, features, network, desk and gate are all in it. Beside it the engine's part
alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env import PolicySpec, PolicyWeights
from rlmm_tf.live import protocol as p
from rlmm_tf.live.actors import NetworkActor
from rlmm_tf.live.client import QuotingClient, Stage
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params

STEP_NS = 100_000_000


def problem() -> EnvParams:
    """Every feature that a market shows, ten levels."""
    features = (
        "time_left inventory mid_return realised_volatility bid_offset ask_offset bid_lots "
        "ask_lots spread microprice bid_queue_ahead ask_queue_ahead bid_depth ask_depth imbalance "
        "order_flow return volatility trade_sign"
    )
    return resolve_params(
        "book-large-tick",
        {
            "observation": {"features": tuple(features.split())},
            "episode": {"step_ns": STEP_NS, "n_steps": 1000},
        },
    )


def live_client(params: EnvParams) -> QuotingClient:
    """One that has been through everything up to its first snapshot."""
    from experiments.quote import default_limits

    spec = PolicySpec.for_params(params)
    weights = PolicyWeights.random(spec, np.random.default_rng(0))
    client = QuotingClient(params, NetworkActor(spec, weights), default_limits(params))
    client.connected(0)
    welcome = p.Welcome(
        epoch=1, account="maker", scopes=("read", "trade"), ts_ns=0, event=0,
        account_seq=0, heartbeat_ms=500, dead_man_ms=5000,
    )  # fmt: skip
    client.received(p.as_json(welcome), 0)
    client.received(p.as_json(p.Answer(request=1, accepted=True, account_seq=0, ts_ns=0)), 0)
    account = p.AccountState(
        account="maker", epoch=1, ts_ns=0, event=0, account_seq=0, fill_seq=0,
        client_order_id_max=0, position_lots=0, cash=0, fees_e9=0, bought_lots=0, sold_lots=0,
        halted=False, open_orders=(),
    )  # fmt: skip
    client.answered(client._ticket, p.as_json(account), 0)
    bids = tuple((1000 - i, 50) for i in range(30))
    asks = tuple((1001 + i, 50) for i in range(30))
    client.received(
        p.as_json(p.Snapshot(epoch=1, event=0, ts_ns=0, bids=bids, asks=asks, halted=False)), 0
    )
    assert client.stage is Stage.LIVE
    return client


def messages(count: int) -> list[str]:
    """Three rows each, a step apart: the touch grows, shrinks and trades."""
    texts = []
    for i in range(count):
        ts_ns, side = (i + 1) * STEP_NS + 1, 1 if i % 2 else -1
        price = 1000 if side > 0 else 1001
        rows = (
            (ts_ns, 1, side, price, 3, 0, 0),
            (ts_ns, 2, side, price, 1, 0, 1),
            (ts_ns, 4, side, price, 2, 0, 1),
        )
        texts.append(p.as_json(p.Market(first_event=3 * i + 1, rows=rows)))
    return texts


def timed(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Microseconds of each message: the client's, and the engine's part of it."""
    params = problem()
    client, twin = live_client(params), live_client(params)
    whole, engine = np.empty(count), np.empty(count)
    for i, text in enumerate(messages(count)):
        now_ns = (i + 1) * STEP_NS
        begin = time.perf_counter_ns()
        client.received(text, now_ns)
        whole[i] = (time.perf_counter_ns() - begin) / 1000.0
        client.own.asked.clear()  # nobody answers here
        rows: Any = json.loads(text)["rows"]
        begin = time.perf_counter_ns()
        twin.view.feed(rows)
        twin.view.decide(twin._actor(twin.view.obs))
        engine[i] = (time.perf_counter_ns() - begin) / 1000.0
    assert client.decisions == count + 1
    return whole[count // 10 :], engine[count // 10 :]


def main(arguments: list[str] | None = None) -> int:
    """Print JSON; 1 if the median is above what is required."""
    parser = argparse.ArgumentParser(description="market data to quote decision")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--require", type=float, metavar="US", help="most microseconds, median")
    asked = parser.parse_args(arguments)
    whole, engine = timed(asked.messages)
    result = {
        "client_us": {f"p{q:g}": round(float(np.percentile(whole, q)), 2) for q in (50, 99, 99.9)},
        "engine_us": {f"p{q:g}": round(float(np.percentile(engine, q)), 2) for q in (50, 99, 99.9)},
        "messages": asked.messages,
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return int(asked.require is not None and result["client_us"]["p50"] > asked.require)


if __name__ == "__main__":
    raise SystemExit(main())
