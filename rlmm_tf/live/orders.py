"""A client's own orders: from what the desk wishes to what is sent, and back from what is heard.

Everything passes the risk gate on its way out. On its way in, a fill moves the gate's position and
the desk's inventory alike, once each: fills are counted by `fill_seq`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rlmm_tf.env.live import LiveView, Wish
from rlmm_tf.kernels.risk import ASK, BID, OpenOrder, Reason, RiskGate
from rlmm_tf.live.protocol import (
    AccountState,
    Amend,
    Answer,
    Cancel,
    FillUpdate,
    OrderState,
    OrderUpdate,
    Submit,
)

Op = Literal["submit", "amend", "cancel"]
SIDES = {"bid": BID, "ask": ASK}
SIDE_NAMES: dict[int, Literal["bid", "ask"]] = {BID: "bid", ASK: "ask"}


@dataclass
class Own:
    """An order that the exchange has, or may have."""

    id: int
    side: int
    desk_order: int
    price_ticks: int
    believed_lots: int  # open, by the desk's count
    filled_lots: int = 0
    book_order_id: int = 0


@dataclass
class Asked:
    """A request without an answer."""

    op: Op
    id: int
    sent_ns: int


class OwnOrders:
    """Those of one account."""

    def __init__(self, view: LiveView, gate: RiskGate, kind: Literal["limit", "post_only"]) -> None:
        """None yet."""
        self.view, self.gate, self._kind = view, gate, kind
        self.orders: dict[int, Own] = {}
        self.asked: dict[int, Asked] = {}
        self.fill_seq: int | None = None
        self.refused: Counter[str] = Counter()  # by the gate
        self.rejected: Counter[str] = Counter()  # by the exchange
        self.sent: Counter[str] = Counter()
        self.filled_lots = {BID: 0, ASK: 0}
        self.fills = 0
        self.fees_e9 = 0
        self._id_base = self._last_id = 0
        self._requests = 0

    # --- out ------------------------------------------------------------------------------------

    def send(self, wishes: Iterable[Wish], now_ns: int) -> list[Submit | Amend | Cancel]:
        """The wishes that pass the gate, as requests."""
        requests = []
        for wish in wishes:
            verdict, request = self._judged(wish, now_ns)
            if request is None or not verdict:
                self.refused[verdict.name] += 1
                self.view.take_back(wish.side)
                continue
            self.asked[request.request] = Asked(request.op, request.client_order_id, now_ns)
            self.sent[request.op] += 1
            requests.append(request)
        return requests

    def _judged(self, wish: Wish, now_ns: int) -> tuple[Reason, Submit | Amend | Cancel | None]:
        id, number = self._id_base + wish.order, self.number()
        if wish.kind == "new":
            verdict = self.gate.submit(
                id=id, side=wish.side, price_ticks=wish.price_ticks, lots=wish.lots, now_ns=now_ns
            )
            if not verdict:
                return verdict, None
            self._last_id = id
            self.orders[id] = Own(id, wish.side, wish.order, wish.price_ticks, wish.lots)
            return verdict, Submit(
                request=number,
                client_order_id=id,
                side=SIDE_NAMES[wish.side],
                kind=self._kind,
                price_ticks=wish.price_ticks,
                size_lots=wish.lots,
            )
        if wish.kind == "cancel":
            verdict = self.gate.cancel(id=id, now_ns=now_ns)
            return verdict, Cancel(request=number, client_order_id=id)
        verdict = self.gate.amend(
            id=id, price_ticks=wish.price_ticks, lots=wish.lots, now_ns=now_ns
        )
        own = self.orders.get(id)
        if not verdict or own is None:
            return verdict, None
        own.believed_lots = wish.lots
        total = own.filled_lots + wish.lots
        return verdict, Amend(
            request=number, client_order_id=id, price_ticks=wish.price_ticks, size_lots=total
        )

    def cancel(self, id: int, now_ns: int) -> Cancel:
        """One that the desk does not ask for."""
        number = self.number()
        self.asked[number] = Asked("cancel", id, now_ns)
        self.sent["cancel"] += 1
        return Cancel(request=number, client_order_id=id)

    # --- in -------------------------------------------------------------------------------------

    def on_fill(self, fill: FillUpdate, now_ns: int) -> None:
        """Counted once, however often it is heard."""
        if self.fill_seq is not None and fill.fill_seq <= self.fill_seq:
            return
        self.fill_seq = fill.fill_seq
        side, own = SIDES[fill.side], self.orders.get(fill.client_order_id)
        self.fills += 1
        self.filled_lots[side] += fill.size_lots
        self.fees_e9 += fill.fee_e9
        self.gate.on_fill(
            id=fill.client_order_id,
            price_ticks=fill.price_ticks,
            lots=fill.size_lots,
            fee_e9=fill.fee_e9,
            now_ns=now_ns,
        )
        desk_order = 0 if own is None else own.desk_order
        self.view.hear(side=side, order=desk_order, filled_lots=fill.size_lots)
        if own is None:
            return
        own.filled_lots += fill.size_lots
        own.believed_lots = max(0, own.believed_lots - fill.size_lots)
        self._rest(own, fill.open_lots, own.price_ticks, 0)
        if fill.open_lots == 0:
            self._close(own)

    def number(self) -> int:
        """Of the next request."""
        self._requests += 1
        return self._requests

    def on_update(self, update: OrderUpdate) -> bool:
        """An order is open, with these lots at this price, or is no more; False: whose is it?"""
        own = self.orders.get(update.order.client_order_id)
        if own is None:  # of a time before the last reconciliation
            if update.order.status != "open":
                self.gate.on_closed(update.order.client_order_id)
            return update.order.status != "open"
        if update.order.status != "open":
            self._close(own)
            return True
        own.book_order_id = update.order.book_order_id
        own.price_ticks = update.order.price_ticks
        self._rest(own, update.order.open_lots, own.price_ticks, update.queue_ahead_lots)
        return True

    def on_answer(self, answer: Answer, now_ns: int) -> Cancel | None:
        """What a request came to; the cancel that it takes to have desk and exchange agree."""
        asked = self.asked.pop(answer.request, None)
        if not answer.accepted and answer.code is not None:
            self.rejected[answer.code.value] += 1
        if asked is None:
            return None
        own, order = self.orders.get(asked.id), answer.order
        if own is None:
            return None
        if order is None or order.status != "open":
            self._close(own)
            return None
        if asked.op == "amend":
            self.gate.on_amended(id=own.id, price_ticks=order.price_ticks, lots=order.open_lots)
            own.price_ticks = order.price_ticks
            if not answer.accepted:  # the desk believes in another price
                return self.cancel(own.id, now_ns)
        return None

    def on_error(self, request: int) -> None:
        """A request that could not be taken: nothing came of it."""
        asked = self.asked.pop(request, None)
        if asked is not None and asked.op == "submit" and asked.id in self.orders:
            self._close(self.orders[asked.id])

    def reconcile(self, state: AccountState, missed: Sequence[FillUpdate], now_ns: int) -> None:
        """After a connection or a gap: the exchange's word, fills first.

        The first time there is nothing that could have been missed: fills before the client's start
        are in the position already.
        """
        if self.fill_seq is None:
            self.fill_seq = state.fill_seq
        for fill in missed:
            if fill.fill_seq <= state.fill_seq:
                self.on_fill(fill, now_ns)
        self.fill_seq = max(self.fill_seq, state.fill_seq)
        self.asked.clear()
        self.orders.clear()
        self._id_base = self._last_id = max(self._last_id, state.client_order_id_max)
        self.gate.on_reconciled(
            position_lots=state.position_lots,
            open_orders=[_open(order) for order in state.open_orders],
        )
        self.view.reconcile(state.position_lots)

    def overdue(self, now_ns: int, patience_ns: int) -> bool:
        """Whether a request has waited too long for its answer."""
        return any(now_ns - asked.sent_ns > patience_ns for asked in self.asked.values())

    def _rest(self, own: Own, lots: int, price_ticks: int, ahead_lots: int) -> None:
        if own.book_order_id != 0:
            self.view.on_order(
                side=own.side,
                order_id=own.book_order_id,
                price_ticks=price_ticks,
                lots=lots,
                ahead_lots=ahead_lots,
            )

    def _close(self, own: Own) -> None:
        self.gate.on_closed(own.id)
        self._rest(own, 0, own.price_ticks, 0)
        if own.believed_lots > 0:
            self.view.hear(side=own.side, order=own.desk_order, dropped_lots=own.believed_lots)
        self.orders.pop(own.id, None)


def _open(order: OrderState) -> OpenOrder:
    return OpenOrder(order.client_order_id, SIDES[order.side], order.price_ticks, order.open_lots)
