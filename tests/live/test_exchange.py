from __future__ import annotations

from typing import Any

import pytest

from rlmm_tf.live import protocol as p
from rlmm_tf.live.exchange import Exchange, Output
from rlmm_tf.live.recovery import packed, unpack
from tests.live.exchanges import FEES, STEP_NS, make_exchange


@pytest.fixture
def exchange() -> Exchange:
    made = make_exchange()
    made.apply(["start", 1])
    for name in ("ann", "bob"):
        made.apply(["open", name])
    return made


def best(exchange: Exchange, side: str) -> int:
    return int(exchange.venue.levels(side)[0][0])


def answer(exchange: Exchange, *command: Any) -> p.Answer:
    found = exchange.apply(list(command)).answer
    assert found is not None
    return found


def kinds(out: Output) -> list[str]:
    return [message.type for _, message in out.private]  # type: ignore[attr-defined]


def test_an_order_rests_is_amended_and_cancelled(exchange: Exchange) -> None:
    bid = best(exchange, "bid")
    out = exchange.apply(["submit", "ann", 5, "bid", "post_only", bid, 4])
    [(name, update)] = out.private
    assert name == "ann"
    assert isinstance(update, p.OrderUpdate)
    assert update.order.open_lots == 4
    assert update.queue_ahead_lots == dict(exchange.venue.levels("bid"))[bid] - 4
    assert out.answer is not None
    assert out.answer.accepted
    assert out.answer.account_seq == update.account_seq == 1
    smaller = answer(exchange, "amend", "ann", 5, bid, 2)
    assert smaller.order is not None
    assert (smaller.order.open_lots, smaller.order.book_order_id) == (2, update.order.book_order_id)
    moved = answer(exchange, "amend", "ann", 5, bid - 1, 3)
    assert moved.order is not None
    assert moved.order.open_lots == 3
    assert moved.order.book_order_id > update.order.book_order_id
    gone = answer(exchange, "cancel", "ann", 5)
    assert gone.order is not None
    assert (gone.order.status, gone.order.code) == ("cancelled", p.Code.REQUESTED)
    again = answer(exchange, "cancel", "ann", 5)
    assert (again.accepted, again.code) == (False, p.Code.ORDER_CLOSED)
    assert answer(exchange, "cancel", "ann", 6).code == p.Code.UNKNOWN_ORDER


def test_the_same_order_again_is_the_same_order(exchange: Exchange) -> None:
    bid = best(exchange, "bid")
    first = answer(exchange, "submit", "ann", 5, "bid", "limit", bid, 4)
    again = answer(exchange, "submit", "ann", 5, "bid", "limit", bid, 4)
    assert again.repeated
    assert again.order == first.order
    assert exchange.venue.open_orders == 1
    other = answer(exchange, "submit", "ann", 5, "bid", "limit", bid, 5)
    assert other.code == p.Code.CLIENT_ORDER_ID_REUSED
    large = 10 * p.CLIENT_ORDER_IDS_KEPT
    assert answer(exchange, "submit", "ann", large, "bid", "limit", bid, 1).accepted
    assert answer(exchange, "submit", "ann", large - 7, "bid", "limit", bid, 1).accepted
    old = answer(exchange, "submit", "ann", 6, "bid", "limit", bid, 1)
    assert old.code == p.Code.CLIENT_ORDER_ID_TOO_OLD
    # Another account's numbers are its own.
    assert answer(exchange, "submit", "bob", 5, "bid", "limit", bid, 4).accepted


def test_a_refused_order_stays_refused(exchange: Exchange) -> None:
    ask = best(exchange, "ask")
    for repeated in (False, True):
        refused = answer(exchange, "submit", "ann", 1, "bid", "post_only", ask, 1)
        assert (refused.accepted, refused.repeated) == (False, repeated)
        assert refused.code == p.Code.POST_ONLY_WOULD_TRADE
    assert exchange.account_state("ann").account_seq == 0


def test_two_accounts_trade_and_their_books_agree(exchange: Exchange) -> None:
    bid, ask = best(exchange, "bid"), best(exchange, "ask")
    if ask - bid == 1:
        taken = dict(exchange.venue.levels("ask"))[ask]
        assert answer(exchange, "submit", "bob", 1, "bid", "ioc", ask, taken).accepted
        ask = best(exchange, "ask")
    price = ask - 1
    assert answer(exchange, "submit", "ann", 1, "ask", "limit", price, 5).accepted
    before = exchange.account_state("bob")
    out = exchange.apply(["submit", "bob", 2, "bid", "limit", price, 3])
    fills = [message for _, message in out.private if isinstance(message, p.FillUpdate)]
    assert [(name, kind) for (name, _), kind in zip(out.private, kinds(out), strict=True)] == [
        ("ann", "fill"),
        ("bob", "fill"),
    ]
    assert [(fill.maker, fill.open_lots, fill.price_ticks) for fill in fills] == [
        (True, 2, price),
        (False, 0, price),
    ]
    assert fills[0].event == fills[1].event
    ann, bob = exchange.account_state("ann"), exchange.account_state("bob")
    assert (ann.position_lots, ann.cash) == (-3, 3 * price)
    assert bob.position_lots - before.position_lots == 3
    assert bob.cash - before.cash == -3 * price
    assert ann.fees_e9 == FEES.of(price, 3, maker=True) == -3 * price * 1_000
    assert bob.fees_e9 - before.fees_e9 == 3 * price * 20_000 + 3 * 7


