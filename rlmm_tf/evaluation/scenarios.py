"""Named stress scenarios: what happens to a book market, how badly, and when.

A scenario begins after a fifth of the episode, so that every policy is in the middle of its work
(but for fees, which hold from its start), and has three severities. What it does is written down as
shocks of the market (`ShockParams`) and values of the problem that replace others; both can be read
in a run's configuration. Sizes are relative to the market's own typical spread and volatility: the
same name asks the same of a market with small ticks and of one with large ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.market_parts import GROUPS
from rlmm_tf.messages import did_you_mean
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params

START_SHARE = 0.2  # of the episode
LASTING_SHARE = 0.4
SEVERITIES = (1, 2, 3)

Shock = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What one severity of a scenario does to a problem."""

    shocks: Sequence[Shock] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)


class CannotStressError(ValueError):
    """This problem has nothing that the scenario could change."""


@dataclass(frozen=True)
class Scenario:
    """A name, a sentence, and what each severity makes of a problem."""

    name: str
    about: str
    changes: Callable[[Market, int], Change]
    severities: tuple[int, ...] = SEVERITIES

    def applied(self, params: EnvParams, severity: int) -> EnvParams:
        """The problem under stress.

        Raises:
            CannotStressError: the scenario does not fit the problem; says why.
        """
        market = Market.of(params)
        if severity not in self.severities:
            raise ValueError(f"severity: expected one of {self.severities}, got {severity!r}")
        change = self.changes(market, severity)
        try:
            changed = resolve_params(params, change.overrides)
            shocks = [*(shock.model_dump() for shock in market.book.shocks), *change.shocks]
            return resolve_params(changed, {"market": {"shocks": shocks}})
        except ValueError as error:
            raise CannotStressError(f"{self.name}: {error}") from None


@dataclass(frozen=True)
class Market:
    """What scenarios measure themselves by."""

    params: EnvParams
    book: BookMarketParams
    episode_ns: int

    @classmethod
    def of(cls, params: EnvParams) -> Market:
        """Of a problem with a book market; a recorded day or a formula cannot be shocked."""
        if not isinstance(params.market, BookMarketParams):
            raise CannotStressError(
                f"market.kind: expected book, got {params.market.kind}; a recording cannot be "
                "changed: calibrate a market to it and stress that"
            )
        return cls(params, params.market, params.episode.n_steps * params.episode.step_ns)

    @property
    def start_ns(self) -> int:
        """When scenarios begin: right after a decision, where that is at the same time."""
        return round(START_SHARE * self.episode_ns) + 1

    @property
    def move_ticks(self) -> float:
        """A usual move of the mid while a scenario lasts, and at least a spread."""
        typical = self.book.model.typical
        seconds = LASTING_SHARE * self.episode_ns / 1e9
        return max(typical.volatility_ticks * math.sqrt(seconds), float(typical.spread_ticks))

    def shock(
        self, kind: str, value: float = 1.0, *, lasting: float = LASTING_SHARE, **others: Any
    ) -> Shock:
        """From the start on, for a share of the episode."""
        lasting_ns = 0 if kind == "price_jump" else max(1, round(lasting * self.episode_ns))
        return {
            "kind": kind, "start_ns": self.start_ns, "duration_ns": lasting_ns, "value": value,
            **others,
        }  # fmt: skip

    def intensity(
        self, *, markets: float = 1.0, limits: float = 1.0, cancels: float = 1.0
    ) -> Shock:
        """Multiplies what arrives by itself, by kind of event."""
        by_kind = (markets, markets, limits, limits, cancels, cancels)
        assert len(by_kind) == len(GROUPS)
        return self.shock("intensity", by_group=by_kind)


_NEWS = (1, -1, -1, 1, 1, -1, 1, -1)  # signs that add up to nothing


def _pick(severity: int, *values: float) -> float:
    return values[severity - 1]


def _volatility_spike(market: Market, severity: int) -> Change:
    """More of everything, market orders first, and news this way and that."""
    factor = _pick(severity, 2.0, 4.0, 8.0)
    shocks = [market.intensity(markets=factor, cancels=factor**0.5, limits=factor**0.5)]
    model = market.book.model
    if model.informed.volatility_ticks > 0.0:
        window_ns = round(LASTING_SHARE * market.episode_ns / len(_NEWS))
        seconds = window_ns / 1e9
        speed = factor / 2.0 * model.typical.volatility_ticks / math.sqrt(seconds)
        shocks += [
            market.shock("drift", sign * speed)
            | {"start_ns": market.start_ns + i * window_ns, "duration_ns": window_ns}
            for i, sign in enumerate(_NEWS)
        ]
    return Change(shocks)


def _liquidity_drought(market: Market, severity: int) -> Change:
    share = _pick(severity, 0.6, 0.35, 0.15)
    return Change([market.intensity(limits=share), market.shock("limit_sizes", share)])


def _latency_shock(market: Market, severity: int) -> Change:
    return Change([market.shock("latency", _pick(severity, 5.0, 25.0, 100.0))])


def _spread_widening(market: Market, severity: int) -> Change:
    """Those who are there leave, and few come back to the touch."""
    factor = _pick(severity, 4.0, 16.0, 64.0)
    return Change([market.intensity(cancels=factor, limits=1.0 / factor)])


def _flash_crash(market: Market, severity: int) -> Change:
    fall = -max(1, round(_pick(severity, 1.0, 3.0, 6.0) * market.move_ticks))
    back = market.shock("price_jump", float(-fall)) | {
        "start_ns": market.start_ns + round(0.1 * market.episode_ns)
    }
    return Change([market.shock("price_jump", float(fall)), back])


