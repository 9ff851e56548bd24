"""The parts of a market model that concern single orders: places, sizes, cancels, far levels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.depth import SEEN_LEAST, Depth, shown_share, shown_ticks
from calibration.estimate import Caution, Estimate
from calibration.estimators.cancel_classes import CancelClasses
from calibration.estimators.marks import (
    LimitPlacement,
    MarketSizes,
    Sizes,
    fit_market_sizes,
    fit_placement,
    fit_sizes,
    sight_of,
)
from calibration.estimators.refill import Refill, fit_refill
from calibration.flow_events import DISTANCE_EDGES, N_GROUPS, FlowEvents, lost_ticks
from calibration.flow_states import StateBins
from calibration.sessions import alive, mid_ticks
from rlmm_tf.kernels.flow import PLACES, FlowFlag
from rlmm_tf.market_parts import (
    DEPTH_TICKS_MAX,
    CancelParams,
    LimitPlaceParams,
    MarketOrderParams,
    TypicalParams,
)

Array = NDArray[np.float64]

CANCELS_OF_DISTANCE_LEAST = 200
LEAST_OF_PLACE = 20
FAR_ORDERS_MOST = 64
VOLATILITY_S = 60  # over which the typical volatility is measured


@dataclass(frozen=True)
class BookParts:
    """All parts, with what they are worth."""

    placement: LimitPlacement
    shown: float  # share of the limit orders, over the time
    refill: Refill
    sizes: tuple[Sizes, ...]  # by place
    market: MarketSizes | None
    partial_share: Estimate
    hazard: Array  # of orders in sight, by bin of DISTANCE_EDGES, at most 1
    hazard_estimate: Estimate
    depth: Depth
    far_level_orders: tuple[float, ...]
    far_estimate: Estimate
    classes: CancelClasses | None
    company: Estimate
    typical: TypicalParams
    cautions: tuple[Caution, ...]

    def model_fields(self) -> dict[str, Any]:
        """For the constructor of `MarketModel`."""
        shares, hazards = (0.0,) * len(PLACES), (1.0, 1.0)
        if self.classes is not None:
            shares, hazards = self.classes.flickering_share.numbers, self.classes.hazards
        laws = [
            LimitPlaceParams(sizes=sizes.law, flickering_share=share)
            for sizes, share in zip(self.sizes, shares, strict=True)
        ]
        depth = self.placement.depth_ticks
        edges = [edge for edge in DISTANCE_EDGES if edge < 2 * depth]
        ticks = np.arange(min(edges[-1] + 1, DEPTH_TICKS_MAX))
        ticks[-1] = edges[-1]  # the last value is for all beyond
        at = np.searchsorted(edges, ticks, side="right") - 1
        return {
            "limit_marks": self.placement.marks,
            "refill": self.refill.params,
            "improving": laws[0],
            "joining": laws[1],
            "deeper": laws[2],
            "market_orders": MarketOrderParams() if self.market is None else self.market.params,
            "cancels": CancelParams(
                patient_hazard=hazards[0],
                flickering_hazard=hazards[1],
                partial_share=self.partial_share.number,
                distance_factor=tuple(self.hazard[at].tolist()),
                company_factor=self.company.number,
            ),
            "far_level_orders": self.far_level_orders,
            "typical": self.typical,
        }

    def known_factors(self, events: FlowEvents, bins: StateBins) -> Array:
        """Of the groups after each row, [group][row].

        Of limit orders: the share that is shown, over its mean. Of cancels: the orders at risk.
        """
        factor = np.ones((N_GROUPS, len(events)))
        spread_bin = bins.spread_bin(events.spread_ticks)
        factor[2:4] = shown_share(events, self.placement.marks, spread_bin) / self.shown
        factor[4:] = (events.at_risk @ self.hazard).T
        return factor

    @property
    def estimates(self) -> dict[str, Estimate]:
        """By the field of the model that they are behind."""
        found = {
            "improving_share": self.placement.improving_share,
            "limit_orders_shown": Estimate.fixed(self.shown, "over the time; 1: all of them"),
            "refill.share": self.refill.share,
            "refill.back_share": self.refill.back_share,
            "cancels.partial_share": self.partial_share,
            "cancels.company_factor": self.company,
            "cancels.hazard_by_distance": self.hazard_estimate,
            "far_level_orders.mean": self.far_estimate,
        }
        for name, sizes in zip(PLACES, self.sizes, strict=True):
            found[f"{name}.sizes.mean_lots"] = sizes.mean_lots
        if self.classes is not None:
            found["cancels.flickering_hz"] = self.classes.flickering_hz
            found["cancels.patient_hz"] = self.classes.patient_hz
            found["flickering_share"] = self.classes.flickering_share
        if self.market is not None:
            found["market_orders.whole_queue"] = self.market.whole_queue
            found["market_orders.beyond_queue"] = self.market.beyond_queue
            found["market_orders.sizes.mean_lots"] = self.market.mean_lots
        return found


def fit_book_parts(
    events: FlowEvents,
    bins: StateBins,
    plain: FlowEvents,
    classes: CancelClasses | None,
    company: Estimate,
) -> BookParts:
    """From the events that count.

    Args:
        events: with orders at risk by the hazards of `classes` and by `company`.
        bins: of the states.
        plain: the same with every order at risk alike.
        classes: of cancels; None: one.
        company: factor of cancels of orders in company at the best price.
    """
    cautions: list[Caution] = []
    counted, group = events.counted, events.group
    limits = counted & ((group == 2) | (group == 3))
    spread_bin = bins.spread_bin(events.before(events.spread_ticks))
    away = events.away_ticks[limits]
    lost = lost_ticks(events)[events.group[limits] % 2, np.flatnonzero(limits)]
    after = lost > 0
    shown = events.before(shown_ticks(events))[group[limits] % 2, np.flatnonzero(limits)]
    sight = sight_of(away[~after], shown[~after]) if events.few_levels else None
    placement = fit_placement(
        away[~after], spread_bin[limits][~after], bins.spread_bin_ticks, sight
    )
    refill = fit_refill(
        np.maximum(-away[after], 0), lost[after], spread_bin[limits][after], placement.marks
    )
    sizes = tuple(_sizes_of(events.lots[limits], away, place, cautions) for place in (-1, 0, 1))
    hits = counted & (group < 2)
    market = None
    if (hits & (events.queue_lots > 0)).any():
        market = fit_market_sizes(events.lots[hits], events.queue_lots[hits])
    else:
        text = "expected market orders, got none; their rate is 0 and their sizes are of one lot"
        cautions.append(Caution("no_market_orders", "market_orders", text))
    factor, hazard = _hazards(events)
    depth = Depth.of(events)
    law, far = _far_levels(plain, Depth.of(plain), placement.depth_ticks, cautions)
    parts = (placement.cautions, () if market is None else market.cautions)
    return BookParts(
        placement=placement,
        shown=_mean_shown(events, placement, bins),
        refill=refill,
        sizes=sizes,
        market=market,
        partial_share=_partial_share(events),
        hazard=factor,
        hazard_estimate=hazard,
        depth=depth,
        far_level_orders=law,
        far_estimate=far,
        classes=classes,
        company=company,
        typical=_typical(events),
        cautions=(*cautions, *(caution for part in parts for caution in part)),
    )


def _mean_shown(events: FlowEvents, placement: LimitPlacement, bins: StateBins) -> float:
    share = shown_share(events, placement.marks, bins.spread_bin(events.spread_ticks))
    return float((share @ events.seconds).mean() / max(float(events.seconds.sum()), 1e-300))


def _sizes_of(
    lots: NDArray[np.int64], away: NDArray[np.int64], place: int, cautions: list[Caution]
) -> Sizes:
    mine = np.sign(away) == place
    n = int(mine.sum())
    if n >= LEAST_OF_PLACE:
        return fit_sizes(lots[mine])
    text = f"expected {LEAST_OF_PLACE} orders, got {n}; the sizes of all limit orders instead"
    cautions.append(Caution("few_orders", f"{PLACES[place + 1]}.sizes", text))
    of_all = fit_sizes(lots)
    return Sizes(of_all.law, Estimate.borrowed(of_all.mean_lots.value, "of all limit orders"))


def _partial_share(events: FlowEvents) -> Estimate:
    if not events.by_order:
        return Estimate.borrowed(0.0, "a recording by level does not show which order is cancelled")
    cancels = events.counted & (events.group >= 4)
    n = int(cancels.sum())
    if n == 0:
        return Estimate.borrowed(0.0, "no cancels")
    share = float(((events.flags[cancels] & FlowFlag.PARTIAL) > 0).mean())
    return Estimate(share, float(np.sqrt(max(share * (1.0 - share), 0.25 / n) / n)), n)


def _hazards(events: FlowEvents) -> tuple[Array, Estimate]:
    """Cancels per second and order at risk, by distance from the own best; the largest is 1.

    Distances with few cancels are taken together with the one before.
    """
    edges = np.array(DISTANCE_EDGES)
    seen, risk = np.zeros(len(edges)), np.zeros(len(edges))
    for side in (0, 1):
        mine = events.counted & (events.group == 4 + side)
        at = np.searchsorted(edges, np.maximum(events.away_ticks[mine], 0), side="right") - 1
        seen += np.bincount(at, minlength=len(edges))
        risk += events.seconds @ events.at_risk[:, side, :]
    hazard, errors = np.ones(len(edges)), np.zeros(len(edges))
    start = 0
    while start < len(edges):
        end = start + 1
        while end < len(edges) and (
            seen[start:end].sum() < CANCELS_OF_DISTANCE_LEAST
            or seen[end:].sum() < CANCELS_OF_DISTANCE_LEAST
        ):
            end += 1
        n, orders_s = float(seen[start:end].sum()), float(risk[start:end].sum())
        hazard[start:end] = n / orders_s if orders_s > 0.0 else 0.0
        errors[start:end] = np.sqrt(max(n, 1.0)) / orders_s if orders_s > 0.0 else 0.0
        start = end
    most = hazard.max()
    if not most > 0.0:
        return np.ones(len(edges)), Estimate.borrowed((1.0,) * len(edges), "no cancels")
    n = int(seen.sum())
    estimate = Estimate(tuple((hazard / most).tolist()), tuple((errors / most).tolist()), n)
    return hazard / most, estimate


def _far_levels(
    events: FlowEvents, depth: Depth, depth_ticks: int, cautions: list[Caution]
) -> tuple[tuple[float, ...], Estimate]:
    """Orders on a price at the end of the reach, by how many there are as far out as is seen.

    A level has 1 + a geometric number of orders, by the mean of all behind the touch.
    """
    seconds = events.seconds
    levels_s = float(((events.levels - 1).clip(min=0) @ seconds).sum())
    orders_s = float((seconds @ events.at_risk[:, :, 1:].sum(axis=2)).sum())
    n = int((events.counts & (events.levels.min(axis=0) > 1)).sum())
    if levels_s <= 0.0 or orders_s <= 0.0:
        text = "expected levels behind the best one, got none; every other price has an order"
        cautions.append(Caution("no_depth", "far_level_orders", text))
        return (0.5, 0.5), Estimate.borrowed(0.5, "no depth was recorded")
    inside = np.array(DISTANCE_EDGES) < depth_ticks
    outermost = int(np.flatnonzero(inside & (depth.seen > SEEN_LEAST))[-1])
    per_tick = float(depth.orders_per_tick[outermost])
    mean = max(1.0, orders_s / levels_s)
    occupied = min(1.0, per_tick / mean)
    k = np.arange(FAR_ORDERS_MOST)
    if mean > 0.25 * FAR_ORDERS_MOST:  # too many for the law's length: evenly around the mean
        middle = min(mean - 1.0, FAR_ORDERS_MOST / 2.0)
        law = np.where(np.abs(k - middle) <= 0.5 * middle, 1.0, 0.0)
    else:
        law = (1.0 - 1.0 / mean) ** k
    full = np.concatenate([[1.0 - occupied], occupied * law / law.sum()])
    value = float(full @ np.arange(FAR_ORDERS_MOST + 1))
    return tuple((full / full.sum()).tolist()), Estimate(value, value / math.sqrt(max(n, 1)), n)


def _typical(events: FlowEvents) -> TypicalParams:
    seconds = events.seconds
    total = max(float(seconds.sum()), 1e-9)
    spreads = events.spread_ticks[events.counts]
    order = np.argsort(spreads, kind="stable")
    share = np.cumsum(seconds[events.counts][order]) / total
    median = int(spreads[order][min(int(np.searchsorted(share, 0.5)), len(order) - 1)])
    touch = float((events.touch_lots @ seconds).mean()) / total
    hits = int((events.counted & (events.group < 2)).sum())
    return TypicalParams(
        spread_ticks=max(1, min(median, 4096)),
        touch_lots=max(1.0, touch),
        volatility_ticks=max(mid_volatility(events, VOLATILITY_S), 1e-6),
        market_orders_hz=max(hits / 2.0 / total, 1e-6),
    )


def mid_volatility(events: FlowEvents, horizon_s: int) -> float:
    """Ticks per root second, from moves over the horizon inside the time that counts."""
    step_ns = horizon_s * 1_000_000_000
    grid = np.arange(events.ts_ns.min() // step_ns, events.ts_ns.max() // step_ns + 1) * step_ns
    squares, n = 0.0, 0
    closed, mids = np.cumsum(~alive(events)), mid_ticks(events)
    for table in range(int(events.table.max()) + 1):
        mine = np.flatnonzero(events.table == table)
        times = events.ts_ns[mine]
        inside = grid[(grid > times[0]) & (grid < times[-1])]
        at = mine[np.searchsorted(times, inside, side="right") - 1]
        moves = np.diff(mids[at])
        whole = (np.diff(closed[at]) == 0) & np.isfinite(moves)
        squares += float((moves[whole] ** 2).sum())
        n += int(whole.sum())
    return float(np.sqrt(squares / (n * horizon_s))) if n else 0.0
