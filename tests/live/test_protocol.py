from __future__ import annotations

import pytest
from pydantic import ValidationError

from rlmm_tf.live import protocol as p

ORDER = p.OrderState(
    client_order_id=7,
    book_order_id=0,
    side="ask",
    kind="post_only",
    price_ticks=100,
    size_lots=3,
    filled_lots=0,
    open_lots=0,
    status="refused",
    code=p.Code.POST_ONLY_WOULD_TRADE,
)
SENT_BY_CLIENTS = [
    p.Submit(client_order_id=1, side="bid", price_ticks=99, size_lots=2, request=5),
    p.Amend(client_order_id=2**53, price_ticks=2**40, size_lots=1),
    p.Cancel(client_order_id=1),
    p.CancelAll(),
    p.Subscribe(channels=("private",), cancel_on_disconnect=False),
    p.Resync(),
    p.Ping(request=9),
]
SENT_BY_EXCHANGE = [
    p.Answer(accepted=False, code=ORDER.code, order=ORDER, account_seq=4, ts_ns=-1),
    p.OrderUpdate(account_seq=1, event=2, ts_ns=3, order=ORDER),
    p.Market(first_event=1, rows=((5, 1, -1, 100, 2, 2**63, 0),)),
    p.Snapshot(epoch=1, event=0, ts_ns=0, bids=((99, 1), (98, 2)), asks=(), halted=False),
    p.Heartbeat(epoch=1, ts_ns=2**60, event=3, account_seq=4),
    p.Error(code=p.Code.TOO_MANY, message="later", retry_ms=20),
]


@pytest.mark.parametrize("message", SENT_BY_CLIENTS)
def test_a_clients_message_comes_back_from_its_text(message: p.Message) -> None:
    assert p.client_message(p.as_json(message)) == message


@pytest.mark.parametrize("message", SENT_BY_EXCHANGE)
def test_an_exchanges_message_comes_back_from_its_text(message: p.Message) -> None:
    assert p.server_message(p.as_json(message)) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"op": "buy"}',
        '{"op": "ping", "request": -1}',
        '{"op": "ping", "request": true}',
        '{"op": "ping", "extra": 1}',
        '{"op": "cancel", "client_order_id": 0}',
        '{"op": "cancel", "client_order_id": 1.0}',
        '{"op": "cancel", "client_order_id": "1"}',
        '{"op": "submit", "client_order_id": 1, "side": "buy", "price_ticks": 1, "size_lots": 1}',
        '{"op": "submit", "client_order_id": 1, "side": "bid", "price_ticks": 0, "size_lots": 1}',
        '{"op": "submit", "client_order_id": 1, "side": "bid", "price_ticks": 1, "size_lots": NaN}',
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        p.client_message(text)


def test_an_account_has_a_plain_name() -> None:
    assert p.Halt(account="maker-1").account == "maker-1"
    for name in ("", "Maker", "a b", "a\n", "../a", "x" * 33):
        with pytest.raises(ValidationError):
            p.Halt(account=name)
