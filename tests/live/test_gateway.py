from __future__ import annotations

from pathlib import Path

import pytest

from rlmm_tf.live import protocol as p
from rlmm_tf.live.gateway import Gateway, Refused
from rlmm_tf.live.sessions import MS, Bucket, Limits, MarketClock, Session
from tests.live.exchanges import STEP_NS, make_gateway

SCOPES: tuple[p.Scope, ...] = ("read", "trade")


def heard(session: Session) -> list[p.Message]:
    found = [p.server_message(text) for text in session.outbox]
    session.outbox.clear()
    session.outbox_bytes = 0
    return found


def send(gateway: Gateway, session: Session, now_ns: int, message: p.Message) -> None:
    gateway.receive(session, now_ns, p.as_json(message))


def quote(gateway: Gateway, session: Session, number: int, request: int = 0) -> None:
    price = gateway.exchange.venue.levels("bid")[0][0]
    order = p.Submit(
        client_order_id=number, side="bid", price_ticks=price, size_lots=1, request=request
    )
    send(gateway, session, 0, order)


def test_a_session_hears_rows_then_its_own_then_the_answer(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path)
    session = gateway.connect(0, "ann", SCOPES)
    send(gateway, session, 0, p.Subscribe(request=3))
    welcome, pong, snapshot = heard(session)
    assert isinstance(welcome, p.Welcome)
    assert isinstance(pong, p.Pong)
    assert (pong.request, isinstance(snapshot, p.Snapshot)) == (3, True)
    quote(gateway, session, 1, request=4)
    assert heard(session) == []  # nothing before it is kept
    gateway.pump(0)
    market, update, answer = heard(session)
    assert isinstance(market, p.Market)
    assert isinstance(snapshot, p.Snapshot)
    assert market.first_event == snapshot.event + 1
    assert isinstance(update, p.OrderUpdate)
    assert update.event == market.first_event
    assert isinstance(answer, p.Answer)
    assert (answer.request, answer.account_seq) == (4, update.account_seq)


def test_rows_go_on_without_a_gap(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path)
    session = gateway.connect(0, "ann", SCOPES)
    send(gateway, session, 0, p.Subscribe())
    last = gateway.exchange.venue.events
    heard(session)
    for turn in range(1, 120):
        quote(gateway, session, turn)
        gateway.pump(turn * 2 * STEP_NS)
        for message in heard(session):
            if isinstance(message, p.Market):
                assert message.first_event == last + 1
                last += len(message.rows)
    assert last == gateway.exchange.venue.events > 120


def test_the_end_of_a_session_cancels_unless_another_goes_on(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path)
    first, second = (gateway.connect(0, "ann", SCOPES) for _ in range(2))
    watching = gateway.connect(0, "ann", ("read",))
    quote(gateway, first, 1)
    gateway.pump(0)
    gateway.disconnect(first)
    gateway.pump(0)
    assert len(gateway.exchange.account_state("ann").open_orders) == 1
    gateway.disconnect(second)
    gateway.disconnect(second)
    gateway.pump(0)
    assert gateway.exchange.account_state("ann").open_orders == ()
    found = gateway.exchange.accounts["ann"].order(1)
    assert found is not None
    assert found.code == p.Code.DISCONNECT
    assert list(gateway.sessions.values()) == [watching]


def test_who_says_nothing_is_cut_and_cancelled(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path)
    session = gateway.connect(0, "ann", SCOPES)
    quote(gateway, session, 1)
    for turn in range(1, 7):
        gateway.pump(turn * 900 * MS)
    assert session.closed == (4009, "dead_man")
    assert gateway.exchange.account_state("ann").open_orders == ()
    assert not gateway.sessions


def test_who_does_not_read_is_cut(tmp_path: Path) -> None:
    limits = Limits(queue_messages_most=50)
    gateway = make_gateway(tmp_path, limits=limits)
    slow, quick = (gateway.connect(0, name, SCOPES) for name in ("ann", "bob"))
    for session in (slow, quick):
        send(gateway, session, 0, p.Subscribe())
    for turn in range(1, 60):
        quote(gateway, quick, turn)
        gateway.pump(turn)
        heard(quick)
    assert slow.closed == (4008, "too_slow")
    assert not slow.outbox
    assert quick.closed is None


def test_nonsense_is_answered_and_at_last_cut(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path, limits=Limits(malformed_most=2))
    session = gateway.connect(0, "ann", SCOPES)
    heard(session)
    for text in ("{", '{"op": "buy"}'):
        gateway.receive(session, 0, text)
    errors = heard(session)
    assert [isinstance(e, p.Error) and e.code for e in errors] == [p.Code.MALFORMED] * 2
    gateway.receive(session, 0, "x")
    assert session.closed == (4000, "malformed")
    other = gateway.connect(0, "ann", SCOPES)
    gateway.receive(other, 0, " " * (p.BODY_BYTES_MOST + 1))
    assert other.closed == (4013, "too_large")


def test_a_reader_cannot_trade_and_sessions_are_bounded(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path, limits=Limits(account_sessions_most=1))
    session = gateway.connect(0, "ann", ("read",))
    heard(session)
    quote(gateway, session, 1, request=8)
    [error] = heard(session)
    assert isinstance(error, p.Error)
    assert (error.code, error.request) == (p.Code.FORBIDDEN, 8)
    with pytest.raises(Refused, match="too many sessions"):
        gateway.connect(0, "ann", SCOPES)


def test_a_bucket_gives_back_what_its_rate_says() -> None:
    bucket = Bucket(10, 3)
    assert [bucket.take(0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(0) == 100
    assert bucket.take(99 * MS) == 1
    assert bucket.take(100 * MS) == 0
    assert [bucket.take(10**12) for _ in range(4)] == [0, 0, 0, 100]


def test_the_markets_clock_leaves_out_what_it_slept() -> None:
    clock = MarketClock(10.0, 100, 1_000, 0, catch_up_steps=5)
    assert clock.due(1_000, 0) == 0
    assert clock.due(1_025, 0) == 200
    assert clock.wait_ns(1_025, 200) in {5, 6}
    assert clock.due(9_000, 200) == 700
    assert clock.due(9_010, 700) == 800
