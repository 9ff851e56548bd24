"""From an environment's parameters to the model that the exact solvers understand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rlmm_tf.agents.baselines import (
    ActionWriting,
    DepthRule,
    Depths,
    ObservationReading,
    Regimes,
)
from rlmm_tf.agents.exact.model import Floats, QuotingModel, require
from rlmm_tf.analytic_params import AnalyticMarketParams
from rlmm_tf.features import ObservationLayout
from rlmm_tf.params import EnvParams, FeeParams, LatencyParams


def quoting_model(params: EnvParams, *, textbook: bool = False) -> QuotingModel:
    """The quoting problem of an analytic market; a price unit is one unit of currency per lot.

    Args:
        params: refused, by field, where it has something the model has not.
        textbook: without the simulator's bounds: any depth, and fill rates that go on growing
            beyond the mid, as in the closed forms. Otherwise as the engine simulates it.
    """
    market, unit = _analytic(params), params.tick_value
    _require_solvable(params, market)
    regimes = market.regimes
    power = market.fill_law == "power"
    return QuotingModel(
        horizon_s=params.episode.horizon_s,
        sell_rate_hz=tuple(regime.market_sell_rate_hz for regime in regimes),
        buy_rate_hz=tuple(regime.market_buy_rate_hz for regime in regimes),
        fill_decay=tuple(
            regime.fill_decay_per_tick
            / unit
            * (regime.volatility_ticks / market.volatility_reference_ticks)
            ** -market.fill_volatility_exponent
            for regime in regimes
        ),
        volatility=tuple(regime.volatility_ticks * unit for regime in regimes),
        running_penalty=tuple(
            params.reward.inventory_quadratic * regime.inventory_penalty_scale for regime in regimes
        ),
        terminal_penalty=params.reward.terminal_quadratic,
        inventory_cap=params.limits.inventory_cap_lots,
        switch_rates_hz=market.switch_rates_hz,
        initial_regime_probabilities=market.initial_regime_probabilities,
        risk_aversion=params.reward.risk_aversion,
        fill_cap=math.inf if textbook else market.fill_cap,
        depth_min=-math.inf if textbook else params.action.offset_min_ticks * unit,
        fill_law=market.fill_law,
        fill_power=market.fill_power if power else None,
    )


_REMEDY = "the exact solvers do not cover it"


def _analytic(params: EnvParams) -> AnalyticMarketParams:
    if isinstance(params.market, AnalyticMarketParams):
        return params.market
    raise ValueError(f"market.kind: expected 'analytic', got {params.market.kind!r}; {_REMEDY}")


def _require_solvable(params: EnvParams, market: AnalyticMarketParams) -> None:
    """The exact model has unit quotes, penalties on inventory squared, and nothing else."""
    reward, remedy = params.reward, _REMEDY
    plain = {
        "market.market_order_lots": (market.market_order_lots, 1),
        "market.mid_reversion_hz": (market.mid_reversion_hz, 0.0),
        "market.taker_allowed": (market.taker_allowed, False),
        "fees": (params.fees, FeeParams()),
        "latency": (params.latency, LatencyParams()),
        "limits.loss_limit": (params.limits.loss_limit, None),
        "episode.horizon_ends": (params.episode.horizon_ends, "terminated"),
        "episode.liquidate_at_end": (params.episode.liquidate_at_end, False),
        "action.lots_max": (params.action.lots_max, 1),
        "reward.pnl": (reward.pnl, 1.0),
        "reward.spread_capture": (reward.spread_capture, 0.0),
        "reward.dampened_pnl": (reward.dampened_pnl, 0.0),
        "reward.inventory_linear": (reward.inventory_linear, 0.0),
        "reward.soft_limit": (reward.soft_limit, 0.0),
        "reward.crossing": (reward.crossing, 0.0),
        "reward.turnover": (reward.turnover, 0.0),
    }
    for name, (got, expected) in plain.items():
        require(got == expected, name, repr(expected), got, remedy)
    if reward.risk_aversion > 0.0:
        # The engine subtracts penalties from the utility; the model has them inside of it.
        inside = "0.0 with utility='cara'"
        require(
            market.jump_rate_hz == 0.0, "market.jump_rate_hz", inside, market.jump_rate_hz, remedy
        )
        for name in ("inventory_quadratic", "terminal_quadratic"):
            weight = getattr(reward, name)
            require(weight == 0.0, f"reward.{name}", inside, weight, remedy)


@dataclass(frozen=True)
class PlayedRule:
    """A rule as the action space lets it be played: depths clipped to the range of offsets."""

    rule: DepthRule
    offset_min: float
    offset_max: float

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """The rule's depths, clipped; "no quote" becomes the farthest offset."""
        bid, ask = self.rule.depths(time_left_s, inventory_lots, regime)
        return (
            np.clip(bid, self.offset_min, self.offset_max),
            np.clip(ask, self.offset_min, self.offset_max),
        )


def played_rule(rule: DepthRule, params: EnvParams) -> PlayedRule:
    """The rule as it comes out of the environment's actions."""
    unit = params.tick_value
    action = params.action
    return PlayedRule(rule, action.offset_min_ticks * unit, action.offset_max_ticks * unit)


def observation_reading(layout: ObservationLayout, n_regimes: int) -> ObservationReading:
    """Where a rule finds time, inventory and (if it is observed) regime in an observation."""
    one_hot = tuple(f"regime_{k}" for k in range(n_regimes))
    observed = all(name in layout.names for name in one_hot)
    return ObservationReading(
        time_left_column=layout.index("time_left"),
        time_left_scale_s=layout.scale("time_left"),
        inventory_column=layout.index("inventory"),
        inventory_scale_lots=layout.scale("inventory"),
        regime_columns=tuple(layout.index(name) for name in one_hot) if observed else (),
    )


def action_writing(params: EnvParams) -> ActionWriting:
    """How a rule's depths become the environment's (continuous) actions."""
    action, unit = params.action, params.tick_value
    require(action.kind == "continuous", "action.kind", "'continuous'", action.kind)
    return ActionWriting(
        offset_min=action.offset_min_ticks * unit,
        offset_max=action.offset_max_ticks * unit,
        n_actions=4 if action.sizes else 2,
    )
