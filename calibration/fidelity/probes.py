"""Strategies that must not pay: a market in which they do is no market.

Each is played in many markets at once, without fees. None may gain: that would be money for sending
orders that nobody wants, for moving the price up and down, or for standing where others would have
been run over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.fidelity.played import Floats, PlayedMarkets, Sight, wealth_ticks
from rlmm_tf.market_model import MarketModel

EPISODES = 1000
STEPS = 200
EVENTS_PER_STEP = 20.0
STEP_S_LEAST = 0.1
QUANTILE_99 = 2.3263478740408408  # one-sided
HELD_MOST = 5  # units of inventory, of the strategies that wait to be filled

Quotes = tuple[Floats, Floats]
Strategy = Callable[[Sight, float, float], Quotes]
"""From what is seen, the unit of size and how far a crossing order reaches: offsets and lots."""


@dataclass(frozen=True)
class Probe:
    """What a strategy gains in an episode, in ticks per unit of its size."""

    name: str
    mean: float
    standard_error: float
    episodes: int

    @property
    def pays(self) -> bool:
        """At 99 %."""
        return self.mean > QUANTILE_99 * self.standard_error


def run_probes(
    model: MarketModel,
    *,
    unit_lots: int,
    events_per_s: float,
    seed: int,
    episodes: int = EPISODES,
    n_steps: int = STEPS,
) -> tuple[Probe, ...]:
    """All strategies in the model's market.

    Args:
        model: the market.
        unit_lots: a usual size.
        events_per_s: of the flow.
        seed: names every random number.
        episodes: markets.
        n_steps: decisions in each.
    """
    step_s = max(STEP_S_LEAST, EVENTS_PER_STEP / max(events_per_s, 1e-9))
    found = []
    for name, strategy in STRATEGIES.items():
        markets = PlayedMarkets(model, episodes, step_s=step_s, n_steps=n_steps, seed=seed)
        sight, reach = markets.sight, float(markets.reach_ticks)
        for _ in range(n_steps):
            sight = markets.step(*strategy(sight, float(unit_lots), reach))
        gains = wealth_ticks(sight) / unit_lots
        error = float(gains.std(ddof=1)) / np.sqrt(episodes)
        found.append(Probe(name, float(gains.mean()), float(error), episodes))
    return tuple(found)


def _both(bid: ArrayLike, ask: ArrayLike, n: int) -> Floats:
    sides = [np.broadcast_to(np.asarray(side, np.float64), n) for side in (bid, ask)]
    return np.stack(sides, axis=1)


def _room(sight: Sight, unit: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether he may still buy, and sell."""
    held = sight.inventory_lots
    return held < HELD_MOST * unit, held > -HELD_MOST * unit


def spam_and_cancel(sight: Sight, unit: float, reach: float) -> Quotes:
    """Large quotes right behind the touch that are gone at the next step."""
    n, half = len(sight.mid_ticks), sight.spread_ticks / 2.0
    lots = 10.0 * unit * (sight.step % 2)
    return _both(half + 1.0, half + 1.0, n), _both(lots, lots, n)


def layering(sight: Sight, unit: float, reach: float) -> Quotes:
    """A large bid behind the touch lures buyers into a small offer at it; then the other way."""
    n, half = len(sight.mid_ticks), sight.spread_ticks / 2.0
    buying = sight.step // 10 % 2 == 1
    may_buy, may_sell = _room(sight, unit)
    small, large = half, half + 1.0
    if buying:
        return _both(small, large, n), _both(unit * may_buy, 10.0 * unit * may_sell, n)
    return _both(large, small, n), _both(10.0 * unit * may_buy, unit * may_sell, n)


def ping_pong(sight: Sight, unit: float, reach: float) -> Quotes:
    """Market orders up and down."""
    n, buys = len(sight.mid_ticks), sight.step % 2 == 0
    return _both(-reach, -reach, n), _both(unit * buys, unit * (not buys), n)


def join_and_race(sight: Sight, unit: float, reach: float) -> Quotes:
    """Joins the side that is heavy, and leaves as soon as it is not."""
    n, half = len(sight.mid_ticks), sight.spread_ticks / 2.0
    may_buy, may_sell = _room(sight, unit)
    bid, ask = (sight.imbalance > 0.0) & may_buy, (sight.imbalance < 0.0) & may_sell
    return _both(half, half, n), _both(unit * bid, unit * ask, n)


def momentum_ignition(sight: Sight, unit: float, reach: float) -> Quotes:
    """Ten market buys, a pause in which others may follow, ten sells; again and again."""
    n, phase = len(sight.mid_ticks), sight.step % 30
    buys, sells = phase < 10, phase >= 20
    return _both(-reach, -reach, n), _both(unit * buys, unit * sells, n)


def no_spread(sight: Sight, unit: float, reach: float) -> Quotes:
    """Bid and offer next to the mid, whatever the spread."""
    n = len(sight.mid_ticks)
    may_buy, may_sell = _room(sight, unit)
    return _both(0.5, 0.5, n), _both(unit * may_buy, unit * may_sell, n)


STRATEGIES: dict[str, Strategy] = {
    "spam and cancel": spam_and_cancel,
    "layering": layering,
    "ping-pong of market orders": ping_pong,
    "join and race": join_and_race,
    "momentum ignition": momentum_ignition,
    "no spread": no_spread,
}
