"""How deep a recording shows the book, and what the flow of a model has to do with what it hides.

Many recordings end at the fifth or tenth level. The simulator's book does not: orders wait behind
what was seen, and levels come into sight as the price moves. A bin of distances is seen for a share
of the time; while it is, it holds so many orders per tick. The simulated book holds as many all the
time, and its orders are cancelled at the hazard that was seen, times the share of being seen: then
its cancels are as many as the recording's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.flow_events import DISTANCE_EDGES, FlowEvents

Array = NDArray[np.float64]

SEEN_LEAST = 0.1  # of the time; what is seen less is taken to be like what lies before it
HAZARD_LEAST = 1e-3  # of orders that are never seen: they wait


@dataclass(frozen=True)
class Depth:
    """By bin of DISTANCE_EDGES."""

    seen: Array  # share of the time and ticks
    orders_per_tick: Array  # while it is seen
    whole: bool  # all is seen: a price without a level has no orders

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
            return cls(np.ones(n), np.asarray(mean / np.diff(edges)), True)
        for i in range(n):
            width = edges[i + 1] - edges[i]
            ticks = np.clip(events.extent_ticks + 1 - edges[i], 0, width)
            tick_s = float((ticks @ seconds).sum())
            orders_s = float((seconds @ events.at_risk[:, :, i]).sum())
            seen[i] = tick_s / (total * width)
            orders[i] = orders_s / tick_s if seen[i] > SEEN_LEAST else orders[max(i - 1, 0)]
        return cls(seen, orders, False)

    def simulated_hazard(self, hazard: Array) -> Array:
        """Of the orders in the simulated book, from that of orders which were seen."""
        return np.maximum(hazard * self.seen, HAZARD_LEAST)

    def seen_hazard(self, simulated: Array) -> Array:
        """The other way round."""
        return np.asarray(np.minimum(simulated / np.maximum(self.seen, SEEN_LEAST), 1.0))
