"""What an account of the exchange has ordered, bought and sold: integers, and nothing else.

Everything here follows from the exchange's commands in their order (`rlmm_tf.live.exchange`): no
clock, no chance.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from rlmm_tf.live import protocol as p

Json = dict[str, Any]


@dataclass(slots=True)
class Fees:
    """In 1e-9 tick x lot: a share of the notional, and ticks for each lot; negative: a rebate."""

    maker_notional_e9: int = 0
    taker_notional_e9: int = 0
    maker_per_lot_e9: int = 0
    taker_per_lot_e9: int = 0

    def of(self, price_ticks: int, size_lots: int, *, maker: bool) -> int:
        """The fee of one fill, in 1e-9 of a tick x lot."""
        share = self.maker_notional_e9 if maker else self.taker_notional_e9
        per_lot = self.maker_per_lot_e9 if maker else self.taker_per_lot_e9
        return (price_ticks * share + per_lot) * size_lots


@dataclass(slots=True)
class Order:
    """An order, open or not; `first_*` are what it was submitted with."""

    client_order_id: int
    side: p.Side
    kind: p.Kind
    price_ticks: int
    size_lots: int
    first_price_ticks: int
    first_size_lots: int
    book_order_id: int = 0
    filled_lots: int = 0
    open_lots: int = 0
    status: p.Status = "open"
    code: p.Code | None = None

    def close(self, status: p.Status, code: p.Code | None) -> None:
        """It is no longer open."""
        self.status, self.code, self.open_lots, self.book_order_id = status, code, 0, 0

    def state(self) -> p.OrderState:
        """As clients see it."""
        return p.OrderState(
            client_order_id=self.client_order_id,
            book_order_id=self.book_order_id,
            side=self.side,
            kind=self.kind,
            price_ticks=self.price_ticks,
            size_lots=self.size_lots,
            filled_lots=self.filled_lots,
            open_lots=self.open_lots,
            status=self.status,
            code=self.code,
        )


@dataclass(slots=True)
class Account:
    """An account: its orders, its fills, what it holds."""

    name: str
    number: int  # the owner of its orders in the engine
    account_seq: int = 0
    id_max: int = 0
    position_lots: int = 0
    cash: int = 0
    fees_e9: int = 0
    bought_lots: int = 0
    sold_lots: int = 0
    halted: bool = False
    open: dict[int, Order] = field(default_factory=dict)
    closed: dict[int, Order] = field(default_factory=dict)  # the oldest first
    used: set[int] = field(default_factory=set)  # of the ids near the largest
    used_in_order: deque[int] = field(default_factory=deque)
    fills: list[p.FillUpdate] = field(default_factory=list)

    def order(self, client_order_id: int) -> Order | None:
        """An open order, or one of those that were closed last."""
        return self.open.get(client_order_id) or self.closed.get(client_order_id)

    def id_problem(self, client_order_id: int) -> p.Code | None:
        """Why no new order can have this id."""
        if client_order_id <= self.id_max - p.CLIENT_ORDER_IDS_KEPT:
            return p.Code.CLIENT_ORDER_ID_TOO_OLD
        return p.Code.CLIENT_ORDER_ID_REUSED if client_order_id in self.used else None

    def use(self, client_order_id: int) -> None:
        """The id is that of an order now, for ever."""
        self.id_max = max(self.id_max, client_order_id)
        self.used.add(client_order_id)
        self.used_in_order.append(client_order_id)
        if len(self.used) > 2 * p.CLIENT_ORDER_IDS_KEPT:
            least = self.id_max - p.CLIENT_ORDER_IDS_KEPT
            self.used_in_order = deque(i for i in self.used_in_order if i > least)
            self.used = set(self.used_in_order)

    def put_away(self, order: Order) -> None:
        """A closed order; the oldest of too many is forgotten."""
        self.open.pop(order.client_order_id, None)
        self.closed[order.client_order_id] = order
        if len(self.closed) > p.ORDERS_KEPT:
            del self.closed[next(iter(self.closed))]

    def fill(self, order: Order, lots: int, price_ticks: int, fee_e9: int) -> None:
        """Buys or sells so many lots at this price."""
        direction = 1 if order.side == "bid" else -1
        order.filled_lots += lots
        self.position_lots += direction * lots
        self.cash -= direction * lots * price_ticks
        self.fees_e9 += fee_e9
        if direction > 0:
            self.bought_lots += lots
        else:
            self.sold_lots += lots

    def next_seq(self) -> int:
        """The number of the next private message."""
        self.account_seq += 1
        return self.account_seq

    def dump(self) -> Json:
        """All of it as plain values."""
        values: Json = {name: getattr(self, name) for name in _PLAIN}
        values["open"] = [asdict(order) for order in self.open.values()]
        values["closed"] = [asdict(order) for order in self.closed.values()]
        values["used"] = list(self.used_in_order)
        values["fills"] = [list(fill.model_dump().values()) for fill in self.fills]
        return values

    @classmethod
    def load(cls, values: Json) -> Account:
        """The account that was dumped."""
        account = cls(**{name: values[name] for name in _PLAIN})
        account.open = {o["client_order_id"]: _order(o) for o in values["open"]}
        account.closed = {o["client_order_id"]: _order(o) for o in values["closed"]}
        account.used_in_order = deque(values["used"])
        account.used = set(account.used_in_order)
        names = tuple(p.FillUpdate.model_fields)
        account.fills = [
            p.FillUpdate(**dict(zip(names, fill, strict=True))) for fill in values["fills"]
        ]
        return account


_PLAIN = (
    "name", "number", "account_seq", "id_max", "position_lots", "cash", "fees_e9", "bought_lots",
    "sold_lots", "halted",
)  # fmt: skip


def _order(values: Json) -> Order:
    code = values["code"]
    return Order(**{**values, "code": None if code is None else p.Code(code)})
