from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from calibration.fidelity.facts import Yardstick, jackknife, numbers_of
from calibration.fidelity.markouts import (
    HORIZONS_S,
    SIGNATURE_S,
    eta,
    half_spread_ticks,
    market_orders,
    markouts,
    sign_autocorrelation,
    signature,
    squared_moves,
)
from calibration.fidelity.messages import Instrument, MessageKind, Messages
from calibration.fidelity.segments import Segments, grid_of, mid_x2_after
from calibration.fidelity.stylized import CRITERIA, Measured, count, facts_table
from tests.calibration.fidelity.simulated import simulated_market
from tests.calibration.fidelity.toy_flow import toy_rows, toy_windows

S = 10**9


def messages_of_mids(
    mids: list[float],
    *,
    gap_ns: int = S,
    kinds: list[int] | None = None,
    sides: list[int] | None = None,
) -> Messages:
    """Messages with a book of one lot on either side, one tick from the mid."""
    n = len(mids)
    book = np.array([[2 * m + 2, 2, 2 * m - 2, 2] for m in mids], float) / [2, 1, 2, 1]
    return Messages(
        instrument=Instrument("1", "1", "orders", 1),
        ts_ns=np.arange(n) * gap_ns,
        kind=np.array(kinds or [1] * n, np.int8),
        order_id=np.arange(1, n + 1).astype(np.uint64),
        lots=np.full(n, 2),
        price_ticks=book[:, 2].astype(np.int64),
        side=np.array(sides or [1] * n, np.int8),
        more_fills=np.zeros(n, np.bool_),
        book=book.astype(np.int64),
        stretch=np.zeros(n, np.int64),
    )


def one_block(messages: Messages) -> Segments:
    zeros = np.zeros(len(messages), np.int64)
    return Segments(messages, messages.stretch, zeros)


def test_eta_counts_continuations_over_twice_the_alternations() -> None:
    # moves + + - - - +: three continuations, two alternations
    parts = one_block(messages_of_mids([10, 11, 11, 12, 11, 10, 9, 9, 10]))
    assert eta(parts) == 3 / 4
    assert math.isnan(eta(one_block(messages_of_mids([10, 11, 12]))))


def test_fills_that_follow_each_other_at_once_are_one_market_order() -> None:
    kinds = [4, 4, 1, 4, 4]
    messages = messages_of_mids([10] * 5, gap_ns=60_000, kinds=kinds, sides=[1, 1, 1, -1, 1])
    orders = market_orders(one_block(messages))
    assert orders.sign.tolist() == [-1, 1, -1]
    assert orders.lots.tolist() == [4, 2, 2]
    assert orders.first_row.tolist() == [0, 3, 4]
    none = market_orders(one_block(messages_of_mids([10, 11])))
    assert len(none.sign) == 0


def test_signs_of_market_orders_are_correlated_as_they_were_made() -> None:
    rng = np.random.default_rng(0)
    flips = rng.random(5000) < 0.2
    sign = np.where(np.cumsum(flips) % 2, 1, -1)
    kinds = [4] * 5000
    messages = messages_of_mids([10] * 5000, kinds=kinds, sides=sign.tolist())
    orders = market_orders(one_block(messages))
    for lag in (1, 3):
        assert sign_autocorrelation(orders, lag) == pytest.approx(0.6**lag, abs=0.05)
    assert math.isnan(sign_autocorrelation(market_orders(one_block(messages.take(slice(5)))), 1))


def test_markouts_by_hand() -> None:
    # A bid is hit at 9 with the mid at 10; the mid is at 12 a second later, at 8 after ten.
    mids = [10.0, 10.0] + [12.0] * 9 + [8.0] * 60
    kinds = [1, 4] + [1] * 69
    messages = messages_of_mids(mids, kinds=kinds)
    messages = messages.take(np.arange(len(messages)))
    parts = one_block(messages)
    value = dict(zip(HORIZONS_S, markouts(parts).value.tolist(), strict=True))
    assert value == {0.1: 1.0, 1.0: 3.0, 10.0: -1.0, 60.0: -1.0}
    assert half_spread_ticks(parts) == 1.0


def test_the_signature_of_a_random_walk_is_flat() -> None:
    rng = np.random.default_rng(0)
    mids = (10_000 + np.cumsum(rng.choice([-1, 1], 20_000))).tolist()
    parts = Segments.of_stretches(messages_of_mids(mids))
    means = squared_moves(parts)
    assert means.sums.shape == (parts.blocks, len(SIGNATURE_S))
    plot = signature(means.value)
    np.testing.assert_allclose(plot[:6], 1.0, rtol=0.1)


