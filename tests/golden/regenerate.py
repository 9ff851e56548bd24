"""The first events of two small book markets as text, so that a change of them can be read.

    python -m tests.golden.regenerate    # writes tests/golden/book_trace.txt; read the diff

Each market is shown twice: by itself, event by event, as the recorder writes it; and with an agent
that holds two quotes, step by step, as a batch's columns say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env import (
    COLUMNS,
    EVENT_FLAGS,
    EVENT_KINDS,
    Batch,
    Recorder,
    actions_from_quotes,
    engine_params,
    observation_layout,
    output_arrays,
)
from rlmm_tf.market_presets import large_tick
from rlmm_tf.params import (
    ActionParams,
    DelayParams,
    EnvParams,
    EpisodeParams,
    FeeParams,
    LatencyParams,
)
from rlmm_tf.reference_markets import cont_stoikov_talreja
from rlmm_tf.seeding import environment_keys

PATH = Path(__file__).with_name("book_trace.txt")
SEED = 2026
N_EVENTS = 120
N_STEPS = 60
STEP_NS = 500_000_000
OFFSET_TICKS = 0.5
GROUPS = {
    (EVENT_KINDS["add"], 1): "limit_bid",
    (EVENT_KINDS["add"], -1): "limit_ask",
    (EVENT_KINDS["cancel"], 1): "cancel_bid",
    (EVENT_KINDS["cancel"], -1): "cancel_ask",
    (EVENT_KINDS["trade"], 1): "market_sell",
    (EVENT_KINDS["trade"], -1): "market_buy",
}
# Cont, Stoikov and Talreja (2010), table 1: arrivals 1 to 5 ticks from the other side, cancels,
# market orders; their cancels depend on the distance, here they are the mean.
_CST = cont_stoikov_talreja((1.85, 1.51, 1.09, 0.88, 0.77), theta=0.71, mu=0.94)
_MS = DelayParams(median_ns=1_000_000)
MARKETS = {
    "unit orders, Poisson (Cont, Stoikov & Talreja)": BookMarketParams(
        model=_CST, mid_initial_ticks=1000, warmup_ns=10_000_000_000
    ),
    "large tick (preset book-large-tick after 1 s)": BookMarketParams(
        model=large_tick(), mid_initial_ticks=1000, warmup_ns=1_000_000_000
    ),
}


def problem(market: BookMarketParams) -> EnvParams:
    """Half-second steps, a millisecond each way, a rebate."""
    return EnvParams(
        market=market,
        fees=FeeParams(maker_ticks_per_lot=-0.2),
        latency=LatencyParams(feed=_MS, entry=_MS, response=_MS),
        episode=EpisodeParams(n_steps=N_STEPS, step_ns=STEP_NS),
        action=ActionParams(offset_min_ticks=0, offset_max_ticks=4, lots_max=2),
    )


def event_lines(params: EnvParams) -> Iterator[str]:
    """The first events of the market by itself."""
    yield "   time s  group        price lots   touch after: bid x lots / ask x lots"
    recorder = Recorder(engine_params(params), environment_keys(SEED, 1), levels=1)
    events = recorder.run(STEP_NS * N_STEPS)
    opening = (EVENT_KINDS["clear"], EVENT_KINDS["snapshot"])
    flow = np.flatnonzero(~np.isin(events["kind"], opening))[:N_EVENTS]
    for i in flow:
        group = GROUPS[int(events["kind"][i]), int(events["side"][i])]
        ask, ask_lots, bid, bid_lots = events["depth"][i]
        flags = [name for name, bit in EVENT_FLAGS.items() if events["flags"][i] & bit]
        yield (
            f"{events['ts_ns'][i] / 1e9:9.6f}  {group:<11} {events['price_ticks'][i]:6d} "
            f"{events['qty_lots'][i]:4d}   {bid:5d} x {bid_lots:<4d} / {ask:5d} x {ask_lots:<4d}  "
            f"{' '.join(flags)}"
        ).rstrip()


def step_lines(params: EnvParams) -> Iterator[str]:
    """An episode with fixed quotes: where the agent stands and what is filled."""
    yield (
        " time s  events sells buys    mid spread   ahead: bid  ask   filled: bid ask   inventory"
        "   cash   fees"
    )
    batch = Batch(engine_params(params), seeds=environment_keys(SEED, 1), n_threads=1)
    arrays = output_arrays(1, len(observation_layout(params)))
    batch.reset(obs=arrays["obs"])
    actions = actions_from_quotes(params.action, np.full((1, 2), OFFSET_TICKS))
    for _ in range(N_STEPS):
        batch.step(actions, **arrays)
        row = {column.name: arrays["columns"][0, i] for i, column in enumerate(COLUMNS)}
        yield (
            f"{row['ts_ns'] / 1e9:7.3f}  {row['events']:6.0f} {row['market_sells']:5.0f} "
            f"{row['market_buys']:4.0f} {row['mid_ticks_x2'] / 2:6.1f} {row['spread_ticks']:6.0f}"
            f"   {row['queue_ahead_bid_lots']:10.0f} {row['queue_ahead_ask_lots']:4.0f}   "
            f"{row['fills_maker_lots_bid']:11.0f} {row['fills_maker_lots_ask']:3.0f}   "
            f"{row['inventory_lots']:9.0f} {row['cash']:6.0f} {row['fees']:6.1f}"
        )


def trace() -> list[str]:
    """All lines of the file."""
    lines = [
        "# Written by `python -m tests.golden.regenerate`; test_book_trace.py compares.",
        f"# Seed {SEED}; prices in ticks, money in tick x lot.",
    ]
    for name, market in MARKETS.items():
        params = problem(market)
        lines += ["", f"## {name}, by itself", "", *event_lines(params)]
        quotes = f"two lots a side, {OFFSET_TICKS:g} tick from the mid"
        lines += ["", f"## {name}, with an agent: {quotes}", "", *step_lines(params)]
    return lines


def main() -> int:
    """Writes the file."""
    PATH.write_text("\n".join(trace()) + "\n", encoding="utf-8")
    sys.stdout.write(f"{PATH}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