def _informed_flow(market: Market, severity: int) -> Change:
    """The hidden price drifts away: flow on one side that knows where prices go."""
    seconds = LASTING_SHARE * market.episode_ns / 1e9
    speed = -_pick(severity, 1.0, 2.0, 4.0) * market.move_ticks / seconds
    return Change([market.shock("drift", speed)])


def _fee_change(market: Market, severity: int) -> Change:
    """Makers lose their rebate and pay, a share of the typical spread, in the whole episode."""
    fees = market.params.fees
    more = _pick(severity, 0.1, 0.2, 0.4) * market.book.model.typical.spread_ticks
    return Change(
        overrides={
            "fees": {
                "maker_ticks_per_lot": fees.maker_ticks_per_lot + more,
                "taker_ticks_per_lot": fees.taker_ticks_per_lot + more,
            }
        }
    )


def _regime_flip(market: Market, severity: int) -> Change:
    model = market.book.model
    if model.n_regimes < 2:
        raise CannotStressError("regime_flip: expected a market with regimes, got one regime")
    wildness = model.regime_volatility_factor or tuple(
        float(sum(group.regime_factor[k] if group.regime_factor else 1.0 for group in model.groups))
        for k in range(model.n_regimes)
    )
    wildest = max(range(model.n_regimes), key=lambda k: wildness[k])
    return Change([market.shock("regime", float(wildest), lasting=_pick(severity, 0.2, 0.4, 0.8))])


def _feed_outage(market: Market, severity: int) -> Change:
    return Change([market.shock("feed_outage", lasting=_pick(severity, 0.05, 0.15, 0.4))])


def _trading_halt(market: Market, severity: int) -> Change:
    """News comes while nothing trades: the price is another one when trading resumes."""
    news = -max(1, round(_pick(severity, 0.5, 1.0, 2.0) * market.move_ticks))
    return Change(
        [
            market.shock("halt", lasting=_pick(severity, 0.05, 0.15, 0.4)),
            market.shock("price_jump", float(news)),
        ]
    )


def _fat_finger(market: Market, severity: int) -> Change:
    """For a twentieth of the episode market orders are far too large."""
    return Change([market.shock("market_sizes", _pick(severity, 5.0, 20.0, 100.0), lasting=0.05)])


def _perfect_storm(market: Market, severity: int) -> Change:
    """Busy, thin, slow and one-sided at once, as in a crisis."""
    factor = _pick(severity, 1.5, 2.5, 4.0)
    shocks = [
        market.intensity(markets=factor, limits=1.0 / factor, cancels=factor**0.5),
        market.shock("limit_sizes", 1.0 / factor),
        *_latency_shock(market, severity).shocks,
    ]
    if market.book.model.informed.volatility_ticks > 0.0:
        shocks += _informed_flow(market, severity).shocks
    return Change(shocks)


_ALL = (
    Scenario(
        "volatility_spike",
        "market orders come 2, 4, 8 times as often, the rest by the square root of that, and news "
        "drives the price this way and that",
        _volatility_spike,
    ),
    Scenario(
        "liquidity_drought",
        "limit orders fall to 60, 35, 15 % in number and in size",
        _liquidity_drought,
    ),
    Scenario(
        "latency_shock", "feed, entry and response take 5, 25, 100 times as long", _latency_shock
    ),
    Scenario(
        "spread_widening",
        "orders go 4, 16, 64 times as fast and come as many times as seldom",
        _spread_widening,
    ),
    Scenario(
        "flash_crash",
        "the price falls by 1, 3, 6 usual moves and is back a tenth of the episode later",
        _flash_crash,
    ),
    Scenario(
        "informed_flow",
        "the hidden price falls by 1, 2, 4 usual moves, and flow follows it",
        _informed_flow,
    ),
    Scenario(
        "fee_change",
        "fees rise by 10, 20, 40 % of the typical spread, from the start of the episode",
        _fee_change,
    ),
    Scenario(
        "regime_flip", "the wildest regime holds for 20, 40, 80 % of the episode", _regime_flip
    ),
    Scenario(
        "feed_outage", "nothing is seen or heard for 5, 15, 40 % of the episode", _feed_outage
    ),
    Scenario(
        "trading_halt",
        "a halt of 5, 15, 40 % of the episode ends at a price 0.5, 1, 2 usual moves lower",
        _trading_halt,
    ),
    Scenario(
        "fat_finger",
        "for a twentieth of the episode market orders are 5, 20, 100 times as large",
        _fat_finger,
    ),
    Scenario("perfect_storm", "busier, thinner, slower and one-sided at once", _perfect_storm),
)

SCENARIOS: Mapping[str, Scenario] = {one.name: one for one in _ALL}


def scenario(name: str, known: Mapping[str, Scenario] = SCENARIOS) -> Scenario:
    """By name; the error lists those there are."""
    try:
        return known[name]
    except KeyError:
        hint = did_you_mean(name, known)
        raise ValueError(
            f"scenario: expected one of {', '.join(known)}, got {name!r}{hint}"
        ) from None


def own_scenario(
    name: str, about: str, shocks: Sequence[Shock], overrides: Mapping[str, Any]
) -> Scenario:
    """A user's: the shocks as they are, in one severity."""
    return Scenario(name, about, lambda market, severity: Change(shocks, overrides), (1,))


def setting_name(scenario_name: str, severity: int) -> str:
    """What episodes under stress are called in a table."""
    return f"{scenario_name}:{severity}"
