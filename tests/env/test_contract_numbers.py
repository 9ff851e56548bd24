"""The contract of the compiled engine, clauses 8 and 10: parameters and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from rlmm_tf.env import FEATURES, Batch, action_space, engine, engine_params
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS, preset
from rlmm_tf.seeding import environment_keys

_core = engine._core

# Any valid problem, as nested values ----------------------------------------------------------

MAGNITUDES = st.floats(0.0, 1e6)
POSITIVES = st.floats(1e-6, 1e6)
WEIGHTS = st.floats(-1e6, 1e6)


@st.composite
def markets(draw_from: st.DrawFn) -> dict[str, Any]:
    k = draw_from(st.integers(1, 3))
    law = draw_from(st.sampled_from(["exponential", "power"]))
    regime = st.fixed_dictionaries(
        {
            "market_sell_rate_hz": st.floats(0, 50),
            "market_buy_rate_hz": st.floats(0, 50),
            "fill_decay_per_tick": st.floats(1e-4, 1.0),
            "volatility_ticks": st.floats(0.1, 100),
            "inventory_penalty_scale": st.floats(0, 10),
        }
    )
    rates = [[0.0 if i == j else draw_from(st.floats(0, 20)) for j in range(k)] for i in range(k)]
    shares = draw_from(st.lists(st.integers(0, 9), min_size=k, max_size=k).filter(any))
    takers = draw_from(st.booleans())
    return {
        "regimes": tuple(draw_from(regime) for _ in range(k)),
        "switch_rates_hz": tuple(tuple(row) for row in rates),
        "initial_regime_probabilities": tuple(share / sum(shares) for share in shares),
        "regime_observed": draw_from(st.booleans()),
        "fill_law": law,
        "fill_power": draw_from(POSITIVES) if law == "power" else 1.0,
        "fill_cap": 1.0 if law == "power" else draw_from(st.floats(1, 4)),
        "fill_volatility_exponent": draw_from(st.floats(-2, 2)),
        "volatility_reference_ticks": draw_from(POSITIVES),
        "mid_initial_ticks": draw_from(st.integers(10**5, 10**7)),
        "mid_reversion_hz": draw_from(st.floats(0, 10)),
        "jump_rate_hz": draw_from(st.floats(0, 40)),
        "jump_ticks": draw_from(st.floats(0, 50)),
        "market_order_lots": draw_from(st.integers(1, 5)),
        "taker_allowed": takers,
        "half_spread_ticks": draw_from(st.integers(0, 50)) if takers else 0,
        "slippage_ticks_per_lot": draw_from(st.floats(0, 2)) if takers else 0.0,
    }


@st.composite
def delays(draw_from: st.DrawFn) -> dict[str, Any]:
    law = draw_from(st.sampled_from(["constant", "lognormal", "empirical"]))
    at = st.integers(1, 10**9)
    quantiles = (
        sorted(draw_from(st.lists(at, min_size=2, max_size=4))) if law == "empirical" else []
    )
    return {
        "law": law,
        "median_ns": 0 if law == "empirical" else draw_from(at),
        "log_sd": draw_from(st.floats(0, 1.4)) if law == "lognormal" else 0.0,
        "quantiles_ns": tuple(quantiles),
    }


@st.composite
def actions(draw_from: st.DrawFn) -> dict[str, Any]:
    kind = draw_from(st.sampled_from(["continuous", "discrete", "multidiscrete"]))
    least = draw_from(st.integers(0, 5))
    low = draw_from(st.integers(-100, 100))
    return {
        "kind": kind,
        "offset_min_ticks": low,
        "offset_max_ticks": low + draw_from(st.integers(1, 1000)),
        "offset_choices": draw_from(st.integers(2, 20)),
        "withdraw_choice": kind != "continuous" and draw_from(st.booleans()),
        "sizes": kind != "discrete" and draw_from(st.booleans()),
        "lots_min": least,
        "lots_max": draw_from(st.integers(max(1, least), 8)),
    }


@st.composite
def rewards(draw_from: st.DrawFn) -> dict[str, Any]:
    names = (
        "pnl", "spread_capture", "dampened_pnl", "inventory_quadratic", "inventory_linear",
        "soft_limit", "terminal_quadratic", "crossing", "turnover",
    )  # fmt: skip
    cara = draw_from(st.booleans())
    return {
        "utility": "cara" if cara else "linear",
        "risk_aversion": draw_from(st.floats(1e-9, 1e-6)) if cara else 0.0,
        "dampening": draw_from(st.floats(0, 1)),
        "soft_limit_lots": draw_from(st.integers(0, 10)),
        **{name: draw_from(WEIGHTS) for name in names},
    }


@st.composite
def problems(draw_from: st.DrawFn) -> EnvParams:
    market = draw_from(markets())
    cap = draw_from(st.integers(5, 50))
    start = sorted(draw_from(st.lists(st.integers(-cap, cap), min_size=2, max_size=2)))
    usable = [
        f.name
        for f in FEATURES
        if not f.needs_book and (f.name != "regime" or market["regime_observed"])
    ]
    features = st.lists(st.sampled_from(usable), min_size=1, unique=True)
    fee = st.floats(-5, 5)
    fees = ("maker_bps", "taker_bps", "maker_ticks_per_lot", "taker_ticks_per_lot")
    return EnvParams.model_validate(
        {
            "market": market,
            "fees": {name: draw_from(fee) for name in fees},
            "latency": {line: draw_from(delays()) for line in ("feed", "entry", "response")},
            "limits": {
                "inventory_cap_lots": cap,
                "loss_limit": draw_from(st.none() | POSITIVES),
            },
            "episode": {
                "n_steps": draw_from(st.integers(1, 40)),
                "step_ns": draw_from(st.integers(1_000_000, 500_000_000)),
                "initial_inventory_min_lots": start[0],
                "initial_inventory_max_lots": start[1],
                "horizon_ends": draw_from(st.sampled_from(["terminated", "truncated"])),
            },
            "action": draw_from(actions()),
            "observation": {
                "features": draw_from(features.map(tuple)),
                "clip": draw_from(st.floats(1, 100)),
            },
            "reward": draw_from(rewards()),
            "tick_value": draw_from(st.floats(1e-6, 1.0)),
        }
    )  # fmt: skip


# 8. Parameters


@given(params=problems())
@settings(max_examples=60, deadline=None)
def test_clause_8_engine_and_pydantic_hold_the_same(params: EnvParams) -> None:
    values = params.model_dump()
    assert engine_params(params).to_dict() == values
    assert EnvParams.model_validate(values) == params


@pytest.mark.parametrize("name", PRESETS)
def test_clause_8_presets_carry_over(name: str) -> None:
    values = preset(name).model_dump()
    assert _core.EnvParams(**values).to_dict() == values


def parts_of(value: BaseModel) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every parameter class that a problem is made of, with its place."""
    yield "", type(value)
    for name in type(value).model_fields:
        inner = getattr(value, name)
        if isinstance(inner, BaseModel):
            for place, part in parts_of(inner):
                yield f"{name}.{place}", part


