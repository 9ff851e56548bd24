"""The parts of a market model: groups of events, places and sizes of orders, what moves them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rlmm_tf.fields import Items, Params, Positive, Probability, Rate, SizeLots, sum_in_order
from rlmm_tf.regimes import SUM_SLACK, require_sum_of_one

# In the order of the engine's `Group`; by the side of the book that they act on: a market sell
# order hits bids. Groups 2 k and 2 k + 1 are each other's mirror.
GROUPS = ("market_sell", "market_buy", "limit_bid", "limit_ask", "cancel_bid", "cancel_ask")
DEPTH_TICKS_MAX = 1024

Factor = Annotated[float, Field(ge=0.0, le=1e6)]
BinTicks = Annotated[int, Field(ge=1, le=4096)]  # the book's ring
Tilt = Annotated[float, Field(ge=-4.0, le=10.0)]  # below, its exponential would leave the floats


class GroupParams(Params):
    """One group of events: how often they come, before they excite one another."""

    baseline_hz: Rate = Field(
        description="events per second; of cancels with `per_order`, per order at risk"
    )
    state_factor: Items[Factor] = Field(
        default=(),
        description="of the baseline, by spread bin, then imbalance bin; empty: 1 everywhere",
    )
    regime_factor: Items[Factor] = Field(default=(), description="one per regime; empty: 1")
    season_factor: Items[Factor] = Field(
        default=(), description="one per season bin, the last for the rest of the day; empty: 1"
    )


class SizeLaw(Params):
    """A law on positive sizes."""

    lots: Items[SizeLots] = Field(default=(1,), min_length=1, max_length=4096)
    probability: Items[Probability] = (1.0,)

    @model_validator(mode="after")
    def _is_a_law(self) -> Self:
        if len(self.probability) != len(self.lots):
            raise ValueError(
                f"probability: expected one value per value of lots ({len(self.lots)}), "
                f"got {len(self.probability)}"
            )
        require_sum_of_one("probability", sum_in_order(self.probability))
        return self


class LimitMarks(Params):
    """Where limit orders go in one spread bin: shares that sum to 1 over both lists."""

    improving: Items[Probability] = Field(
        default=(),
        max_length=DEPTH_TICKS_MAX,
        description="share of orders 1, 2, ... ticks better than the own best price",
    )
    resting: Items[Probability] = Field(
        default=(1.0,),
        min_length=1,
        max_length=DEPTH_TICKS_MAX,
        description="share of orders 0, 1, ... ticks worse than it",
    )

    @model_validator(mode="after")
    def _is_a_law(self) -> Self:
        improving, resting = sum_in_order(self.improving), sum_in_order(self.resting)
        if not resting > 0.0:
            raise ValueError(
                "resting: expected a sum above 0 (an order that finds no room to improve the "
                f"price has to lie somewhere), got {resting!r}"
            )
        require_sum_of_one("resting", improving + resting)
        return self


class LimitPlaceParams(Params):
    """Sizes and lifetime class of limit orders that improve the price, join it, or lie deeper."""

    sizes: SizeLaw = SizeLaw()
    flickering_share: Probability = Field(
        default=0.0, description="of orders in the class with the flickering hazard"
    )


class RefillParams(Params):
    """What limit orders do that come right after the own best price has gone."""

    share: Probability = Field(
        default=0.0, description="take the place of what has gone; the rest do as ever"
    )
    back_share: Probability = Field(
        default=0.0,
        description="of these, at the very price that has gone; the rest improve the price as ever",
    )


class MarketOrderParams(Params):
    """Size of a market order given the best queue it hits.

    The rest of the probability takes a size from `sizes` as it is.
    """

    whole_queue: Probability = Field(default=0.0, description="exactly the best queue")
    beyond_queue: Probability = Field(
        default=0.0, description="the best queue and a size from `sizes` more"
    )
    within_queue: Probability = Field(
        default=0.0, description="a size from `sizes`, at most the best queue"
    )
    sizes: SizeLaw = SizeLaw()

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        total = self.whole_queue + self.beyond_queue + self.within_queue
        if not total <= 1.0 + SUM_SLACK:
            raise ValueError(
                "whole_queue: expected whole_queue + beyond_queue + within_queue of at most 1, "
                f"got {total!r}"
            )
        return self


class CancelParams(Params):
    """Which orders are cancelled: any of a class alike, by hazards."""

    per_order: bool = Field(
        default=True,
        description="the group's intensity is multiplied by the hazards of the live orders",
    )
    patient_hazard: Factor = Field(default=1.0, description="weight of a patient order")
    flickering_hazard: Factor = Field(default=1.0, description="weight of a flickering order")
    partial_share: Probability = Field(
        default=0.0, description="of cancels that only reduce an order"
    )
    distance_factor: Items[Probability] = Field(
        default=(),
        max_length=DEPTH_TICKS_MAX,
        description="share of cancels that happen, by ticks from the own best price, the last "
        "for all beyond; the others are no events; empty: 1",
    )
    company_factor: Probability = Field(
        default=1.0,
        description="share of cancels that happen of orders at the own best price that are not "
        "alone there, times that of the distance",
    )

    @model_validator(mode="after")
    def _something_is_cancelled(self) -> Self:
        if self.patient_hazard == 0.0 and self.flickering_hazard == 0.0:
            raise ValueError("patient_hazard: expected one of the two hazards above 0, got both 0")
        return self


class InformedFlowParams(Params):
    """A hidden efficient price that walks on its own and draws orders towards itself.

    With x = clip((efficient price - mid) / gap_scale, +-gap_clip), market buys are multiplied by
    2 / (1 + exp(-2 market_tilt x)) and sells by 2 less that; so are improving quotes, with
    limit_tilt. (research: queue-reactive Hawkes markets without it have half the real volatility
    and no lasting price response to trades.)
    """

    volatility_ticks: Factor = Field(
        default=0.0, description="of the efficient price, per root second; 0: no informed flow"
    )
    gap_scale_ticks: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    gap_clip: Annotated[float, Field(ge=1e-6, le=10.0)] = 3.0
    interval_ns: Annotated[int, Field(ge=1_000_000, le=10**12)] = Field(
        default=250_000_000, description="between moves of the efficient price"
    )
    market_tilt: Tilt = 0.0
    limit_tilt: Tilt = 0.0
    sign_shrink: Probability = Field(
        default=1.0,
        description="what is left of the same-less-opposite part of slow market order kernels, "
        "whose sign persistence the tilt brings instead",
    )
    slow_below_hz: Rate = Field(default=1.0, description="decays that count as slow there")


class TypicalParams(Params):
    """Typical values: they scale observations and place the first book, and move nothing else."""

    spread_ticks: BinTicks = 1
    touch_lots: float = Field(
        default=1.0, ge=1.0, le=1e15, allow_inf_nan=False, description="of one side's best queue"
    )
    volatility_ticks: Positive = Field(default=1.0, description="of the mid, per root second")
    market_orders_hz: Positive = Field(default=1.0, description="of one side")
