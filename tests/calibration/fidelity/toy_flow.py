"""Small order flows for tests: a book of dictionaries, and nothing of the engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.fidelity.messages import Instrument, Messages, Windows

LEVELS = 10
MID_TICKS = 10_000
DAY_NS = 1_340_236_800 * 10**9  # 2012-06-21


class ToyFlow:
    """Random limit orders, cancels and fills.

    Draws come as plain uniforms: what NumPy makes of them for other laws may change.
    """

    def __init__(self, key: int, *, market_share: float, patience: float, gap_s: float) -> None:
        self._draw = np.random.Generator(np.random.Philox(key=key)).random
        self.market_share, self.patience, self.gap_s = market_share, patience, gap_s
        self.next_id = 1
        self.orders: dict[int, list[int]] = {}  # id -> side, price, lots
        for side in (1, -1):
            for level in range(1, 25):
                for _ in range(2):
                    self._rest(side, MID_TICKS - side * level, 1 + int(self._draw() * 60))

    def _rest(self, side: int, price: int, lots: int) -> int:
        self.orders[self.next_id] = [side, price, lots]
        self.next_id += 1
        return self.next_id - 1

    def _best(self, side: int) -> int:
        return max(side * price for s, price, _ in self.orders.values() if s == side) * side

    def book(self) -> list[int]:
        row: list[int] = []
        sums: dict[int, dict[int, int]] = {1: {}, -1: {}}
        for side, price, lots in self.orders.values():
            sums[side][price] = sums[side].get(price, 0) + lots
        asks, bids = sorted(sums[-1].items()), sorted(sums[1].items(), reverse=True)
        for (ask, ask_lots), (bid, bid_lots) in zip(asks[:LEVELS], bids[:LEVELS], strict=True):
            row += [ask, ask_lots, bid, bid_lots]
        return row

    def gap_ns(self) -> int:
        kind = self._draw()
        if kind < 0.05:
            return 0
        if kind < 0.1:
            return 700
        return int(-np.log(1.0 - self._draw()) * self.gap_s * 1e9)

    def message(self) -> list[int]:
        """kind, id, lots, price, side."""
        draw, side = self._draw(), 1 if self._draw() < 0.5 else -1
        mine = sorted(id_ for id_, order in self.orders.items() if order[0] == side)
        if draw < self.market_share:
            best = self._best(side)
            id_ = next(id_ for id_ in mine if self.orders[id_][1] == best)
            return [4, id_, self._take(id_, 1 + int(self._draw() * 50)), best, side]
        if len(mine) < 45 or draw < self.market_share + (1 - self.market_share) * 0.5:
            distance = 1 + int(-np.log(1.0 - self._draw()) * self.patience)
            price = self._best(-side) - side * min(distance, 40)
            lots = 1 + int(self._draw() * 60)
            return [1, self._rest(side, price, lots), lots, price, side]
        id_ = mine[int(self._draw() ** 0.5 * len(mine))]
        price, whole = self.orders[id_][1:]
        if self._draw() < 0.2 and whole > 1:
            return [2, id_, self._take(id_, 1 + int(self._draw() * (whole - 1))), price, side]
        return [3, id_, self._take(id_, whole), price, side]

    def _take(self, id_: int, lots: int) -> int:
        taken = min(lots, self.orders[id_][2])
        self.orders[id_][2] -= taken
        if self.orders[id_][2] == 0:
            del self.orders[id_]
        return taken


def toy_rows(key: int, windows: int, length: int, **flow: float) -> NDArray[np.int64]:
    """(windows, length, 6 + 4 levels): ts_ns, kind, id, lots, price, side, book."""
    rows = np.empty((windows, length, 6 + 4 * LEVELS), np.int64)
    for w in range(windows):
        toy = ToyFlow(key * 1000 + w, **flow)
        ts_ns = DAY_NS + (34_200 + 4_000 * w) * 10**9
        for i in range(length):
            ts_ns += toy.gap_ns()
            rows[w, i] = [ts_ns, *toy.message(), *toy.book()]
    return rows


def toy_windows(rows: NDArray[np.int64]) -> Windows:
    flat = rows.reshape(-1, rows.shape[-1])
    messages = Messages(
        instrument=Instrument("0.01", "1", "orders", LEVELS),
        ts_ns=flat[:, 0].copy(),
        kind=flat[:, 1].astype(np.int8),
        order_id=flat[:, 2].astype(np.uint64),
        lots=flat[:, 3].copy(),
        price_ticks=flat[:, 4].copy(),
        side=flat[:, 5].astype(np.int8),
        more_fills=np.zeros(len(flat), np.bool_),
        book=flat[:, 6:].copy(),
        stretch=np.repeat(np.arange(len(rows)), rows.shape[1]),
    )
    return Windows(messages, rows.shape[1])


def benchmark_pair() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The real and the simulated rows whose published distances the tests know."""
    real = toy_rows(1, 6, 300, market_share=0.12, patience=6.0, gap_s=0.05)
    other = toy_rows(2, 6, 300, market_share=0.18, patience=4.0, gap_s=0.08)
    return real, other
