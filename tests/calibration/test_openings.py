"""Openings are the books of the recording, and its past."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.flow_events import read_flow
from calibration.openings import openings_at
from rlmm_tf.events import ARROW_SCHEMA, EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.parse import Columns
from rlmm_tf.presets import resolve_params
from rlmm_tf.recording import Opening, record_windows
from tests.calibration.simulated_tables import recorded, table

PRESET = "book-large-tick"
SECONDS = 60
FULL = resolve_params(PRESET).market.model
MODEL = FULL.model_copy(update={"far_level_orders": (1.0,)})  # nothing behind what is seen
TIMES = np.array([5, 20, 20, 47]) * NS_PER_S + 123


def rows() -> Columns:
    whole = table(PRESET, SECONDS)
    return {name: whole.column(name) for name in ARROW_SCHEMA.names}


def openings(columns: Columns | None = None) -> list[Opening]:
    flow = read_flow([table(PRESET, SECONDS)])
    chunk = rows() if columns is None else columns
    pieces = [
        {name: values[a:b] for name, values in chunk.items()}
        for a, b in ((0, 1000), (1000, 1001), (1001, len(chunk["kind"])))
    ]
    return openings_at(pieces, flow, TIMES, MODEL, np.random.default_rng(1))


def live_orders(chunk: Columns, time_ns: int) -> dict[int, tuple[int, int, int]]:
    """Orders just before a time, row by row: number to side, price, lots."""
    live: dict[int, tuple[int, int, int]] = {}
    for i in range(int(np.searchsorted(chunk["ts_recv"], time_ns))):
        kind, number = chunk["kind"][i], int(chunk["order_id"][i])
        side, price, lots = (int(chunk[n][i]) for n in ("side", "price_ticks", "qty_lots"))
        if kind in (EventKind.ADD, EventKind.SNAPSHOT):
            live[number] = (side, price, lots)
        elif kind in (EventKind.CANCEL, EventKind.TRADE):
            left = live[number][2] - lots
            live[number] = (side, price, left)
            if left == 0:
                del live[number]
    return live


def within_reach(
    orders: list[tuple[int, int, int]],
) -> list[tuple[int, int, int]]:
    best = {side: max(side * price for s, price, _ in orders if s == side) for side in (1, -1)}
    kept = [o for o in orders if best[o[0]] - o[0] * o[1] < MODEL.depth_ticks]
    return sorted(kept, key=lambda o: (-o[0], -o[0] * o[1]))


def test_orders_are_those_of_the_recording_in_their_order() -> None:
    chunk = rows()
    for time_ns, opening in zip(TIMES, openings(), strict=True):
        # Numbers rise with time: in order of priority at each price.
        live = [order for _, order in sorted(live_orders(chunk, int(time_ns)).items())]
        got = zip(opening.side, opening.price_ticks, opening.qty_lots, strict=True)
        assert [tuple(map(int, order)) for order in got] == within_reach(live)


def test_without_numbers_levels_hold_the_same_lots() -> None:
    chunk = rows()
    anonymous = {**chunk, "order_id": np.zeros_like(chunk["order_id"])}
    for whole, opening in zip(openings(), openings(anonymous), strict=True):
        for side in (1, -1):
            a, b = (
                np.bincount(o.price_ticks[o.side == side] - 90_000, o.qty_lots[o.side == side])
                for o in (whole, opening)
            )
            np.testing.assert_array_equal(a, b)


def test_a_level_that_went_out_of_sight_comes_back_as_nobody_s() -> None:
    ts = np.arange(6) * NS_PER_S
    columns: Columns = {
        "ts_recv": ts,
        "kind": np.array([6, 1, 1, 1, 2, 1], np.uint8),
        "side": np.array([0, 1, -1, 1, 1, 1], np.int8),
        "price_ticks": np.array([0, 100, 102, 99, 99, 99]),
        "qty_lots": np.array([0, 5, 5, 7, 7, 7]),
        "order_id": np.array([0, 1, 2, 3, 0, 0], np.uint64),
        "flags": np.array([0, 0, 0, 0, EventFlag.REACH, EventFlag.REACH], np.uint8),
    }
    flow = read_flow([table(PRESET, SECONDS)])
    (opening,) = openings_at(
        [columns], flow, np.array([10 * NS_PER_S]), MODEL, np.random.default_rng(1)
    )
    assert opening.qty_lots[(opening.side == 1) & (opening.price_ticks == 99)].sum() == 7
    assert opening.qty_lots[opening.price_ticks == 100].tolist() == [5]


def test_behind_what_is_seen_lie_orders_that_have_been_there_for_long() -> None:
    """As many as the law of far levels has; flickering ones are rarer than among new orders."""
    ts = np.arange(3) * NS_PER_S
    columns: Columns = {
        "ts_recv": ts,
        "kind": np.array([6, 1, 1], np.uint8),
        "side": np.array([0, 1, -1], np.int8),
        "price_ticks": np.array([0, 10_000, 10_001]),
        "qty_lots": np.array([0, 5, 5]),
        "order_id": np.array([0, 1, 2], np.uint64),
        "flags": np.zeros(3, np.uint8),
    }
    changed = FULL.joining.model_copy(update={"flickering_share": 0.5})
    cancels = FULL.cancels.model_copy(update={"patient_hazard": 1.0, "flickering_hazard": 9.0})
    model = FULL.model_copy(
        update={"far_level_orders": (0.5, 0.0, 0.5), "joining": changed, "cancels": cancels}
    )
    flow = read_flow([table(PRESET, SECONDS)])
    opened = openings_at(
        [columns], flow, np.full(400, 10 * NS_PER_S), model, np.random.default_rng(1)
    )
    behind = [opening.price_ticks < 10_000 for opening in opened]
    far_bids = sum(
        int((opening.side[b] == 1).sum()) for opening, b in zip(opened, behind, strict=True)
    )
    assert far_bids / len(opened) / (model.depth_ticks - 1) == pytest.approx(1.0, rel=0.05)
    lowest = min(int(opening.price_ticks.min()) for opening in opened)
    assert lowest == 10_000 - (model.depth_ticks - 1)
    flickering = np.concatenate([o.flickering[b] for o, b in zip(opened, behind, strict=True)])
    assert flickering.mean() == pytest.approx(0.1, abs=0.02)  # 1/9 to 1


def slow_past(time_ns: int) -> NDArray[np.float64]:
    flow = read_flow([table(PRESET, SECONDS)])
    past = np.zeros((len(MODEL.decays_hz), 6))
    for ts, group in zip(flow.ts_ns, flow.group, strict=True):
        if ts < time_ns and group < 6:
            age_s = (time_ns - ts) / NS_PER_S
            past[:, group] += np.exp(-np.array(MODEL.decays_hz) * age_s)
    return past


def test_the_past_is_the_sum_over_events() -> None:
    for time_ns, opening in zip(TIMES, openings(), strict=True):
        np.testing.assert_allclose(opening.past, slow_past(int(time_ns)), atol=0.05, rtol=0.01)


def test_simulations_go_on_from_them() -> None:
    windows = record_windows(resolve_params(PRESET), openings(), seed=1, messages=50, levels=1)
    chunk = recorded(PRESET, SECONDS)
    for time_ns, window in zip(TIMES, windows, strict=True):
        before = chunk.depth[int(np.searchsorted(chunk.ts_ns, time_ns)) - 1, :4]
        np.testing.assert_array_equal(window.depth[0], before)


def test_times_that_fall_and_empty_sides_are_refused() -> None:
    flow = read_flow([table(PRESET, SECONDS)])
    generator = np.random.default_rng(1)
    with pytest.raises(ValueError, match="expected rising times"):
        openings_at([rows()], flow, TIMES[::-1], MODEL, generator)
    chunk = rows()
    bids = {name: values[chunk["side"] >= 0] for name, values in chunk.items()}
    with pytest.raises(ValueError, match="got an empty side"):
        openings_at([bids], flow, TIMES, MODEL, generator)
