"""Books and pasts of a recording, for simulations that go on from them (`rlmm_tf.recording`).

The book is the one just before a time. Where the recording tells orders apart they are taken as
they are, in their order; lots of a level that nobody is known to own lie ahead of them, cut into
orders by the model's law of sizes. How excited the flow is follows from its own past events. What
cannot be seen (who flickers, the hidden price) is drawn or filtered from what can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from calibration.flow_events import N_GROUPS, FlowEvents
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.parse import BookPass, Columns
from rlmm_tf.market_model import MarketModel
from rlmm_tf.recording import Opening

LEVELS = 50
PAST_LEAST = 1e-4  # older events than this share of a whole one are left out
ORDERS_PER_LEVEL_MOST = 200


Level = tuple[int, int]  # side, price


@dataclass
class _Orders:
    """The orders that a recording told of, by level and number: lots, and since when (ns)."""

    at: dict[int, Level] = field(default_factory=dict)
    levels: dict[Level, dict[int, list[int]]] = field(default_factory=dict)

    def apply(self, rows: Columns) -> None:
        names = ("ts_recv", "kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
        for ts, kind, side, price, lots, number, flags in zip(
            *(rows[name].tolist() for name in names), strict=True
        ):
            if kind == EventKind.CLEAR:
                for level in [level for level in self.levels if side in (0, level[0])]:
                    self._forget(level)
            elif number == 0:
                if flags & EventFlag.REACH and kind == EventKind.CANCEL:
                    self._forget((side, price))  # out of sight: comes back as nobody's
            elif kind in (EventKind.ADD, EventKind.SNAPSHOT):
                self.at[number] = (side, price)
                self.levels.setdefault((side, price), {})[number] = [lots, ts]
            elif number in self.at and not flags & EventFlag.HIDDEN:
                order = self.levels[self.at[number]][number]
                order[0] = lots if kind == EventKind.MODIFY else order[0] - lots
                if order[0] <= 0:
                    del self.levels[self.at.pop(number)][number]

    def copy(self) -> dict[Level, list[list[int]]]:
        """Orders of each level in order of priority."""
        return {
            level: [list(order) for order in orders.values()]
            for level, orders in self.levels.items()
            if orders
        }

    def _forget(self, level: Level) -> None:
        for number in self.levels.pop(level, {}):
            del self.at[number]


def openings_at(
    chunks: Sequence[Columns],
    flow: FlowEvents,
    times_ns: NDArray[np.int64],
    model: MarketModel,
    generator: np.random.Generator,
    *,
    season_origin_s: int = 0,
    table: int = 0,
) -> list[Opening]:
    """One opening for each time, in rising order.

    Args:
        chunks: the rows of one event table, piece by piece.
        flow: what `read_flow` made of it; `table` is its number there.
        times_ns: when the simulations start.
        model: cuts anonymous lots into orders, and says who flickers.
        generator: draws what nobody has seen.
        season_origin_s: time of day (UTC) at which the model's season begins.
        table: of the flow's tables, this one.

    Raises:
        ValueError: times that do not rise, or at which a side of the book is empty.
    """
    if (np.diff(times_ns) < 0).any():
        raise ValueError("times_ns: expected rising times")
    books = _books_at(chunks, times_ns, flow.by_order)
    pasts = _pasts_at(flow, times_ns, table, model.decays_hz)
    lifetimes = _Lifetimes.of(model, flow)
    season_ns = (times_ns - season_origin_s * NS_PER_S) % (86_400 * NS_PER_S)
    return [
        replace(
            _opening(model, depth, orders, int(time_ns), lifetimes, generator),
            past=past,
            season_ns=int(of_day_ns),
        )
        for time_ns, (depth, orders), past, of_day_ns in zip(
            times_ns, books, pasts, season_ns, strict=True
        )
    ]


def _books_at(
    chunks: Sequence[Columns], times_ns: NDArray[np.int64], by_order: bool
) -> list[tuple[NDArray[np.int64], dict[Level, list[list[int]]]]]:
    """Levels, and the known orders in order of priority, just before each time."""
    book, orders = BookPass(LEVELS), _Orders()
    depth = np.zeros(4 * LEVELS, np.int64)
    books: list[tuple[NDArray[np.int64], dict[Level, list[list[int]]]]] = []
    for chunk in chunks:
        cuts = np.searchsorted(chunk["ts_recv"], times_ns[len(books) :], side="left")
        begin = 0
        rows_of_chunk = len(chunk["ts_recv"])
        for cut in [*cuts[cuts < rows_of_chunk].tolist(), rows_of_chunk]:
            if cut > begin:
                rows = {name: values[begin:cut] for name, values in chunk.items()}
                depth = book.depth(rows)[-1].copy()
                if by_order:
                    orders.apply(rows)
                begin = cut
            if cut < rows_of_chunk:
                books.append((depth, orders.copy()))
    while len(books) < len(times_ns):
        books.append((depth, orders.copy()))
    return books


def _pasts_at(
    flow: FlowEvents, times_ns: NDArray[np.int64], table: int, decays_hz: Sequence[float]
) -> NDArray[np.float32]:
    """Sums of exp(-decay x age) over the events before each time, [time][decay][group]."""
    pasts = np.zeros((len(times_ns), len(decays_hz), N_GROUPS))
    events = np.flatnonzero((flow.table == table) & (flow.group < N_GROUPS))
    ts, group = flow.ts_ns[events], flow.group[events]
    for i, time_ns in enumerate(times_ns):
        end = int(np.searchsorted(ts, time_ns, side="left"))
        for p, decay_hz in enumerate(decays_hz):
            oldest_ns = time_ns - int(-np.log(PAST_LEAST) / decay_hz * NS_PER_S)
            first = int(np.searchsorted(ts, oldest_ns, side="left"))
            age_s = (time_ns - ts[first:end]) / NS_PER_S
            pasts[i, p] = np.bincount(
                group[first:end], np.exp(-decay_hz * age_s), minlength=N_GROUPS
            )
    return pasts.astype(np.float32)


def _opening(
    model: MarketModel,
    depth: NDArray[np.int64],
    known: dict[Level, list[list[int]]],
    time_ns: int,
    lifetimes: _Lifetimes,
    generator: np.random.Generator,
) -> Opening:
    levels = depth.reshape(LEVELS, 2, 2)  # ask price, ask lots; bid price, bid lots
    if levels[0, 0, 1] == 0 or levels[0, 1, 1] == 0:
        raise ValueError(
            f"times_ns: expected a bid and an ask just before {time_ns}, got an empty side"
        )
    rows: list[tuple[int, int, int, bool]] = []
    for s, side in ((1, 1), (0, -1)):
        deepest = int(levels[0, s, 0])
        reach = deepest - side * (model.depth_ticks - 1)
        for price, lots in levels[:, s].tolist():
            if lots == 0 or side * (price - reach) < 0:
                break
            deepest = price
            owned = known.get((side, price), [])
            nobodys = lots - sum(order[0] for order in owned)
            if nobodys < 0:  # the record contradicts itself here: its level counts
                owned, nobodys = [], lots
            rows += [(side, price, part, False) for part in _cut(nobodys, model, generator)]
            rows += [
                (side, price, order[0], lifetimes.flickers(time_ns - order[1], generator))
                for order in owned
            ]
        rows += _out_of_sight(model, side, deepest, int(reach), lifetimes, generator)
    columns = list(zip(*rows, strict=True))
    return Opening(
        side=np.array(columns[0], np.int8),
        price_ticks=np.array(columns[1], np.int64),
        qty_lots=np.array(columns[2], np.int64),
        flickering=np.array(columns[3], np.bool_),
        past=np.zeros((0, N_GROUPS), np.float32),
    )


def _out_of_sight(
    model: MarketModel,
    side: int,
    deepest: int,
    reach: int,
    lifetimes: _Lifetimes,
    generator: np.random.Generator,
) -> list[tuple[int, int, int, bool]]:
    """Orders behind the deepest level that was seen, by the law of far levels, as if long there."""
    far, sizes = model.far_level_orders, model.deeper.sizes
    rows = []
    for price in range(deepest - side, reach - side, -side):
        for _ in range(int(generator.choice(len(far), p=_normed(far)))):
            lots = int(generator.choice(sizes.lots, p=_normed(sizes.probability)))
            flickers = bool(generator.random() < lifetimes.live_flickering_share)
            rows.append((side, price, lots, flickers))
    return rows


def _cut(lots: int, model: MarketModel, generator: np.random.Generator) -> list[int]:
    """Orders of sizes by the law of deeper ones that make up so many lots."""
    law = model.deeper.sizes
    parts: list[int] = []
    while lots > 0 and len(parts) < ORDERS_PER_LEVEL_MOST:
        parts.append(min(lots, int(generator.choice(law.lots, p=_normed(law.probability)))))
        lots -= parts[-1]
    if lots > 0:
        parts[-1] += lots
    return parts


def _normed(probability: Sequence[float]) -> NDArray[np.float64]:
    values = np.array(probability)
    normed: NDArray[np.float64] = values / values.sum()
    return normed


@dataclass(frozen=True)
class _Lifetimes:
    """Of live orders: two classes, each cancelled at a rate of its own."""

    flickering_share: float  # of orders that arrive
    flickering_hz: float
    patient_hz: float

    @classmethod
    def of(cls, model: MarketModel, flow: FlowEvents) -> _Lifetimes:
        """The model knows the ratio of the rates; the recording how often orders are cancelled."""
        share, cancels = model.joining.flickering_share, model.cancels
        weights = np.maximum([cancels.flickering_hazard, cancels.patient_hazard], 1e-12)
        live_weight = 1.0 / float(np.dot([share, 1.0 - share], 1.0 / weights))
        orders = float(flow.seconds @ flow.at_risk.sum(axis=(1, 2), dtype=np.float64))
        seen = float((flow.counted & np.isin(flow.group, (4, 5))).sum())
        unit_hz = seen / max(orders * live_weight, 1e-12)
        return cls(share, float(weights[0]) * unit_hz, float(weights[1]) * unit_hz)

    @property
    def live_flickering_share(self) -> float:
        """Of the orders that are there at a time: those that wait are there for longer."""
        flickering = self.flickering_share / max(self.flickering_hz, 1e-300)
        patient = (1.0 - self.flickering_share) / max(self.patient_hz, 1e-300)
        return flickering / (flickering + patient)

    def flickers(self, age_ns: int, generator: np.random.Generator) -> bool:
        """Draws the class of an order that has lived so long, by Bayes."""
        age_s = age_ns / NS_PER_S
        log_odds = np.log(max(self.flickering_share, 1e-300)) - np.log(
            max(1.0 - self.flickering_share, 1e-300)
        )
        log_odds -= (self.flickering_hz - self.patient_hz) * age_s
        return bool(generator.random() < 1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0))))
