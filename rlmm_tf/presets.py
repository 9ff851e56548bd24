"""Named market-making problems whose optimum is known exactly.

Numbers are given as the literature gives them, in price units and seconds; one tick is 1e-4 of a
price unit, fine enough that rounding quotes to it costs less than 1e-8 of the value.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

from rlmm_tf.params import (
    NS_PER_S,
    ActionParams,
    AnalyticMarketParams,
    EnvParams,
    EpisodeParams,
    LimitParams,
    ObservationParams,
    RegimeParams,
    RewardParams,
)

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
}  # fmt: skip


def preset(name: str) -> EnvParams:
    """A preset by name; the error lists those there are."""
    try:
        return PRESETS[name]
    except KeyError:
        folded = {known.casefold(): known for known in PRESETS}
        close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
        hint = f"; did you mean {folded[close[0]]!r}?" if close else ""
        raise ValueError(
            f"preset: expected one of {', '.join(PRESETS)}, got {name!r}{hint}"
        ) from None


def resolve_params(
    params: str | EnvParams, overrides: Mapping[str, Any] | None = None
) -> EnvParams:
    """A preset's name or parameters, with some nested values replaced, checked as a whole."""
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
    return EnvParams.model_validate(_merged(base.model_dump(), overrides))


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in overrides.items():
        old = merged.get(name)
        both_nested = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(old, value) if both_nested else value  # type: ignore[arg-type]
    return merged
