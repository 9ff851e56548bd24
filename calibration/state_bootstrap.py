"""The state bootstrap: recorded events drawn again, each in a state of the book like its own.

A reference that needs no model: from the events that came while spread and imbalance lay in the
same bins as now, one is drawn, with the time it took to come. It has the recording's marks and
rates by state, and nothing else: no memory, so trades do not lead prices anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.flow_events import N_GROUPS, FlowEvents
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import HORIZON_NS_MAX, NS_PER_S
from rlmm_tf.recording import Chunk, Opening

EVENTS_PER_STATE_LEAST = 20
SPREAD_QUANTILES = (0.2, 0.4, 0.6, 0.8)
IMBALANCE_EDGES = (-0.6, -0.2, 0.2, 0.6)


@dataclass(frozen=True)
class StateBootstrap:
    """Recorded events by the state of the book before them."""

    spread_edges: NDArray[np.int64]
    wait_s: NDArray[np.float64]
    group: NDArray[np.uint8]
    away_ticks: NDArray[np.int64]
    lots: NDArray[np.int64]
    of_state: tuple[NDArray[np.int64], ...]  # rows by state; all rows where too few

    @classmethod
    def of(cls, flow: FlowEvents) -> StateBootstrap:
        """Of all events that count.

        Raises:
            ValueError: there are too few.
        """
        rows = np.flatnonzero(flow.counted & (flow.group < N_GROUPS))
        if len(rows) < EVENTS_PER_STATE_LEAST:
            raise ValueError(
                f"flow: expected {EVENTS_PER_STATE_LEAST} events at least, got {len(rows)}"
            )
        spread = flow.before(flow.spread_ticks)[rows]
        bid, ask = flow.before(flow.touch_lots)[:, rows]
        edges = np.unique(np.quantile(spread, SPREAD_QUANTILES, method="higher").astype(np.int64))
        state = _state(spread, bid, ask, edges)
        every = np.arange(len(rows))
        of_state = []
        for each in range((len(edges) + 1) * (len(IMBALANCE_EDGES) + 1)):
            own = np.flatnonzero(state == each)
            of_state.append(own if len(own) >= EVENTS_PER_STATE_LEAST else every)
        return cls(
            spread_edges=edges,
            wait_s=flow.t_s[rows] - flow.t_s[np.maximum(rows - 1, 0)],
            group=flow.group[rows],
            away_ticks=flow.away_ticks[rows],
            lots=flow.lots[rows],
            of_state=tuple(of_state),
        )

    def window(
        self,
        opening: Opening,
        levels: int,
        generator: np.random.Generator,
        *,
        messages: int = HORIZON_NS_MAX,
        duration_ns: int = HORIZON_NS_MAX,
    ) -> Chunk:
        """A recording that goes on from a book until it has so many messages, or for so long."""
        book = _Book(opening, levels)
        book.write_opening()
        time_s = 0.0
        while book.messages < messages:
            state = _state(*book.touch(), self.spread_edges)
            rows = self.of_state[int(state)]
            row = int(rows[generator.integers(len(rows))])
            time_s += float(self.wait_s[row])
            if time_s * NS_PER_S >= duration_ns:
                break
            book.ts_ns = round(time_s * NS_PER_S)
            side = 1 - 2 * (int(self.group[row]) % 2)
            lots, away = int(self.lots[row]), int(self.away_ticks[row])
            (book.trade, book.add, book.cancel)[int(self.group[row]) // 2](
                side, away, lots, generator
            )
        return book.chunk(messages)


def _state(
    spread: NDArray[np.int64] | int,
    bid: NDArray[np.int64] | int,
    ask: NDArray[np.int64] | int,
    edges: NDArray[np.int64],
) -> NDArray[np.int64]:
    imbalance = (np.asarray(bid) - ask) / np.maximum(np.asarray(bid) + ask, 1)
    by_imbalance = np.searchsorted(IMBALANCE_EDGES, imbalance, side="right")
    by_spread = np.searchsorted(edges, spread, side="right")
    states: NDArray[np.int64] = by_spread * (len(IMBALANCE_EDGES) + 1) + by_imbalance
    return states


class _Book:
    """Orders by price, and what happens to them as canonical rows."""

    def __init__(self, opening: Opening, levels: int) -> None:
        self.ts_ns = 0
        self.messages = 0
        self._levels = levels
        self._next_id = 1
        self._sides: dict[int, dict[int, list[list[int]]]] = {1: {}, -1: {}}  # price: [id, lots]
        self._rows: list[tuple[int, ...]] = []
        self._depth: list[list[int]] = []
        for side, price, lots in zip(
            opening.side.tolist(),
            opening.price_ticks.tolist(),
            opening.qty_lots.tolist(),
            strict=True,
        ):
            self._sides[side].setdefault(price, []).append([self._new_id(), lots])

    def write_opening(self) -> None:
        self._note(EventKind.CLEAR, 0, 0, 0, 0, 0)
        for side, levels in self._sides.items():
            for price in sorted(levels, reverse=side > 0):
                for number, lots in levels[price]:
                    self._note(EventKind.SNAPSHOT, side, price, lots, number, 0)

    def touch(self) -> tuple[int, int, int]:
        """Spread in ticks, lots at the best bid and at the best ask."""
        bid, ask = self._best(1), self._best(-1)
        bid_lots, ask_lots = (
            sum(order[1] for order in self._sides[side][price])
            for side, price in ((1, bid), (-1, ask))
        )
        return ask - bid, bid_lots, ask_lots

    def add(self, side: int, away: int, lots: int, generator: np.random.Generator) -> None:
        """A limit order; one that would cross rests a tick before the other side."""
        price = self._best(side) - side * away
        other = self._best(-side)
        price = min(price, other - 1) if side > 0 else max(price, other + 1)
        number = self._new_id()
        self._sides[side].setdefault(price, []).append([number, lots])
        self._note(EventKind.ADD, side, price, lots, number, 0)

    def cancel(self, side: int, away: int, lots: int, generator: np.random.Generator) -> None:
        """Of an order at the occupied price nearest to where it was recorded."""
        wanted = self._best(side) - side * away
        price = min(self._sides[side], key=lambda p: (abs(p - wanted), p))
        orders = self._sides[side][price]
        at = int(generator.integers(len(orders)))
        if self._is_last(side, orders):
            return
        number, there = orders[at]
        taken = min(lots, there)
        orders[at][1] -= taken
        if orders[at][1] == 0:
            del orders[at]
        if not orders:
            del self._sides[side][price]
        self._note(
            EventKind.CANCEL, side, price, taken, number, EventFlag.REMAINS if taken < there else 0
        )

    def trade(self, side: int, away: int, lots: int, generator: np.random.Generator) -> None:
        """Against this side, price by price; its last order is not taken."""
        left = lots
        while left > 0:
            price = self._best(side)
            orders = self._sides[side][price]
            if self._is_last(side, orders):
                break
            number, there = orders[0]
            taken = min(left, there)
            left -= taken
            orders[0][1] -= taken
            if orders[0][1] == 0:
                del orders[0]
            if not orders:
                del self._sides[side][price]
            goes_on = left > 0 and not self._is_last(side, self._sides[side][self._best(side)])
            flags = (EventFlag.REMAINS if taken < there else 0) | (
                EventFlag.MORE_FILLS if goes_on else 0
            )
            self._note(EventKind.TRADE, side, price, taken, number, flags)

    def chunk(self, messages: int) -> Chunk:
        """All rows up to the last message asked for."""
        opened = len(self._rows) - self.messages
        rows = np.array(self._rows[: opened + messages], np.int64).reshape(-1, 7)
        ts, kind, side, price, lots, number, flags = rows.T
        return Chunk(
            first_seq=0,
            until_ns=int(ts[-1]),
            ts_ns=ts.copy(),
            kind=kind.astype(np.uint8),
            side=side.astype(np.int8),
            price_ticks=price.copy(),
            qty_lots=lots.copy(),
            order_id=number.astype(np.uint64),
            flags=flags.astype(np.uint8),
            depth=np.array(self._depth[: len(rows)], np.int64).reshape(len(rows), -1),
        )

    def _is_last(self, side: int, orders: Sequence[list[int]]) -> bool:
        return len(self._sides[side]) == 1 and len(orders) == 1

    def _best(self, side: int) -> int:
        return max(self._sides[side]) if side > 0 else min(self._sides[side])

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _note(self, kind: int, side: int, price: int, lots: int, number: int, flags: int) -> None:
        self.messages += kind in (EventKind.ADD, EventKind.CANCEL, EventKind.TRADE)
        self._rows.append((self.ts_ns, int(kind), side, price, lots, number, int(flags)))
        self._depth.append(self._seen())

    def _seen(self) -> list[int]:
        if self._levels == 0:
            return []
        row: list[int] = []
        asks = sorted(self._sides[-1])[: self._levels]
        bids = sorted(self._sides[1], reverse=True)[: self._levels]
        for level in range(self._levels):
            for side_of, prices in ((-1, asks), (1, bids)):
                if level < len(prices):
                    held = self._sides[side_of][prices[level]]
                    row += [prices[level], sum(order[1] for order in held)]
                else:
                    row += [0, 0]
        return row
