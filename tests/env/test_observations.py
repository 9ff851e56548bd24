"""Every feature, worked by hand from the step columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params

MOTION = (
    "time_left", "inventory", "mid_return", "mid_displacement", "realised_volatility", "bid_offset",
    "ask_offset", "bid_lots", "ask_lots", "market_sells", "market_buys", "bid_fills", "ask_fills",
)  # fmt: skip


def natural(simulation: Any, step: dict[str, np.ndarray], name: str) -> np.ndarray:
    return simulation.layout.natural(step["returned_obs"], name)


def test_first_observation(simulate: Any, still: Callable[..., EnvParams]) -> None:
    params = still(
        episode={"initial_inventory_min_lots": -7, "initial_inventory_max_lots": -7},
        observation={"features": MOTION},
    )
    simulation = simulate(params)
    # 10 s left, -7 lots of 100; nothing has happened.
    first = simulation.layout.natural(simulation.reset(), "inventory")
    assert first[0] == pytest.approx(-7, rel=1e-6)
    assert simulation.obs[0].tolist() == [1.0, np.float32(-0.07)] + [0.0] * 11


def test_motion_features(simulate: Any, still: Callable[..., EnvParams]) -> None:
    params = still({"volatility_ticks": 50.0}, observation={"features": MOTION})
    simulation = simulate(params, n_envs=32)
    simulation.reset()
    before, mean_square = np.full(32, 10_000.0), np.zeros(32)
    for n in range(1, 10):
        step = simulation.quote(12, 34)
        mid = step["mid_ticks_x2"] / 2  # rounded to a tick, the features are not
        returned = natural(simulation, step, "mid_return")
        np.testing.assert_allclose(natural(simulation, step, "time_left"), 10 - n, rtol=1e-6)
        np.testing.assert_allclose(returned, mid - before, atol=1.001)
        displacement = natural(simulation, step, "mid_displacement")
        np.testing.assert_allclose(displacement, mid - 10_000, atol=0.501)
        # Half of the weight is on the last 16 steps.
        memory = 0.5 ** (1 / 16)
        mean_square = memory * mean_square + (1 - memory) * returned**2
        volatility = natural(simulation, step, "realised_volatility")
        np.testing.assert_allclose(volatility, np.sqrt(mean_square), rtol=1e-5)
        # The quotes stand where they were put around the last mid; the mid has moved since.
        bid_offset = natural(simulation, step, "bid_offset")
        ask_offset = natural(simulation, step, "ask_offset")
        clipped = step["features_clipped"] > 0
        np.testing.assert_allclose(bid_offset[~clipped], (mid - (before - 12))[~clipped], atol=1e-3)
        np.testing.assert_allclose(ask_offset[~clipped], (before + 34 - mid)[~clipped], atol=1e-3)
        before = mid
    # Volatility 50 over a second: scales 50 and 50 * sqrt(10).
    assert simulation.layout.scale("mid_return") == 50.0
    assert simulation.layout.scale("mid_displacement") == pytest.approx(50 * 10**0.5)


def test_quotes_and_orders(simulate: Any, still: Callable[..., EnvParams]) -> None:
    params = still(
        {"market_sell_rate_hz": 4.0, "market_buy_rate_hz": 0.25},
        action={"sizes": True, "lots_min": 0, "lots_max": 5},
        observation={"features": MOTION},
    )
    simulation = simulate(params, n_envs=16)
    simulation.reset()
    step = simulation.quote(12, 34, (2, 5))
    assert natural(simulation, step, "bid_lots") == pytest.approx(np.full(16, 2.0))
    assert natural(simulation, step, "ask_lots") == pytest.approx(np.full(16, 5.0))
    assert natural(simulation, step, "bid_offset")[0] == pytest.approx(12)
    assert natural(simulation, step, "ask_offset")[0] == pytest.approx(34)
    for feature, column in [
        ("market_sells", "market_sells"), ("market_buys", "market_buys"),
        ("bid_fills", "fills_maker_lots_bid"), ("ask_fills", "fills_maker_lots_ask"),
        ("inventory", "inventory_lots"),
    ]:  # fmt: skip
        np.testing.assert_allclose(natural(simulation, step, feature), step[column], rtol=1e-6)
    # By the mean number in a step, at least 1: 4 sells; a quarter of a buy counts as 1.
    assert simulation.layout.scale("market_sells") == 4.0
    assert simulation.layout.scale("market_buys") == 1.0
    step = simulation.quote(12, 34, (0, 5))
    assert natural(simulation, step, "bid_lots").tolist() == [0.0] * 16
    assert natural(simulation, step, "bid_offset").tolist() == [0.0] * 16  # there is none


def test_clipped_features_are_counted(simulate: Any, still: Callable[..., EnvParams]) -> None:
    # 100 lots bought by quotes of 1 lot: 100 times the largest quote, beyond the clip of 10.
    params = still(
        {"market_sell_rate_hz": 1e4}, observation={"features": ("bid_fills", "inventory")}
    )
    simulation = simulate(params)
    simulation.reset()
    step = simulation.quote(10, 10)
    assert step["returned_obs"].tolist() == [[10.0, 1.0]]
    assert step["features_clipped"][0] == 1
    step = simulation.quote(10, 10)
    assert step["returned_obs"].tolist() == [[0.0, 1.0]]
    assert step["features_clipped"][0] == 0


def test_observed_regime_is_one_hot(simulate: Any) -> None:
    simulation = simulate(resolve_params("R1", {}), n_envs=64)
    first = simulation.reset()[:, 2:]
    assert (first.sum(axis=1) == 1).all()
    # One in three starts in the busy regime.
    assert 8 < first[:, 1].sum() < 36
    for _ in range(200):
        step = simulation.quote(1e4, 1e4)
        np.testing.assert_array_equal(step["returned_obs"][:, 3], step["regime"])
        np.testing.assert_array_equal(step["returned_obs"][:, 2], 1 - step["regime"])


def test_hidden_regime_is_filtered_from_the_orders(simulate: Any) -> None:
    params = resolve_params("R1-hidden", {"episode": {"n_steps": 400}})
    simulation = simulate(params, n_envs=256)
    names = simulation.layout.names
    assert names[-2:] == ("regime_probability_0", "regime_probability_1")
    np.testing.assert_allclose(simulation.reset()[:, -2:], [[2 / 3, 1 / 3]] * 256, rtol=1e-6)
    told, true = [], []
    for _ in range(399):
        step = simulation.quote(1e4, 1e4)
        np.testing.assert_allclose(step["returned_obs"][:, -2:].sum(axis=1), 1.0, atol=1e-6)
        told.append(step["returned_obs"][:, -1])
        true.append(step["regime"])
    told_busy, busy = np.concatenate(told[100:]), np.concatenate(true[100:]) == 1
    # Calibrated: where it says 20 to 30 % (or 70 to 80 %), that share is busy.
    for low in (0.2, 0.5, 0.7):
        there = (told_busy >= low) & (told_busy < low + 0.1)
        assert there.sum() > 300
        assert busy[there].mean() == pytest.approx(told_busy[there].mean(), abs=0.1)
    assert told_busy[busy].mean() > told_busy[~busy].mean() + 0.3
