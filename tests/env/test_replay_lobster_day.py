"""A real day replayed: the book is LOBSTER's own at every message, and queues are as by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import MarketMakingEnv, MarketMakingVectorEnv, actions_from_quotes
from rlmm_tf.params import EnvParams
from tests.env.lobster_day import LEVELS, MIDNIGHT_NS, Day, read_day, shown

SECOND_NS = 10**9
STEP_NS = SECOND_NS // 10


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the day's table goes."""
    return tmp_path_factory.mktemp("recordings") / "day.parquet"


@pytest.fixture(scope="module")
def day(recordings: Path, recording: Path) -> Day:
    path = recordings / "equities_lobster" / "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
    if not path.is_file():
        pytest.skip(f"no {path.name} among the recorded market data")
    return read_day(path, recording)


def problem(path: Path, *, n_steps: int, step_ns: int, start_ns: int, **market: Any) -> EnvParams:
    """One episode from a given time on, and observations in ticks and lots."""
    end_ns = start_ns + n_steps * step_ns
    typical = {
        "spread_ticks": 1, "touch_lots": 1.0, "volatility_ticks": 1.0, "market_orders_hz": 1.0,
    }  # fmt: skip
    values = {
        "market": {
            "kind": "replay", "recording": str(path), "typical": typical,
            "ranges": [{"start_ns": start_ns, "end_ns": end_ns}], **market,
        },
        "episode": {"n_steps": n_steps, "step_ns": step_ns, "horizon_ends": "truncated"},
        "limits": {"inventory_cap_lots": 100},
        "action": {
            "offset_min_ticks": -500, "offset_max_ticks": 500, "sizes": True, "lots_min": 0,
            "lots_max": 60,
        },
        "observation": {
            "features": ("bid_distance", "ask_distance", "bid_depth", "ask_depth"),
            "levels": LEVELS, "clip": 1e6,
        },
    }  # fmt: skip
    return EnvParams.model_validate(values)


@pytest.mark.slow
def test_who_does_nothing_sees_the_recorded_book_after_every_message(
    day: Day, tmp_path: Path
) -> None:
    # A clock on which every message has a step of its own.
    n = len(day.book)
    day.by_clock(STEP_NS * np.arange(n)).write(tmp_path / "day.parquet")
    params = problem(tmp_path / "day.parquet", n_steps=n - 1, step_ns=STEP_NS, start_ns=0)
    env = MarketMakingEnv(params)
    quiet = actions_from_quotes(params.action, np.array([[500, 500]]), np.array([[0, 0]]))[0]
    seen = np.zeros((n, 4, LEVELS))
    mids_x2 = np.zeros(n)
    seen[0] = env.reset(seed=0)[0].reshape(4, LEVELS)
    mids_x2[0] = day.book[0, 0] + day.book[0, 2]
    for k in range(1, n):
        observation, _, _, truncated, info = env.step(quiet)
        assert truncated == (k == n - 1)
        seen[k] = observation.reshape(4, LEVELS)
        mids_x2[k] = info["mid_ticks_x2"]
    bid_distance, ask_distance, bid_lots, ask_lots = seen.transpose(1, 0, 2)
    mids = mids_x2[:, None] / 2
    np.testing.assert_array_equal(ask_lots, day.book[:, 1::4])
    np.testing.assert_array_equal(bid_lots, day.book[:, 3::4])
    np.testing.assert_array_equal(np.where(ask_lots > 0, mids + ask_distance, 0), day.book[:, 0::4])
    np.testing.assert_array_equal(np.where(bid_lots > 0, mids - bid_distance, 0), day.book[:, 2::4])


# The bids at 225.88, seconds after midnight:
#     39226.725583482  A comes, 100
#     39229.469747991  B comes, 300
#     39232.463678961  B is cancelled
#     39242.560305133  C comes, 100
#     39242.560574540  D comes, 100
#     39242.860717617  A is filled, 47
#     39242.900499602  A is filled, 53, then C, 47
#     39242.902651576  C is filled, 53, then D, 100; the price moves on
PRICE_TICKS = 22588


@pytest.mark.parametrize(
    ("joins_s", "ahead_lots", "fills"),
    [
        # Behind A: what C gets first is his.
        ("39228.0", 100, [("39242.900499602", 47), ("39242.902651576", 13)]),
        # Behind A and B, who leaves.
        ("39231.0", 400, [("39242.900499602", 47), ("39242.902651576", 13)]),
        # Behind A and C: D is the only one who came after him.
        ("39242.5604", 200, [("39242.902651576", 60)]),
    ],
)
def test_fills_of_a_resting_bid_are_those_worked_out_by_hand(
    day: Day, recording: Path, joins_s: str, ahead_lots: int, fills: list[tuple[str, int]]
) -> None:
    start_ns = stamp_ns(joins_s)
    params = problem(recording, n_steps=160, step_ns=STEP_NS, start_ns=start_ns)
    envs = MarketMakingVectorEnv(1, params, info_columns=True)
    envs.log_fills()
    envs.reset(seed=0)
    levels = shown(day.book[np.searchsorted(day.stamps_ns, start_ns, side="right") - 1])
    mid_x2, left, ahead = max(levels[1]) + min(levels[-1]), 60, []
    while left > 0:
        quote = np.array([[mid_x2 // 2 - PRICE_TICKS, 500]]), np.array([[left, 0]])
        infos = envs.step(actions_from_quotes(params.action, *quote))[4]
        mid_x2 = int(infos["mid_ticks_x2"][0])
        left -= int(infos["fills_maker_lots_bid"][0])
        ahead.append(int(infos["queue_ahead_bid_lots"][0]))
    assert ahead[0] == ahead_lots
    envs.reset()  # the episode ends: all its fills are complete
    found = envs.take_fills()
    assert set(found["price_ticks"]) == {PRICE_TICKS}
    assert list(zip(found["ts_ns"] + start_ns, found["qty_lots"], strict=True)) == [
        (stamp_ns(at_s), lots) for at_s, lots in fills
    ]
    np.testing.assert_array_equal(found["queue_wait_ns"], found["ts_ns"])
    envs.close()


def stamp_ns(seconds: str) -> int:
    whole, _, rest = seconds.partition(".")
    return MIDNIGHT_NS + int(whole) * SECOND_NS + int(f"{rest:0<9}")
