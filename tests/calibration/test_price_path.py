"""Moments of prices and trades: by hand, and against loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.flow_events import read_flow
from calibration.price_path import (
    HORIZONS_S,
    MOMENTS,
    QUOTE_HORIZONS_S,
    SIGN_LAGS,
    VOLATILITY_STEPS_S,
    PricePath,
    jackknife_covariance,
    moment_sums,
    pooled_moments,
    recorded_paths,
    simulated_path,
)
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.presets import resolve_params
from rlmm_tf.recording import Chunk, record_windows
from tests.calibration.simulated_tables import recorded, table, thin_opening

PRESET = "book-small-tick"
PARAMS = resolve_params(PRESET)


def test_moments_by_hand() -> None:
    """A buy at 1 s lifts the mid from 100 to 101, which falls to 100.5 at 3 s; a sell at 4 s."""
    path = PricePath(
        ts_ns=np.array([0, 1, 3, 4]) * NS_PER_S,
        mid_ticks_x2=np.array([200, 202, 201, 201]),
        start_ns=0,
        end_ns=6 * NS_PER_S,
        order_ts_ns=np.array([1, 4]) * NS_PER_S,
        order_sign=np.array([1, -1]),
        before_ticks_x2=np.array([200, 201]),
        after_ticks_x2=np.array([202, 201]),
        quote_row=np.array([2]),
        quote_side=np.array([-1]),
    )
    values = dict(zip(MOMENTS, pooled_moments([moment_sums(path)]), strict=True))
    assert values["moving_0.1"] == 1.0
    assert values["moving_1"] == 1.0
    assert np.isnan(values["moving_10"])  # past the end
    assert values["still_0.1"] == 0.0
    assert values["improving_1"] == 0.0
    assert values["volatility_1"] == pytest.approx(np.sqrt((1.0 + 0.25) / 6))
    assert values["sign_1"] == -1.0
    assert np.isnan(values["sign_10"])


def windows() -> list[Chunk]:
    return record_windows(
        PARAMS, [thin_opening()] * 3, seed=2, messages=10**9, duration_ns=90 * NS_PER_S, levels=1
    )


def mids_of(window: Chunk) -> list[int]:
    return [int(row[0] + row[2]) for row in window.depth]


def orders_of(window: Chunk, mids: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Time, sign, mid before and after of each market order, row by row."""
    orders, before = [], None
    for i, kind in enumerate(window.kind):
        if kind != EventKind.TRADE:
            continue
        before = mids[i - 1] if before is None else before
        if not window.flags[i] & EventFlag.MORE_FILLS:
            orders.append((int(window.ts_ns[i]), -int(window.side[i]), before, mids[i]))
            before = None
    return orders


def test_the_simulated_path_is_that_of_a_loop() -> None:
    start_ns = 10 * NS_PER_S
    for window in windows():
        mids = mids_of(window)
        orders = [order for order in orders_of(window, mids) if order[0] >= start_ns]
        path = simulated_path(window, start_ns)
        got = zip(
            path.order_ts_ns,
            path.order_sign,
            path.before_ticks_x2,
            path.after_ticks_x2,
            strict=True,
        )
        assert len(orders) > 5
        assert [tuple(map(int, row)) for row in got] == orders
        quotes = []
        for i in range(1, len(window)):
            sent = window.kind[i] == EventKind.ADD and not window.flags[i] & EventFlag.REACH
            bid, ask = window.depth[i - 1, 2], window.depth[i - 1, 0]
            price = window.price_ticks[i]
            better = price > bid if window.side[i] > 0 else price < ask
            if sent and better and window.ts_ns[i] >= start_ns:
                quotes.append(i)
        assert path.quote_row.tolist() == quotes
        assert len(quotes) > 5


