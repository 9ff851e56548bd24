"""A scripted client of the exchange that believes what it was told, and a disk that kills.

For `exchange_faults`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field

from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.live import protocol as p
from rlmm_tf.live.exchange import Exchange
from rlmm_tf.live.journal import SystemDisk
from rlmm_tf.live.sessions import Session


class Broken(AssertionError):
    """What must hold does not."""


def require(holds: bool, what: str) -> None:
    """Broken, unless it holds."""
    if not holds:
        raise Broken(what)


class Kill(Exception):
    """The process ends here."""


class KillingDisk(SystemDisk):
    """Ends the process at a write: after a part of it, or after all but the flush to the disk."""

    def __init__(self) -> None:
        self.part: float | None = None

    def write(self, descriptor: int, data: bytes) -> int:
        """A part of it, if the time has come."""
        if self.part is None:
            return super().write(descriptor, data)
        os.write(descriptor, data[: int(len(data) * self.part)])
        raise Kill

    def fsync(self, descriptor: int) -> None:
        """Simulated crashes are the process's, not the machine's: nothing to wait for."""


@dataclass
class Wire:
    """One connection: what is on its way, each with the time at which it arrives."""

    session: Session
    up: list[tuple[int, str]] = field(default_factory=list)
    down: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Client:
    """A scripted client: quotes at random, believes nothing that it was not told."""

    name: str
    wire: Wire | None = None
    last_id: int = 0
    account_seq: int = 0
    event: int | None = None  # of the last public row that is in its book
    epoch: int = 0
    silent_until_ns: int = 0
    behind: bool = False  # it has missed private messages
    fills: dict[int, p.FillUpdate] = field(default_factory=dict)
    open_ids: list[int] = field(default_factory=list)
    sent: dict[int, p.Submit] = field(default_factory=dict)
    answered: dict[int, p.OrderState] = field(default_factory=dict)
    book: dict[tuple[int, int], int] = field(default_factory=dict)

    def hear(self, text: str) -> None:
        """Takes a message in."""
        message = p.server_message(text)
        if isinstance(message, p.Snapshot):
            self.book = {(1, price): lots for price, lots in message.bids}
            self.book |= {(-1, price): lots for price, lots in message.asks}
            self.event, self.epoch = message.event, message.epoch
        elif isinstance(message, p.Market):
            self._rows(message)
        elif isinstance(message, p.Heartbeat):
            if self.event is not None and message.event > self.event:
                self.event = None
            self.behind |= message.account_seq > self.account_seq
        elif isinstance(message, p.OrderUpdate | p.FillUpdate):
            if message.account_seq != self.account_seq + 1:
                self.behind = True
            self.account_seq = max(self.account_seq, message.account_seq)
            if isinstance(message, p.FillUpdate):
                self.take_fill(message)
        elif isinstance(message, p.Answer) and message.order is not None:
            self.answered[message.order.client_order_id] = message.order
            if message.order.status == "open":
                self.open_ids.append(message.order.client_order_id)

    def take_fill(self, fill: p.FillUpdate) -> None:
        """The same number is the same fill."""
        known = self.fills.setdefault(fill.fill_seq, fill)
        require(known == fill, f"fill {fill.fill_seq} of {self.name} is another now")

    def _rows(self, message: p.Market) -> None:
        if self.event is None:
            return
        for number, row in enumerate(message.rows, message.first_event):
            if number <= self.event:
                continue
            if number != self.event + 1:
                self.event = None  # a gap: wants a new snapshot
                return
            self.event = number
            _, kind, side, price, lots, _, flags = row
            if kind == EventKind.STATUS or flags & EventFlag.HIDDEN:
                continue
            change = lots if kind == EventKind.ADD else -lots
            at = (side, price)
            self.book[at] = self.book.get(at, 0) + change
            require(self.book[at] >= 0, "a level has less than nothing")
            if self.book[at] == 0:
                del self.book[at]


def check_orders(client: Client, exchange: Exchange, fills: list[p.FillUpdate]) -> None:
    """What the exchange holds of a client's orders is what the client sent and was told."""
    filled: dict[int, int] = defaultdict(int)
    for fill in fills:
        filled[fill.client_order_id] += fill.size_lots
    account = exchange.accounts[client.name]
    for order in [*account.open.values(), *account.closed.values()]:
        number = order.client_order_id
        require(order.filled_lots == filled[number], f"order {number}: filled by other lots")
        require(number in client.sent, f"order {number}: never sent")
        require(order.filled_lots <= order.size_lots, f"order {number}: filled beyond its size")
    for number, told in client.answered.items():
        now = account.order(number)
        require(now is not None, f"order {number}: was answered, and is gone")
        assert now is not None
        require(now.filled_lots >= told.filled_lots, f"order {number}: fills are gone")
        if told.status != "open":
            require(now.status == told.status, f"order {number}: was {told.status}")
