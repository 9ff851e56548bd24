from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlmm_tf.live.gateway import Gateway
from rlmm_tf.live.journal import Journal, JournalError, read
from rlmm_tf.live.protocol import CancelAll, Submit
from rlmm_tf.live.recovery import packed, start
from rlmm_tf.live.sessions import S
from tests.live.exchanges import STEP_NS, FailingDisk, make_exchange, make_gateway

HEADER = {"identity": {"seed": 1}}
SCOPES = ("read", "trade")


def written(folder: Path, batches: list[Any]) -> Path:
    journal = Journal.create(folder, HEADER)
    for batch in batches:
        journal.append(batch)
    journal.close()
    return folder / "journal-00000001.log"


BATCHES = [[["open", "ann"]], [["time", 10]], [["time", 20], ["cancel", "ann", 3]]]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read(tmp_path / "none") is None
    written(tmp_path, BATCHES)
    kept = read(tmp_path)
    assert kept is not None
    assert kept.records == BATCHES
    assert kept.header["identity"] == {"seed": 1}
    with pytest.raises(JournalError, match="a folder without a journal"):
        Journal.create(tmp_path, HEADER)
    journal = Journal.resume(tmp_path, kept)
    journal.append([["time", 30]])
    journal.close()
    again = read(tmp_path)
    assert again is not None
    assert again.records == [*BATCHES, [["time", 30]]]
    with pytest.raises(JournalError, match="has failed before"):
        journal.append([])


def test_a_torn_tail_is_cut_off_at_any_byte(tmp_path: Path) -> None:
    path = written(tmp_path, BATCHES)
    whole = path.read_bytes()
    ends = []
    for n in range(len(BATCHES) + 1):
        folder = tmp_path / str(n)
        ends.append(len(written(folder, BATCHES[:n]).read_bytes()))
    for length in range(ends[0], len(whole)):
        path.write_bytes(whole[:length])
        kept = read(tmp_path)
        assert kept is not None
        n = sum(end <= length for end in ends) - 1
        assert kept.records == BATCHES[:n]
        journal = Journal.resume(tmp_path, kept)
        journal.append([["time", 77]])
        journal.close()
        again = read(tmp_path)
        assert again is not None
        assert again.records == [*BATCHES[:n], [["time", 77]]]


def test_damage_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, BATCHES)
    whole = path.read_bytes()
    first = len(written(tmp_path / "first", []).read_bytes())
    second = len(written(tmp_path / "second", BATCHES[:1]).read_bytes())
    for at in range(first + 4, second):  # behind the length of a record that others follow
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(JournalError, match="expected whole records"):
            read(tmp_path)
    path.write_bytes(whole[:first] + whole[second:])  # one is missing
    with pytest.raises(JournalError, match="expected whole records"):
        read(tmp_path)


def test_a_state_takes_the_place_of_what_led_to_it(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, HEADER)
    journal.append([["time", 1]])
    journal.rotate(HEADER, b"state")
    journal.append([["time", 2]])
    journal.close()
    kept = read(tmp_path)
    assert kept is not None
    assert (kept.state, kept.records, kept.segment) == (b"state", [[["time", 2]]], 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "journal-00000002.log",
        "state-00000002.bin",
    ]
    state = tmp_path / "state-00000002.bin"
    for damaged in (state.read_bytes()[:-1], b"other", state.read_bytes()[:-1] + b"x"):
        state.write_bytes(damaged)
        with pytest.raises(JournalError, match="expected"):
            read(tmp_path)
    state.unlink()
    with pytest.raises(JournalError, match="cannot be read"):
        read(tmp_path)


def test_another_markets_journal_is_refused(tmp_path: Path) -> None:
    start(tmp_path, make_exchange(), {"seed": 1}).journal.close()
    with pytest.raises(JournalError, match="expected the journal of"):
        start(tmp_path, make_exchange(), {"seed": 2})


def session(gateway: Gateway) -> list[Any]:
    """What a client was told, until the journal failed."""
    told: list[Any] = []
    number = 0
    now_ns = 0
    for turn in range(6):
        now_ns += STEP_NS
        for side in ("bid", "ask"):
            number += 1
            price = gateway.exchange.venue.levels(side)[0][0]
            message = Submit(client_order_id=number, side=side, price_ticks=price, size_lots=3)
            gateway.ask(now_ns, "ann", SCOPES, message, number)
        if turn == 3:
            gateway.ask(now_ns, "ann", SCOPES, CancelAll(), "all")
        told += gateway.pump(now_ns)
        if turn == 4:
            gateway.keeper.compact()
    return told


def test_whichever_call_of_the_disk_fails_nothing_told_is_lost(tmp_path: Path) -> None:
    counting = FailingDisk()
    gateway = make_gateway(tmp_path / "whole", disk=counting)
    whole = session(gateway)
    assert {"open", "write", "fsync", "rename"} <= set(counting.names)
    parts = (0.0, 0.6)
    for fails_at in range(counting.calls):
        for part in parts if counting.names[fails_at] == "write" else parts[:1]:
            folder = tmp_path / f"{fails_at}-{part}"
            disk = FailingDisk(fails_at, part)
            told: list[Any] = []
            try:
                failing = make_gateway(folder, disk=disk)
                pump = failing.pump

                def telling(now_ns: int, pump: Any = pump, told: list[Any] = told) -> list[Any]:
                    answers = pump(now_ns)
                    told += answers
                    return list(answers)

                failing.pump = telling  # type: ignore[method-assign]
                session(failing)
                raise AssertionError(f"call {fails_at} did not fail")
            except (JournalError, OSError):
                pass
            assert told == whole[: len(told)]
            after = make_gateway(folder).exchange
            assert after.halted is False
            for _, answer in told:
                if answer.order is None:
                    continue
                order = after.accounts["ann"].order(answer.order.client_order_id)
                assert order is not None
                assert order.filled_lots >= answer.order.filled_lots


def test_a_broken_journal_takes_nothing_more(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path)
    gateway.keeper.journal.broken = True
    with pytest.raises(JournalError, match="has failed before"):
        gateway.ensure("ann")


def test_a_recovered_exchange_is_the_same_and_its_orders_are_cancelled(tmp_path: Path) -> None:
    gateway = make_gateway(tmp_path)
    session(gateway)
    low = Submit(client_order_id=99, side="bid", price_ticks=1, size_lots=1)
    gateway.ask(S, "ann", SCOPES, low, "low")
    gateway.pump(S)
    before = gateway.exchange.account_state("ann")
    recovered = make_gateway(tmp_path).exchange
    after = recovered.account_state("ann")
    assert before.open_orders
    assert after.open_orders == ()
    assert after.epoch == before.epoch + 1
    assert (after.position_lots, after.cash, after.fill_seq) == (
        before.position_lots,
        before.cash,
        before.fill_seq,
    )
    assert after.account_seq == before.account_seq + len(before.open_orders)
    gateway.exchange.apply(["start", after.epoch])
    assert packed(gateway.exchange) == packed(recovered)
    assert json.loads(json.dumps(gateway.exchange.dump()[0])) == recovered.dump()[0]
