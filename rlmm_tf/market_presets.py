"""Book markets with hand-written numbers, and the literature's models as special cases of one.

The numbers are not calibrated: they are round values near published or measured ones, tuned so
that the market runs by itself as such a market does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import (
    CancelParams,
    GroupParams,
    InformedFlowParams,
    LimitMarks,
    LimitPlaceParams,
    MarketOrderParams,
    SizeLaw,
    TypicalParams,
)

Row = tuple[float, float, float]
Kernel = tuple[Row, Row, Row]  # [target][source], each of (market, limit, cancel)
Flow = tuple[tuple[GroupParams, ...], tuple[float, ...]]  # groups and excitation


@dataclass(frozen=True)
class Kind:
    """Market orders, limit orders or cancels, as seen by the side of the book they act on.

    `state(spread_bin, own_bin)` is the state factor; own_bin counts imbalance bins from the other
    side's queue being all to the own queue being all.
    """

    baseline_hz: float
    state: Callable[[int, int], float] | None = None
    regime_factor: tuple[float, ...] = ()


def symmetric(
    kinds: tuple[Kind, Kind, Kind],
    *,
    n_spread_bins: int = 1,
    n_imbalance_bins: int = 1,
    same: Kernel | None = None,
    opposite: Kernel | None = None,
    decay_shares: Sequence[float] = (),
    orders_at_risk: float = 1.0,
) -> Flow:
    """Six groups and their excitation from three: the ask side is the bid side's mirror image.

    Args:
        kinds: market orders, limit orders, cancels.
        n_spread_bins: of the state factors.
        n_imbalance_bins: of the state factors.
        same: events that one event begets on its own side of the book.
        opposite: events that it begets on the other side.
        decay_shares: how that number is shared out among the decays.
        orders_at_risk: baseline and kernels of cancels are divided by it; with hazards per order,
            this many of them make the numbers given.
    """
    groups = []
    for i, kind in enumerate(kinds):
        scale = orders_at_risk if i == 2 else 1.0
        for is_ask in (False, True):
            factors = () if kind.state is None else tuple(
                kind.state(spread, n_imbalance_bins - 1 - bin_ if is_ask else bin_)
                for spread in range(n_spread_bins)
                for bin_ in range(n_imbalance_bins)
            )  # fmt: skip
            groups.append(
                GroupParams(
                    baseline_hz=kind.baseline_hz / scale,
                    state_factor=factors,
                    regime_factor=kind.regime_factor,
                )
            )
    if same is None or opposite is None:
        return tuple(groups), ()
    excitation = tuple(
        share
        * (same if target % 2 == source % 2 else opposite)[target // 2][source // 2]
        / (orders_at_risk if target >= 4 else 1.0)
        for share in decay_shares
        for target in range(6)
        for source in range(6)
    )
    return tuple(groups), excitation


def falling(count: int, ratio: float, share: float, first: float = 1.0) -> tuple[float, ...]:
    """Shares that add up to `share` and fall by `ratio`; the first is `first` times as large."""
    weights = [ratio**i * (first if i == 0 else 1.0) for i in range(count)]
    total = math.fsum(weights)
    return tuple(weight / total * share for weight in weights)


# Seconds^-1: order books answer within a millisecond, cluster over seconds and remember minutes;
# four decays from 5000/s down fit a liquid US stock (research: B3, F1).
DECAYS_HZ = (5000.0, 200.0, 8.0, 0.3)
IMBALANCE_EDGES = (-0.6, -0.2, 0.2, 0.6)
# Ten quiet minutes, then five busy ones.
SWITCH_RATES_HZ = ((0.0, 1.0 / 600.0), (1.0 / 300.0, 0.0))
REGIME_SHARES = (2.0 / 3.0, 1.0 / 3.0)


def _large_tick_flow() -> Flow:
    return symmetric(
        (
            # The side with the short queue is hit more often: the queues predict the next move.
            Kind(0.55, lambda _, own: (1.3, 1.15, 1.0, 0.85, 0.7)[own], (0.9, 1.2)),
            # A level that has just become the best one is joined at once.
            Kind(3.2, lambda _, own: (2.2, 1.2, 1.0, 0.9, 0.8)[own], (0.9, 1.2)),
            # Who is first in a short queue stays.
            Kind(4.2, lambda _, own: (0.8, 1.0, 1.0, 1.0, 1.0)[own], (0.9, 1.2)),
        ),
        n_spread_bins=3,
        n_imbalance_bins=5,
        # Market orders come in runs on one side; liquidity refills behind them and follows ahead
        # of them (the signs of a fit to AMZN, sizes rounded so that the busy regime is stable).
        same=((0.40, 0.01, 0.01), (0.25, 0.30, 0.20), (0.15, 0.20, 0.20)),
        opposite=((0.02, 0.01, 0.01), (0.55, 0.05, 0.05), (0.35, 0.05, 0.05)),
        decay_shares=(0.3, 0.25, 0.25, 0.2),
        orders_at_risk=900.0,
    )


def large_tick() -> MarketModel:
    """A stock that almost always quotes one tick of spread with long queues (such as Intel, 2012).

    By itself, over ten days of 6.5 h: 74 events/s (8 % market, 60 % limit, 32 % cancel), spread
    1 tick 96 % of the time, 270 lots in 84 orders at each touch, 0.26 ticks of volatility per
    root second over a minute.
    """
    # Lots of 100 shares: half of all orders are small, few are large.
    sizes = SizeLaw(lots=(1, 2, 3, 5, 10, 20), probability=(0.45, 0.2, 0.12, 0.12, 0.08, 0.03))
    groups, excitation = _large_tick_flow()
    # Two in five orders join the best queue; a wider spread is soon closed, not at once.
    marks = tuple(
        LimitMarks(improving=better, resting=falling(10, 0.72, 1.0 - math.fsum(better), first=2.0))
        for better in ((), (0.15,), (0.21, 0.09))
    )
    return MarketModel(
        spread_bin_ticks=(1, 2, 3),
        imbalance_bin_edges=IMBALANCE_EDGES,
        groups=groups,
        decays_hz=DECAYS_HZ,
        excitation=excitation,
        limit_marks=marks,
        improving=LimitPlaceParams(sizes=sizes, flickering_share=0.1),
        joining=LimitPlaceParams(sizes=sizes, flickering_share=0.3),
        deeper=LimitPlaceParams(sizes=sizes, flickering_share=0.3),
        # Most take a part of the long queue, few clear it.
        market_orders=MarketOrderParams(
            whole_queue=0.03,
            beyond_queue=0.005,
            within_queue=0.7,
            sizes=SizeLaw(
                lots=(1, 2, 5, 10, 20, 50), probability=(0.5, 0.2, 0.15, 0.1, 0.04, 0.01)
            ),
        ),
        # Uniform cancellation misses the many short lives: one class is cancelled eight times as
        # fast as the other (research: B13).
        cancels=CancelParams(patient_hazard=0.5, flickering_hazard=4.0, partial_share=0.05),
        # 30 to 50 orders wait on a level that comes into reach, as many as the flow keeps there.
        far_level_orders=(0.0,) * 30 + (1.0 / 21.0,) * 21,
        switch_rates_hz=SWITCH_RATES_HZ,
        initial_regime_probabilities=REGIME_SHARES,
        regime_volatility_factor=(0.8, 1.3),
        # The dial of the long-run volatility; tilts as in the fit to AMZN (informed flow: GAP).
        informed=InformedFlowParams(
            volatility_ticks=0.25,
            gap_scale_ticks=1.0,
            market_tilt=0.35,
            limit_tilt=0.25,
            sign_shrink=0.65,
        ),
        typical=TypicalParams(
            spread_ticks=1, touch_lots=270.0, volatility_ticks=0.26, market_orders_hz=3.0
        ),
    )


def _small_tick_flow() -> Flow:
    # Spreads in five bins of about a fifth of the time each: a wide spread is less often hit, and
    # more often improved.
    hit = (1.25, 1.1, 1.0, 0.85, 0.7)
    quoted = (0.9, 0.95, 1.0, 1.05, 1.15)
    cancelled = (1.05, 1.02, 1.0, 0.98, 0.95)
    return symmetric(
        (
            Kind(0.06, lambda s, own: (1.15, 1.08, 1.0, 0.95, 0.9)[own] * hit[s], (0.9, 1.2)),
            Kind(0.5, lambda s, own: (1.05, 1.02, 1.0, 0.98, 0.96)[own] * quoted[s], (0.9, 1.2)),
            Kind(1.8, lambda s, _: cancelled[s], (0.9, 1.2)),
        ),
        n_spread_bins=5,
        n_imbalance_bins=5,
        # Rounded from a fit to AMZN; market orders beget little but market orders themselves.
        same=((0.5175, 0.0092, 0.0092), (0.23, 0.115, 0.391), (0.138, 0.368, 0.115)),
        opposite=((0.023, 0.0046, 0.0046), (0.805, 0.0575, 0.115), (0.414, 0.0575, 0.0575)),
        decay_shares=(0.45, 0.2, 0.18, 0.17),
        orders_at_risk=120.0,
    )


def _small_tick_marks() -> tuple[LimitMarks, ...]:
    # From the share of improving orders and how far they go, the spread finds its level.
    return tuple(
        LimitMarks(
            improving=falling(30 if widest else 10, 0.9 if widest else 0.75, better),
            resting=falling(60, 0.96, 1.0 - better),
        )
        for better, widest in (
            (0.005, False), (0.022, False), (0.055, False), (0.13, False), (0.32, True),
        )
    )  # fmt: skip


def small_tick() -> MarketModel:
    """A stock with a dozen ticks of spread and thin levels (such as Amazon, June 2012).

    By itself, over ten days of 6.5 h: 9 events/s (6 % market, 51 % limit, 42 % cancel), a spread
    of 12 ticks on average, 210 lots in 2 orders at each touch, 1.8 ticks of volatility per root
    second over a minute, signs of market orders correlated 0.56 at lag 1 and 0.2 at lag 10.
    """
    # Lots of one share: half of all orders are for 100 (AMZN: 48 %).
    sizes = SizeLaw(
        lots=(1, 10, 20, 50, 100, 200, 300, 500),
        probability=(0.06, 0.06, 0.06, 0.12, 0.5, 0.12, 0.05, 0.03),
    )
    groups, excitation = _small_tick_flow()
    return MarketModel(
        spread_bin_ticks=(1, 6, 10, 15, 22),
        imbalance_bin_edges=IMBALANCE_EDGES,
        groups=groups,
        decays_hz=DECAYS_HZ,
        excitation=excitation,
        limit_marks=_small_tick_marks(),
        # Quotes near the touch are fleeting, orders deep in the book are not.
        improving=LimitPlaceParams(sizes=sizes, flickering_share=0.9),
        joining=LimitPlaceParams(sizes=sizes, flickering_share=0.7),
        deeper=LimitPlaceParams(sizes=sizes, flickering_share=0.4),
        # AMZN: 56.5 % take exactly the best queue, 4.8 % more (research: B13).
        market_orders=MarketOrderParams(
            whole_queue=0.56, beyond_queue=0.05, within_queue=0.39, sizes=sizes
        ),
        # AMZN: a queue with a gap behind it is hit more often (informed flow: section 2).
        hit_gap_bin_ticks=(1, 2, 3, 4, 6, 10),
        hit_gap_factor=(0.84, 0.86, 1.12, 1.18, 1.39, 2.24),
        cancels=CancelParams(patient_hazard=0.3, flickering_hazard=8.0, partial_share=0.02),
        far_level_orders=(0.45, 0.3, 0.15, 0.1),
        switch_rates_hz=SWITCH_RATES_HZ,
        initial_regime_probabilities=REGIME_SHARES,
        regime_volatility_factor=(0.85, 1.25),
        # Over minutes the mid moves as the efficient price: AMZN had 2.1 ticks per root second.
        informed=InformedFlowParams(
            volatility_ticks=2.1,
            gap_scale_ticks=10.0,
            market_tilt=1.0,
            limit_tilt=0.3,
            sign_shrink=0.65,
        ),
        typical=TypicalParams(
            spread_ticks=12, touch_lots=210.0, volatility_ticks=1.8, market_orders_hz=0.3
        ),
    )
