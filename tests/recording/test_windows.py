"""Windows that go on from a given book and past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_parts import InformedFlowParams
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.recording import Opening, record_windows

PARAMS = resolve_params("book-large-tick")


def with_model(**changes: object) -> EnvParams:
    market = PARAMS.market
    model = market.model.model_copy(update=changes)
    return PARAMS.model_copy(update={"market": market.model_copy(update={"model": model})})


def no_past() -> NDArray[np.float32]:
    return np.zeros((len(PARAMS.market.model.decays_hz), 6), np.float32)


def opening() -> Opening:
    """Two bids at 99 999, one at 99 997; asks at 100 001 and 100 004."""
    return Opening(
        side=np.array([1, 1, 1, -1, -1], np.int8),
        price_ticks=np.array([99_999, 99_999, 99_997, 100_001, 100_004]),
        qty_lots=np.array([300, 100, 50, 200, 70]),
        flickering=np.array([False, True, False, False, False]),
        past=no_past(),
    )


def test_a_window_opens_with_the_book_it_was_given() -> None:
    (window,) = record_windows(PARAMS, [opening()], seed=1, messages=5, levels=2)
    opens = window.kind == EventKind.SNAPSHOT
    given = list(
        zip(window.side[opens], window.price_ticks[opens], window.qty_lots[opens], strict=True)
    )
    assert window.kind[0] == EventKind.CLEAR
    assert given[0] == (1, 99_999, 300)
    assert given[1] == (1, 99_999, 100)
    assert (1, 99_997, 50) in given
    assert (-1, 100_001, 200) in given
    assert (-1, 100_004, 70) in given
    # Nothing is put between or in front of what was given, levels behind it are drawn.
    depth = PARAMS.market.model.depth_ticks
    prices = [price for side, price, _ in given if side == 1]
    assert 99_998 not in prices
    assert max(prices) == 99_999
    assert min(prices) >= 99_999 - depth + 1
    assert len(prices) > 3


def test_a_window_ends_with_its_last_message() -> None:
    windows = record_windows(PARAMS, [opening()] * 3, seed=1, messages=40, levels=0)
    for window in windows:
        messages = (window.kind < EventKind.SNAPSHOT) & ((window.flags & EventFlag.REACH) == 0)
        assert messages.sum() == 40
        assert messages[-1]
        assert window.until_ns == window.ts_ns[-1]


def test_a_window_ends_when_its_time_is_over() -> None:
    (window,) = record_windows(
        PARAMS, [opening()], seed=1, messages=10**9, duration_ns=NS_PER_S, levels=0
    )
    assert window.until_ns == NS_PER_S
    assert 0 < window.ts_ns[-1] <= NS_PER_S


def test_windows_do_not_know_one_another() -> None:
    first, second = record_windows(PARAMS, [opening()] * 2, seed=3, messages=50)
    alone, _ = record_windows(
        PARAMS, [opening(), replace(opening(), gap_ticks=5.0)], seed=3, messages=50
    )
    np.testing.assert_array_equal(first.ts_ns, alone.ts_ns)
    np.testing.assert_array_equal(first.depth, alone.depth)
    assert not np.array_equal(first.ts_ns[-40:], second.ts_ns[-40:])


def counts(params: EnvParams, at: Opening, duration_s: float = 0.05) -> NDArray[np.float64]:
    """Mean number of market sells, and of limit bids, per window."""
    windows = record_windows(
        params,
        [at] * 400,
        seed=5,
        messages=10**9,
        duration_ns=int(duration_s * NS_PER_S),
        levels=0,
    )
    rows = [(w.kind, w.side, w.flags & EventFlag.REACH) for w in windows]
    sells = [((kind == EventKind.TRADE) & (side == 1)).sum() for kind, side, _ in rows]
    bids = [
        ((kind == EventKind.ADD) & (side == 1) & (reach == 0)).sum() for kind, side, reach in rows
    ]
    return np.array([np.mean(sells), np.mean(bids)])


def test_the_past_excites_what_follows() -> None:
    """Of events that beget 0.4 limit bids by a slow decay, each remembered one begets as many."""
    decay_hz = 20.0
    excitation = np.zeros((1, 6, 6))
    excitation[0, 2, 0] = 0.4  # limit bids by market sells
    factors: dict[str, object] = dict.fromkeys(
        ("state_factor", "regime_factor", "season_factor"), ()
    )
    params = with_model(
        groups=tuple(g.model_copy(update=factors) for g in PARAMS.market.model.groups),
        season_bin_s=0.0,
        informed=InformedFlowParams(),
        decays_hz=(decay_hz,),
        excitation=tuple(excitation.ravel()),
    )
    past = np.zeros((1, 6), np.float32)
    quiet = counts(params, replace(opening(), past=past), 1.0)
    past[0, 0] = 50.0
    excited = counts(params, replace(opening(), past=past), 1.0)
    assert excited[1] - quiet[1] == pytest.approx(50 * 0.4, rel=0.3)


def test_the_gap_draws_buyers() -> None:
    params = resolve_params("book-large-tick")
    assert params.market.model.informed.volatility_ticks > 0
    above = counts(params, replace(opening(), gap_ticks=50.0), 2.0)
    below = counts(params, replace(opening(), gap_ticks=-50.0), 2.0)
    assert below[0] > 2 * above[0]


def test_the_regime_is_the_one_that_was_asked_for() -> None:
    calm, wild = (
        counts(PARAMS, replace(opening(), regime=regime), 0.5)
        for regime in (0, PARAMS.market.model.n_regimes - 1)
    )
    assert wild[1] > 1.2 * calm[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": np.array([1, 1, 1, 1, 1], np.int8)}, "no ask"),
        ({"side": np.array([1, 1, 1, 0, -1], np.int8)}, r"expected \+1"),
        ({"price_ticks": np.array([100_001, 99_999, 99_997, 100_001, 100_004])}, "bids below asks"),
        (
            {"price_ticks": np.array([99_999, 99_999, 0, 100_001, 100_004])},
            r"orders\[2\].price_ticks",
        ),
        ({"price_ticks": np.array([9_999, 99_999, 9_998, 100_001, 100_004])}, "ticks apart"),
        ({"qty_lots": np.array([300, 0, 50, 200, 70])}, r"orders\[1\].lots"),
        ({"past": np.full((1, 6), -1.0, np.float32)}, "past"),
        ({"past": np.zeros((8, 6), np.float32)}, "at most 7 rows"),
        ({"regime": 99}, "regime"),
        ({"season_ns": -1}, "season_ns"),
        ({"gap_ticks": float("nan")}, "gap_ticks"),
    ],
)
def test_what_no_book_can_hold_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        record_windows(PARAMS, [opening(), replace(opening(), **changes)], seed=1, messages=5)
    assert "openings[1]" in str(refusal.value)


def test_a_market_with_shocks_is_refused() -> None:
    params = PARAMS.model_validate(
        {
            **PARAMS.model_dump(),
            "market": {
                **PARAMS.market.model_dump(),
                "shocks": [{"kind": "halt", "start_ns": 0, "duration_ns": 10**9, "value": 1.0}],
            },
        }
    )
    with pytest.raises(ValueError, match=r"market.shocks: expected none, got 1"):
        record_windows(params, [opening()], seed=1, messages=5)


def test_no_opening_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one"):
        record_windows(PARAMS, [], seed=1, messages=5)
