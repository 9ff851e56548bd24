"""A catalogue of bad input: each is refused with its name, what was expected and what came."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

from rlmm_tf.env import ENV_ID, MarketMakingEnv, MarketMakingVectorEnv, observation_layout
from rlmm_tf.presets import preset, resolve_params

Single, Vector = MarketMakingEnv, MarketMakingVectorEnv
DISCRETE = {"action": {"kind": "discrete", "offset_choices": 5}}


def overridden(**overrides: Any) -> Callable[[], Any]:
    return lambda: Single("R1", overrides=overrides)


# Parameters: the field is named, with what it should be.
PARAMETERS = [
    ("market.fill_cap", 0.5, "expected at least 1"),
    ("market.fill_cap", math.nan, "expected at most 1000000"),
    ("market.fill_power", 0.0, "expected above 0"),
    ("market.mid_initial_ticks", 0, "expected at least 1"),
    ("market.mid_initial_ticks", 2**41, "expected at most 1099511627776"),
    ("market.jump_rate_hz", -1.0, "expected at least 0"),
    ("market.jump_ticks", math.inf, "expected a finite number"),
    ("market.market_order_lots", 0, "expected at least 1"),
    ("market.market_order_lots", 1.5, "expected an integer"),
    ("market.fill_law", "linear", "'exponential' or 'power'"),
    ("market.regimes", (), "expected at least 1 item(s), got 0"),
    ("market.regime_observed", "maybe", "expected True or False"),
    ("market.switch_rates_hz", ((0.0,),), "switch_rates_hz: expected a 2 x 2 table"),
    ("market.switch_rates_hz", ((1.0, 1.0), (1.0, 0.0)), "expected a zero diagonal"),
    ("market.initial_regime_probabilities", (1.0,), "expected 2 numbers (one per regime), got 1"),
    ("market.initial_regime_probabilities", (0.5, 0.4), "expected a sum of 1, got 0.9"),
    ("fees.maker_bps", 2000.0, "expected at most 1000"),
    ("fees.taker_ticks_per_lot", -math.inf, "expected at least -1000000"),
    ("fees.rebate", 1.0, "expected one of "),
    ("latency.feed.law", "gamma", "'constant', 'lognormal' or 'empirical'"),
    ("latency.feed.law", "lognormal", "median_ns: expected above 0 with the lognormal law, got 0"),
    ("latency.feed.law", "empirical", "quantiles_ns: expected at least 2 values"),
    ("latency.entry.quantiles_ns", (1, 2), "quantiles_ns: expected none with the constant law"),
    ("latency.response.median_ns", -1, "expected at least 0"),
    ("latency.entry.log_sd", 0.5, "log_sd: expected 0 with the constant law, got 0.5; set law="),
    ("latency.entry", {"law": "empirical", "quantiles_ns": (1, 2), "median_ns": 3},
     "median_ns: expected 0 with the empirical law, which has its quantiles, got 3; leave it"),
    ("market.fill_power", 2.0, "expected 1 with the exponential law, got 2.0; set fill_law="),
    ("market.half_spread_ticks", 2, "expected 0 without takers, got 2; set taker_allowed=true"),
    ("market.slippage_ticks_per_lot", 0.5, "expected 0 without takers, got 0.5; set taker_all"),
    ("limits.messages_hz", 1.0, "expected none with an analytic market, which has no book, got"),
    ("episode.liquidate_at_end", True, "expected false with an analytic market, which has no book"),
    ("limits.inventory_cap_lots", 0, "expected at least 1"),
    ("limits.loss_limit", 0.0, "expected above 0"),
    ("limits.loss_limit", math.nan, "expected a finite number"),
    ("episode.n_steps", 0, "expected at least 1"),
    ("episode.n_steps", 10**9, "expected at most 100000000"),
    ("episode.step_ns", 0, "expected at least 1"),
    ("episode.step_ns", 24 * 3600 * 10**9, None),
    ("episode.horizon_ends", "done", "'terminated' or 'truncated'"),
    ("episode.initial_inventory_min_lots", 1, "expected at most initial_inventory_max_lots=0"),
    ("episode.initial_inventory_min_lots", -16,
     "within limits.inventory_cap_lots=15, got up to 16"),
    ("action.kind", "box", "'continuous', 'discrete' or 'multidiscrete'"),
    ("action.offset_max_ticks", 0, "expected below offset_max_ticks=0, got 0"),
    ("action.offset_max_ticks", 10_000_000, "below market.mid_initial_ticks=10000000"),
    ("action.offset_choices", 1, "expected at least 2"),
    ("action.lots_min", 2, "lots_min: expected at most lots_max=1, got 2"),
    ("action.withdraw_choice", True, "withdraw_choice: expected false with the continuous kind"),
    ("observation.features", (), "expected at least 1 item(s), got 0"),
    ("observation.features", ("inventory", "inventory"),
     "expected each name once, got ['inventory']"),
    ("observation.clip", 0.5, "expected at least 1"),
    ("reward.utility", "log", "'linear' or 'cara'"),
    ("reward.utility", "cara", "risk_aversion: expected above 0 with utility='cara', got 0.0"),
    ("reward.risk_aversion", 0.1, "expected 0 with utility='linear' (set utility='cara'"),
    ("reward.dampening", 1.5, "expected at most 1"),
    ("reward.pnl", math.nan, "expected a finite number"),
    ("reward.soft_limit_lots", -1, "expected at least 0"),
    ("reward.sharpe", 1.0, "expected one of "),
    ("tick_value", -1e-4, "expected above 0"),
    ("tick_value", None, "expected a number"),
    ("ticks", 1.0, "expected one of "),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "expected"), PARAMETERS)
def test_parameters(path: str, value: Any, expected: str | None) -> None:
    nested: Any = value
    for name in reversed(path.split(".")):
        nested = {name: nested}
    with pytest.raises(ValueError, match="expected") as caught:
        resolve_params("R1", nested)
    if expected is None:
        expected = "n_steps: expected n_steps x step_ns of at most 9007199254740992 ns (104 days)"
    text = str(caught.value)
    assert type(caught.value) is ValueError
    assert expected in text
    assert ", got " in text
    assert path in text or path.rsplit(".", 1)[0] in text  # a rule between fields names their class


ENVIRONMENTS: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("preset", lambda: Single("p1"),
     ValueError, "preset: expected one of P1, .* got 'p1'; did you"),
    ("preset", lambda: Vector(2, "R1-hiden"), ValueError, "did you mean 'R1-hidden'"),
    ("preset", lambda: preset("Q"), ValueError, "got 'Q'$"),
    ("params", lambda: Single(None),
     TypeError, "params: expected a preset's name or EnvParams, got"),
    ("params", lambda: Single({"market": 1}), TypeError, "params: .* got {'market': 1}"),
    ("overrides", lambda: Single(overrides=["x"]), TypeError, "overrides: expected nested values"),
    ("overrides", overridden(actoin={}), ValueError,
     "actoin: expected one of market, .* got 'actoin'; did you mean 'action'"),
    ("overrides", overridden(action=3), ValueError, "action: expected values by name, got 3"),
    ("feature", overridden(observation={"features": ("spread",)}), ValueError,
     r"observation.features: expected names from \(time_left, .*\), got spread"),
    ("feature", lambda: Single("R1-hidden", overrides={"observation": {"features": ("regime",)}}),
     ValueError, "expected no 'regime' while market.regime_observed is false.*regime_probability"),
    ("column", lambda: observation_layout(preset("P1")).index("spread"), KeyError,
     r"observation column 'spread': expected one of \['time_left', 'inventory'\]; add it to"),
    ("num_envs", lambda: Vector(0), ValueError, "num_envs: expected at least 1, got 0"),
    ("num_envs", lambda: Vector(-3), ValueError, "num_envs: expected at least 1, got -3"),
    ("num_envs", lambda: Vector(2.0), TypeError, "num_envs: expected an integer, got 2.0"),
    ("num_envs", lambda: Vector("2"), TypeError, "num_envs: expected an integer, got '2'"),
    ("n_threads", lambda: Vector(2, n_threads=-1),
     ValueError, "n_threads: expected at least 0, got"),
    ("n_threads", lambda: Vector(2, n_threads=1.5), TypeError, "n_threads: expected an integer"),
    ("n_threads", lambda: Vector(2, n_threads=None), TypeError, "n_threads: expected an integer"),
    ("render", lambda: Single(render_mode="gif"), ValueError,
     r"render_mode: expected None or one of \['human', 'ansi', 'rgb_array'\], got 'gif'"),
    ("render", lambda: Vector(2, render_mode="ansi"), ValueError,
     "render_mode: expected None for the vector environment, got 'ansi'; use gymnasium.make"),
    ("reward", lambda: Single(reward_function=3),
     TypeError, "reward_function: expected a function"),
    ("reward", lambda: Vector(2, reward_function="x"),
     TypeError, "a function of the columns, got 'x'"),
    ("unknown", lambda: Single(preset="P1"), TypeError, "unexpected keyword argument 'preset'"),
    ("make", lambda: gymnasium.make(ENV_ID, params="P0"), ValueError, "preset: expected one of"),
]  # fmt: skip

STARTED: list[tuple[str, Callable[[Any, Any, Any], Any], type[Exception], str]] = [
    ("seed", lambda e, v, d: e.reset(seed=-1),
     ValueError, "seed: expected at least 0, got -1"),
    ("seed", lambda e, v, d: e.reset(seed=1.0), TypeError, "seed: expected an integer.* got 1.0"),
    ("seed", lambda e, v, d: e.reset(seed="1"), TypeError, "seed: expected an integer.* got '1'"),
    ("seed", lambda e, v, d: e.reset(seed=[1]),
     TypeError, r"seed: expected an integer.* got \[1\]"),
    ("seed", lambda e, v, d: v.reset(seed=-1),
     ValueError, "seed: expected at least 0, got -1"),
    ("seed", lambda e, v, d: v.reset(seed=0.5), TypeError, "seed: expected an integer.* got 0.5"),
    ("seed", lambda e, v, d: v.reset(seed=[1, 2]), TypeError,
     "seed: expected one integer, from which every environment gets a stream.* got a list of 2"),
    ("seed", lambda e, v, d: v.reset(seed=(1, 2)), TypeError, "seed: expected an integer"),
    ("seed", lambda e, v, d: v.reset(seed=1, options={"reset_mask": np.ones(2, np.bool_)}),
     ValueError, r"seed: expected None together with options\['reset_mask'\]"),
    ("options", lambda e, v, d: e.reset(options={"x": 1}),
     ValueError, "options: expected none, got"),
    ("options", lambda e, v, d: v.reset(options={"x": 1}),
     ValueError, "only 'reset_mask', got {'x'"),
    ("mask", lambda e, v, d: v.reset(options={"reset_mask": [True, False]}), ValueError,
     r"options\['reset_mask'\]: expected a bool array of shape \(2,\), got \[True, False\]"),
    ("mask", lambda e, v, d: v.reset(options={"reset_mask": np.ones(2, np.int64)}), ValueError,
     r"expected a bool array of shape \(2,\), got array\(\[1, 1\]\)"),
    ("mask", lambda e, v, d: v.reset(options={"reset_mask": np.ones(3, np.bool_)}), ValueError,
     r"expected a bool array of shape \(2,\)"),
    ("action", lambda e, v, d: e.step([0.0, 0.0]),
     TypeError, "action: expected a numpy array of Box"),
    ("action", lambda e, v, d: e.step(None),
     TypeError, "action: expected a numpy array.* got None"),
    ("action", lambda e, v, d: e.step(np.zeros(2)), TypeError,
     "actions: expected dtype float32, got float64; convert it once where it is made"),
    ("action", lambda e, v, d: e.step(np.zeros(3, np.float32)), ValueError,
     r"action: expected shape \(2,\), got \(3,\)"),
    ("action", lambda e, v, d: e.step(np.float32([np.nan, 0])), ValueError,
     r"actions\[0, 0\]: expected a finite number, got nan"),
    ("action", lambda e, v, d: e.step(np.float32([0, -np.inf])), ValueError,
     r"actions\[0, 1\]: expected a finite number, got -inf"),
    ("action", lambda e, v, d: v.step(np.zeros((2, 2))),
     TypeError, "actions: expected dtype float32"),
    ("action", lambda e, v, d: v.step(np.zeros((3, 2), np.float32)), ValueError,
     r"actions: expected shape \(2, 2\), got \(3, 2\)"),
    ("action", lambda e, v, d: v.step(np.float32([[0, 0], [0, np.inf]])), ValueError,
     r"actions\[1, 1\]: expected a finite number, got inf"),
    ("action", lambda e, v, d: d.step(25),
     ValueError, "action: expected an integer from 0 to 24, got"),
    ("action", lambda e, v, d: d.step(-1),
     ValueError, "action: expected an integer from 0 to 24, got"),
    ("action", lambda e, v, d: d.step(10**30),
     ValueError, "action: expected an integer from 0 to 24"),
    ("action", lambda e, v, d: d.step(1.0), TypeError, "action: expected an integer, got 1.0"),
    ("action", lambda e, v, d: d.step(True), TypeError, "action: expected an integer, got True"),
    ("action", lambda e, v, d: d.step(np.array([1])), TypeError, r"integer, got array\(\[1\]\)"),
    ("action", lambda e, v, d: d.step(np.array(25)),
     ValueError, "expected an integer from 0 to 24"),
    ("state", lambda e, v, d: v.set_state(b"abc"),
     ValueError, "state: expected more bytes, got only 3"),
    ("state", lambda e, v, d: v.set_state(None), TypeError, "^state: expected bytes, got None$"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "message"), [pytest.param(*case[1:], id=case[0]) for case in ENVIRONMENTS]
)
def test_environments(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "error", "message"), [pytest.param(*case[1:], id=case[0]) for case in STARTED]
)
def test_started_environments(
    call: Callable[..., Any], error: type[Exception], message: str
) -> None:
    env, envs, discrete = Single(), Vector(2), Single(overrides=DISCRETE)
    for one in (env, envs, discrete):
        one.reset(seed=3)
    with pytest.raises(error, match=message):
        call(env, envs, discrete)
    # What was refused changed nothing: the next step is the first.
    obs = env.step(np.zeros(2, np.float32))[0]
    all_obs = envs.step(np.zeros((2, 2), np.float32))[0]
    np.testing.assert_array_equal(obs, all_obs[0])
    assert obs[0] == np.float32(0.99)
    assert discrete.step(3)[4]["step"] == 0


def test_the_catalogue_is_long_enough() -> None:
    assert len(PARAMETERS) + len(ENVIRONMENTS) + len(STARTED) >= 60
