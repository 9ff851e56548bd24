"""A book market as an environment: its model, how it starts and takes the agent in, its shocks.

The C++ engine has structs of the same names and fields (`csrc/book_params.h`) and refuses the same
values.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rlmm_tf.fields import HORIZON_NS_MAX, NS_PER_S, Items, Params, Positive, Rate
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import GROUPS

DAY_NS = 24 * 3600 * NS_PER_S
MULTIPLIER_MAX = 1e3
MOVE_TICKS_MAX = 1e6

Multiplier = Annotated[float, Field(ge=0.0, le=MULTIPLIER_MAX)]
DayNs = Annotated[int, Field(ge=0, le=DAY_NS)]

_MULTIPLIERS = ("intensity", "limit_sizes", "market_sizes", "latency", "fees")


class ShockParams(Params):
    """Something that changes the market at a set time; what `value` means depends on the kind.

    regime: holds regime number `value`. intensity: multiplies the intensities of the groups by
    `by_group`, or all of them by `value`. limit_sizes, market_sizes, latency, fees: multiplies
    them; rebates stay as they are. feed_outage: the agent sees and hears nothing new. halt:
    nothing trades; cancels are taken, new orders refused. price_jump: at its start, trades through
    `value` ticks, up or down; of a halt, when trading resumes. drift: the efficient price drifts
    by `value` ticks per second.
    """

    kind: Literal[
        "regime", "intensity", "limit_sizes", "market_sizes", "latency", "fees", "feed_outage",
        "halt", "price_jump", "drift",
    ]  # fmt: skip
    start_ns: Annotated[int, Field(ge=0, le=HORIZON_NS_MAX)] = Field(
        default=0, description="from the start of the episode"
    )
    duration_ns: Annotated[int, Field(ge=0, le=HORIZON_NS_MAX)] = Field(
        default=0, description="above 0, but for a price_jump, which has none"
    )
    value: Annotated[float, Field(ge=-MOVE_TICKS_MAX, le=MOVE_TICKS_MAX)] = 1.0
    by_group: Items[Multiplier] = Field(
        default=(), description="intensity: one per group in the order of GROUPS, or none"
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.duration_ns == 0) != (self.kind == "price_jump"):
            wanted = "0" if self.kind == "price_jump" else "above 0"
            raise ValueError(
                f"duration_ns: expected {wanted} with kind {self.kind}, got {self.duration_ns}"
            )
        if self.by_group and (self.kind != "intensity" or len(self.by_group) != len(GROUPS)):
            raise ValueError(
                f"by_group: expected {len(GROUPS)} values with kind intensity, or none, "
                f"got {len(self.by_group)} with kind {self.kind}"
            )
        if self.kind in _MULTIPLIERS and not 0.0 <= self.value <= MULTIPLIER_MAX:
            raise ValueError(
                f"value: expected a multiplier from 0 to {MULTIPLIER_MAX:g} with kind "
                f"{self.kind}, got {self.value!r}"
            )
        if self.kind in {"feed_outage", "halt"} and self.value != 1.0:
            raise ValueError(
                f"value: expected 1 with kind {self.kind}, which has no use for it, "
                f"got {self.value!r}"
            )
        if self.kind in {"regime", "price_jump"} and not self.value.is_integer():
            raise ValueError(
                f"value: expected a whole number with kind {self.kind}, got {self.value!r}"
            )
        return self

    def overlaps(self, other: ShockParams) -> bool:
        """Whether both change the same thing at one time."""
        if self.kind != other.kind:
            return False
        if self.start_ns == other.start_ns:
            return True
        first, second = (self, other) if self.start_ns < other.start_ns else (other, self)
        return second.start_ns < first.start_ns + first.duration_ns


class BookMarketParams(Params):
    """A limit order book with simulated order flow that reacts to the agent's orders."""

    kind: Literal["book"] = "book"
    model: MarketModel
    mid_initial_ticks: Annotated[int, Field(ge=1, le=2**39)] = 100_000
    warmup_ns: DayNs = Field(default=0, description="of flow without the agent before time 0")
    session_start_ns: DayNs = Field(
        default=0, description="time of day at time 0, for the season of the model"
    )
    taker_allowed: bool = Field(
        default=False, description="false: every order of the agent's is post-only"
    )
    regime_observed: bool = True
    reaction_full_lots: Positive = Field(
        default=1.0,
        description="limit orders and cancels of the agent's of this size excite the flow like "
        "any other; smaller ones in proportion",
    )
    reaction_budget_hz: Rate = Field(
        default=10.0,
        description="at most this many such events per second excite, so that sending many "
        "cannot pump the market",
    )
    mirrored: bool = Field(default=False, description="bid and ask exchanged in every draw")
    shocks: Items[ShockParams] = Field(default=(), max_length=1024)

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        room = 4 * self.model.depth_ticks + self.model.typical.spread_ticks
        if self.mid_initial_ticks <= room:
            raise ValueError(
                f"mid_initial_ticks: expected above {room} (4 x the depth of limit orders and a "
                f"spread: swept prices stay positive), got {self.mid_initial_ticks}"
            )
        for i, shock in enumerate(self.shocks):
            if shock.kind == "regime" and not 0 <= shock.value < self.model.n_regimes:
                raise ValueError(
                    f"shocks[{i}].value: expected a regime from 0 to {self.model.n_regimes - 1}, "
                    f"got {shock.value:g}"
                )
            if shock.kind == "drift" and self.model.informed.volatility_ticks == 0.0:
                raise ValueError(
                    f"shocks[{i}].kind: expected no drift without informed flow, got 'drift'; set "
                    "model.informed.volatility_ticks above 0"
                )
        for (i, first), (j, second) in combinations(enumerate(self.shocks), 2):
            if first.overlaps(second):
                raise ValueError(
                    f"shocks: expected shocks of one kind apart in time, got {i} and {j} together"
                )
        return self

    @property
    def n_regimes(self) -> int:
        """Number of regimes."""
        return self.model.n_regimes

    def events_per_step(self, step_s: float) -> Iterator[tuple[str, str, float]]:
        """Field, what happens, and how often in a step at most; computed as the engine does."""
        n_events = self.model.events_hz_bound() * step_s
        yield "market.model.groups", "events (baselines x largest factors / (1 - radius))", n_events
        for rate_hz in chain(*self.model.switch_rates_hz):
            yield "market.model.switch_rates_hz", "switches", rate_hz * step_s
