"""Book markets as parameters: the engine holds what the Python side does, whatever the values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env import engine, engine_params
from rlmm_tf.params import DelayParams, EnvParams, EpisodeParams, FeeParams, LatencyParams
from rlmm_tf.presets import PRESETS, preset, resolve_params

_core = engine._core
Values = dict[str, Any]

factors = st.floats(0.0, 10.0)
shares = st.floats(0.0, 1.0)


@st.composite
def laws(draw: st.DrawFn, low: int = 1, high: int = 4) -> list[float]:
    weights = [draw(st.floats(0.01, 1.0)) for _ in range(draw(st.integers(low, high)))]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


@st.composite
def size_laws(draw: st.DrawFn) -> Values:
    probability = draw(laws())
    size = st.integers(1, 1_000_000)
    return {"lots": [draw(size) for _ in probability], "probability": probability}


@st.composite
def bins(draw: st.DrawFn, high: int = 4) -> list[int]:
    more = draw(st.sets(st.integers(2, 4096), max_size=high - 1))
    return [1, *sorted(more)]


def optional(draw: st.DrawFn, count: int) -> list[float]:
    return [draw(factors) for _ in range(count)] if draw(st.booleans()) else []


@st.composite
def limit_marks(draw: st.DrawFn, depth: int, improves: bool) -> Values:
    law = draw(laws(depth, depth))
    better = draw(st.lists(shares, max_size=3)) if improves else []
    scale = 1.0 + math.fsum(better)
    return {"improving": [x / scale for x in better], "resting": [x / scale for x in law]}


@st.composite
def models(draw: st.DrawFn) -> Values:
    spread = draw(bins())
    edges = sorted(draw(st.sets(st.floats(-0.99, 0.99), max_size=3)))
    k = draw(st.integers(1, 3))
    season = draw(st.integers(0, 3))
    decays = sorted(draw(st.sets(st.floats(1e-6, 1e6), max_size=7)))
    depth = draw(st.integers(1, 5))
    gaps = draw(st.just([]) | bins())
    n_states = len(spread) * (len(edges) + 1)
    groups = [
        {
            "baseline_hz": draw(st.floats(0.0, 100.0)),
            "state_factor": optional(draw, n_states),
            "regime_factor": optional(draw, k),
            "season_factor": [draw(factors) for _ in range(season)],
        }
        for _ in range(6)
    ]
    kernel = 0.9 / (6 * max(1, len(decays)))  # row sums of at most 0.9: so is the radius
    place = st.fixed_dictionaries({"sizes": size_laws(), "flickering_share": shares})
    order_shares = [draw(shares) / 3 for _ in range(3)]
    rates = [[0.0 if i == j else draw(factors) for j in range(k)] for i in range(k)]
    return {
        "spread_bin_ticks": spread,
        "imbalance_bin_edges": edges,
        "groups": groups,
        "decays_hz": decays,
        "excitation": [draw(shares) * kernel for _ in range(36 * len(decays))],
        "limit_marks": [
            draw(limit_marks(depth, i > 0 or spread[:2] != [1, 2])) for i in range(len(spread))
        ],
        **{name: draw(place) for name in ("improving", "joining", "deeper")},
        "refill": {"share": draw(shares), "back_share": draw(shares)},
        "market_orders": {
            **dict(zip(("whole_queue", "beyond_queue", "within_queue"), order_shares, strict=True)),
            "sizes": draw(size_laws()),
        },
        "hit_gap_bin_ticks": gaps,
        "hit_gap_factor": [draw(factors) for _ in gaps],
        "cancels": {
            "per_order": draw(st.booleans()),
            "patient_hazard": draw(factors),
            "flickering_hazard": draw(st.floats(1e-3, 10.0)),
            "partial_share": draw(shares),
            "distance_factor": draw(st.lists(shares, max_size=4)),
            "company_factor": draw(shares),
        },
        "exciting_levels": draw(st.integers(0, 1000)),
        "far_level_orders": draw(laws(1, 65)),
        "switch_rates_hz": rates,
        "initial_regime_probabilities": draw(laws(k, k)),
        "regime_volatility_factor": optional(draw, k),
        "season_bin_s": draw(st.floats(1e-3, 86400.0)) if season else 0.0,
        "informed": {
            "volatility_ticks": draw(st.floats(1e-3, 10.0)),
            "gap_scale_ticks": draw(st.floats(1e-6, 1e6)),
            "gap_clip": draw(st.floats(1e-6, 10.0)),
            "interval_ns": draw(st.integers(10**6, 10**12)),
            "market_tilt": draw(st.floats(-4.0, 10.0)),
            "limit_tilt": draw(st.floats(-4.0, 10.0)),
            "sign_shrink": draw(shares),
            "slow_below_hz": draw(factors),
        },
        "typical": {
            "spread_ticks": draw(st.integers(1, 4096)),
            "touch_lots": draw(st.floats(1.0, 1e15)),
            **{
                name: draw(st.floats(1e-300, 1e15))
                for name in ("volatility_ticks", "market_orders_hz")
            },
        },
    }


@st.composite
def shocks(draw: st.DrawFn, n_regimes: int) -> list[Values]:
    """Of every kind at most one, so that none overlap."""
    multipliers = ("intensity", "limit_sizes", "market_sizes", "latency", "fees")
    values = {
        "regime": st.integers(0, n_regimes - 1).map(float),
        **dict.fromkeys(multipliers, st.floats(0.0, 1e3)),
        **dict.fromkeys(("feed_outage", "halt"), st.just(1.0)),
        "price_jump": st.integers(-(10**6), 10**6).map(float),
        "drift": st.floats(-1e6, 1e6),
    }
    return [
        {
            "kind": kind,
            "start_ns": draw(st.integers(0, 2**53)),
            "duration_ns": 0 if kind == "price_jump" else draw(st.integers(1, 2**53)),
            "value": draw(values[kind]),
            "by_group": [draw(st.floats(0.0, 1e3)) for _ in range(6)]
            if kind == "intensity" and draw(st.booleans())
            else [],
        }
        for kind in draw(st.lists(st.sampled_from(list(values)), unique=True, max_size=3))
    ]


@st.composite
def book_markets(draw: st.DrawFn) -> BookMarketParams:
    model = draw(models())
    day_ns = st.integers(0, 86_400_000_000_000)
    return BookMarketParams.model_validate(
        {
            "model": model,
            "mid_initial_ticks": draw(st.integers(10_000, 2**39)),
            "warmup_ns": draw(day_ns),
            "session_start_ns": draw(day_ns),
            "taker_allowed": draw(st.booleans()),
            "regime_observed": draw(st.booleans()),
            "reaction_full_lots": draw(st.floats(1e-300, 1e15)),
            "reaction_budget_hz": draw(st.floats(0.0, 1e9)),
            "mirrored": draw(st.booleans()),
            "shocks": draw(shocks(len(model["switch_rates_hz"]))),
        }
    )


# --- the same values ------------------------------------------------------------------------------


@given(market=book_markets())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_values_go_to_the_engine_and_back(market: BookMarketParams) -> None:
    episode = EpisodeParams(n_steps=1, step_ns=1)  # few events, whatever the rates
    multiplied = {
        "fees": FeeParams(taker_bps=1.0),
        "latency": LatencyParams(entry=DelayParams(median_ns=5)),
    }
    params = EnvParams(market=market, episode=episode, **multiplied)
    values = params.model_dump()
    assert engine_params(params).to_dict() == values
    assert EnvParams.model_validate(values) == params
    assert EnvParams.model_validate_json(params.model_dump_json()) == params


def test_a_market_without_a_kind_is_analytic() -> None:
    values = preset("P1").model_dump()
    whole = _core.EnvParams(**values)
    del values["market"]["kind"]
    assert EnvParams.model_validate(values) == preset("P1")
    assert _core.EnvParams(**values).to_dict() == whole.to_dict()
    assert _core.EnvParams(**values).fingerprint == whole.fingerprint


@pytest.mark.parametrize(("kind", "error"), [("boo", ValueError), (3, TypeError)])
def test_unknown_kinds(kind: Any, error: type[Exception]) -> None:
    values = preset("P1").model_dump()
    values["market"]["kind"] = kind
    with pytest.raises(error, match=r"^market\.kind: expected .*, got '?(boo|3)"):
        _core.EnvParams(**values)
    with pytest.raises(ValueError, match="expected tags"):
        EnvParams.model_validate(values)


def accepted(make: Callable[[], Any]) -> bool:
    try:
        make()
    except (TypeError, ValueError):
        return False
    return True


@given(market=book_markets(), step_ns=st.sampled_from([1, 10**6, 10**9, 86_400 * 10**9]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_sides_bound_the_events_of_a_step(market: BookMarketParams, step_ns: int) -> None:
    delay = DelayParams(median_ns=1)  # shocks to delays and fees need some to change
    values = EnvParams(
        market=market,
        episode=EpisodeParams(n_steps=1, step_ns=1),
        fees=FeeParams(taker_bps=1.0),
        latency=LatencyParams(entry=delay),
    ).model_dump()
    values["episode"]["step_ns"] = step_ns
    ours = accepted(lambda: EnvParams.model_validate(values))
    assert ours == accepted(lambda: _core.EnvParams(**values))


# --- what a book market is, so far ----------------------------------------------------------------

BOOKS = [name for name, params in PRESETS.items() if isinstance(params.market, BookMarketParams)]


@pytest.mark.parametrize("name", BOOKS)
def test_presets_are_described(name: str) -> None:
    params = preset(name)
    assert engine_params(params).to_dict() == params.model_dump()
    halt = {"kind": "halt", "start_ns": 3, "duration_ns": 4}
    changed = resolve_params(name, {"market": {"shocks": [halt], "taker_allowed": True}})
    assert changed.market.model == params.market.model  # its neighbours stay
    assert resolve_params("P1", {"market": params.market}).market == params.market
    whole = params.market.model_dump()
    assert resolve_params("P1", {"market": whole}).market == params.market
    assert resolve_params(name, {"market": preset("P1").market.model_dump()}).market == (
        preset("P1").market
    )