@pytest.mark.parametrize(("place", "model"), list(parts_of(preset("P1"))), ids=str)
def test_clause_8_field_sets_are_equal(place: str, model: type[BaseModel]) -> None:
    held: Any = engine_params(preset("P1")).to_dict()
    for name in place.split("."):
        held = held[name] if name else held
    assert list(held) == list(model.model_fields)  # in one order, too


def places(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any, Any]]:
    """(path, container, key, value) of everything inside nested dicts and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".lstrip(".")
        yield here, value, key, inner
        if isinstance(inner, (dict, list)):
            yield from places(inner, here)


def editable(value: Any) -> Any:
    """A deep copy with lists for tuples, which the engine takes as well."""
    if isinstance(value, dict):
        return {key: editable(inner) for key, inner in value.items()}
    return [editable(inner) for inner in value] if isinstance(value, tuple) else value


WRONG = {str: 3, bool: 1, int: 1.5, float: "x", list: 3, dict: [], type(None): "x"}
ALL_PLACES = [path for path, *_ in places(editable(preset("R1").model_dump()))]


def at_place(path: str) -> tuple[dict[str, Any], Any, Any, Any]:
    """Fresh values of a preset and the place in them."""
    values = editable(preset("R1").model_dump())
    for here, container, key, inner in places(values):
        if here == path:
            return values, container, key, inner
    raise AssertionError(path)


@pytest.mark.parametrize("path", ALL_PLACES)
def test_clause_8_missing_unknown_and_wrong_fields_are_refused_by_path(path: str) -> None:
    values, container, key, inner = at_place(path)
    container[key] = WRONG[type(inner)]
    with pytest.raises(TypeError, match=rf"^{re.escape(path)}: expected .*, got "):
        _core.EnvParams(**values)
    if isinstance(inner, (int, float)) and not isinstance(inner, bool):
        container[key] = True  # a number to Python, not to us
        with pytest.raises(TypeError, match=rf"^{re.escape(path)}: expected .*, got True"):
            _core.EnvParams(**values)
    if isinstance(container, dict):
        del container[key]
        if path != "market.kind":  # has a default: files were written before there were kinds
            with pytest.raises(TypeError, match=rf"^{re.escape(path)}: expected a value, got none"):
                _core.EnvParams(**values)
        container[key] = inner
        container[f"{key}_"] = 1
        with pytest.raises(TypeError, match=rf"^{re.escape(path)}_: expected no such field, got 1"):
            _core.EnvParams(**values)


@pytest.mark.parametrize(
    ("path", "value", "error", "message"),
    [
        ("tick_value", 10**400, TypeError, "expected a number that a double can hold"),
        ("tick_value", math.nan, ValueError, "expected a value above 0, at most 1e15, got nan"),
        ("episode.n_steps", 2**63, TypeError, "expected an integer of at most 64 bits"),
        ("episode.n_steps", 10**8, ValueError, None),
        ("action.kind", "\ud800", TypeError, "expected a string that UTF-8 can hold"),
        ("action.kind", "box", ValueError, "one of .*, multidiscrete., got 'box'"),
        ("market.regimes", [], ValueError, "expected 1 to 8 regimes, got 0"),
        ("market.regimes[1].volatility_ticks", -1.0, ValueError, "from 0 to 1e\\+15, got -1"),
        ("reward.utility", "cara", ValueError, None),
    ],
)  # fmt: skip
def test_clause_8_engine_validates_by_itself(
    path: str, value: Any, error: type[Exception], message: str | None
) -> None:
    values, container, key, _ = at_place(path)
    if path == "episode.n_steps" and value == 10**8:
        container["step_ns"] = 10**9
        message = r"n_steps x step_ns of at most 2\^53 ns \(104 days\), got 100000000"
    container[key] = value
    where = "reward.risk_aversion" if path == "reward.utility" else path
    with pytest.raises(error, match=f"^{re.escape(where)}: .*{message or ''}"):
        _core.EnvParams(**values)


def test_clause_8_by_keyword_only_and_read_only() -> None:
    params = engine_params(preset("P1"))
    with pytest.raises(TypeError):
        _core.EnvParams(preset("P1").model_dump())
    with pytest.raises(TypeError):
        Batch(params, environment_keys(0, 1))
    with pytest.raises(AttributeError):
        params.tick_value = 3.0
    with pytest.raises(ValidationError, match="frozen"):
        preset("P1").tick_value = 3.0
    params.to_dict()["tick_value"] = 3.0  # a copy
    assert params.to_dict()["tick_value"] == 1e-4


def test_clause_8_fingerprint_tells_problems_apart() -> None:
    prints = {engine_params(params).fingerprint for params in PRESETS.values()}
    assert len(prints) == len(PRESETS)
    assert engine_params(preset("P1")).fingerprint == engine_params(preset("P1")).fingerprint


# 10. Numbers

WHOLE = (
    "episode_index", "step", "ts_ns", "mid_ticks_x2", "inventory_lots", "cash", "fees", "bid_lots",
    "ask_lots", "bid_offset_ticks", "ask_offset_ticks", "fills_maker_lots_bid",
    "fills_maker_lots_ask", "fills_taker_lots", "market_sells", "market_buys", "messages", "regime",
    "pnl_fees",
)  # fmt: skip


def random_actions(params: EnvParams, n: int, rng: np.random.Generator) -> np.ndarray:
    space = action_space(params.action)
    space.seed(int(rng.integers(2**31)))
    return np.stack([np.asarray(space.sample()) for _ in range(n)])


@given(params=problems(), seed=st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_clause_10_accounts_are_exact(simulate: Any, params: EnvParams, seed: int) -> None:
    """2 cash + inventory x 2 mid - 2 fees - opening = 2 x (spread + inventory + fees parts)."""
    simulation = simulate(params, n_envs=3, seed=seed)
    rng = np.random.default_rng(seed)
    simulation.reset()
    mid_start_x2 = 2 * params.market.mid_initial_ticks
    gained_x2 = [0, 0, 0]
    opening = [None, None, None]
    for _ in range(25):
        done = simulation.step(random_actions(params, 3, rng))
        for name in WHOLE:
            np.testing.assert_array_equal(done[name], np.rint(done[name]), err_msg=name)
        for name in (*done, "returned_obs"):
            if name != "returned_final_obs":
                assert np.isfinite(done[name]).all(), name
        for env in range(3):
            row = {name: int(done[name][env]) for name in WHOLE}
            traded = row["fills_maker_lots_bid"] - row["fills_maker_lots_ask"]
            parts_x2 = [2 * done[name][env] for name in ("pnl_spread", "pnl_inventory", "pnl_fees")]
            assert all(part == int(part) for part in parts_x2)
            if row["step"] == 0:
                gained_x2[env], opening[env] = 0, None
            gained_x2[env] += sum(int(part) for part in parts_x2)
            wealth_x2 = 2 * row["cash"] + row["inventory_lots"] * row["mid_ticks_x2"]
            wealth_x2 -= 2 * row["fees"]
            if opening[env] is None:  # what the account held before its first step
                opening[env], rest = divmod(wealth_x2 - gained_x2[env], mid_start_x2)
                assert rest == 0
                assert abs(opening[env]) <= params.limits.inventory_cap_lots
                if row["fills_taker_lots"] == 0:
                    assert row["inventory_lots"] == opening[env] + traded
            assert wealth_x2 - opening[env] * mid_start_x2 == gained_x2[env]
            assert abs(row["inventory_lots"]) <= params.limits.inventory_cap_lots
