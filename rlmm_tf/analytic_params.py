"""The analytic market as parameters; rlmm_tf/params.py says what the units are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rlmm_tf.fields import (
    Items,
    NonNegative,
    Params,
    Positive,
    PriceTicks,
    Probability,
    Rate,
    SizeLots,
)
from rlmm_tf.regimes import REGIMES_MAX, require_regime_chain


class RegimeParams(Params):
    """One state of the market: who trades, how deep they reach, how much the mid price moves."""

    market_sell_rate_hz: Rate = Field(description="market sell orders per second; they hit bids")
    market_buy_rate_hz: Rate = Field(description="market buy orders per second; they lift asks")
    fill_decay_per_tick: Positive = Field(description="kappa of the fill law")
    volatility_ticks: NonNegative = Field(description="standard deviation of the mid over 1 s")
    inventory_penalty_scale: NonNegative = Field(
        default=1.0, description="multiplies the running inventory penalties in this regime"
    )


class AnalyticMarketParams(Params):
    """A market without a book: Poisson market orders, a fill law, a diffusing mid price.

    A market order that arrives while a quote stands `d` ticks from the mid (at the time of the
    decision) fills it with probability f(d): `exponential` f = min(1, exp(-kappa d)), or `power`
    f = (1 + kappa max(d, 0)) ** -fill_power. Arrivals come in continuous time, so one decision
    step can bring several fills; a quote is replenished after each.
    """

    kind: Literal["analytic"] = "analytic"
    regimes: Items[RegimeParams] = Field(min_length=1, max_length=REGIMES_MAX)
    switch_rates_hz: Items[Items[Rate]] = Field(
        default=((0.0,),), description="[i][j]: rate of jumping from regime i to j; zero diagonal"
    )
    initial_regime_probabilities: Items[Probability] = (1.0,)
    regime_observed: bool = True
    fill_law: Literal["exponential", "power"] = "exponential"
    fill_power: Positive = 1.0
    fill_cap: Annotated[float, Field(ge=1.0, le=1e6)] = Field(
        default=1.0,
        description="exponential law: fills arrive at arrival rate x min(fill_cap, exp(-kappa d)); "
        "above 1, a quote beyond the mid draws more orders than arrive at the mid",
    )
    fill_volatility_exponent: Annotated[float, Field(ge=-4.0, le=4.0)] = Field(
        default=0.0,
        description="kappa of a regime is divided by (its volatility / the reference) ** this",
    )
    volatility_reference_ticks: Positive = 1.0
    mid_initial_ticks: PriceTicks = 10_000_000
    mid_reversion_hz: Rate = Field(
        default=0.0, description="Ornstein-Uhlenbeck pull to the initial mid; 0 is Brownian"
    )
    jump_rate_hz: Rate = 0.0
    jump_ticks: NonNegative = Field(default=0.0, description="standard deviation of one jump")
    market_order_lots: SizeLots = 1
    taker_allowed: bool = Field(
        default=False,
        description="a quote at or beyond the other side's touch executes at once, at "
        "half_spread_ticks plus slippage from the mid: as many lots as its own price allows",
    )
    half_spread_ticks: Annotated[int, Field(ge=0, le=2**31)] = 0
    slippage_ticks_per_lot: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0

    @model_validator(mode="after")
    def _regimes_agree(self) -> Self:
        require_regime_chain(
            len(self.regimes), self.switch_rates_hz, self.initial_regime_probabilities
        )
        if self.fill_law == "power" and self.fill_cap != 1.0:
            raise ValueError(
                "fill_cap: expected 1 with the power law (its f never exceeds 1), "
                f"got {self.fill_cap!r}"
            )
        if self.fill_law == "exponential" and self.fill_power != 1.0:
            raise ValueError(
                f"fill_power: expected 1 with the exponential law, got {self.fill_power!r}; "
                "set fill_law='power' to use it"
            )
        for name in ("half_spread_ticks", "slippage_ticks_per_lot"):
            if not self.taker_allowed and getattr(self, name) != 0:
                raise ValueError(
                    f"{name}: expected 0 without takers, got {getattr(self, name)!r}; "
                    "set taker_allowed=true to use it"
                )
        if self.fill_volatility_exponent != 0.0 and any(
            r.volatility_ticks == 0.0 for r in self.regimes
        ):
            raise ValueError(
                "fill_volatility_exponent: expected every regime's volatility_ticks above 0 "
                "when the fill law depends on it, got a regime with 0"
            )
        return self

    @property
    def n_regimes(self) -> int:
        """Number of regimes."""
        return len(self.regimes)

    def events_per_step(self, step_s: float) -> Iterator[tuple[str, str, float]]:
        """Field, what happens, and how often in a step at most; computed as the engine does."""
        for regime in self.regimes:
            rate_hz = regime.market_sell_rate_hz + regime.market_buy_rate_hz
            yield "market.regimes", "orders x fill_cap", rate_hz * (self.fill_cap * step_s)
        yield "market.jump_rate_hz", "jumps", self.jump_rate_hz * step_s
        for rate_hz in chain(*self.switch_rates_hz):
            yield "market.switch_rates_hz", "switches", rate_hz * step_s
