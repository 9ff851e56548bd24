from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import Venue, engine_params
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys

STEP_NS = 20_000_000
KINDS = ("limit", "post_only", "ioc", "fok")
SIGN = {"bid": 1, "ask": -1}


def make_venue(seed: int, preset: str = "book-large-tick") -> Venue:
    return Venue(engine_params(resolve_params(preset)), environment_keys(seed, 1))


class Twin:
    """The book and the accounts, by the rows and notes alone: dictionaries and lists."""

    def __init__(self, venue: Venue) -> None:
        # What was there at first, of which only the levels are known, stands before all others.
        self.first = {s: dict(venue.levels(s)) for s in ("bid", "ask")}
        self.queues: dict[str, dict[int, dict[int, int]]] = {
            s: defaultdict(dict) for s in ("bid", "ask")
        }
        self.position: dict[int, int] = defaultdict(int)
        self.cash: dict[int, int] = defaultdict(int)
        self.filled: dict[tuple[int, int], int] = defaultdict(int)
        self.rests: dict[int, tuple[int, int]] = {}  # by number in the book
        self.side_of: dict[tuple[int, int], str] = {}
        self.last_event = venue.events
        self.self_trades = 0
        self.meetings = 0  # of two accounts

    def take(self, venue: Venue) -> None:
        first, count, text, notes = venue.take()
        rows = json.loads(text)
        assert first == self.last_event + 1
        assert count == len(rows)
        of_event = defaultdict(list)
        for note in notes:
            of_event[note[0]].append(note)
        for number, row in enumerate(rows, first):
            self.row(row, of_event.pop(number, []))
        self.last_event += count
        assert all(number == self.last_event for number in of_event)
        for late in of_event.values():
            self.notes(late)

    def row(self, row: list[int], notes: list[Any]) -> None:
        _, kind, sign, price, lots, order_id, flags = row
        assert lots > 0
        side = "bid" if sign > 0 else "ask"
        queue = self.queues[side][price]
        if kind == EventKind.ADD:
            queue[order_id] = lots
        else:
            if kind == EventKind.TRADE:
                self.is_first(side, price, order_id)
            if order_id in queue:
                queue[order_id] -= lots
                assert queue[order_id] >= 0
                assert bool(flags & EventFlag.REMAINS) == (queue[order_id] > 0)
                if queue[order_id] == 0:
                    del queue[order_id]
            else:
                self.first[side][price] -= lots
                assert self.first[side][price] >= 0
        fills = [note for note in notes if note[8] == 1]
        assert sum(note[5] for note in fills if note[9]) in {0, lots}
        if kind == EventKind.TRADE:
            assert {note[5] for note in fills} <= {lots}
            self.meetings += len(fills) == 2
            assert len(fills) <= 2
        self.notes(notes)

    def is_first(self, side: str, price: int, order_id: int) -> None:
        """Price, then time."""
        prices = {p for p, queue in self.queues[side].items() if queue}
        prices |= {p for p, lots in self.first[side].items() if lots}
        assert price == (max(prices) if side == "bid" else min(prices))
        if order_id in self.queues[side][price]:
            assert self.first[side].get(price, 0) == 0
            assert next(iter(self.queues[side][price])) == order_id

    def notes(self, notes: list[Any]) -> None:
        for _, _, order, book_order, price, lots, left, owner, kind, maker in notes:
            name = (owner, order)
            if kind == 0:
                self.rests[book_order] = name
                queue = self.queues[self.side_of[name]][price]
                assert queue[book_order] == lots
                before = sum(queue.values()) + self.first[self.side_of[name]].get(price, 0)
                assert left == before - lots
            elif kind == 1:
                assert not maker or self.rests[book_order] == name
                sign = SIGN[self.side_of[name]]
                self.position[owner] += sign * lots
                self.cash[owner] -= sign * lots * price
                self.filled[name] += lots
            else:
                self.self_trades += 1

    def levels(self, side: str) -> list[tuple[int, int]]:
        lots: dict[int, int] = defaultdict(int)
        for price, there in self.first[side].items():
            lots[price] += there
        for price, queue in self.queues[side].items():
            lots[price] += sum(queue.values())
        return sorted(((p, n) for p, n in lots.items() if n), reverse=side == "bid")


