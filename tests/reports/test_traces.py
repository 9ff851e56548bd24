"""What steps say about quotes and fills, each by numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reports.traces import (
    VOLATILITY_STEPS,
    busiest_stretch,
    distances,
    fills_by_queue,
    offset_shares,
    quotes,
    volatilities,
)
from rlmm_tf.env import COLUMNS
from rlmm_tf.env.engine import COLUMN_INDEX
from rlmm_tf.evaluation.play import Trace


def trace(policy: str = "a", *, steps: int = 6, **columns: Any) -> Trace:
    """One episode; columns that are not given are 0, quotes one lot a tick from a mid of 100."""
    values = np.zeros((1, steps, len(COLUMNS)))
    given = {
        "ts_ns": np.arange(1, steps + 1) * 1e9, "mid_ticks_x2": np.full(steps, 200.0),
        "bid_offset_ticks": np.ones(steps), "ask_offset_ticks": np.ones(steps),
        "bid_lots": np.ones(steps), "ask_lots": np.ones(steps),
    } | columns  # fmt: skip
    for name, column in given.items():
        values[0, :, COLUMN_INDEX[name]] = column
    return Trace(policy, values)


def test_quotes_hold_from_the_mid_that_the_decision_saw() -> None:
    mids = [200, 202, 202, 204, 204, 204]
    one = trace(mid_ticks_x2=mids, bid_lots=[1, 1, 0, 1, 1, 1], ask_offset_ticks=2.0)
    np.testing.assert_array_equal(quotes(one, "bid")[0], [np.nan, 99, np.nan, 100, 101, 101])
    np.testing.assert_array_equal(quotes(one, "ask")[0], [np.nan, 102, 103, 103, 104, 104])


def test_the_stretch_with_most_fills() -> None:
    one = trace(
        steps=8, fills_maker_lots_bid=[1, 0, 0, 0, 0, 1, 0, 0],
        fills_maker_lots_ask=[0, 0, 0, 0, 0, 0, 2, 0], fills_taker_lots=[0, 0, 0, 0, 0, 0, 0, 3],
        inventory_lots=[1, 1, 1, 1, 1, 2, 0, -3],
    )  # fmt: skip
    found = busiest_stretch(one, 4)
    assert found.seconds == [5.0, 6.0, 7.0, 8.0]
    assert [(f.at, f.price, f.side, f.maker) for f in found.fills] == [
        (5.5, 99.0, "bid", True), (6.5, 101.0, "ask", True), (7.5, 101.0, "ask", False),
    ]  # fmt: skip
    assert busiest_stretch(one, 100).seconds == [float(i) for i in range(1, 9)]


def test_an_episode_that_ended_early_has_a_shorter_stretch() -> None:
    one = trace(steps=8)
    one.columns[0, 5:] = np.nan
    assert busiest_stretch(one, 100).seconds == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_fills_by_the_queue_of_quotes_that_stayed() -> None:
    one = trace(
        ask_lots=0.0, mid_ticks_x2=[200, 200, 200, 200, 202, 202],
        queue_ahead_bid_lots=[9, 4, 4, 0, 7, 7], fills_maker_lots_bid=[0, 0, 0, 1, 0, 0],
    )  # fmt: skip
    # Quotes at 99 in steps 1 to 4, at 100 in step 5: of the five changes of step, that from 4 to 5
    # moves and the first one has no price before it; 4, 4 and 0 lots were ahead at the others.
    found = fills_by_queue(one)
    assert [(p.least, p.most, p.steps, p.filled) for p in found] == [(0, 0, 1, 0), (4, 4, 2, 1)]


def test_markets_without_queues_have_no_fills_by_queue() -> None:
    assert fills_by_queue(trace()) == []


def test_volatility_looks_back_and_never_ahead() -> None:
    moves = np.zeros(40)
    moves[25] = 8.0
    one = trace(steps=40, mid_ticks_x2=200.0 + np.cumsum(moves))
    found = volatilities(one)[0]
    assert np.isnan(found[: VOLATILITY_STEPS + 1]).all()
    assert found[25] == 0.0
    assert (found[26:] > 0.0).all()  # the decision after the step in which it moved
    slow = [np.nan] * 21 + [np.diff(one["mid_ticks_x2"][0] / 2)[t - 21 : t - 1].std()
                            for t in range(21, 40)]  # fmt: skip
    np.testing.assert_allclose(found, slow)


def test_distances_by_inventory_and_volatility() -> None:
    steps = 60
    moves = np.where(np.arange(steps) < 30, 0.0, np.resize([2.0, -2.0], steps))
    lots = np.resize([0.0, 3.0], steps)  # at the end of a step: 0, 3, 0, 3 ...
    one = trace(
        steps=steps, mid_ticks_x2=400.0 + np.cumsum(moves), inventory_lots=lots,
        bid_offset_ticks=np.where(np.resize([3.0, 0.0], steps) == 0.0, 1.0, 5.0),
    )  # fmt: skip
    found = distances(one, "bid")
    assert found is not None
    assert found.inventories == ["3", "2", "1", "0"]
    full, *empty, flat = found.ticks
    assert set(full) == {5.0}
    assert set(flat) == {1.0}
    assert {value for row in empty for value in row} == {None}
    assert len(found.levels) == len(full)
    assert distances(trace(), "bid") is None  # too few steps


def test_distances_of_large_inventories_share_rows() -> None:
    one = trace(steps=60, inventory_lots=np.arange(60.0) - 30.0)
    found = distances(one, "ask")
    assert found is not None
    assert len(found.inventories) <= 9
    assert found.inventories[0].endswith(" to 28")


def test_shares_of_offsets_add_up() -> None:
    one = trace(bid_offset_ticks=[1, 1, 1, 2, 2, 5], ask_lots=0.0)
    edges, bids, asks = offset_shares(one, 4)
    assert edges == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert bids == pytest.approx([3 / 6, 2 / 6, 0.0, 1 / 6])
    assert asks == [0.0] * 4
    assert offset_shares(trace(), 4)[0] == [0.5, 1.5]
    assert offset_shares(trace(bid_lots=0.0, ask_lots=0.0), 4) == ([], [], [])