def test_a_grid_is_a_plain_search() -> None:
    parts = simulated_market().parts
    assert parts is not None
    grid = grid_of(parts, 60.0)
    messages = parts.messages
    for k in (0, 5, 17):
        at = messages.ts_ns[0] + k * 60 * S
        assert grid.row[k] == max(i for i in range(len(messages)) if messages.ts_ns[i] <= at)
    later = mid_x2_after(parts, grid.row[:1], 60.0)
    assert later[0] == 2 * grid.mid_ticks[1] or messages.ts_ns[0] != messages.ts_ns[grid.row[0]]


def test_long_stretches_are_cut_in_blocks_and_leaving_one_out_splits_its_segment() -> None:
    parts = Segments.of_stretches(messages_of_mids([10.0] * 7200))
    assert parts.blocks == 16
    assert (np.bincount(parts.block) == 450).all()
    rest = parts.without(3)
    assert len(rest.messages) == 6750
    assert len(rest.starts) == 2
    assert rest.seconds == pytest.approx(7200 - 450 - 2)


def test_many_blocks_are_taken_together() -> None:
    parts = Segments.of_stretches(messages_of_mids([10.0] * 7200)).with_blocks(5)
    assert parts.blocks == 5
    assert np.bincount(parts.block).tolist() == [1800, 1350, 1350, 1350, 1350]
    assert parts.with_blocks(5) is parts


def test_a_poisson_stream_has_the_facts_of_one() -> None:
    rng = np.random.default_rng(1)
    messages = messages_of_mids([10.0] * 30_000)
    times = np.cumsum(rng.exponential(S / 10, 30_000)).astype(np.int64)
    parts = Segments.of_stretches(replace(messages, ts_ns=times))
    numbers = numbers_of(parts, Yardstick.of(parts))
    for scale in ("0.1s", "1s", "10s"):
        assert numbers[f"fano_{scale}"] == pytest.approx(1.0, abs=0.15)
    assert numbers["share_below_1ms"] == pytest.approx(1 - math.exp(-0.01), abs=0.003)
    assert math.isnan(numbers["eta"])
    assert math.isnan(numbers["sign_acf_1"])


def test_standard_errors_of_the_jackknife_cover_another_run() -> None:
    one, two = (simulated_market(seed).parts for seed in (1, 2))
    assert one is not None
    assert two is not None
    yardstick = Yardstick.of(one)
    numbers, errors = jackknife(one, yardstick)
    other = numbers_of(two, yardstick)
    known = [name for name in numbers if math.isfinite(errors[name]) and errors[name] > 0]
    far = [n for n in known if abs(numbers[n] - other[n]) > 3 * math.sqrt(2) * errors[n]]
    assert len(known) > 40
    assert len(far) <= 2


def test_rows_pass_where_near_or_not_told_apart_and_say_why_not() -> None:
    real = {"eta": 0.4, "volatility_1min_ticks": 10.0, "ofi_beta": 1.0, "ofi_r2": 0.3}
    errors = {"eta": 0.06, "volatility_1min_ticks": 0.1, "ofi_beta": 0.01, "ofi_r2": 0.01}
    simulated = {"eta": 0.55, "volatility_1min_ticks": 12.0, "ofi_beta": 1.19, "ofi_r2": 0.45}
    nothing = {"filled_share_touch": math.nan, "filled_share_behind": math.nan}
    rows = facts_table(
        Measured(real | nothing, errors),
        Measured(simulated | nothing, errors),
        why_missing={"filled_share_touch": "no numbers"},
    )
    verdicts = {row.number: row.verdict for row in rows}
    assert [row.number for row in rows] == list(range(1, 26))
    assert verdicts[2] == "pass"  # .15 away: 1.96 standard errors of the difference are .166
    assert verdicts[4] == "fail"
    assert verdicts[21] == "fail"  # the slope is near enough, R^2 is not
    assert rows[17].reason == "no numbers"
    assert all(row.reason for row in rows if row.verdict == "not computable")
    assert count(rows, "pass") == 1
    without = facts_table(Measured(real, {}), Measured(simulated, {}), why_missing={})
    assert without[1].verdict == "fail"


