"""Presets: the literature's numbers in ticks, and overrides."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS, TICK, preset, resolve_params


def test_names() -> None:
    literature = {*NUMBERS, "R1", "R1-hidden", "CARA-0.01", "CARA-0.1", "CARA-0.5"}
    assert literature <= set(PRESETS)
    assert len({params.content_hash() for params in PRESETS.values()}) == len(PRESETS)


# (rate, kappa, sigma, phi, alpha, cap, horizon, steps) in price units and seconds.
NUMBERS = {
    "P1": (10, 1, 0.1, 0.5, 0.001, 20, 1, 100),
    "P2": (140, 1.5, 2, 0.01, 0.001, 100, 1, 1000),
    "P3": (100, 1, 1, 0.01, 0.001, 100, 1, 1000),
    "P4": (50, 2, 1.5, 0.01, 0.001, 100, 1, 1000),
    "P5": (50, 2, 1.5, 0.01, 0.001, 100, 2, 2000),
    "P6": (140, 1.5, 2, 1, 0.1, 30, 1, 1000),
    "P7": (50, 10, 1, 0.05, 0.01, 3, 10, 1000),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_cartea_jaimungal_problems(name: str) -> None:
    rate, kappa, sigma, phi, alpha, cap, horizon_s, n_steps = NUMBERS[name]
    params = preset(name)
    (regime,) = params.market.regimes
    assert (regime.market_sell_rate_hz, regime.market_buy_rate_hz) == (rate, rate)
    assert regime.fill_decay_per_tick / TICK == pytest.approx(kappa)
    assert regime.volatility_ticks * TICK == pytest.approx(sigma)
    assert params.reward.inventory_quadratic == phi
    assert params.reward.terminal_quadratic == alpha
    assert params.limits.inventory_cap_lots == cap
    assert params.episode.n_steps == n_steps
    assert params.episode.horizon_s == pytest.approx(horizon_s)
    assert params.episode.horizon_ends == "terminated"
    assert params.tick_value == TICK
    # The deepest quote is filled by one order in a hundred: exp(-kappa d) = 0.01.
    deepest = params.action.offset_max_ticks * TICK
    assert math.exp(-kappa * deepest) == pytest.approx(0.01, rel=1e-3)
    assert params.action.offset_min_ticks == 0


@pytest.mark.parametrize("gamma", [0.01, 0.1, 0.5])
def test_avellaneda_stoikov_problems(gamma: float) -> None:
    params = preset(f"CARA-{gamma}")
    assert (params.reward.utility, params.reward.risk_aversion) == ("cara", gamma)
    assert params.reward.inventory_quadratic == params.reward.terminal_quadratic == 0.0
    assert params.episode.n_steps * params.episode.step_ns == 1_000_000_000
    (regime,) = params.market.regimes
    assert regime.volatility_ticks * TICK == pytest.approx(2.0)


def test_two_regimes() -> None:
    seen, hidden = preset("R1"), preset("R1-hidden")
    calm, busy = seen.market.regimes
    assert (calm.market_sell_rate_hz, busy.market_sell_rate_hz) == (10, 30)
    assert (calm.inventory_penalty_scale, busy.inventory_penalty_scale) == (0.2, 2.0)
    # Stationary: 2/3 x 0.5 out of calm = 1/3 x 1.0 out of busy.
    (out_of_calm, out_of_busy) = (
        seen.market.switch_rates_hz[0][1],
        seen.market.switch_rates_hz[1][0],
    )
    shares = seen.market.initial_regime_probabilities
    assert shares[0] * out_of_calm == pytest.approx(shares[1] * out_of_busy)
    assert seen.market.regime_observed
    assert not hidden.market.regime_observed
    assert "regime" in seen.observation.features
    assert "regime" not in hidden.observation.features
    assert "regime_probability" in hidden.observation.features
    # The deepest quote belongs to the regime that reaches deepest (kappa 0.6).
    assert seen.action.offset_max_ticks == round(-math.log(0.01) / 0.6e-4)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("p1", "; did you mean 'P1'?"), ("R1hidden", "; did you mean 'R1-hidden'?"), ("market", "")],
)
def test_unknown_names(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match="preset: expected one of P1, ") as caught:
        preset(name)
    assert str(caught.value).endswith(f"got {name!r}{hint}")


def test_overrides_replace_nested_values() -> None:
    changed = resolve_params("P1", {"action": {"sizes": True}, "limits": {"loss_limit": 5}})
    assert changed.action.sizes
    assert changed.limits.loss_limit == 5.0
    assert changed.limits.inventory_cap_lots == 20  # its neighbours stay
    assert changed.action.offset_max_ticks == preset("P1").action.offset_max_ticks
    assert preset("P1").action.sizes is False  # and the preset itself
    back = resolve_params(changed, {"action": {"sizes": False}, "limits": {"loss_limit": None}})
    assert back == preset("P1")


def test_no_overrides_is_the_same_object() -> None:
    assert resolve_params("P1") is PRESETS["P1"]
    assert resolve_params(PRESETS["P1"], {}) is PRESETS["P1"]


def test_overridden_parts_may_be_whole_values() -> None:
    other = preset("P7").reward
    assert resolve_params("P1", {"reward": other}).reward == other
    regimes = [regime.model_dump() for regime in preset("P7").market.regimes]
    assert resolve_params("P1", {"market": {"regimes": regimes}}).market.regimes == (
        preset("P7").market.regimes
    )


@given(st.sampled_from(list(PRESETS)), st.integers(1, 10**5), st.floats(0, 1e6))
def test_overridden_problems_are_checked_and_otherwise_equal(
    name: str, n_steps: int, weight: float
) -> None:
    changed = resolve_params(
        name, {"episode": {"n_steps": n_steps}, "reward": {"turnover": weight}}
    )
    expected = preset(name).model_dump()
    expected["episode"]["n_steps"] = n_steps
    expected["reward"]["turnover"] = weight
    assert changed.model_dump() == expected


@pytest.mark.parametrize(
    ("params", "overrides", "error", "message"),
    [
        (3, None, TypeError, "params: expected a preset's name or EnvParams, got 3"),
        (None, {}, TypeError, "params: expected a preset's name or EnvParams, got None"),
        ("P1", [("a", 1)], TypeError, r"overrides: expected nested values.* got \[\('a', 1"),
        ("P1", {"rewards": {}}, ValueError, "^rewards: expected one of market, .* 'reward'"),
        ("P1", {"reward": {"pnls": 1}}, ValueError, r"^reward\.pnls: .* did you mean 'pnl'\?$"),
        ("P1", {"reward": {"zzz": 1}}, ValueError, r"^reward\.zzz: .*, turnover, got 'zzz'$"),
        ("P1", {"reward": None}, ValueError, "^reward: expected values by name, got None$"),
        ("P1", {"episode": {"n_steps": "many"}}, ValueError,
         r"^episode\.n_steps: expected an integer, got 'many'$"),
        ("P1", {"episode": {"horizon_ends": "truncate"}}, ValueError,
         r"^episode\.horizon_ends: expected 'terminated' or 'truncated', got 'truncate'; "
         r"did you mean 'truncated'\?$"),
        ("P1", {"episode": {"n_steps": 0}}, ValueError, "n_steps: expected at least 1, got 0$"),
        ("P1", {"market": {"regimes": [3]}}, ValueError,
         r"^market\.regimes\[0\]: expected values by name, got 3$"),
        ("P1", {"market": {"regimes": {}}}, ValueError, "regimes: expected a list or tuple, got"),
        ("P1", {"market": {"regimes": [preset("P1").market.regimes[0]] * 9}}, ValueError,
         r"regimes: expected at most 8 item\(s\), got 9$"),
        ("P1", {"limits": {"inventory_cap_lots": 2}, "episode": {"initial_inventory_max_lots": 3}},
         ValueError, r"^episode\.initial_inventory_\*_lots: expected within .*=2, got up to 3$"),
        ("P1", {"action": {"kind": "discrete", "sizes": True}}, ValueError,
         r"^action\.sizes: expected false with the discrete kind, got true"),
        ("P1", {"episode": {"n_steps": np.float64(50)}}, ValueError,
         r"^episode\.n_steps: expected an integer, got 50\.0; write 50$"),
        ("P1", {"observation": {"features": np.array(["inventory"])}}, ValueError,
         r"^observation\.features: expected a list or tuple, got array\(.*; pass its tolist\(\)$"),
        ("P1", {"a\nb": "c\n" * 99}, ValueError, r"^a\\nb: expected one of [^\n]*$"),
        ("P1", {3: 1}, ValueError, "expected a name, got 3$"),
    ],
)  # fmt: skip
def test_wrong_overrides(params: Any, overrides: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        resolve_params(params, overrides)


def test_all_problems_of_overrides_have_a_line_each() -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        resolve_params(
            "P1",
            {
                "market": {"regimes": [{"volatility_tick": 3}]},
                "reward": {"turnover": "x", "pnls": 1},
                "tick_value": 0,
            },
        )
    assert type(caught.value) is ValueError  # not pydantic's
    lines = str(caught.value).splitlines()
    assert all(re.fullmatch(r"[a-z_.\[\]0-9]+: expected .+, got .+", line) for line in lines)
    assert [line.partition(":")[0] for line in lines] == [
        "market.regimes[0].market_sell_rate_hz",
        "market.regimes[0].market_buy_rate_hz",
        "market.regimes[0].fill_decay_per_tick",
        "market.regimes[0].volatility_ticks",
        "market.regimes[0].volatility_tick",
        "reward.turnover",
        "reward.pnls",
        "tick_value",
    ]
    assert lines[4].endswith("did you mean 'volatility_ticks'?")


def test_a_bad_item_is_not_a_missing_one() -> None:
    with pytest.raises(ValueError, match="features") as caught:
        resolve_params("P1", {"observation": {"features": [1]}})
    assert str(caught.value) == "observation.features[0]: expected text, got 1"


def test_all_are_problems() -> None:
    assert all(isinstance(params, EnvParams) for params in PRESETS.values())