def test_own_orders_make_way(exchange: Exchange) -> None:
    bid = best(exchange, "bid")
    assert answer(exchange, "submit", "ann", 1, "bid", "limit", bid, 5).accepted
    out = exchange.apply(["submit", "ann", 2, "ask", "limit", bid, 1])
    first = out.private[0][1]
    assert isinstance(first, p.OrderUpdate)
    assert (first.order.client_order_id, first.order.code) == (1, p.Code.SELF_TRADE)
    assert exchange.fills("ann", 0, 10).fills[0].client_order_id == 2


def test_an_amended_total_counts_what_is_filled(exchange: Exchange) -> None:
    bid = best(exchange, "bid")
    ask = best(exchange, "ask")
    taken = dict(exchange.venue.levels("ask"))[ask]
    sent = answer(exchange, "submit", "ann", 1, "bid", "limit", ask, taken + 4)
    assert sent.order is not None
    assert (sent.order.filled_lots, sent.order.open_lots) == (taken, 4)
    more = answer(exchange, "amend", "ann", 1, bid, taken + 9)
    assert more.order is not None
    assert more.order.open_lots == 9
    same = answer(exchange, "amend", "ann", 1, bid, taken + 9)
    assert same.repeated
    closed = answer(exchange, "amend", "ann", 1, bid, taken)
    assert closed.order is not None
    assert (closed.accepted, closed.order.status, closed.order.open_lots) == (True, "filled", 0)
    assert exchange.venue.open_orders == 0


def test_a_halted_account_can_only_cancel(exchange: Exchange) -> None:
    bid = best(exchange, "bid")
    answer(exchange, "submit", "ann", 1, "bid", "limit", bid, 5)
    answer(exchange, "submit", "bob", 1, "bid", "limit", bid, 5)
    exchange.apply(["halt", "ann"])
    assert exchange.account_state("ann").open_orders == ()
    assert len(exchange.account_state("bob").open_orders) == 1
    halted = answer(exchange, "submit", "ann", 2, "bid", "limit", bid, 5)
    assert halted.code == p.Code.ACCOUNT_HALTED
    exchange.apply(["resume", None])
    assert exchange.account_state("ann").halted
    exchange.apply(["resume", "ann"])
    assert answer(exchange, "submit", "ann", 3, "bid", "limit", bid, 5).accepted
    exchange.apply(["halt", None])
    assert exchange.account_state("bob").open_orders == ()


def test_open_orders_are_bounded(exchange: Exchange) -> None:
    bid = best(exchange, "bid")
    for number in range(1, p.OPEN_ORDERS_MOST + 1):
        assert answer(exchange, "submit", "ann", number, "bid", "limit", bid, 1).accepted
    full = answer(exchange, "submit", "ann", p.OPEN_ORDERS_MOST + 1, "bid", "limit", bid, 1)
    assert full.code == p.Code.TOO_MANY_OPEN_ORDERS
    assert answer(exchange, "cancel_all", "ann", "requested").cancelled == p.OPEN_ORDERS_MOST


def test_time_goes_on_in_steps_and_orders_are_filled_by_the_flow(exchange: Exchange) -> None:
    numbers = iter(range(1, 1000))
    for _ in range(450):
        exchange.apply(["cancel_all", "ann", "requested"])
        for side in ("bid", "ask"):
            exchange.apply(
                ["submit", "ann", next(numbers), side, "post_only", best(exchange, side), 3]
            )
        out = exchange.apply(["time", exchange.ts_ns + 5 * STEP_NS])
        assert len(out.rows) <= 5
    state = exchange.account_state("ann")
    fills = exchange.fills("ann", 0, 1000).fills
    assert len(fills) == state.fill_seq > 10
    assert [fill.fill_seq for fill in fills] == list(range(1, len(fills) + 1))
    signed = [fill.size_lots * (1 if fill.side == "bid" else -1) for fill in fills]
    assert sum(signed) == state.position_lots == fills[-1].position_lots
    assert state.cash == -sum(n * f.price_ticks for n, f in zip(signed, fills, strict=True))
    assert state.fees_e9 == sum(fill.fee_e9 for fill in fills)
    assert exchange.fills("ann", 3, 2).fills == fills[3:5]


def test_a_dumped_exchange_goes_on_the_same(exchange: Exchange) -> None:
    bid = best(exchange, "bid")
    answer(exchange, "submit", "ann", 1, "bid", "limit", bid, 5)
    answer(exchange, "submit", "bob", 1, "ask", "post_only", bid, 5)
    exchange.apply(["time", 40 * STEP_NS])
    state = packed(exchange)
    other = make_exchange(seed=2)
    unpack(other, state)
    assert packed(other) == state
    for command in (
        ["submit", "ann", 2, "ask", "limit", bid + 1, 3],
        ["submit", "ann", 1, "bid", "limit", bid, 5],
        ["time", 80 * STEP_NS],
        ["start", 2],
    ):
        assert other.apply(list(command)) == exchange.apply(list(command))
    assert packed(other) == packed(exchange)
    wrong = make_exchange()
    wrong.step_ns += 1
    with pytest.raises(ValueError, match="step_ns: expected that of the journal"):
        unpack(wrong, state)


def test_an_unknown_command_is_refused(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="command: expected one of"):
        exchange.apply(["buy"])
