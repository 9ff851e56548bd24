"""Named market-making problems: those whose optimum is known exactly, and book markets.

The former give their numbers as the literature does, in price units and seconds; one tick is 1e-4
of a price unit, fine enough that rounding quotes to it costs less than 1e-8 of the value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from rlmm_tf.analytic_params import AnalyticMarketParams, RegimeParams
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import TypicalParams
from rlmm_tf.market_presets import large_tick, small_tick
from rlmm_tf.messages import did_you_mean, problem_lines, require_type
from rlmm_tf.params import (
    ActionParams,
    DelayParams,
    EnvParams,
    EpisodeParams,
    FeeParams,
    LatencyParams,
    LimitParams,
    ObservationParams,
    RewardParams,
)
from rlmm_tf.replay_params import ReplayMarketParams

TICK = 1e-4
MID_INITIAL_TICKS = 10_000_000
# Quotes reach as deep as one market order in a hundred does.
DEEPEST_FILL_SHARE = 0.01


def _regime(rate_hz: float, kappa: float, sigma: float, penalty_scale: float = 1.0) -> RegimeParams:
    return RegimeParams(
        market_sell_rate_hz=rate_hz,
        market_buy_rate_hz=rate_hz,
        fill_decay_per_tick=kappa * TICK,
        volatility_ticks=sigma / TICK,
        inventory_penalty_scale=penalty_scale,
    )


def _problem(
    market: AnalyticMarketParams,
    *,
    horizon_s: float,
    n_steps: int,
    cap_lots: int,
    reward: RewardParams,
    features: tuple[str, ...] = ("time_left", "inventory"),
    start_lots: int = 0,
    deepest: float | None = None,
) -> EnvParams:
    if deepest is None:
        shallowest_decay = min(regime.fill_decay_per_tick for regime in market.regimes)
        deepest = -math.log(DEEPEST_FILL_SHARE) / shallowest_decay * TICK
    return EnvParams(
        market=market,
        limits=LimitParams(inventory_cap_lots=cap_lots),
        episode=EpisodeParams(
            n_steps=n_steps,
            step_ns=round(horizon_s * NS_PER_S / n_steps),
            initial_inventory_min_lots=-start_lots,
            initial_inventory_max_lots=start_lots,
        ),
        action=ActionParams(
            offset_min_ticks=0,
            offset_max_ticks=round(deepest / TICK),
        ),
        observation=ObservationParams(features=features),
        reward=reward,
        tick_value=TICK,
    )


def _cartea_jaimungal(  # noqa: PLR0913 - one argument per symbol of the model
    *,
    horizon_s: float,
    rate_hz: float,
    kappa: float,
    phi: float,
    alpha: float,
    cap_lots: int,
    sigma: float,
    n_steps: int,
    start_lots: int = 0,
) -> EnvParams:
    """Cartea & Jaimungal: running penalty phi q^2, terminal penalty alpha q_T^2."""
    market = AnalyticMarketParams(
        regimes=(_regime(rate_hz, kappa, sigma),), mid_initial_ticks=MID_INITIAL_TICKS
    )
    reward = RewardParams(inventory_quadratic=phi, terminal_quadratic=alpha)
    return _problem(
        market,
        horizon_s=horizon_s,
        n_steps=n_steps,
        cap_lots=cap_lots,
        reward=reward,
        start_lots=start_lots,
    )


def _cara(risk_aversion: float, deepest: float) -> EnvParams:
    """Avellaneda & Stoikov's simulation: CARA utility of terminal wealth.

    `deepest` must reach as far as the optimum does at large inventories: an exponential utility
    of a Gaussian mid weighs even a one in 10^100 chance of ending there.
    """
    market = AnalyticMarketParams(
        regimes=(_regime(140.0, 1.5, 2.0),), mid_initial_ticks=MID_INITIAL_TICKS
    )
    reward = RewardParams(utility="cara", risk_aversion=risk_aversion)
    return _problem(market, horizon_s=1.0, n_steps=200, cap_lots=30, reward=reward, deepest=deepest)


def _two_regimes(*, observed: bool) -> EnvParams:
    """Calm and busy: the regime decides arrival rate, fill depth and the price of inventory."""
    market = AnalyticMarketParams(
        regimes=(_regime(10.0, 1.5, 0.1, 0.2), _regime(30.0, 0.6, 0.1, 2.0)),
        switch_rates_hz=((0.0, 0.5), (1.0, 0.0)),
        initial_regime_probabilities=(2.0 / 3.0, 1.0 / 3.0),  # the stationary law
        regime_observed=observed,
        mid_initial_ticks=MID_INITIAL_TICKS,
    )
    reward = RewardParams(inventory_quadratic=1.0, terminal_quadratic=0.01)
    regime = ("regime",) if observed else ("market_sells", "market_buys", "regime_probability")
    features = ("time_left", "inventory", *regime)
    return _problem(
        market, horizon_s=5.0, n_steps=500, cap_lots=15, reward=reward, features=features
    )


_MS_NS = 1_000_000


def _book(
    model: MarketModel,
    *,
    step_s: int,
    warmup_s: int,
    offset_max_ticks: int,
    lots_max: int,
    cap_lots: int,
    tick_value: float,
    round_lots: float,
) -> EnvParams:
    """About a hundred events a step, and the fees and rebates of US exchanges.

    A full inventory costs its value of (volatility in ticks)^2 ticks each second.
    """
    problem = _book_problem(
        BookMarketParams(
            model=model,
            mid_initial_ticks=100_000,
            warmup_ns=warmup_s * NS_PER_S,
            reaction_full_lots=round_lots,
        ),
        features=(
            "time_left", "inventory", "mid_return", "realised_volatility", "market_sells",
            "market_buys", "regime",
        ),
        inventory_quadratic=model.typical.volatility_ticks**2 * tick_value / cap_lots,
        lots=lots_max,
        cap_lots=cap_lots,
        tick_value=tick_value,
        step_s=step_s,
        offset_max_ticks=offset_max_ticks,
    )  # fmt: skip
    fees = FeeParams(maker_ticks_per_lot=-0.2, taker_ticks_per_lot=0.3)
    return problem.model_copy(update={"fees": fees})


# What anybody can see of a market with a book, and nothing that only its simulator knows.
SEEN = (
    "time_left", "inventory", "mid_return", "realised_volatility", "market_sells", "market_buys",
    "bid_fills", "ask_fills", "spread", "microprice", "imbalance", "order_flow", "bid_distance",
    "ask_distance", "trade_sign", "trade_volume", "activity",
)  # fmt: skip
# Holding one quote so long costs this share of the half-spread that it may earn.
HELD_S, HELD_SHARE = 60.0, 0.1
BUSY_HZ = 0.1  # market orders, from which on decisions are made every second


def usual_problem(
    market: BookMarketParams | ReplayMarketParams,
    typical: TypicalParams,
    *,
    lots: int,
    tick_value: float,
) -> EnvParams:
    """Ten minutes of a recorded market, simulated or replayed, with scales of its own.

    Decisions are made every second, in quiet markets every ten; quotes reach three spreads from the
    mid, or five ticks if that is more; the cap is ten quotes. What holding an inventory costs grows
    with its square.

    Args:
        market: a simulated one or a recording.
        typical: its typical values.
        lots: of a quote.
        tick_value: account currency per tick and lot.
    """
    half_spread = 0.5 * max(1, typical.spread_ticks) * tick_value
    return _book_problem(
        market,
        features=SEEN,
        inventory_quadratic=HELD_SHARE * half_spread / (lots * HELD_S),
        lots=lots,
        cap_lots=10 * lots,
        tick_value=tick_value,
        step_s=1 if 2.0 * typical.market_orders_hz >= BUSY_HZ else 10,
        offset_max_ticks=max(5, 3 * typical.spread_ticks),
    )


def _book_problem(
    market: BookMarketParams | ReplayMarketParams,
    *,
    features: tuple[str, ...],
    inventory_quadratic: float,
    lots: int,
    cap_lots: int,
    tick_value: float,
    step_s: int,
    offset_max_ticks: int,
) -> EnvParams:
    """Ten minutes for a colocated maker who pays no fees."""
    feed = DelayParams(median_ns=_MS_NS)
    entry = DelayParams(law="lognormal", median_ns=_MS_NS, log_sd=0.5)
    return EnvParams(
        market=market,
        latency=LatencyParams(feed=feed, entry=entry, response=feed),
        limits=LimitParams(inventory_cap_lots=cap_lots),
        episode=EpisodeParams(
            n_steps=600 // step_s, step_ns=step_s * NS_PER_S, horizon_ends="truncated"
        ),
        action=ActionParams(offset_min_ticks=0, offset_max_ticks=offset_max_ticks, lots_max=lots),
        observation=ObservationParams(features=features),
        reward=RewardParams(inventory_quadratic=inventory_quadratic),
        tick_value=tick_value,
    )


_P1: dict[str, Any] = {
    "horizon_s": 1, "rate_hz": 10, "kappa": 1, "phi": 0.5, "alpha": 0.001, "cap_lots": 20,
    "sigma": 0.1, "n_steps": 100,
}  # fmt: skip

PRESETS: dict[str, EnvParams] = {
    "P1": _cartea_jaimungal(**_P1),
    "P1-any-start": _cartea_jaimungal(**_P1, start_lots=4),  # inventory -4 ... 4, equally likely
    "P2": _cartea_jaimungal(
        horizon_s=1, rate_hz=140, kappa=1.5, phi=0.01, alpha=0.001, cap_lots=100, sigma=2,
        n_steps=1000,
    ),
    "P3": _cartea_jaimungal(
        horizon_s=1, rate_hz=100, kappa=1, phi=0.01, alpha=0.001, cap_lots=100, sigma=1,
        n_steps=1000,
    ),
    "P4": _cartea_jaimungal(
        horizon_s=1, rate_hz=50, kappa=2, phi=0.01, alpha=0.001, cap_lots=100, sigma=1.5,
        n_steps=1000,
    ),
    "P5": _cartea_jaimungal(
        horizon_s=2, rate_hz=50, kappa=2, phi=0.01, alpha=0.001, cap_lots=100, sigma=1.5,
        n_steps=2000,
    ),
    "P6": _cartea_jaimungal(
        horizon_s=1, rate_hz=140, kappa=1.5, phi=1, alpha=0.1, cap_lots=30, sigma=2, n_steps=1000
    ),
    "P7": _cartea_jaimungal(
        horizon_s=10, rate_hz=50, kappa=10, phi=0.05, alpha=0.01, cap_lots=3, sigma=1, n_steps=1000
    ),
    "R1": _two_regimes(observed=True),
    "R1-hidden": _two_regimes(observed=False),
    "CARA-0.01": _cara(0.01, 5.0),
    "CARA-0.1": _cara(0.1, 15.0),
    "CARA-0.5": _cara(0.5, 65.0),
    "book-large-tick": _book(  # 75 events/s; a lot is 100 shares, a tick one cent
        large_tick(), step_s=1, warmup_s=60, offset_max_ticks=5, lots_max=5, cap_lots=50,
        tick_value=1.0, round_lots=3.0,
    ),
    "book-small-tick": _book(  # 9 events/s; a lot is one share, a tick one cent
        small_tick(), step_s=10, warmup_s=300, offset_max_ticks=40, lots_max=100, cap_lots=1000,
        tick_value=0.01, round_lots=100.0,
    ),
}  # fmt: skip


def preset(name: str) -> EnvParams:
    """A preset by name; the error lists those there are."""
    require_type("preset", name, str, f"name one of {', '.join(PRESETS)}")
    try:
        return PRESETS[name]
    except KeyError:
        hint = did_you_mean(name, PRESETS)
        raise ValueError(
            f"preset: expected one of {', '.join(PRESETS)}, got {name!r}{hint}"
        ) from None


def resolve_params(
    params: str | EnvParams, overrides: Mapping[str, Any] | None = None
) -> EnvParams:
    """A preset's name or parameters, with some nested values replaced, checked as a whole.

    Raises:
        ValueError: some overrides do not fit; one line for each says where, what was expected and
            what was there.
    """
    base = preset(params) if isinstance(params, str) else params
    if not isinstance(base, EnvParams):
        raise TypeError(f"params: expected a preset's name or EnvParams, got {params!r}")
    if not overrides:
        return base
    if not isinstance(overrides, Mapping):
        raise TypeError(
            "overrides: expected nested values by name, such as {'action': {'sizes': True}}, "
            f"got {overrides!r}"
        )
    try:
        return EnvParams.model_validate(_merged(base.model_dump(), overrides))
    except ValidationError as error:
        lines = problem_lines(error, EnvParams)
    raise ValueError("\n".join(lines))


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in overrides.items():
        old = merged.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            # Another kind of market has other fields: nothing of the old one stays.
            anew = name == "market" and value.get("kind", old["kind"]) != old["kind"]
            merged[name] = value if anew else _merged(old, value)
        else:
            merged[name] = value
    return merged
