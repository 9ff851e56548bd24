"""The exchange as a machine: commands in, messages out; the same commands, the same messages.

It knows neither sockets nor clocks nor files: `rlmm_tf.live.gateway` decides when a command is
given, writes it to the journal and hands the messages out; `rlmm_tf.live.recovery` gives the
commands of a journal again. A command is a plain list, as the journal keeps it:

    ["start", epoch]  a new run of the process: open orders are cancelled
    ["time", ts_ns]   the market goes on, step by step, up to this one
    ["open", account]
    ["submit", account, client_order_id, side, kind, price_ticks, size_lots]
    ["amend", account, client_order_id, price_ticks, size_lots]
    ["cancel", account, client_order_id]
    ["cancel_all", account, code]
    ["halt", account or None]   ["resume", account or None]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from rlmm_tf.live import protocol as p
from rlmm_tf.live.ledger import Account, Fees, Json, Order

Command = list[Any]
_RESTED, _FILLED = 0, 1  # kinds of the engine's notes; 2: against trading with oneself


@dataclass(frozen=True, slots=True)
class Rows:
    """Public rows of a step, as JSON text."""

    first_event: int
    count: int
    text: str


@dataclass(slots=True)
class Output:
    """What a command has led to: rows by step, then private messages in order, then its answer."""

    rows: list[Rows] = field(default_factory=list)
    private: list[tuple[str, p.Message]] = field(default_factory=list)  # by account
    answer: p.Answer | None = None


class Exchange:
    """Accounts and their orders in a market (`rlmm_tf.env.Venue`, or what behaves like it)."""

    def __init__(self, venue: Any, *, step_ns: int, fees: Fees) -> None:
        self.venue = venue
        self.step_ns = step_ns
        self.fees = fees
        self.epoch = 0
        self.halted = False
        self.accounts: dict[str, Account] = {}
        self._by_number: list[Account] = []
        self._out = Output()
        self._requests: dict[str, Callable[..., p.Answer]] = {
            "submit": self._submit,
            "amend": self._amend,
            "cancel": self._cancel,
            "cancel_all": self._cancel_all,
        }

    @property
    def ts_ns(self) -> int:
        """The market's time."""
        return int(self.venue.now_ns)

    def apply(self, command: Command) -> Output:
        """Does what the command says."""
        out = self._out = Output()
        name, *arguments = command
        if name in self._requests:
            account = self.accounts[arguments[0]]
            out.answer = self._requests[name](account, *arguments[1:])
        elif name == "time":
            self._advance(*arguments)
        elif name == "open":
            self._open(*arguments)
        elif name == "start":
            self.epoch = arguments[0]
            for account in self._by_number:
                self._cancel_all(account, p.Code.RESTART)
        elif name in {"halt", "resume"}:
            self._set_halt(arguments[0], halted=name == "halt")
        else:
            raise ValueError(f"command: expected one of the exchange's, got {name!r}")
        return out

    # --- time, accounts -----------------------------------------------------------------------

    def _advance(self, ts_ns: int) -> None:
        while self.ts_ns < ts_ns:
            self.venue.advance(self.ts_ns + self.step_ns)
            self._absorb()

    def _open(self, name: str) -> None:
        if name not in self.accounts:
            account = Account(name, len(self._by_number) + 1)
            self.accounts[name] = account
            self._by_number.append(account)

    def _set_halt(self, name: str | None, *, halted: bool) -> None:
        if name is None:
            self.halted = halted
        affected = self._by_number if name is None else [self.accounts[name]]
        for account in affected:
            if name is not None:
                account.halted = halted
            if halted:
                self._cancel_all(account, p.Code.ACCOUNT_HALTED)

    # --- what happened in the market ----------------------------------------------------------

    def _absorb(self) -> None:
        first_event, count, text, notes = self.venue.take()
        if count:
            self._out.rows.append(Rows(first_event, count, text))
        for event, ts_ns, number, book_order, price, lots, left, owner, kind, maker in notes:
            account = self._by_number[owner - 1]
            order = account.open[number]
            if kind == _FILLED:
                self._fill(account, order, (event, ts_ns, price, lots, left, maker))
            elif kind == _RESTED:
                order.book_order_id, order.open_lots = book_order, lots
                self._tell(account, order, event, queue_ahead_lots=left)
            else:
                order.close("cancelled", p.Code.SELF_TRADE)
                account.put_away(order)
                self._tell(account, order, event)

    def _fill(
        self, account: Account, order: Order, fill: tuple[int, int, int, int, int, bool]
    ) -> None:
        event, ts_ns, price_ticks, lots, left, maker = fill
        fee_e9 = self.fees.of(price_ticks, lots, maker=maker)
        account.fill(order, lots, price_ticks, fee_e9)
        order.open_lots = left
        if left == 0:
            order.close("filled", None)
            account.put_away(order)
        update = p.FillUpdate(
            account_seq=account.next_seq(),
            fill_seq=len(account.fills) + 1,
            event=event,
            ts_ns=ts_ns,
            client_order_id=order.client_order_id,
            side=order.side,
            price_ticks=price_ticks,
            size_lots=lots,
            open_lots=left,
            maker=maker,
            fee_e9=fee_e9,
            position_lots=account.position_lots,
        )
        account.fills.append(update)
        self._out.private.append((account.name, update))

    def _tell(
        self, account: Account, order: Order, event: int | None = None, *, queue_ahead_lots: int = 0
    ) -> None:
        update = p.OrderUpdate(
            account_seq=account.next_seq(),
            event=self.venue.events if event is None else event,
            ts_ns=self.ts_ns,
            queue_ahead_lots=queue_ahead_lots,
            order=order.state(),
        )
        self._out.private.append((account.name, update))

    # --- requests -----------------------------------------------------------------------------

    def _answer(
        self, account: Account, order: Order | None, code: p.Code | None = None, **more: Any
    ) -> p.Answer:
        return p.Answer(
            accepted=code is None,
            code=code,
            order=None if order is None else order.state(),
            account_seq=account.account_seq,
            ts_ns=self.ts_ns,
            **more,
        )

    def _submit(
        self,
        account: Account,
        number: int,
        side: p.Side,
        kind: p.Kind,
        price_ticks: int,
        size_lots: int,
    ) -> p.Answer:
        known = account.order(number)
        order = Order(number, side, kind, price_ticks, size_lots, price_ticks, size_lots)
        if known is not None and _first_terms(known) == _first_terms(order):
            refused = known.code if known.status == "refused" else None
            return self._answer(account, known, refused, repeated=True)
        problem = account.id_problem(number)
        if problem is not None:
            return self._answer(account, None, problem)
        account.use(number)
        account.open[number] = order
        refusal = self._entry_problem(account)
        dropped = size_lots
        if refusal is None:
            order.open_lots = size_lots
            name, _, _, dropped = self.venue.submit(
                account.number, number, side, price_ticks, size_lots, kind
            )
            self._absorb()
            refusal = p.Code(name) if name else None
        if refusal is not None:
            order.close("refused", refusal)
            account.put_away(order)
        elif dropped > 0:
            self._close(account, order, p.Code.UNFILLED)
        return self._answer(account, order, refusal)

    def _entry_problem(self, account: Account) -> p.Code | None:
        if account.halted or self.halted:
            return p.Code.ACCOUNT_HALTED
        too_many = len(account.open) > p.OPEN_ORDERS_MOST
        return p.Code.TOO_MANY_OPEN_ORDERS if too_many else None

    def _close(self, account: Account, order: Order, code: p.Code) -> None:
        order.close("cancelled", code)
        account.put_away(order)
        self._tell(account, order)

    def _closed_answer(self, account: Account, number: int) -> p.Answer:
        order = account.order(number)
        code = p.Code.UNKNOWN_ORDER if order is None else p.Code.ORDER_CLOSED
        return self._answer(account, order, code)

    def _amend(self, account: Account, number: int, price_ticks: int, size_lots: int) -> p.Answer:
        order = account.open.get(number)
        if order is None:
            return self._closed_answer(account, number)
        before = (order.price_ticks, order.size_lots)
        if before == (price_ticks, size_lots):
            return self._answer(account, order, repeated=True)
        if size_lots <= order.filled_lots:
            self.venue.cancel(account.number, number)
            self._absorb()
            order.size_lots = order.filled_lots
            order.close("filled", None)
            account.put_away(order)
            self._tell(account, order)
            return self._answer(account, order)
        if account.halted or self.halted:
            return self._answer(account, order, p.Code.ACCOUNT_HALTED)
        return self._replace(account, order, price_ticks, size_lots)

    def _replace(
        self, account: Account, order: Order, price_ticks: int, size_lots: int
    ) -> p.Answer:
        before = (order.price_ticks, order.size_lots)
        wanted = size_lots - order.filled_lots
        in_place = price_ticks == order.price_ticks and wanted <= order.open_lots
        order.price_ticks, order.size_lots = price_ticks, size_lots
        name, _, open_lots, dropped = self.venue.amend(
            account.number, order.client_order_id, price_ticks, wanted, order.kind == "post_only"
        )
        code = p.Code(name) if name else None
        if code not in {None, p.Code.POST_ONLY_WOULD_TRADE}:
            order.price_ticks, order.size_lots = before
            return self._answer(account, order, code)
        self._absorb()
        if in_place:
            order.open_lots = open_lots
            self._tell(account, order)
        elif code is not None or dropped > 0:
            self._close(account, order, code or p.Code.UNFILLED)
        return self._answer(account, order, code)

    def _cancel(self, account: Account, number: int) -> p.Answer:
        order = account.open.get(number)
        if order is None:
            return self._closed_answer(account, number)
        self.venue.cancel(account.number, number)
        self._absorb()
        self._close(account, order, p.Code.REQUESTED)
        return self._answer(account, order)

    def _cancel_all(self, account: Account, code: str) -> p.Answer:
        orders = list(account.open.values())
        for order in orders:
            self.venue.cancel(account.number, order.client_order_id)
            self._absorb()
            self._close(account, order, p.Code(code))
        return self._answer(account, None, cancelled=len(orders))

    # --- questions ----------------------------------------------------------------------------

    def account_state(self, name: str) -> p.AccountState:
        """All that a client needs in order to go on."""
        account = self.accounts[name]
        return p.AccountState(
            account=name,
            epoch=self.epoch,
            ts_ns=self.ts_ns,
            event=self.venue.events,
            account_seq=account.account_seq,
            fill_seq=len(account.fills),
            client_order_id_max=account.id_max,
            position_lots=account.position_lots,
            cash=account.cash,
            fees_e9=account.fees_e9,
            bought_lots=account.bought_lots,
            sold_lots=account.sold_lots,
            halted=account.halted or self.halted,
            open_orders=tuple(order.state() for order in account.open.values()),
        )

    def fills(self, name: str, after: int, limit: int) -> p.Fills:
        """Fills behind number `after`, oldest first."""
        fills = self.accounts[name].fills
        limit = min(limit, p.FILLS_MOST)
        return p.Fills(fills=tuple(fills[after : after + limit]), fill_seq=len(fills))

    def snapshot(self) -> p.Snapshot:
        """The whole book."""
        return p.Snapshot(
            epoch=self.epoch,
            event=self.venue.events,
            ts_ns=self.ts_ns,
            bids=tuple(self.venue.levels("bid")),
            asks=tuple(self.venue.levels("ask")),
            halted=bool(self.venue.halted),
        )

    # --- all of it ----------------------------------------------------------------------------

    def dump(self) -> tuple[Json, bytes]:
        """Plain values, and the market's bytes (of this build of the engine)."""
        values = {
            "epoch": self.epoch,
            "halted": self.halted,
            "step_ns": self.step_ns,
            "fees": asdict(self.fees),
            "accounts": [account.dump() for account in self._by_number],
        }
        return values, self.venue.state()

    def load(self, values: Json, market: bytes) -> None:
        """Goes on from what was dumped."""
        for name, here in (("step_ns", self.step_ns), ("fees", asdict(self.fees))):
            if values[name] != here:
                raise ValueError(
                    f"{name}: expected that of the journal, {values[name]}, got {here}"
                )
        self.epoch, self.halted = values["epoch"], values["halted"]
        self._by_number = [Account.load(account) for account in values["accounts"]]
        self.accounts = {account.name: account for account in self._by_number}
        self.venue.set_state(market)


def _first_terms(order: Order) -> tuple[str, str, int, int]:
    return order.side, order.kind, order.first_price_ticks, order.first_size_lots
