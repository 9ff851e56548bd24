"""The states of the book that the market model's factors tell apart, chosen and found in data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimators.state_factors import Cells
from calibration.flow_events import N_GROUPS, FlowEvents

IMBALANCE_EDGES = (-0.6, -0.2, 0.2, 0.6)
SPREAD_QUANTILES = (0.005, 0.02, 0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.87, 0.96)  # of the time
SPREADS_LEAST = 4  # different ones of these; else single ticks
NARROW_SPREADS = (1, 2, 3, 4)  # where most of the time the spread is one of few
GAP_EDGES = (1, 2, 3, 4, 6, 10)
BIN_SECONDS_LEAST = 0.002  # share of the time that a bin of the spread must have
BIN_EVENTS_LEAST = 100  # limit orders in a bin of the spread, for its marks
GAP_EVENTS_LEAST = 50


@dataclass(frozen=True)
class StateBins:
    """Bins as the market model names them."""

    spread_bin_ticks: tuple[int, ...]
    imbalance_edges: tuple[float, ...]
    gap_bin_ticks: tuple[int, ...]  # one bin: no factor

    @property
    def cells(self) -> Cells:
        """Of the exposures."""
        imbalances = len(self.imbalance_edges) + 1
        return Cells(len(self.spread_bin_ticks), imbalances, len(self.gap_bin_ticks))

    def spread_bin(self, spread_ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The last lower edge that is not above the spread."""
        return _bin(self.spread_bin_ticks, spread_ticks)

    def imbalance_bin(self, touch_lots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of [bid, ask] lots; what lies on an edge belongs to the bin nearer to 0."""
        bids, asks = touch_lots.astype(np.float64)
        total, bins = np.maximum(bids + asks, 1.0), np.zeros(touch_lots.shape[1], np.int64)
        for edge in self.imbalance_edges:
            passed = bids - asks > edge * total if edge > 0.0 else bids - asks >= edge * total
            bins += passed
        return bins

    def gap_bin(self, gap_ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The widest for a side without a second level."""
        bins = _bin(self.gap_bin_ticks, gap_ticks)
        return np.where(gap_ticks > 0, bins, len(self.gap_bin_ticks) - 1)

    def cell(self, events: FlowEvents) -> NDArray[np.int32]:
        """Of the time after each row, [group][row]; -1 where it does not count."""
        state = self.spread_bin(events.spread_ticks) * (len(self.imbalance_edges) + 1)
        state += self.imbalance_bin(events.touch_lots)
        gaps = len(self.gap_bin_ticks)
        cell = np.empty((N_GROUPS, len(events)), np.int32)
        for g in range(N_GROUPS):
            gap = self.gap_bin(events.gap_ticks[g % 2])
            cell[g] = np.where(events.counts, state * gaps + gap, -1)
        return cell


NO_STATES = StateBins((1,), (), (1,))


def choose_bins(events: FlowEvents) -> StateBins:
    """Bins with enough time and events in each.

    Spreads: by quantiles of the time, and single ticks where it holds few of them.
    """
    seconds = events.seconds
    counted = events.counts
    spreads, weights = events.spread_ticks[counted], seconds[counted]
    total = float(weights.sum())
    order = np.argsort(spreads, kind="stable")
    share = np.cumsum(weights[order]) / max(total, 1e-300)
    at = np.searchsorted(share, SPREAD_QUANTILES)
    quantiles = np.unique(spreads[order][np.minimum(at, len(order) - 1)]) + 1
    wanted = (1, *quantiles.tolist())
    if len(quantiles) < SPREADS_LEAST:
        wanted = tuple(sorted({*NARROW_SPREADS, *wanted}))
    sent = events.counted & ((events.group == 2) | (events.group == 3))
    at_events = events.before(events.spread_ticks)[sent]
    edges = [1]
    for edge in wanted[1:]:
        time_there = float(weights[spreads >= edge].sum())
        time_before = float(weights[(spreads >= edges[-1]) & (spreads < edge)].sum())
        enough = min(time_there, time_before) >= BIN_SECONDS_LEAST * total
        if enough and int((at_events >= edge).sum()) >= BIN_EVENTS_LEAST:
            edges.append(int(edge))
    return StateBins(tuple(edges), IMBALANCE_EDGES, _gap_edges(events))


def _gap_edges(events: FlowEvents) -> tuple[int, ...]:
    gaps = np.concatenate(
        [
            events.before(events.gap_ticks[side])[events.counted & (events.group == side)]
            for side in (0, 1)
        ]
    )
    gaps = gaps[gaps > 0]
    edges = [1]
    for edge in GAP_EDGES[1:]:
        between = int(((gaps >= edges[-1]) & (gaps < edge)).sum())
        if between >= GAP_EVENTS_LEAST and int((gaps >= edge).sum()) >= GAP_EVENTS_LEAST:
            edges.append(edge)
    return tuple(edges)


def _bin(lower_edges: Sequence[int], values: NDArray[np.int64]) -> NDArray[np.int64]:
    bins = np.searchsorted(np.array(lower_edges), values, side="right") - 1
    return np.maximum(bins, 0)
