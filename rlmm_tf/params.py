"""Everything that defines one market-making problem, as frozen, validated values.

The C++ engine has a struct of the same name and the same fields for every class here (a test holds
the two field sets equal); `rlmm_tf.env.engine_params` carries one over to the other.

Units: prices in ticks, sizes in lots, time in nanoseconds (`_ns`) or seconds (`_s`), rates per
second (`_hz`). One tick times one lot is worth `EnvParams.tick_value` units of account currency;
rewards and penalties are in that currency. A float without a unit in its name is dimensionless.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rlmm_tf.fields import (
    Items,
    NonNegative,
    OffsetTicks,
    Params,
    Positive,
    PriceTicks,
    Probability,
    Rate,
    SizeLots,
    Weight,
)

NS_PER_S = 1_000_000_000
HORIZON_NS_MAX = 2**53  # simulated time is exact in a float64 column
STEP_EVENTS_MAX = 1_000_000  # nothing else bounds the engine's loop over a step's events


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

    regimes: Items[RegimeParams] = Field(min_length=1, max_length=8)
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
        k = len(self.regimes)
        if len(self.switch_rates_hz) != k or any(len(row) != k for row in self.switch_rates_hz):
            shape = [len(row) for row in self.switch_rates_hz]
            raise ValueError(
                f"switch_rates_hz: expected a {k} x {k} table (one row per regime), "
                f"got rows of lengths {shape}"
            )
        diagonal = [self.switch_rates_hz[i][i] for i in range(k)]
        if any(diagonal):
            raise ValueError(
                "switch_rates_hz: expected a zero diagonal (a regime never jumps to itself), "
                f"got {diagonal}"
            )
        if len(self.initial_regime_probabilities) != k:
            raise ValueError(
                f"initial_regime_probabilities: expected {k} numbers (one per regime), "
                f"got {len(self.initial_regime_probabilities)}"
            )
        total = math.fsum(self.initial_regime_probabilities)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"initial_regime_probabilities: expected a sum of 1, got {total!r}")
        if self.fill_law == "power" and self.fill_cap != 1.0:
            raise ValueError(
                "fill_cap: expected 1 with the power law (its f never exceeds 1), "
                f"got {self.fill_cap!r}"
            )
        if self.fill_volatility_exponent != 0.0 and any(
            r.volatility_ticks == 0.0 for r in self.regimes
        ):
            raise ValueError(
                "fill_volatility_exponent: expected every regime's volatility_ticks above 0 "
                "when the fill law depends on it, got a regime with 0"
            )
        return self


class FeeParams(Params):
    """What a fill costs. Negative is a rebate. Both kinds add up."""

    maker_bps: Annotated[float, Field(ge=-1000, le=1000)] = 0.0
    taker_bps: Annotated[float, Field(ge=-1000, le=1000)] = 0.0
    maker_ticks_per_lot: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    taker_ticks_per_lot: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0


class DelayParams(Params):
    """One latency: constant, log-normal (median and log-sd) or empirical (quantiles)."""

    law: Literal["constant", "lognormal", "empirical"] = "constant"
    median_ns: Annotated[int, Field(ge=0, le=3600 * NS_PER_S)] = Field(
        default=0, description="the constant, or the median of the log-normal"
    )
    log_sd: Annotated[float, Field(ge=0.0, le=5.0)] = 0.0
    quantiles_ns: Items[Annotated[int, Field(ge=0, le=3600 * NS_PER_S)]] = Field(
        default=(), description="empirical: values at equally spaced probabilities from 0 to 1"
    )

    @model_validator(mode="after")
    def _law_has_its_numbers(self) -> Self:
        if self.law == "empirical":
            if len(self.quantiles_ns) < 2:
                raise ValueError(
                    "quantiles_ns: expected at least 2 values with the empirical law, "
                    f"got {len(self.quantiles_ns)}"
                )
            if list(self.quantiles_ns) != sorted(self.quantiles_ns):
                raise ValueError(
                    "quantiles_ns: expected values in rising order, got "
                    + next(f"{a} before {b}" for a, b in pairwise(self.quantiles_ns) if a > b)
                )
        elif self.quantiles_ns:
            raise ValueError(
                f"quantiles_ns: expected none with the {self.law} law, got {len(self.quantiles_ns)}"
            )
        if self.law == "lognormal" and self.median_ns == 0:
            raise ValueError("median_ns: expected above 0 with the lognormal law, got 0")
        if self.law == "lognormal":
            # The engine cuts a delay at 24 h; 8 standard deviations are passed once in 10^15 draws.
            log_sd_most = math.log(24 * 3600 * NS_PER_S / self.median_ns) / 8
            if self.log_sd > log_sd_most:
                raise ValueError(
                    f"log_sd: expected at most {log_sd_most!r} with median_ns={self.median_ns}, "
                    f"so that 8 standard deviations end within 24 h, got {self.log_sd!r}"
                )
        return self


class LatencyParams(Params):
    """The three delays between market and agent.

    `feed`: market to agent (what is observed is this old). `entry`: a decision's messages to the
    market. `response`: the market's word about the agent's own fills back to the agent.
    """

    feed: DelayParams = DelayParams()
    entry: DelayParams = DelayParams()
    response: DelayParams = DelayParams()


class LimitParams(Params):
    """What the agent may hold and lose."""

    inventory_cap_lots: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        default=20, description="fills that would pass it are cut to it"
    )
    loss_limit: Positive | None = Field(
        default=None, description="account currency; a larger loss since the start terminates"
    )


class EpisodeParams(Params):
    """How long an episode is and how it starts and ends."""

    n_steps: Annotated[int, Field(ge=1, le=100_000_000)] = 100
    step_ns: Annotated[int, Field(ge=1, le=24 * 3600 * NS_PER_S)] = 10_000_000
    initial_inventory_min_lots: Annotated[int, Field(ge=-(10**9), le=10**9)] = 0
    initial_inventory_max_lots: Annotated[int, Field(ge=-(10**9), le=10**9)] = 0
    horizon_ends: Literal["terminated", "truncated"] = Field(
        default="terminated",
        description="terminated: the problem ends there (a finite horizon, with its terminal "
        "penalty); truncated: only the recording of it does (bootstrap from final_obs)",
    )

    @model_validator(mode="after")
    def _start_range_is_ordered(self) -> Self:
        if self.n_steps * self.step_ns > HORIZON_NS_MAX:
            raise ValueError(
                f"n_steps: expected n_steps x step_ns of at most {HORIZON_NS_MAX} ns (104 days), "
                f"got {self.n_steps * self.step_ns}"
            )
        low, high = self.initial_inventory_min_lots, self.initial_inventory_max_lots
        if low > high:
            raise ValueError(
                f"initial_inventory_min_lots: expected at most initial_inventory_max_lots={high}, "
                f"got {low}"
            )
        return self

    @property
    def horizon_s(self) -> float:
        """Length of an episode in seconds."""
        return self.n_steps * self.step_ns / NS_PER_S


class ActionParams(Params):
    """How an action becomes a pair of quotes.

    `continuous`: float32 in [-1, 1]: bid offset, ask offset and, with `sizes`, bid and ask size;
    -1 is the lower end of the range, +1 the upper. `discrete`: one integer that counts the grid of
    (bid, ask) offsets, bid outermost. `multidiscrete`: two integers, or four with `sizes`.
    An offset is a distance from the mid price, positive outward.
    """

    kind: Literal["continuous", "discrete", "multidiscrete"] = "continuous"
    offset_min_ticks: OffsetTicks = 0
    offset_max_ticks: OffsetTicks = 100
    offset_choices: Annotated[int, Field(ge=2, le=1024)] = Field(
        default=11, description="grid points per side of the (multi)discrete kinds"
    )
    withdraw_choice: bool = Field(
        default=False, description="(multi)discrete: one more choice per side, no quote"
    )
    sizes: bool = Field(default=False, description="the action also sets the two sizes")
    lots_min: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    lots_max: SizeLots = 1

    @model_validator(mode="after")
    def _ranges_are_ordered(self) -> Self:
        if self.offset_min_ticks >= self.offset_max_ticks:
            raise ValueError(
                f"offset_min_ticks: expected below offset_max_ticks={self.offset_max_ticks}, "
                f"got {self.offset_min_ticks}"
            )
        if self.lots_min > self.lots_max:
            raise ValueError(
                f"lots_min: expected at most lots_max={self.lots_max}, got {self.lots_min}"
            )
        if self.sizes and self.kind == "discrete":
            raise ValueError(
                "sizes: expected false with the discrete kind, got true (use multidiscrete)"
            )
        if self.withdraw_choice and self.kind == "continuous":
            raise ValueError(
                "withdraw_choice: expected false with the continuous kind "
                "(set sizes=true and lots_min=0 to let it withdraw), got true"
            )
        return self


class ObservationParams(Params):
    """Which features are observed, in this order; names as in `rlmm_tf.features.FEATURES`."""

    features: Items[str] = Field(default=("time_left", "inventory"), min_length=1)
    clip: Annotated[float, Field(ge=1.0, le=1e6)] = Field(
        default=10.0, description="normalised values are clipped to +-this (clips are counted)"
    )

    @model_validator(mode="after")
    def _features_are_distinct(self) -> Self:
        repeated = sorted({f for f in self.features if self.features.count(f) > 1})
        if repeated:
            raise ValueError(f"features: expected each name once, got {repeated} more than once")
        return self


class RewardParams(Params):
    """reward = sum of weight x term; every term is a column of its own (before its weight).

    With `utility="cara"` the pnl term is the step's change of -exp(-risk_aversion * wealth) /
    risk_aversion, so that an episode adds up to the utility of its wealth; the other terms stay.
    """

    utility: Literal["linear", "cara"] = "linear"
    risk_aversion: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    pnl: Weight = Field(default=1.0, description="change of wealth marked to the mid")
    spread_capture: Weight = Field(default=0.0, description="distance of fills from the mid")
    dampened_pnl: Weight = Field(
        default=0.0, description="pnl less `dampening` x the inventory's gain when that is positive"
    )
    dampening: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    inventory_quadratic: Weight = Field(
        default=0.0, description="penalty: integral of inventory^2 dt (lots^2 s)"
    )
    inventory_linear: Weight = Field(
        default=0.0, description="penalty: integral of |inventory| dt (lots s)"
    )
    soft_limit: Weight = Field(
        default=0.0, description="penalty: integral of max(0, |inventory| - soft_limit_lots)^2 dt"
    )
    soft_limit_lots: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    terminal_quadratic: Weight = Field(
        default=0.0, description="penalty: inventory^2 when the episode terminates (lots^2)"
    )
    crossing: Weight = Field(default=0.0, description="penalty: lots executed as a taker")
    turnover: Weight = Field(default=0.0, description="penalty: lots executed at all")

    @model_validator(mode="after")
    def _cara_has_its_number(self) -> Self:
        if self.utility == "cara" and self.risk_aversion <= 0.0:
            raise ValueError(
                f"risk_aversion: expected above 0 with utility='cara', got {self.risk_aversion!r}"
            )
        if self.utility == "linear" and self.risk_aversion != 0.0:
            raise ValueError(
                "risk_aversion: expected 0 with utility='linear' (set utility='cara' to use it), "
                f"got {self.risk_aversion!r}"
            )
        return self


class EnvParams(Params):
    """One market-making problem: market, agent side, episode, action, observation, reward."""

    market: AnalyticMarketParams
    fees: FeeParams = FeeParams()
    latency: LatencyParams = LatencyParams()
    limits: LimitParams = LimitParams()
    episode: EpisodeParams = EpisodeParams()
    action: ActionParams = ActionParams()
    observation: ObservationParams = ObservationParams()
    reward: RewardParams = RewardParams()
    tick_value: Positive = Field(
        default=1.0, description="account currency per tick and lot (tick size x lot size)"
    )

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        cap = self.limits.inventory_cap_lots
        start = self.episode
        worst = max(abs(start.initial_inventory_min_lots), abs(start.initial_inventory_max_lots))
        if worst > cap:
            raise ValueError(
                f"episode.initial_inventory_*_lots: expected within limits.inventory_cap_lots="
                f"{cap}, got up to {worst}"
            )
        deepest = max(abs(self.action.offset_min_ticks), abs(self.action.offset_max_ticks))
        if deepest >= self.market.mid_initial_ticks:
            raise ValueError(
                f"action.offset_max_ticks: expected below market.mid_initial_ticks="
                f"{self.market.mid_initial_ticks} (a bid needs a positive price), got {deepest}"
            )
        for field, what, n_events in self._events_per_step():
            if n_events > STEP_EVENTS_MAX:
                raise ValueError(
                    f"{field}: expected at most {STEP_EVENTS_MAX} {what} in a step of "
                    f"episode.step_ns={start.step_ns}, got {n_events:.15g}; shorten the step or "
                    "lower the rates"
                )
        return self

    def _events_per_step(self) -> Iterator[tuple[str, str, float]]:
        """Field, what happens, and how often in a step at most; computed as the engine does."""
        market, step_s = self.market, self.episode.step_ns / NS_PER_S
        for regime in market.regimes:
            rate_hz = regime.market_sell_rate_hz + regime.market_buy_rate_hz
            yield "market.regimes", "orders x fill_cap", rate_hz * (market.fill_cap * step_s)
        yield "market.jump_rate_hz", "jumps", market.jump_rate_hz * step_s
        for rate_hz in chain(*market.switch_rates_hz):
            yield "market.switch_rates_hz", "switches", rate_hz * step_s

    def content_hash(self) -> str:
        """sha256 of the canonical JSON of all values: the identity of the problem."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