def test_a_row_of_many_numbers_is_told_apart_no_more_often_than_one_of_one() -> None:
    """Deciles of the same market, measured twice with an error of .05 each."""
    rng = np.random.default_rng(0)
    names = [f"up_share_decile_{k + 1}" for k in range(10)]
    errors = dict.fromkeys(names, 0.05)
    failed = 0
    for _ in range(400):
        one, two = (dict(zip(names, rng.normal(0.5, 0.05, 10), strict=True)) for _ in range(2))
        rows = facts_table(Measured(one, errors), Measured(two, errors), why_missing={})
        failed += rows[19].verdict == "fail"
    assert 5 <= failed <= 35


def test_every_number_of_a_row_is_computed() -> None:
    parts = simulated_market().parts
    assert parts is not None
    numbers = set(numbers_of(parts, Yardstick.of(parts)))
    given = {"limit_size_l1", "market_size_l1", "time_to_cancel_l1", "response_floors", "depth"}
    asked = {key for criterion in CRITERIA for key in criterion.keys}
    assert asked - given <= numbers


def test_executions_are_there() -> None:
    assert (simulated_market().windows.messages.kind == MessageKind.EXECUTION).any()


@pytest.fixture(scope="module")
def toy() -> Segments:
    windows = toy_windows(toy_rows(9, 3, 250, market_share=0.25, patience=4.0, gap_s=0.4))
    return Segments(windows.messages, windows.index, windows.index)


def test_fill_ratios_are_those_of_a_plain_loop(toy: Segments) -> None:
    messages = toy.messages
    filled: dict[str, list[bool]] = {"touch": [], "behind": []}
    executed = {int(i) for i, k in zip(messages.order_id, messages.kind, strict=True) if k == 4}
    for i in range(len(messages)):
        if messages.kind[i] == MessageKind.LIMIT:
            best = messages.book[i, 2] if messages.side[i] > 0 else messages.book[i, 0]
            place = "touch" if messages.price_ticks[i] == best else "behind"
            filled[place].append(int(messages.order_id[i]) in executed)
    numbers = numbers_of(toy, Yardstick.of(toy))
    for place, each in filled.items():
        assert numbers[f"filled_share_{place}"] == pytest.approx(np.mean(each))


def test_next_moves_are_those_of_a_plain_loop(toy: Segments) -> None:
    messages, yardstick = toy.messages, Yardstick.of(toy)
    mids = messages.mid_x2_ticks
    ups: dict[int, list[bool]] = {k: [] for k in range(10)}
    for i in range(len(messages)):
        ask, bid = messages.book[i, 1], messages.book[i, 3]
        decile = int(np.searchsorted(yardstick.imbalance_edges, (bid - ask) / (bid + ask), "right"))
        for j in range(i + 1, len(messages)):
            if toy.segment[j] != toy.segment[i]:
                break
            if mids[j] != mids[i]:
                ups[decile].append(bool(mids[j] > mids[i]))
                break
    numbers = numbers_of(toy, yardstick)
    for decile, each in ups.items():
        expected = np.mean(each) if len(each) >= 20 else np.nan
        np.testing.assert_allclose(numbers[f"up_share_decile_{decile + 1}"], expected)


def test_order_flow_is_regressed_as_by_a_plain_loop(toy: Segments) -> None:
    messages = toy.messages
    flows, moves = [], []
    for segment in range(3):
        mine = [i for i in range(len(messages)) if toy.segment[i] == segment]
        end, edge = messages.ts_ns[mine[-1]], messages.ts_ns[mine[0]]
        last = 0
        while edge + 10 * S <= end:
            edge += 10 * S
            at = max(k for k, i in enumerate(mine) if messages.ts_ns[i] <= edge)
            flow = 0
            for k in range(last + 1, at + 1):
                old, new = messages.book[mine[k - 1], :4], messages.book[mine[k], :4]
                flow += (new[2] >= old[2]) * new[3] - (new[2] <= old[2]) * old[3]
                flow += (new[0] >= old[0]) * old[1] - (new[0] <= old[0]) * new[1]
            mids = messages.mid_x2_ticks
            moves.append((mids[mine[at]] - mids[mine[last]]) / 2)
            flows.append(flow)
            last = at
    slope, _ = np.polyfit(flows, moves, 1)
    numbers = numbers_of(toy, Yardstick.of(toy))
    assert len(flows) >= 20
    assert numbers["ofi_beta"] == pytest.approx(slope)
    assert numbers["ofi_r2"] == pytest.approx(np.corrcoef(flows, moves)[0, 1] ** 2)
