"""The order book against a dictionary of orders: any sequence of operations, one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rlmm_tf.kernels import BookFill, BookOrder, BookOutcome, OrderBook

BID, ASK = 1, -1
PRICE_MAX = 2**40
LOTS_MAX = 2**31 - 1
Fills = list[tuple[int, int, int]]  # order, lots, what is left of it


@dataclass
class Resting:
    """An order of the oracle."""

    side: int
    price_ticks: int
    lots: int
    owner: int
    pool: int


class Oracle:
    """Orders by number, in the order of their priority in time: that is all there is."""

    def __init__(self) -> None:
        self.orders: dict[int, Resting] = {}
        self.entered = self.left = 0  # lots that ever came to rest, and that went

    def waiting(self, side: int) -> list[int]:
        """The orders of a side in the order in which they would trade."""
        mine = [n for n, order in self.orders.items() if order.side == side]
        return sorted(mine, key=lambda n: -side * self.orders[n].price_ticks)  # stable

    def levels(self, side: int) -> list[tuple[int, int]]:
        lots: dict[int, int] = {}
        for n in self.waiting(side):
            price = self.orders[n].price_ticks
            lots[price] = lots.get(price, 0) + self.orders[n].lots
        return list(lots.items())

    def ahead(self, number: int) -> int:
        """Lots before an order at its price."""
        order, lots = self.orders[number], 0
        for n in self.waiting(order.side):
            if n == number:
                break
            if self.orders[n].price_ticks == order.price_ticks:
                lots += self.orders[n].lots
        return lots

    def met(self, side: int, price_ticks: int) -> list[int]:
        """Orders that one of `side` at this price would meet, first to trade first."""
        others = self.waiting(-side)
        return [n for n in others if side * (price_ticks - self.orders[n].price_ticks) >= 0]

    def take(self, number: int, lots: int) -> None:
        self.orders[number].lots -= lots
        self.left += lots
        if self.orders[number].lots == 0:
            del self.orders[number]

    def match(
        self, side: int, price_ticks: int, lots: int, owner: int, self_trade: str
    ) -> tuple[list[tuple[int, int]], list[int], int, bool]:
        """What would happen: trades (order, lots), own orders that go, rest, whether it stops."""
        trades: list[tuple[int, int]] = []
        gone: list[int] = []
        for n in self.met(side, price_ticks):
            if lots == 0:
                break
            if owner != 0 and self.orders[n].owner == owner:
                if self_trade != "cancel_incoming":
                    gone.append(n)
                if self_trade != "cancel_resting":
                    return trades, gone, lots, True
                continue
            traded = min(lots, self.orders[n].lots)
            trades.append((n, traded))
            lots -= traded
        return trades, gone, lots, False

    def submit(
        self, new: Resting, number: int | None, time_in_force: str, self_trade: str
    ) -> tuple[Fills, int, int, bool]:
        """Fills, lots that rest (as order `number`), lots dropped, whether it was refused."""
        trades, gone, rest, stopped = self.match(
            new.side, new.price_ticks, new.lots, new.owner, self_trade
        )
        crosses = time_in_force == "post_only" and self.met(new.side, new.price_ticks)
        if crosses or (time_in_force == "fill_or_kill" and rest > 0):
            return [], 0, new.lots, True
        fills: Fills = []
        for n, lots in trades:
            fills.append((n, lots, self.orders[n].lots - lots))
            self.take(n, lots)
        for n in gone:
            self.take(n, self.orders[n].lots)
        if stopped or time_in_force in {"immediate_or_cancel", "fill_or_kill"} or rest == 0:
            return fills, 0, rest, False
        assert number is not None, "the book says that nothing rests"
        self.orders[number] = Resting(new.side, new.price_ticks, rest, new.owner, new.pool)
        self.entered += rest
        return fills, rest, 0, False


def told(fills: list[BookFill]) -> Fills:
    return [(fill.order_id, fill.lots, fill.left_lots) for fill in fills]


def described(order: BookOrder) -> Resting:
    return Resting(order.side, order.price_ticks, order.lots, order.owner, order.pool)


# Mostly around the touch, sometimes beyond the ring of near levels, at times as far as it goes.
PRICES = st.one_of(
    st.integers(95, 105),
    st.integers(95, 105),
    st.integers(-9000, 9000),
    st.sampled_from([-PRICE_MAX, PRICE_MAX, 100 - 4096, 100 + 4096]),
)
LOTS = st.one_of(st.integers(1, 8), st.sampled_from([50, LOTS_MAX]))
SIDES = st.sampled_from([BID, ASK])
TIMES_IN_FORCE = st.sampled_from(
    ["good_till_cancel", "post_only", "immediate_or_cancel", "fill_or_kill"]
)
SELF_TRADES = st.sampled_from(["cancel_resting", "cancel_incoming", "cancel_both"])
PICKS = st.integers(0, 999)


class BookMachine(RuleBasedStateMachine):
    """Does the same to the book and to the oracle."""

    def __init__(self) -> None:
        super().__init__()
        self.book = OrderBook()
        self.oracle = Oracle()
        self.newest = 0

    def pick(self, pick: int) -> int:
        return list(self.oracle.orders)[pick % len(self.oracle.orders)]

    def has_orders(self) -> bool:
        return bool(self.oracle.orders)

    def compare(self, outcome: BookOutcome, new: Resting, terms: tuple[str, str]) -> None:
        fills, rest, dropped, refused = self.oracle.submit(new, outcome.order_id, *terms)
        assert told(outcome.fills) == fills
        assert outcome.filled_lots == sum(lots for _, lots, _ in fills)
        assert (outcome.dropped_lots, outcome.refused) == (dropped, refused)
        assert (outcome.order_id is not None) == (rest > 0)
        if outcome.order_id is not None:
            assert outcome.order_id > self.newest  # a number is never used twice
            self.newest = outcome.order_id

    @rule(side=SIDES, price=PRICES, lots=LOTS, pool=st.integers(0, 3))
    def add(self, side: int, price: int, lots: int, pool: int) -> None:
        new = Resting(side, price, lots, 0, pool)
        self.compare(
            self.book.submit(side, price, lots, pool=pool),
            new,
            ("good_till_cancel", "cancel_resting"),
        )

    @rule(
        side=SIDES,
        price=PRICES,
        lots=LOTS,
        owner=st.integers(0, 2),
        time_in_force=TIMES_IN_FORCE,
        self_trade=SELF_TRADES,
    )
    def submit(
        self, side: int, price: int, lots: int, owner: int, time_in_force: str, self_trade: str
    ) -> None:
        outcome = self.book.submit(
            side, price, lots, time_in_force=time_in_force, self_trade=self_trade, owner=owner
        )
        new = Resting(side, price, lots, owner, 0)
        self.compare(outcome, new, (time_in_force, self_trade))

    @rule(side=SIDES, lots=st.one_of(LOTS, st.just(2**53)), limit=PRICES)
    def execute(self, side: int, lots: int, limit: int) -> None:
        fills = self.book.execute(side, lots, limit)
        new = Resting(-side, limit, lots, 0, 0)
        expected, *_ = self.oracle.submit(new, None, "immediate_or_cancel", "cancel_resting")
        assert told(fills) == expected

    @precondition(has_orders)
    @rule(pick=PICKS)
    def cancel(self, pick: int) -> None:
        number = self.pick(pick)
        self.book.cancel(number)
        self.oracle.take(number, self.oracle.orders[number].lots)
        assert self.book.order(number) is None

    @precondition(has_orders)
    @rule(pick=PICKS, share=st.floats(0, 1))
    def reduce(self, pick: int, share: float) -> None:
        number = self.pick(pick)
        lots = 1 + int(share * (self.oracle.orders[number].lots - 2))
        if self.oracle.orders[number].lots == 1:
            with pytest.raises(ValueError, match="lots: expected from 1 to 0"):
                self.book.reduce(number, lots)
            return
        self.book.reduce(number, lots)
        self.oracle.take(number, lots)

    @precondition(has_orders)
    @rule(pick=PICKS, lots=st.integers(1, 8))
    def amend_size(self, pick: int, lots: int) -> None:
        self.amend_to(self.pick(pick), None, lots, ("good_till_cancel", "cancel_resting"))

    @precondition(has_orders)
    @rule(pick=PICKS, price=PRICES, lots=LOTS, time_in_force=TIMES_IN_FORCE, self_trade=SELF_TRADES)
    def amend_price(
        self, pick: int, price: int, lots: int, time_in_force: str, self_trade: str
    ) -> None:
        self.amend_to(self.pick(pick), price, lots, (time_in_force, self_trade))

    def amend_to(self, number: int, price: int | None, lots: int, terms: tuple[str, str]) -> None:
        before = self.oracle.orders[number]
        to = before.price_ticks if price is None else price
        outcome = self.book.amend(number, to, lots, time_in_force=terms[0], self_trade=terms[1])
        if to == before.price_ticks and lots <= before.lots:  # keeps its place and its number
            assert (outcome.order_id, outcome.fills, outcome.dropped_lots) == (number, [], 0)
            self.oracle.take(number, before.lots - lots)
            return
        self.oracle.take(number, before.lots)
        self.compare(outcome, Resting(before.side, to, lots, before.owner, before.pool), terms)

    @precondition(has_orders)
    @rule(pick=PICKS)
    def track(self, pick: int) -> None:
        self.book.track(self.pick(pick))

    @rule()
    def save_and_load(self) -> None:
        state = self.book.state()
        self.book = OrderBook()
        self.book.set_state(state)
        assert self.book.state() == state

    @rule(price=st.sampled_from([PRICE_MAX + 1, -PRICE_MAX - 1, 2**62]), lots=LOTS, side=SIDES)
    def refused_price(self, price: int, lots: int, side: int) -> None:
        with pytest.raises(ValueError, match="price_ticks: expected from"):
            self.book.submit(side, price, lots)

    @rule(lots=st.sampled_from([0, -1, LOTS_MAX + 1]), pick=PICKS)
    def refused_lots(self, lots: int, pick: int) -> None:
        with pytest.raises(ValueError, match="lots: expected from"):
            self.book.submit(BID, 100, lots)
        if self.oracle.orders:
            with pytest.raises(ValueError, match="lots: expected from"):
                self.book.amend(self.pick(pick), 100, lots)

    @invariant()
    def same_book(self) -> None:
        self.book.check_invariants()
        for side in (BID, ASK):
            levels = self.oracle.levels(side)
            assert self.book.levels(side) == levels
            assert self.book.best(side) == (levels[0][0] if levels else None)
        bid, ask = self.book.best(BID), self.book.best(ASK)
        assert bid is None or ask is None or bid < ask

    @invariant()
    def first_come_first_served(self) -> None:
        assert self.book.live_orders == len(self.oracle.orders)
        for side in (BID, ASK):
            queued = [n for price, _ in self.book.levels(side) for n in self.numbers_at(price)]
            assert queued == self.oracle.waiting(side)
        for number, order in self.oracle.orders.items():
            there = self.book.order(number)
            assert there is not None
            assert described(there) == order
            assert self.book.queue_ahead(number) == self.oracle.ahead(number)

    def numbers_at(self, price: int) -> list[int]:
        return [order.order_id for order in self.book.queue(price)]

    @invariant()
    def lots_are_conserved(self) -> None:
        resting = sum(lots for side in (BID, ASK) for _, lots in self.book.levels(side))
        assert resting == self.oracle.entered - self.oracle.left


BookMachine.TestCase.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
test_book_machine = BookMachine.TestCase


def test_fills_by_price_then_time() -> None:
    book = OrderBook()
    first, second, better = (
        book.submit(ASK, price, lots).order_id for price, lots in [(101, 3), (101, 4), (100, 2)]
    )
    outcome = book.submit(BID, 101, 6, owner=1)
    # 2 at 100, then the 3 that came first at 101, then 1 of the 4 behind them.
    assert told(outcome.fills) == [(better, 2, 0), (first, 3, 0), (second, 1, 3)]
    assert (outcome.filled_lots, outcome.dropped_lots, outcome.order_id) == (6, 0, None)
    assert book.levels(ASK) == [(101, 3)]
    assert book.levels(ASK, 0) == []


def test_tracked_order_counts_what_is_ahead() -> None:
    book = OrderBook()
    before = book.submit(BID, 100, 5).order_id
    mine = book.submit(BID, 100, 2, owner=1).order_id
    assert before is not None
    assert mine is not None
    book.track(mine)
    book.submit(BID, 100, 7)  # behind it
    assert book.queue_ahead(mine) == 5
    book.execute(BID, 1, 100)
    book.reduce(before, 2)
    assert book.queue_ahead(mine) == 2
    book.clear()
    assert (book.live_orders, book.order(mine)) == (0, None)


@pytest.mark.parametrize("call", ["cancel", "track", "queue_ahead"])
@pytest.mark.parametrize("number", [0, 17, -1])
def test_unknown_orders_are_refused(call: str, number: int) -> None:
    book = OrderBook()
    book.submit(BID, 100, 5)
    with pytest.raises(KeyError, match=f"order_id: expected one of a live order, got {number}"):
        getattr(book, call)(number)
    assert book.levels(BID) == [(100, 5)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"side": 0}, r"side: expected 1 \(bid\) or -1 \(ask\), got 0"),
        ({"time_in_force": "day"}, r"time_in_force: expected one of \(good_till_cancel, .*'day'"),
        ({"self_trade": ""}, r"self_trade: expected one of \(cancel_resting, .*got ''"),
        ({"owner": 65536}, "owner: expected from 0 to 65535, got 65536"),
        ({"pool": 4}, "pool: expected from 0 to 3, got 4"),
    ],
)
def test_bad_arguments_are_refused(changed: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"side": BID, "price_ticks": 100, "lots": 1} | changed
    with pytest.raises(ValueError, match=message):
        OrderBook().submit(**given)


def test_many_orders_that_went_are_forgotten() -> None:
    book = OrderBook()
    for _ in range(5000):
        book.submit(BID, 100, 1)
        assert [fill.left_lots for fill in book.execute(BID, 1, 100)] == [0]
    assert book.live_orders == 0
    assert book.order(1) is None


def test_damaged_state_is_refused_and_leaves_an_empty_book() -> None:
    book = OrderBook()
    book.submit(BID, 100, 5)
    state = book.state()
    for broken in (state[:-1], state + b"x", b"", bytes([state[0] ^ 1]) + state[1:]):
        with pytest.raises(ValueError, match="state: expected"):
            book.set_state(broken)
        assert (book.live_orders, book.best(BID)) == (0, None)
        book.submit(BID, 100, 5)


def test_book_without_init_is_refused() -> None:
    empty = OrderBook.__new__(OrderBook)
    with pytest.raises(RuntimeError, match="order book: expected a made one"):
        empty.best(BID)