def slow_moments(path: PricePath) -> NDArray[np.float64]:
    def mid(ts_ns: int) -> float:
        row = 0
        while row + 1 < len(path.ts_ns) and path.ts_ns[row + 1] <= ts_ns:
            row += 1
        return 0.5 * float(path.mid_ticks_x2[row])

    values = []
    rows = list(
        zip(
            path.order_ts_ns,
            path.order_sign,
            path.before_ticks_x2,
            path.after_ticks_x2,
            strict=True,
        )
    )
    for moves in (False, True):
        for horizon_s in HORIZONS_S:
            later_ns = int(horizon_s * NS_PER_S)
            values.append(
                [
                    sign * (mid(ts + later_ns) - 0.5 * before)
                    for ts, sign, before, after in rows
                    if (before != after) == moves and ts + later_ns <= path.end_ns
                ]
            )
    for horizon_s in QUOTE_HORIZONS_S:
        later_ns = int(horizon_s * NS_PER_S)
        values.append(
            [
                side * (mid(path.ts_ns[row] + later_ns) - 0.5 * path.mid_ticks_x2[row])
                for row, side in zip(path.quote_row, path.quote_side, strict=True)
                if path.ts_ns[row] + later_ns <= path.end_ns
            ]
        )
    for step_s in VOLATILITY_STEPS_S:
        step_ns = int(step_s * NS_PER_S)
        grid = list(range(path.start_ns, path.end_ns + 1, step_ns))
        moved = [mid(b) - mid(a) for a, b in pairwise(grid)]
        values.append([move * move / step_s for move in moved])
    for lag in SIGN_LAGS:
        signs = path.order_sign
        values.append([signs[i] * signs[i + lag] for i in range(len(signs) - lag)])
    return np.array([[sum(each), len(each)] for each in values], np.float64)


def test_moments_are_those_of_a_loop() -> None:
    for window in windows():
        path = simulated_path(window, 5 * NS_PER_S)
        np.testing.assert_allclose(moment_sums(path), slow_moments(path), rtol=1e-12)


def test_a_recording_has_the_moments_of_the_simulation_it_is_of() -> None:
    simulated = simulated_path(recorded(PRESET, 600), 0)
    (recorded_path,) = recorded_paths(read_flow([table(PRESET, 600)]), block_s=10_000.0)
    # Orders of one side within a microsecond are one market order to whoever reads the table.
    assert len(recorded_path.order_sign) == pytest.approx(len(simulated.order_sign), rel=0.005)
    assert np.isin(recorded_path.order_ts_ns, simulated.order_ts_ns).all()
    np.testing.assert_array_equal(recorded_path.quote_side, simulated.quote_side)
    a, b = (pooled_moments([moment_sums(path)]) for path in (recorded_path, simulated))
    np.testing.assert_allclose(a, b, rtol=0.06, atol=0.02)


def test_blocks_share_what_the_whole_has() -> None:
    flow = read_flow([table(PRESET, 600)])
    (whole,) = recorded_paths(flow, block_s=10_000.0)
    blocks = recorded_paths(flow, block_s=100.0)
    assert len(blocks) == 6
    assert sum(len(block.order_sign) for block in blocks) == len(whole.order_sign)
    assert all(block.ts_ns[0] <= block.start_ns for block in blocks)


def test_a_stretch_that_is_over_at_once_has_no_blocks() -> None:
    flow = read_flow([table(PRESET, 600)])
    ts_ns, counts = flow.ts_ns.copy(), np.zeros(len(flow), np.bool_)
    counts[100], ts_ns[101] = True, ts_ns[100]
    assert recorded_paths(replace(flow, ts_ns=ts_ns, counts=counts), block_s=100.0) == []


def test_the_jackknife_of_means_is_the_textbook_s() -> None:
    generator = np.random.default_rng(1)
    draws = generator.normal(size=(30, len(MOMENTS))) ** 2
    sums = [np.stack([row, np.ones(len(MOMENTS))], axis=1) for row in draws]
    covariance = jackknife_covariance(sums)
    plain = np.cov(draws[:, :5].T) / 30
    np.testing.assert_allclose(covariance[:5, :5], plain, rtol=1e-9)
    with pytest.raises(ValueError, match="two blocks"):
        jackknife_covariance(sums[:1])
