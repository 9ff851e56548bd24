"""How likely an order at the touch is filled, by how many lots wait ahead of it.

Every few seconds an order of one lot joins the best bid and the best ask and rests for a minute.
The engine's replay says when it would have been filled: exactly, first in first out, where orders
carry numbers; else by the careful law that all cancels come from behind it. All orders are watched
for the whole minute, so the Kaplan-Meier estimate is the plain share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.fidelity.blocks import BlockMeans, Floats, Ints, block_means, stacked
from calibration.fidelity.segments import Segments, grid_of
from rlmm_tf.env import RestingOrders, resting_fills
from rlmm_tf.env.tape import make_tape
from rlmm_tf.events import ARROW_SCHEMA, EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.replay_params import QueueParams

HORIZONS_S = (1.0, 10.0, 60.0)
TERCILES = 3
STEP_S = 5.0


@dataclass(frozen=True)
class VirtualOrders:
    """Orders that joined a touch, and after how many seconds they were filled (inf: not)."""

    ahead_lots: Ints
    filled_s: Floats
    block: Ints
    blocks: int

    def by_tercile(self, edges: Floats) -> BlockMeans:
        """Share filled by each horizon: (blocks, terciles, horizons).

        Args:
            edges: of the terciles; those of the real market for both.
        """
        tercile = np.searchsorted(edges, self.ahead_lots, side="left")
        means = []
        for part in range(TERCILES):
            mine = tercile == part
            for horizon_s in HORIZONS_S:
                filled = (self.filled_s[mine] <= horizon_s).astype(float)
                means.append(block_means(filled, self.block[mine], self.blocks))
        return stacked(means, (TERCILES, len(HORIZONS_S)))

    def tercile_edges(self) -> Floats:
        """Of the lots ahead."""
        edges: Floats = np.quantile(self.ahead_lots, [1.0 / 3.0, 2.0 / 3.0])
        return edges


def virtual_orders(table: EventTable, parts: Segments) -> VirtualOrders | None:
    """Orders that join the touch of a recording; None where none can, or it cannot be replayed.

    Args:
        table: the recording.
        parts: messages of it: the stretches in which orders rest.
    """
    grid = grid_of(parts, STEP_S)
    messages = parts.messages
    last = np.append(parts.starts[1:], len(messages)) - 1
    until_ns = messages.ts_ns[last][grid.segment]
    first_ns = messages.ts_ns[parts.starts][grid.segment]
    place = np.arange(len(grid.row)) - np.searchsorted(grid.segment, grid.segment)
    start_ns = first_ns + place * round(STEP_S * NS_PER_S)
    watched_ns = round(HORIZONS_S[-1] * NS_PER_S)
    usable = np.isfinite(grid.mid_ticks) & (start_ns + watched_ns <= until_ns)
    if not usable.any():
        return None
    row, start_ns = np.repeat(grid.row[usable], 2), np.repeat(start_ns[usable], 2)
    side = np.tile(np.array([1, -1], np.int8), len(row) // 2)
    touch = messages.book[row]
    is_bid = side > 0
    orders = RestingOrders(
        start_ns=start_ns,
        end_ns=start_ns + watched_ns,
        side=side,
        price_ticks=np.where(is_bid, touch[:, 2], touch[:, 0]),
        lots=np.ones(len(row), np.int64),
    )
    try:
        fills, rested = resting_fills(make_tape(_by_recorder(table)), QueueParams(), orders)
    except ValueError:  # rows that contradict the book, or a side that stays empty
        return None
    if not rested.any():
        return None
    filled_s = np.full(len(row), np.inf)
    # Each order has one lot, so one fill.
    filled_s[fills.order] = (fills.ts_ns - start_ns[fills.order]) / NS_PER_S
    ahead = np.where(is_bid, touch[:, 3], touch[:, 1])
    return VirtualOrders(ahead[rested], filled_s[rested], parts.block[row][rested], parts.blocks)


def _by_recorder(table: EventTable) -> EventTable:
    """The table with the recorder's times as the exchange's: those the messages have."""
    recv = table.table.column("ts_recv")
    return EventTable(table.table.set_column(0, ARROW_SCHEMA.field("ts_event"), recv))
