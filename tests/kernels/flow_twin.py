"""A slow flow pass on dictionaries: the same rules, told again without any index."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.kernels.flow import HIDDEN_TRADE, NO_EVENT, FlowFlag, LifeEnd

Row = dict[str, int]


@dataclass
class Order:
    lots: int
    birth_ns: int
    away: int
    born_here: bool


@dataclass
class Level:
    lots: int = 0
    orders: dict[int, Order] = field(default_factory=dict)


@dataclass
class FlowTwin:
    """All rows at once; `rows` and `lives` are lists of dictionaries."""

    cluster_ns: int
    reach: int
    order_lots: float
    edges: tuple[int, ...]

    def __post_init__(self) -> None:
        self.book: dict[int, dict[int, Level]] = {1: {}, -1: {}}
        self.rows: list[dict[str, Any]] = []
        self.lives: list[dict[str, int]] = []
        self.halted = False
        self.filling: dict[str, Any] | None = None
        self.now = 0

    # --- rows -----------------------------------------------------------------------------------

    def run(self, table: list[Row]) -> None:
        order = list(range(len(table)))
        at = 0
        while at < len(order):
            row = table[order[at]]
            if at + 1 < len(order) and self.pushed_out(row, table[order[at + 1]]):
                order[at], order[at + 1] = order[at + 1], order[at]
                for _ in range(2):
                    self.one(table, order[at])
                    at += 1
                continue
            self.one(table, order[at])
            at += 1
        self.close()
        for side in (1, -1):
            for price in list(self.book[side]):
                self.drop(side, price)

    def one(self, table: list[Row], number: int) -> None:
        self.now, self.number = table[number]["ts_ns"], number
        self.apply(table[number])

    def pushed_out(self, row: Row, after: Row) -> bool:
        """Is it the only level of its side, which leaves because a better one comes?"""
        levels = self.book.get(row["side"], {})
        leaves = row["kind"] == EventKind.CANCEL and row["flags"] & EventFlag.REACH
        whole = list(levels) == [row["price_ticks"]] and all(
            level.lots <= row["qty_lots"] for level in levels.values()
        )
        comes = after["kind"] == EventKind.ADD and after["side"] == row["side"]
        there = after["ts_ns"] == row["ts_ns"] and after["price_ticks"] != row["price_ticks"]
        return bool(leaves and whole and comes and there)

    def apply(self, row: Row) -> None:
        kind, flags = row["kind"], row["flags"]
        if kind == EventKind.TRADE:
            if flags & EventFlag.HIDDEN or row["side"] == 0:
                self.emit(HIDDEN_TRADE, away_ticks=row["price_ticks"], lots=row["qty_lots"])
            else:
                self.fill(row)
            return
        shows = flags & EventFlag.REACH or kind == EventKind.MODIFY
        if not (self.filling and shows and row["order_id"] == 0 and self.soon()):
            self.close()
        sent = {
            EventKind.ADD: self.add,
            EventKind.CANCEL: self.cancel,
            EventKind.MODIFY: self.modify,
        }
        sent.get(EventKind(kind), self.show)(row)

    def show(self, row: Row) -> None:
        if row["kind"] == EventKind.SNAPSHOT:
            self.rest(row, born_here=False)
        elif row["kind"] == EventKind.STATUS:
            self.halted = row["qty_lots"] != 2
        else:
            for side in (1, -1) if row["side"] == 0 else (row["side"],):
                for price in list(self.book[side]):
                    self.drop(side, price)
        self.emit(NO_EVENT)

    def soon(self) -> bool:
        assert self.filling
        return bool(self.filling["more"]) or self.now - self.filling["last"] < self.cluster_ns

    def fill(self, row: Row) -> None:
        side = row["side"]
        best = self.best(side)
        if not (self.filling and self.filling["side"] == side and self.soon()):
            self.close()
            queue = 0 if best is None else self.book[side][best].lots
            agent = FlowFlag.AGENT if row["flags"] & EventFlag.AGENT else 0
            self.emit(group(0, side), queue_lots=queue, flags=int(agent))
            start = 0 if best is None else best
            self.filling = {"side": side, "at": len(self.rows) - 1, "best": start}
            through = 0 if best is None else side * (best - row["price_ticks"])
            self.rows[-1]["away_ticks"] = through
        else:
            through = side * (self.filling["best"] - row["price_ticks"])
        event = self.rows[self.filling["at"]]
        event["lots"] += row["qty_lots"]
        event["away_ticks"] = max(event["away_ticks"], through)
        self.filling |= {"last": self.now, "more": row["flags"] & EventFlag.MORE_FILLS}
        self.take_off(row, LifeEnd.FILLED)

    def close(self) -> None:
        if self.filling:
            first = self.filling["at"]
            self.filling = None
            for row in self.rows[first:]:
                row.update(self.state())

    def add(self, row: Row) -> None:
        side, away = row["side"], self.away(row["side"], row["price_ticks"])
        seen = not row["flags"] & EventFlag.REACH
        there = self.book[side].get(row["price_ticks"], Level()).lots
        self.rest(row, born_here=seen)
        if seen and away <= self.reach:
            agent = FlowFlag.AGENT if row["flags"] & EventFlag.AGENT else 0
            self.emit(
                group(1, side), away_ticks=away, lots=row["qty_lots"], queue_lots=there,
                flags=int(agent),
            )  # fmt: skip
        else:
            self.emit(NO_EVENT)

    def cancel(self, row: Row) -> None:
        away = self.away(row["side"], row["price_ticks"])
        sent = not row["flags"] & EventFlag.REACH
        order = self.take_off(row, LifeEnd.CANCELLED if sent else LifeEnd.OUT_OF_SIGHT)
        if not sent or away > 2 * self.reach:
            self.emit(NO_EVENT)
            return
        flags = FlowFlag.PARTIAL if row["flags"] & EventFlag.REMAINS else FlowFlag(0)
        flags |= FlowFlag.AGENT if row["flags"] & EventFlag.AGENT else FlowFlag(0)
        age = -1
        if order and order.born_here:
            flags |= FlowFlag.AGE_KNOWN
            age = self.now - order.birth_ns
        self.emit(
            group(2, row["side"]), away_ticks=away, lots=row["qty_lots"], flags=int(flags),
            queue_lots=order.lots if order else 0, age_ns=age,
        )  # fmt: skip

    def modify(self, row: Row) -> None:
        held = [
            (side, price, level.orders[row["order_id"]])
            for side in (1, -1)
            for price, level in self.book[side].items()
            if row["order_id"] in level.orders
        ]
        if not held:
            if row["order_id"] and row["qty_lots"] > 0:
                self.add(row)
                return
            level = self.book[row["side"]].setdefault(row["price_ticks"], Level())
            level.lots = row["qty_lots"]
            if level.lots <= 0:
                self.drop(row["side"], row["price_ticks"])
            self.emit(NO_EVENT)
            return
        side, price, order = held[0]
        stays = (side, price) == (row["side"], row["price_ticks"]) and row["qty_lots"] > 0
        if stays and row["qty_lots"] == order.lots:
            self.emit(NO_EVENT)
            return
        shrinks = stays and row["qty_lots"] < order.lots
        gone = order.lots - row["qty_lots"] if shrinks else order.lots
        flags = row["flags"] | (EventFlag.REMAINS if shrinks else 0)
        self.cancel(row | {"side": side, "price_ticks": price, "qty_lots": gone, "flags": flags})
        if not shrinks and row["qty_lots"] > 0:
            self.add(row)

    # --- the book -------------------------------------------------------------------------------

    def best(self, side: int) -> int | None:
        return max(self.book[side], key=lambda price: side * price, default=None)

    def away(self, side: int, price: int) -> int:
        best = self.best(side)
        return 0 if best is None else side * (best - price)

    def rest(self, row: Row, *, born_here: bool) -> None:
        away = self.away(row["side"], row["price_ticks"])
        for levels in self.book.values():
            for level in levels.values():
                if row["order_id"]:
                    level.orders.pop(row["order_id"], None)
        level = self.book[row["side"]].setdefault(row["price_ticks"], Level())
        level.lots += row["qty_lots"]
        if row["order_id"]:
            level.orders[row["order_id"]] = Order(row["qty_lots"], self.now, away, born_here)

    def take_off(self, row: Row, end: LifeEnd) -> Order | None:
        level = self.book[row["side"]].get(row["price_ticks"])
        if level is None:
            return None
        order = level.orders.get(row["order_id"]) if row["order_id"] else None
        before = Order(**vars(order)) if order else None
        if order:
            order.lots -= min(order.lots, row["qty_lots"])
            if order.lots == 0:
                self.end(order, row["side"], end)
                del level.orders[row["order_id"]]
        level.lots -= row["qty_lots"]
        if level.lots <= 0:
            self.drop(row["side"], row["price_ticks"])
        return before

    def drop(self, side: int, price: int) -> None:
        for order in self.book[side].pop(price).orders.values():
            self.end(order, side, LifeEnd.OUT_OF_SIGHT)

    def end(self, order: Order, side: int, end: LifeEnd) -> None:
        if order.born_here:
            self.lives.append(
                {
                    "birth_ns": order.birth_ns,
                    "end_ns": self.now,
                    "end": int(end),
                    "side": side,
                    "away_ticks": order.away,
                }
            )

    # --- writing --------------------------------------------------------------------------------

    def emit(self, event: int, **values: int) -> None:
        if event == NO_EVENT and self.filling:
            return
        if event == NO_EVENT and self.rows and self.rows[-1]["ts_ns"] == self.now:
            self.rows[-1].update(self.state())
            return
        row = {"ts_ns": self.now, "row": self.number, "group": event, "flags": 0, "age_ns": -1}
        row |= {"away_ticks": 0, "lots": 0, "queue_lots": 0}
        self.rows.append(row | values | self.state())

    def state(self) -> dict[str, Any]:
        sides = [self.side_state(side) for side in (1, -1)]
        bid, ask = self.best(1), self.best(-1)
        whole = bid is not None and ask is not None and ask > bid and not self.halted
        together = {name: [side[name] for side in sides] for name in sides[0]}
        return together | {"open": int(whole)}

    def side_state(self, side: int) -> dict[str, Any]:
        levels = sorted(self.book[side].items(), key=lambda item: -side * item[0])
        best = levels[0][0] if levels else 0
        away = [side * (best - price) for price, _ in levels]
        at_risk = [0.0] * len(self.edges)
        lots = 0
        for distance, (_, level) in zip(away, levels, strict=True):
            if distance > 2 * self.reach:
                continue
            lots += level.lots
            anonymous = level.lots - sum(order.lots for order in level.orders.values())
            count = float(len(level.orders))
            if anonymous > 0:
                each = self.order_lots
                count += max(1.0, math.floor(anonymous / each + 0.5) if each > 0.0 else 1.0)
            at_risk[max(i for i, edge in enumerate(self.edges) if edge <= distance)] += count
        within = [distance for distance in away if distance <= self.reach]
        return {
            "price_ticks": best,
            "touch_lots": levels[0][1].lots if levels else 0,
            "gap_ticks": away[1] if len(away) > 1 else 0,
            "levels": len(within),
            "extent_ticks": max(within, default=0),
            "lots_at_risk": lots,
            "at_risk": at_risk,
        }


def group(kind: int, side: int) -> int:
    return 2 * kind + (0 if side > 0 else 1)