def act(venue: Venue, twin: Twin, generator: np.random.Generator, number: int) -> str:
    """One request of a random account near the touch; what was refused."""
    owner = int(generator.integers(1, 4))
    side = "bid" if generator.random() < 0.5 else "ask"
    levels = venue.levels(side) or venue.levels("ask" if side == "bid" else "bid")
    price = max(1, levels[0][0] + SIGN[side] * int(generator.integers(-4, 3)))
    lots = int(generator.integers(1, 40))
    mine = [order for (o, order) in twin.side_of if o == owner]
    roll = generator.random()
    if roll < 0.5 or not mine:
        twin.side_of[owner, number] = side
        kind = KINDS[generator.integers(4)]
        refusal, filled, left, dropped = venue.submit(owner, number, side, price, lots, kind)
        assert filled + left + dropped == lots
        return str(refusal)
    order = mine[-1 - int(generator.integers(min(8, len(mine))))]
    if roll < 0.75:
        return str(venue.cancel(owner, order)[0])
    return str(venue.amend(owner, order, price, lots, bool(generator.integers(2)))[0])


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("preset", ["book-large-tick", "book-small-tick"])
def test_accounts_in_a_flow_agree_with_a_slow_book(seed: int, preset: str) -> None:
    venue, generator = make_venue(seed, preset), np.random.default_rng(seed)
    twin = Twin(venue)
    refusals: set[str] = set()
    for number in range(1, 800):
        if generator.random() < 0.4:
            venue.advance(venue.now_ns + int(generator.integers(1, 3)) * STEP_NS)
        else:
            refusals.add(act(venue, twin, generator, number))
        twin.take(venue)
        for side in ("bid", "ask"):
            assert venue.levels(side) == twin.levels(side)
    venue.check_invariants()
    assert {"", "post_only_would_trade", "fill_or_kill_would_not_fill", "unknown_order"} == refusals
    assert twin.self_trades > 0
    assert twin.meetings > 0
    assert len(twin.position) == 3


def test_a_saved_venue_goes_on_bit_for_bit() -> None:
    venue, generator = make_venue(7), np.random.default_rng(7)
    twin = Twin(venue)
    for number in range(1, 200):
        venue.advance(venue.now_ns + STEP_NS)
        act(venue, twin, generator, number)
        twin.take(venue)
    state = venue.state()
    other = make_venue(8)
    other.set_state(state)
    assert other.state() == state
    for number in range(200, 400):
        for each in (venue, other):
            each.advance(each.now_ns + STEP_NS)
            each.submit(1, number, "bid", each.levels("bid")[0][0], 3, "limit")
            each.cancel(2, number - 5)
        assert venue.take() == other.take()
    assert venue.state() == other.state()


def test_a_state_is_whole_and_nothing_waits() -> None:
    venue = make_venue(3)
    state = venue.state()
    for broken in (b"", state[:-1], state + b"x"):
        with pytest.raises(ValueError, match="state: expected"):
            make_venue(3).set_state(broken)
    venue.submit(1, 1, "bid", venue.levels("bid")[0][0], 1, "limit")
    with pytest.raises(RuntimeError, match="nothing left to take"):
        venue.state()


def test_an_order_far_beyond_the_other_side_is_refused() -> None:
    venue = make_venue(4)
    [(ask, _), *_] = venue.levels("ask")
    assert venue.submit(1, 1, "bid", ask + 10**6, 1, "ioc")[0] == "price_out_of_book"
    assert venue.submit(1, 2, "bid", 1, 1, "limit")[0] == ""
    assert venue.amend(1, 2, ask + 10**6, 1, False)[0] == "price_out_of_book"
    assert venue.open_orders == 1


def test_a_large_order_takes_what_there_is() -> None:
    venue = make_venue(4)
    [(ask, _), *_] = venue.levels("ask")
    refusal, filled, rests, dropped = venue.submit(1, 1, "bid", ask + 5, 10**6, "ioc")
    assert (refusal, rests, filled + dropped) == ("", 0, 10**6)
    assert filled > 0
    assert venue.submit(1, 2, "bid", ask + 9, 10**6, "fok")[0] == "fill_or_kill_would_not_fill"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("submit", 0, 1, "bid", 1, 1, "limit"), "owner: expected from 1"),
        (("submit", 1, 0, "bid", 1, 1, "limit"), "order: expected from 1"),
        (("submit", 1, 1, "buy", 1, 1, "limit"), "side: expected one of"),
        (("submit", 1, 1, "bid", 0, 1, "limit"), "price_ticks: expected from 1"),
        (("submit", 1, 1, "bid", 1, 0, "limit"), "lots: expected from 1"),
        (("submit", 1, 1, "bid", 1, 1, "market"), "kind: expected one of"),
        (("advance", -1), "until_ns: expected from"),
    ],
)
def test_wrong_calls_are_named(call: tuple[Any, ...], message: str) -> None:
    name, *arguments = call
    with pytest.raises(ValueError, match=message):
        getattr(make_venue(1), name)(*arguments)
