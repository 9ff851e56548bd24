"""The quoting client against the exchange in simulated time: whatever goes wrong, they agree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rlmm_tf.kernels.risk import ASK, BID
from rlmm_tf.live.client import Drop, Send, Stage
from tests.live.exchanges import make_gateway
from tests.live.wire import ACCOUNT, LIMITS, MS, Wire

S = 1_000_000_000
SEEDS = int(os.environ.get("RLMM_WIRE_SEEDS", "4"))


def wire_of(folder: Path, seed: int = 1, fault_share: float = 0.0) -> Wire:
    return Wire(make_gateway(folder, seed=seed, now_ns=S), seed, fault_share)


def require_agreement(wire: Wire) -> None:
    """No fill lost or doubled; position, open orders and desk are the exchange's."""
    client, account = wire.client, wire.gateway.exchange.account_state(ACCOUNT)
    own = client.own
    assert (own.filled_lots[BID], own.filled_lots[ASK]) == (account.bought_lots, account.sold_lots)
    assert own.fees_e9 == account.fees_e9
    assert client.gate.position_lots == account.position_lots == client.view.inventory_lots
    believed = {order.id: order.lots for order in client.gate.open}
    assert believed == {o.client_order_id: o.open_lots for o in account.open_orders}
    assert client.gate.state == "ACTIVE", client.gate.why


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    made = wire_of(tmp_path)
    made.run(3 * S)
    return made


def test_quotes_and_agrees(wire: Wire) -> None:
    client = wire.client
    assert client.stage is Stage.LIVE
    wire.run(20 * S)
    wire.settle()
    require_agreement(wire)
    assert client.own.fills > 5
    assert client.decisions > 150
    assert client.gaps == 0
    assert client.connections == 1
    assert client.own.sent["submit"] + client.own.sent["amend"] > 50


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_goes_wrong_they_agree(tmp_path: Path, seed: int) -> None:
    wire = wire_of(tmp_path, seed, 0.05)
    end_ns = wire.now_ns + 20 * S
    while wire.now_ns < end_ns:
        wire.step()
        account = wire.gateway.exchange.accounts.get(ACCOUNT)
        if account is not None:
            assert abs(account.position_lots) <= LIMITS.position_lots_max
    assert wire.faults.total() > 20
    wire.settle()
    require_agreement(wire)


def test_kill_cancels_everything_until_it_is_cleared(wire: Wire) -> None:
    assert wire.gateway.exchange.account_state(ACCOUNT).open_orders
    wire._do(wire.client.kill(wire.now_ns))
    wire.step()
    assert not wire.gateway.exchange.account_state(ACCOUNT).open_orders
    decisions = wire.client.decisions
    wire.run(2 * S)
    assert wire.client.decisions == decisions
    assert wire.client.gate.why.name == "kill_switch"
    wire._do(wire.client.clear(wire.now_ns))
    wire.run(2 * S)
    wire.settle()
    assert wire.client.decisions > decisions
    require_agreement(wire)


def test_a_silent_exchange_is_left_and_found_again(wire: Wire) -> None:
    client = wire.client
    now_ns = wire.now_ns
    todo = client.tick(now_ns + 2 * S)
    assert [type(one) for one in todo if isinstance(one, Send)] != []
    assert "cancel_all" in "".join(one.text for one in todo if isinstance(one, Send))
    late = client.gate.submit(id=10**6, side=BID, price_ticks=99_990, lots=1, now_ns=now_ns)
    assert late.name == "no_market"
    (drop,) = [one for one in client.tick(now_ns + 9 * S) if isinstance(one, Drop)]
    assert drop.why == "silence"
    waits = [client.disconnected(now_ns + 9 * S) for _ in range(12)]
    assert waits[:4] == [100 * MS, 200 * MS, 400 * MS, 800 * MS]
    assert waits[-1] == 10 * S


def test_a_gap_in_the_rows_pulls_the_quotes(wire: Wire) -> None:
    client = wire.client
    event = client._event
    text = f'{{"type":"market","first_event":{event + 2},"rows":[[1,1,1,100,1,0,0]]}}'
    todo = client.received(text, wire.now_ns)
    assert [one.text for one in todo if isinstance(one, Send)] == [
        '{"op":"resync","request":0}',
        '{"op":"cancel_all","request":0}',
    ]
    assert client.stage is Stage.SYNCING
    assert client.gaps == 1
    wire._do(todo)
    wire.run(2 * S)
    wire.settle()
    require_agreement(wire)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type":"new"}', '{"type":"market","rows":[]}'])
def test_what_is_no_message_ends_the_connection(wire: Wire, text: str) -> None:
    (drop,) = wire.client.received(text, wire.now_ns)
    assert isinstance(drop, Drop)


def test_a_position_that_nobody_traded_halts(wire: Wire) -> None:
    wire.client.gate.on_reconciled(position_lots=5, open_orders=[])
    assert wire.client.gate.why.name == "mismatch"
    assert wire.client._decide(wire.now_ns) == []


def test_actions_are_the_same_for_the_same_calls(tmp_path: Path) -> None:
    seen = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        wire = wire_of(tmp_path / name, 3, 0.03)
        wire.run(8 * S)
        seen.append(
            (wire.client.own.sent, wire.client.own.fills, wire.faults, wire.client.gate.pnl)
        )
    assert seen[0] == seen[1]
    assert seen[0][2].total() > 5
