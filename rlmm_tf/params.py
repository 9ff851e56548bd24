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
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from rlmm_tf.analytic_params import AnalyticMarketParams
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.fields import (
    HORIZON_NS_MAX,
    NS_PER_S,
    Items,
    OffsetTicks,
    Params,
    Positive,
    SizeLots,
    Weight,
)
from rlmm_tf.replay_params import ReplayMarketParams

STEP_EVENTS_MAX = 1_000_000  # nothing else bounds the engine's loop over a step's events


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
            if self.median_ns != 0:
                raise ValueError(
                    "median_ns: expected 0 with the empirical law, which has its quantiles, got "
                    f"{self.median_ns}; leave it out, or set law='constant'"
                )
        elif self.quantiles_ns:
            raise ValueError(
                f"quantiles_ns: expected none with the {self.law} law, got {len(self.quantiles_ns)}"
            )
        if self.law != "lognormal" and self.log_sd != 0.0:
            raise ValueError(
                f"log_sd: expected 0 with the {self.law} law, got {self.log_sd!r}; "
                "set law='lognormal' to use it"
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
    messages_hz: Annotated[float, Field(ge=0.01, le=1e6)] | None = Field(
        default=None, description="book markets: sent at most, a second's worth at once"
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
    liquidate_at_end: bool = Field(
        default=False, description="book markets: the last position is traded away at the horizon"
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
    levels: Annotated[int, Field(ge=1, le=32)] = Field(
        default=10, description="of the features with one column per level of the book"
    )
    horizons_steps: Items[Annotated[int, Field(ge=1, le=1024)]] = Field(
        default=(1, 4, 16, 64),
        min_length=1,
        max_length=8,
        description="of the features with one column per horizon; rising",
    )

    @model_validator(mode="after")
    def _lists_are_in_order(self) -> Self:
        repeated = sorted({f for f in self.features if self.features.count(f) > 1})
        if repeated:
            raise ValueError(f"features: expected each name once, got {repeated} more than once")
        fall = next((f"{a} before {b}" for a, b in pairwise(self.horizons_steps) if a >= b), None)
        if fall is not None:
            raise ValueError(f"horizons_steps: expected rising values, got {fall}")
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


def kind(market: Any) -> str:
    """Which kind of market it is. Without a word it is the one that there was at first."""
    named = market.get("kind") if isinstance(market, Mapping) else getattr(market, "kind", None)
    return "analytic" if named is None else str(named)


class EnvParams(Params):
    """One market-making problem: market, agent side, episode, action, observation, reward."""

    market: Annotated[
        Annotated[AnalyticMarketParams, Tag("analytic")]
        | Annotated[BookMarketParams, Tag("book")]
        | Annotated[ReplayMarketParams, Tag("replay")],
        Discriminator(kind),
    ]
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
        if self.market.kind == "analytic":
            self._require_no_book_settings()
        if self.market.kind == "book":
            self._require_shocks_to_act()
        mid = self.market.mid_initial_ticks
        if mid is not None and self.action.offset_max_ticks >= mid:
            raise ValueError(
                f"action.offset_max_ticks: expected below market.mid_initial_ticks={mid} "
                f"(a bid needs a positive price), got {self.action.offset_max_ticks}"
            )
        if mid is not None and self.action.offset_min_ticks <= -mid:
            raise ValueError(
                f"action.offset_min_ticks: expected above minus market.mid_initial_ticks={mid} "
                f"(an ask needs a positive price), got {self.action.offset_min_ticks}"
            )
        for field, what, n_events in self.market.events_per_step(start.step_ns / NS_PER_S):
            if n_events > STEP_EVENTS_MAX:
                raise ValueError(
                    f"{field}: expected at most {STEP_EVENTS_MAX} {what} in a step of "
                    f"episode.step_ns={start.step_ns}, got {n_events:.15g}; shorten the step or "
                    "lower the rates"
                )
        return self

    def _require_no_book_settings(self) -> None:
        """What only a market with a book can do must not be asked of one without."""
        without = "with an analytic market, which has no book"
        if self.episode.liquidate_at_end:
            raise ValueError(
                f"episode.liquidate_at_end: expected false {without}, got true; "
                "use reward.terminal_quadratic"
            )
        if self.limits.messages_hz is not None:
            raise ValueError(
                f"limits.messages_hz: expected none {without}, got {self.limits.messages_hz!r}; "
                "leave it out"
            )

    def _require_shocks_to_act(self) -> None:
        """A shock that multiplies nothing would be taken for one that the agent has stood."""
        assert isinstance(self.market, BookMarketParams)
        lines = (self.latency.feed, self.latency.entry, self.latency.response)
        delays = any(line.median_ns > 0 or any(line.quantiles_ns) for line in lines)
        charges = any(value > 0 for _, value in self.fees)
        for i, shock in enumerate(self.market.shocks):
            if shock.kind == "latency" and not delays:
                raise ValueError(
                    f"market.shocks[{i}].kind: expected no latency shock without a delay, got "
                    "'latency'; set latency.feed, latency.entry or latency.response above 0"
                )
            if shock.kind == "fees" and not charges:
                raise ValueError(
                    f"market.shocks[{i}].kind: expected no fees shock without a fee above 0, got "
                    "'fees'; set one, for rebates are not multiplied"
                )

    def content_hash(self) -> str:
        """sha256 of the canonical JSON of all values: the identity of the problem."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
