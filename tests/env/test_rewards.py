"""Every reward term, worked by hand in markets where nothing is left to chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import COLUMNS, Columns, MarketMakingEnv, MarketMakingVectorEnv
from rlmm_tf.params import EnvParams

TERMS = [column.name for column in COLUMNS if column.name.startswith("term_")]
# Quotes that reach the other side's touch, two ticks from the mid, cost half a tick more per lot.
TAKER = {"taker_allowed": True, "half_spread_ticks": 2, "slippage_ticks_per_lot": 0.5}
START = {"initial_inventory_min_lots": 3, "initial_inventory_max_lots": 3}


@pytest.mark.parametrize("start_lots", [3, -3])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_running_penalties_of_a_constant_inventory(
    simulate: Any, still: Callable[..., EnvParams], start_lots: int, scale: float
) -> None:
    # Three lots for one second: 3^2 = 9, |3| = 3, (3 - 1)^2 = 4 over the soft limit of 1; all
    # times the regime's scale.
    params = still(
        {"inventory_penalty_scale": scale},
        episode={
            "initial_inventory_min_lots": start_lots,
            "initial_inventory_max_lots": start_lots,
        },
        reward={
            "inventory_quadratic": 0.5, "inventory_linear": 10.0, "soft_limit": 100.0,
            "soft_limit_lots": 1,
        },
    )  # fmt: skip
    simulation = simulate(params)
    simulation.reset()
    step = simulation.quote(30, 30)
    assert step["term_inventory_quadratic"][0] == 9 * scale
    assert step["term_inventory_linear"][0] == 3 * scale
    assert step["term_soft_limit"][0] == 4 * scale
    # -(0.5 * 9 + 10 * 3 + 100 * 4) = -434.5
    assert step["reward"][0] == -434.5 * scale


def test_no_penalty_within_the_soft_limit(simulate: Any, still: Callable[..., EnvParams]) -> None:
    simulation = simulate(still(episode=START, reward={"soft_limit": 1.0, "soft_limit_lots": 3}))
    simulation.reset()
    assert simulation.quote(30, 30)["term_soft_limit"][0] == 0.0


@pytest.mark.parametrize(("horizon_ends", "penalty"), [("terminated", 9.0), ("truncated", 0.0)])
def test_terminal_penalty_comes_with_termination_only(
    simulate: Any, still: Callable[..., EnvParams], horizon_ends: str, penalty: float
) -> None:
    params = still(
        episode={**START, "horizon_ends": horizon_ends}, reward={"terminal_quadratic": 2.0}
    )
    simulation = simulate(params)
    simulation.reset()
    steps = simulation.quote_steps(10, 30, 30)
    assert steps["term_terminal_quadratic"][:, 0].tolist() == [0.0] * 9 + [penalty]
    assert steps["reward"][-1, 0] == -2.0 * penalty
    assert steps["returned_terminated"][-1, 0] == (horizon_ends == "terminated")
    assert steps["returned_truncated"][-1, 0] == (horizon_ends == "truncated")
    assert not steps["returned_terminated"][:-1].any()
    assert not steps["returned_truncated"][:-1].any()


def test_taker_pays_half_spread_and_slippage(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    params = still(market=TAKER, action={"lots_max": 4}, reward={"crossing": 0.25, "turnover": 0.5})
    simulation = simulate(params)
    simulation.reset()
    # Buys 4 lots at 10000 + 2 + 0.5 * 4 = 10004: 4 * 4 = 16 tick lots, worth 8, below the mid.
    step = simulation.quote(-4, 30)
    assert step["fills_taker_lots"][0] == 4
    assert step["cash"][0] == -4 * 10_004
    assert step["inventory_lots"][0] == 4
    assert step["pnl_spread"][0] == -16
    assert step["term_spread_capture"][0] == step["term_pnl"][0] == -8.0
    assert step["term_crossing"][0] == step["term_turnover"][0] == 4
    assert step["reward"][0] == -8.0 - 0.25 * 4 - 0.5 * 4
    # The purchase was at the start of the step: 4^2 for one second.
    assert step["term_inventory_quadratic"][0] == 16.0
    # Sells the same at 10000 - 4 = 9996.
    step = simulation.quote(30, -20)
    assert step["cash"][0] == -4 * 10_004 + 4 * 9_996
    assert step["inventory_lots"][0] == 0


def test_quote_short_of_the_touch_does_not_cross(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    simulation = simulate(still(market=TAKER))
    simulation.reset()
    assert simulation.quote(-1, -1)["fills_taker_lots"][0] == 0
    never = simulate(still())  # taker_allowed is false
    never.reset()
    assert never.quote(-20, -20)["fills_taker_lots"][0] == 0


def test_crossing_stops_at_the_inventory_cap(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    params = still(market=TAKER, action={"lots_max": 4}, limits={"inventory_cap_lots": 3})
    simulation = simulate(params)
    simulation.reset()
    # Room for 3 lots: slippage 1.5 rounds to 2, price 10004.
    step = simulation.quote(-4, 30)
    assert (step["fills_taker_lots"][0], step["cash"][0]) == (3, -3 * 10_004)
    assert simulation.quote(-4, 30)["fills_taker_lots"][0] == 0


def test_nothing_executes_beyond_the_limit(simulate: Any, still: Callable[..., EnvParams]) -> None:
    simulation = simulate(still(market=TAKER, action={"lots_max": 4}))
    simulation.reset()
    # A limit one tick beyond the touch: 2 lots slip 0.5 * 2 = 1 tick, a third would go beyond it.
    step = simulation.quote(-3, 30)
    assert (step["fills_taker_lots"][0], step["cash"][0]) == (2, -2 * 10_003)


def test_maker_earns_the_distance_from_the_mid(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    # A hundred thousand sellers a second meet a bid 10 ticks below the mid until the cap of 3 lots.
    params = still(
        {"market_sell_rate_hz": 1e5},
        limits={"inventory_cap_lots": 3},
        reward={"spread_capture": 2.0, "turnover": 1.0},
    )
    simulation = simulate(params)
    simulation.reset()
    step = simulation.quote(10, 30)
    assert step["fills_maker_lots_bid"][0] == 3
    assert step["pnl_spread"][0] == 3 * 10
    assert step["term_spread_capture"][0] == 15.0  # half a currency unit per tick and lot
    assert step["term_turnover"][0] == 3
    assert step["term_crossing"][0] == 0
    assert step["reward"][0] == 15.0 + 2 * 15.0 - 3.0
    # Filled within the first fraction of a millisecond, then 3^2 for the rest of the second.
    assert 8.99 < step["term_inventory_quadratic"][0] < 9.0
    step = simulation.quote(10, 30)
    assert step["fills_maker_lots_bid"][0] == 0
    assert step["term_inventory_quadratic"][0] == pytest.approx(9.0, rel=1e-9)


def test_dampened_pnl_takes_from_gains_only(simulate: Any, still: Callable[..., EnvParams]) -> None:
    params = still(
        {"volatility_ticks": 50.0},
        episode=START,
        reward={"pnl": 0.0, "dampened_pnl": 1.0, "dampening": 0.25},
    )
    simulation = simulate(params, n_envs=64)
    simulation.reset()
    steps = simulation.quote_steps(9, 30, 30)
    mid_ticks = np.concatenate([np.full((1, 64), 10_000.0), steps["mid_ticks_x2"] / 2])
    gain = 3 * np.diff(mid_ticks, axis=0) * 0.5
    assert (gain > 0).any()
    assert (gain < 0).any()
    np.testing.assert_array_equal(steps["term_pnl"], gain)
    np.testing.assert_array_equal(steps["pnl_inventory"], gain / 0.5)
    np.testing.assert_array_equal(steps["reward"], np.where(gain > 0, 0.75 * gain, gain))


def test_cara_rewards_add_up_to_the_utility_of_wealth(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    gamma = 0.125
    params = still(
        {"market_sell_rate_hz": 2.0, "market_buy_rate_hz": 2.0, "volatility_ticks": 3.0},
        reward={"utility": "cara", "risk_aversion": gamma, "spread_capture": 1.0},
        tick_value=0.01,
    )
    simulation = simulate(params, n_envs=32)
    simulation.reset()
    steps = simulation.quote_steps(10, 20, 20)
    gain = 0.01 * (steps["pnl_spread"] + steps["pnl_inventory"])
    assert (gain < 0).any()
    wealth = np.cumsum(gain, axis=0)
    before = np.concatenate([np.zeros((1, 32)), wealth[:-1]])
    utility_gain = (np.exp(-gamma * before) - np.exp(-gamma * wealth)) / gamma
    np.testing.assert_allclose(steps["term_pnl"], utility_gain, rtol=1e-9, atol=1e-12)
    total = steps["term_pnl"].sum(axis=0)
    np.testing.assert_allclose(total, (1 - np.exp(-gamma * wealth[-1])) / gamma, rtol=1e-12)
    # The other terms stay as they are.
    np.testing.assert_allclose(steps["term_spread_capture"], 0.01 * steps["pnl_spread"])


def test_first_cara_step_by_hand(simulate: Any, still: Callable[..., EnvParams]) -> None:
    params = still(
        market=TAKER, action={"lots_max": 4}, reward={"utility": "cara", "risk_aversion": 0.1}
    )
    simulation = simulate(params)
    simulation.reset()
    # Wealth 0 -> -8: (exp(0) - exp(0.8)) / 0.1 = -12.2554092849...
    assert simulation.quote(-4, 30)["reward"][0] == pytest.approx((1 - math.exp(0.8)) / 0.1)


@pytest.mark.parametrize(("loss_limit", "ends"), [(7.5, True), (8.0, False)])
def test_larger_loss_than_the_limit_terminates(
    simulate: Any, still: Callable[..., EnvParams], loss_limit: float, ends: bool
) -> None:
    # The purchase of 4 lots loses 8; what terminates pays the terminal penalty too.
    params = still(
        market=TAKER,
        action={"lots_max": 4},
        limits={"loss_limit": loss_limit},
        episode={"horizon_ends": "truncated"},
        reward={"terminal_quadratic": 1.0},
    )
    simulation = simulate(params)
    simulation.reset()
    step = simulation.quote(-4, 30)
    assert step["returned_terminated"][0] == ends
    assert step["reward"][0] == (-8.0 - 16.0 if ends else -8.0)


WEIGHTS = {
    "pnl": 0.7, "spread_capture": -1.3, "dampened_pnl": 0.31, "inventory_quadratic": 0.017,
    "inventory_linear": 0.11, "soft_limit": 0.023, "terminal_quadratic": 0.19, "crossing": 0.37,
    "turnover": 0.053,
}  # fmt: skip
PENALTIES = set(WEIGHTS) - {"pnl", "spread_capture", "dampened_pnl"}


@pytest.mark.parametrize("utility", [{}, {"utility": "cara", "risk_aversion": 0.01}])
def test_reward_is_the_weighted_sum_to_the_last_bit(
    simulate: Any, still: Callable[..., EnvParams], utility: dict[str, Any]
) -> None:
    params = still(
        {"market_sell_rate_hz": 3.0, "market_buy_rate_hz": 3.0, "volatility_ticks": 7.0},
        market=TAKER,
        episode={"initial_inventory_min_lots": -9, "initial_inventory_max_lots": 9},
        fees={"maker_bps": 1.5, "taker_ticks_per_lot": 0.7},
        reward={**WEIGHTS, **utility, "soft_limit_lots": 2},
        tick_value=0.1,
    )
    simulation = simulate(params, n_envs=16)
    simulation.reset()
    seen = dict.fromkeys(TERMS, False)
    for n in range(20):
        step = simulation.quote(-4 if n % 3 == 0 else 5, 5)
        for name in TERMS:
            seen[name] |= bool(step[name].any())
        for env in range(16):
            # In the order of the columns, which is the order of the weights.
            total = 0.0
            for name, weight in WEIGHTS.items():
                total += (-weight if name in PENALTIES else weight) * step[f"term_{name}"][env]
            assert step["reward"][env] == step["returned_reward"][env] == total
    assert all(seen.values()), seen


def turnover(columns: Columns) -> np.ndarray:
    return -columns["fills_maker_lots_bid"] - columns["fills_maker_lots_ask"]


def test_own_reward_function_single_and_vector() -> None:
    env = MarketMakingEnv("P2", reward_function=turnover)
    env.reset(seed=5)
    envs = MarketMakingVectorEnv(4, "P2", reward_function=turnover, info_columns=True)
    envs.reset(seed=5)
    total = 0.0
    for _ in range(50):
        _, reward, _, _, info = env.step(np.zeros(2, np.float32))
        _, rewards, _, _, infos = envs.step(np.zeros((4, 2), np.float32))
        assert reward == -info["fills_maker_lots_bid"] - info["fills_maker_lots_ask"] == rewards[0]
        np.testing.assert_array_equal(
            rewards, -infos["fills_maker_lots_bid"] - infos["fills_maker_lots_ask"]
        )
        total += rewards.sum()
    assert total < 0


def test_own_rewards_of_earlier_steps_stay(still: Callable[..., EnvParams]) -> None:
    # A column is a view of the environment's array; what step() returns must not be.
    envs = MarketMakingVectorEnv(2, "P2", reward_function=lambda columns: columns["step"])
    envs.reset(seed=5)
    first = envs.step(np.zeros((2, 2), np.float32))[1]
    envs.step(np.zeros((2, 2), np.float32))
    assert first.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda columns: 1.0, ValueError, r"expected an array of shape \(3,\), got \(\)"),
        (lambda columns: np.zeros((3, 1)), ValueError, r"shape \(3,\), got \(3, 1\)"),
        (lambda columns: np.zeros(2), ValueError, r"shape \(3,\), got \(2,\)"),
        (lambda columns: [0.0, np.nan, 0.0], ValueError, "got nan for environment 1"),
        (lambda columns: [0.0, 0.0, -np.inf], ValueError, "got -inf for environment 2"),
        (lambda columns: np.zeros(3, complex), TypeError, "real numbers, got dtype complex128"),
        (lambda columns: ["a", "b", "c"], TypeError, "expected real numbers, got dtype <U1"),
        (lambda columns: columns["term_pnl_"], KeyError, r"column 'term_pnl_': expected one of \["),
    ],
)
def test_bad_reward_function(
    function: Callable[[Columns], Any], error: type[Exception], message: str
) -> None:
    envs = MarketMakingVectorEnv(3, reward_function=function)
    envs.reset(seed=1)
    with pytest.raises(error, match=message):
        envs.step(np.zeros((3, 2), np.float32))


def test_columns_are_a_mapping() -> None:
    columns = Columns(np.arange(2.0 * len(COLUMNS)).reshape(2, -1))
    assert list(columns) == [column.name for column in COLUMNS]
    assert len(columns) == len(COLUMNS)
    assert columns["step"].tolist() == [1.0, 1.0 + len(COLUMNS)]
