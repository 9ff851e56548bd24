"""How deep a recording shows the book, and what the flow of a model has to do with what it hides.

Many recordings end at the fifth or tenth level. The simulator's book does not: orders wait behind
what was seen, and levels come into sight as the price moves. A bin of distances is seen for a share
of the time; while it is, it holds so many orders per tick. The simulated book holds as many all the
time, and they are cancelled at the hazard that was seen. Orders that came where nothing was shown
are made up for by `estimators.marks`: limit orders come the more often, the fewer of them are
shown, and what is not shown excites nothing, for kernels tell what begets what is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.flow_events import DISTANCE_EDGES, FlowEvents
from rlmm_tf.market_parts import LimitMarks

Array = NDArray[np.float64]

SEEN_LEAST = 0.1  # of the time; what is seen less is taken to be like what lies before it


@dataclass(frozen=True)
class Depth:
    """By bin of DISTANCE_EDGES."""

    seen: Array  # share of the time and ticks
    orders_per_tick: Array  # while it is seen

    @classmethod
    def of(cls, events: FlowEvents) -> Depth:
        """Of the time that counts. With few levels, nothing is seen behind the last of a side."""
        edges = np.append(np.array(DISTANCE_EDGES), 2 * DISTANCE_EDGES[-1])
        seconds = events.seconds
        total = max(2.0 * float(seconds.sum()), 1e-300)
        n = len(DISTANCE_EDGES)
        seen, orders = np.zeros(n), np.zeros(n)
        if not events.few_levels:
            mean = np.einsum("i,isb->b", seconds, events.at_risk) / total
            return cls(np.ones(n), np.asarray(mean / np.diff(edges)))
        for i in range(n):
            width = edges[i + 1] - edges[i]
            ticks = np.clip(events.extent_ticks + 1 - edges[i], 0, width)
            tick_s = float((ticks @ seconds).sum())
            orders_s = float((seconds @ events.at_risk[:, :, i]).sum())
            seen[i] = tick_s / (total * width)
            orders[i] = orders_s / tick_s if seen[i] > SEEN_LEAST else orders[max(i - 1, 0)]
        return cls(seen, orders)


def shown_levels(events: FlowEvents) -> int:
    """How many levels of a side the recording shows at most; 0: all of them."""
    return int(events.levels.max(initial=0)) if events.few_levels else 0


def shown_ticks(events: FlowEvents) -> NDArray[np.int64]:
    """How far behind the own best price orders are shown after each row, [side][row]."""
    levels = shown_levels(events)
    all_shown = np.asarray(events.levels < levels) if levels else np.ones_like(events.levels, bool)
    return np.where(all_shown, np.int64(DISTANCE_EDGES[-1]), events.extent_ticks)


def shown_share(
    events: FlowEvents, marks: Sequence[LimitMarks], spread_bin: NDArray[np.int64]
) -> Array:
    """Of the limit orders that come after each row, those that are shown, [side][row].

    Args:
        events: rows.
        marks: where limit orders go, by bin of the spread.
        spread_bin: after each row.
    """
    within = np.cumsum([law.resting for law in marks], axis=1)
    within += np.array([[sum(law.improving)] for law in marks])
    last = within.shape[1] - 1
    shown = np.minimum(shown_ticks(events), last)
    return np.asarray(np.where(shown == last, 1.0, within[spread_bin, shown]))
