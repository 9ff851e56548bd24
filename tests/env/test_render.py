"""Text and pictures of one market."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import MarketMakingEnv, actions_from_quotes
from rlmm_tf.env.render import ASK_COLOUR, BID_COLOUR, PICTURE_DPI, PICTURE_INCHES
from rlmm_tf.params import EnvParams

HEIGHT, WIDTH = (round(side * PICTURE_DPI) for side in reversed(PICTURE_INCHES))
TAKER = {"taker_allowed": True, "half_spread_ticks": 2}


def bought(still: Callable[..., EnvParams], mode: str) -> MarketMakingEnv:
    """Buys one lot as a taker at 10002, one second after the start; each tick and lot is 0.5."""
    params = still(market=TAKER, action={"sizes": True, "lots_min": 0})
    env = MarketMakingEnv(params, render_mode=mode)
    env.reset(seed=1)
    env.step(actions_from_quotes(params.action, np.array([[-2, 30]]), np.array([[1, 0]]))[0])
    return env


def test_ansi(still: Callable[..., EnvParams]) -> None:
    assert bought(still, "ansi").render() == (
        "t     1.000 s | mid 10000.0 | bid 1 @ 10002.0 | ask none | filled +0 -0 | taken 1 | "
        "inventory +1 | pnl -1.0000 | reward -1.0000"
    )


def test_ansi_of_maker_fills(still: Callable[..., EnvParams]) -> None:
    # The bid 10 ticks below the mid is filled up to the cap of 3 lots: 3 * 10 * 0.5 = 15.
    params = still({"market_sell_rate_hz": 1e4}, limits={"inventory_cap_lots": 3})
    env = MarketMakingEnv(params, render_mode="ansi")
    env.reset(seed=1)
    assert env.render() == "before the first step"
    action = actions_from_quotes(params.action, np.array([[10, 80]]))[0]
    env.step(action)
    assert env.render() == (
        "t     1.000 s | mid 10000.0 | bid 1 @ 9990.0 | ask 1 @ 10080.0 | filled +3 -0 | "
        "inventory +3 | pnl +15.0000 | reward +15.0000"
    )
    env.step(action)
    assert "filled +0 -0" in str(env.render())
    assert "pnl +15.0000" in str(env.render())
    env.reset()
    assert env.render() == "before the first step"


def test_quotes_are_shown_around_the_mid_of_the_decision(still: Callable[..., EnvParams]) -> None:
    params = still({"volatility_ticks": 100.0})
    env = MarketMakingEnv(params, render_mode="ansi")
    env.reset(seed=1)
    action = actions_from_quotes(params.action, np.array([[10, 80]]))[0]
    infos = env.step(action)[4]
    assert infos["mid_ticks_x2"] != 20_000
    assert "bid 1 @ 9990.0 | ask 1 @ 10080.0" in str(env.render())
    mid = infos["mid_ticks_x2"] / 2
    env.step(action)
    assert f"bid 1 @ {mid - 10:.1f} | ask 1 @ {mid + 80:.1f}" in str(env.render())


def test_human_prints_each_step(
    still: Callable[..., EnvParams], capsys: pytest.CaptureFixture[str]
) -> None:
    env = bought(still, "human")
    line = capsys.readouterr().out
    assert line.endswith("\n")
    assert line.startswith("t     1.000 s | mid 10000.0 | bid 1 @ 10002.0")
    assert env.render() is None
    env.step(np.zeros(4, np.float32))
    assert capsys.readouterr().out.count("\n") == 1


def picture(seed: int, steps: int = 60, preset: str = "P1") -> np.ndarray:
    env = MarketMakingEnv(preset, render_mode="rgb_array")
    env.reset(seed=seed)
    for _ in range(steps):
        env.step(np.full(2, -0.9, np.float32))
    drawn: Any = env.render()
    return drawn


def pixels_of(image: np.ndarray, colour: str) -> int:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(image.astype(int) - rgb).max(axis=2) < 8).sum())


def test_picture() -> None:
    image = picture(1)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image.dtype == np.uint8
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 20
    assert pixels_of(image, BID_COLOUR) > 100
    assert pixels_of(image, ASK_COLOUR) > 100


def test_picture_marks_crossings(still: Callable[..., EnvParams]) -> None:
    plain, crossed = (
        MarketMakingEnv(still(market=m), render_mode="rgb_array") for m in ({}, TAKER)
    )
    black = []
    for env in (plain, crossed):
        env.reset(seed=1)
        env.step(np.full(2, -1.0, np.float32))
        black.append(pixels_of(np.asarray(env.render()), "#000000"))
    assert black[1] > black[0] + 20  # crosses on the mid, and one more word in the legend


def test_picture_is_deterministic() -> None:
    first = picture(1)
    np.testing.assert_array_equal(first, picture(1))
    assert (first != picture(2)).any()


def test_picture_before_the_first_step() -> None:
    image = picture(1, steps=0)
    assert image.shape == (HEIGHT, WIDTH, 3)
    legend_only = pixels_of(image, BID_COLOUR)
    assert legend_only < pixels_of(picture(1), BID_COLOUR) / 2


def test_no_mode_renders_nothing() -> None:
    env = MarketMakingEnv()
    env.reset(seed=1)
    env.step(np.zeros(2, np.float32))
    assert env.render() is None
