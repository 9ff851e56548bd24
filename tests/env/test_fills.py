"""Fees to the last tick lot, how often quotes are filled, and what latency delays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlmm_tf.params import EnvParams

BOTH = {"market_sell_rate_hz": 5.0, "market_buy_rate_hz": 5.0}
# Two-sided false-alarm rate of each statistical check: 4.5 standard deviations, 7e-6.
Z_MAX = 4.5


# Charged is the exact cumulative fee, rounded down; bids are filled at 9990, asks at 10010.
@pytest.mark.parametrize(
    ("fees", "numerator", "denominator"),
    [
        # 2.5 bps of the notional: 25 / 100000.
        ({"maker_bps": 2.5}, lambda bids, asks: 25 * (9990 * bids + 10_010 * asks), 100_000),
        ({"maker_bps": -2.5}, lambda bids, asks: -25 * (9990 * bids + 10_010 * asks), 100_000),
        # 0.3 ticks per lot.
        ({"maker_ticks_per_lot": 0.3}, lambda bids, asks: 3 * (bids + asks), 10),
        ({"maker_ticks_per_lot": -0.3}, lambda bids, asks: -3 * (bids + asks), 10),
        # Both add up: 1 bp and 0.25 ticks per lot.
        (
            {"maker_bps": 1.0, "maker_ticks_per_lot": 0.25},
            lambda bids, asks: 9990 * bids + 10_010 * asks + 2500 * (bids + asks),
            10_000,
        ),
        ({"taker_bps": 100.0, "taker_ticks_per_lot": 50.0}, lambda bids, asks: 0, 1),
    ],
)
def test_maker_fees(
    simulate: Any,
    still: Callable[..., EnvParams],
    fees: dict[str, float],
    numerator: Callable[[int, int], int],
    denominator: int,
) -> None:
    simulation = simulate(still(BOTH, fees=fees), n_envs=8)
    simulation.reset()
    steps = simulation.quote_steps(9, 10, 10)
    bids = np.cumsum(steps["fills_maker_lots_bid"], axis=0).astype(int)
    asks = np.cumsum(steps["fills_maker_lots_ask"], axis=0).astype(int)
    assert bids.min() > 0
    due = [[numerator(int(b), int(a)) // denominator for b, a in zip(*row, strict=True)]
           for row in zip(bids, asks, strict=True)]  # fmt: skip
    np.testing.assert_array_equal(steps["fees"], due)
    paid = np.diff(np.concatenate([np.zeros((1, 8)), steps["fees"]]), axis=0)
    np.testing.assert_array_equal(steps["pnl_fees"], -paid)
    np.testing.assert_array_equal(steps["term_pnl"], 0.5 * (steps["pnl_spread"] - paid))


def test_taker_fees(simulate: Any, still: Callable[..., EnvParams]) -> None:
    params = still(
        market={"taker_allowed": True, "half_spread_ticks": 4},
        action={"lots_max": 4},
        fees={"taker_bps": 4.0, "taker_ticks_per_lot": 1.5, "maker_bps": 1000.0},
    )
    simulation = simulate(params)
    simulation.reset()
    # 4 lots at 10004: 40016 * 4e-4 = 16.0064, and 6 for the lots; then twice and thrice that.
    steps = simulation.quote_steps(3, -4, 30)
    assert steps["fees"][:, 0].tolist() == [22, 44, 66]
    assert steps["pnl_fees"][:, 0].tolist() == [-22, -22, -22]


def fill_share(steps: dict[str, np.ndarray]) -> tuple[float, int]:
    """Share of the market sell orders that filled the bid, and their number."""
    orders = int(steps["market_sells"].sum())
    return float(steps["fills_maker_lots_bid"].sum()) / orders, orders


def assert_share(share: float, expected: float, n: int) -> None:
    z = (share - expected) / math.sqrt(expected * (1 - expected) / n)
    assert abs(z) < Z_MAX, f"{share} of {n}, expected {expected}: {z:.1f} standard deviations"


# kappa = 0.1 per tick, depth 10 ticks, reference volatility 2 ticks.
@pytest.mark.parametrize(
    ("volatility", "exponent", "expected"),
    [
        (4.0, 0.0, math.exp(-1.0)),
        # (1 / 2)^0.5 = 0.7071: kappa 0.14142, exp(-1.4142) = 0.2431
        (1.0, 0.5, math.exp(-math.sqrt(2.0))),
        # (4 / 2)^0.5 = 1.4142: kappa 0.07071, exp(-0.7071) = 0.4931
        (4.0, 0.5, math.exp(-1.0 / math.sqrt(2.0))),
        # (4 / 2)^-1 = 0.5: kappa 0.2, exp(-2) = 0.1353
        (4.0, -1.0, math.exp(-2.0)),
    ],
)
def test_fill_law_depends_on_volatility(
    simulate: Any,
    still: Callable[..., EnvParams],
    volatility: float,
    exponent: float,
    expected: float,
) -> None:
    params = still(
        {**BOTH, "volatility_ticks": volatility, "fill_decay_per_tick": 0.1},
        market={"fill_volatility_exponent": exponent, "volatility_reference_ticks": 2.0},
        limits={"inventory_cap_lots": 10**9},
    )
    simulation = simulate(params, n_envs=500, seed=11)
    simulation.reset()
    share, n = fill_share(simulation.quote_steps(10, 10, 10))
    assert n > 20_000
    assert_share(share, expected, n)


@pytest.mark.parametrize(("depth", "expected"), [(10, 2.0**-1.5), (30, 4.0**-1.5)])
def test_power_law(
    simulate: Any, still: Callable[..., EnvParams], depth: int, expected: float
) -> None:
    # (1 + 0.1 * 10)^-1.5 and (1 + 0.1 * 30)^-1.5
    params = still(
        {**BOTH, "fill_decay_per_tick": 0.1},
        market={"fill_law": "power", "fill_power": 1.5},
        limits={"inventory_cap_lots": 10**9},
    )
    simulation = simulate(params, n_envs=500, seed=12)
    simulation.reset()
    share, n = fill_share(simulation.quote_steps(10, depth, 30))
    assert_share(share, expected, n)
    # Beyond the mid every order fills.
    simulation.reset()
    assert fill_share(simulation.quote_steps(2, -10, 30))[0] == 1.0


# Orders per second at the mid: 5; exp(0.1 * 5) = 1.6487 and exp(0.1 * 20) = 7.389 beyond it.
@pytest.mark.parametrize(
    ("bid_ticks", "rate_hz"), [(10, 5 * math.exp(-1.0)), (-5, 5 * math.exp(0.5)), (-20, 5 * 3.0)]
)
def test_fill_cap(
    simulate: Any, still: Callable[..., EnvParams], bid_ticks: int, rate_hz: float
) -> None:
    params = still(
        {**BOTH, "fill_decay_per_tick": 0.1},
        market={"fill_cap": 3.0},
        limits={"inventory_cap_lots": 10**9},
    )
    simulation = simulate(params, n_envs=500, seed=13)
    simulation.reset()
    fills = simulation.quote_steps(10, bid_ticks, 30)["fills_maker_lots_bid"].sum()
    mean = rate_hz * 10 * 500
    assert abs(fills - mean) < Z_MAX * math.sqrt(mean)


def test_order_size_and_quote_size_limit_a_fill(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    sizes = {"sizes": True, "lots_max": 9}
    params = still({"market_sell_rate_hz": 1e4}, market={"market_order_lots": 4}, action=sizes)
    simulation = simulate(params)
    simulation.reset()
    step = simulation.quote(10, 10, (9, 9))
    assert step["fills_maker_lots_bid"][0] == 100  # 25 orders of 4 lots, up to the cap
    params = still({"market_sell_rate_hz": 1.0}, market={"market_order_lots": 4}, action=sizes)
    simulation = simulate(params, n_envs=16)
    simulation.reset()
    step = simulation.quote(10, 10, (3, 9))
    np.testing.assert_array_equal(step["fills_maker_lots_bid"], 3 * step["market_sells"])


def test_entry_latency_delays_quotes(simulate: Any, still: Callable[..., EnvParams]) -> None:
    # Sent at 0 s, in the market at 2.5 s: the purchase falls into the third step.
    params = still(
        market={"taker_allowed": True, "half_spread_ticks": 2},
        latency={"entry": {"median_ns": 2_500_000_000}},
    )
    simulation = simulate(params)
    simulation.reset()
    lots = simulation.quote_steps(4, -2, 30)["fills_taker_lots"][:, 0]
    # The next quotes follow at 3.5 s, in the fourth.
    assert lots.tolist() == [0, 0, 1, 1]


def test_response_latency_hides_fills_from_the_agent(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    # Bought at 0 s, heard of at 1.5 s: unknown after the first step, known after the second.
    params = still(
        market={"taker_allowed": True, "half_spread_ticks": 2},
        latency={"response": {"median_ns": 1_500_000_000}},
        action={"sizes": True, "lots_min": 0},
    )
    simulation = simulate(params)
    simulation.reset()
    step = simulation.quote(-2, 30, (1, 0))
    assert (step["inventory_lots"][0], step["returned_obs"][0, 1]) == (1, 0.0)
    step = simulation.quote(30, 30, (0, 0))
    assert step["returned_obs"][0, 1] == np.float32(1 / 100)
