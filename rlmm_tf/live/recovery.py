"""An exchange and its journal, begun or taken up where a process ended, however it ended."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from rlmm_tf.live.exchange import Command, Exchange
from rlmm_tf.live.journal import SEGMENT_BYTES, Disk, Journal, JournalError, read
from rlmm_tf.live.ledger import Json

_LENGTH = struct.Struct("<Q")


class Keeper:
    """An exchange whose commands are kept: `commit` before anybody hears of what they did."""

    def __init__(self, exchange: Exchange, journal: Journal, identity: Json) -> None:
        self.exchange = exchange
        self.journal = journal
        self._header = {"identity": identity}

    def commit(self, commands: list[Command], *, durable: bool = True) -> None:
        """Keeps commands that the exchange has done; JournalError if that is not certain."""
        self.journal.append(commands, durable=durable)
        if self.journal.segment_bytes > SEGMENT_BYTES:
            self.compact()

    def compact(self) -> None:
        """Writes the whole state down, so that what led to it need not be done again."""
        self.journal.rotate(self._header, packed(self.exchange))


def start(folder: Path, exchange: Exchange, identity: Json, disk: Disk | None = None) -> Keeper:
    """The exchange as its journal has it, in a new epoch; a new journal if there is none.

    `identity` says which market it is: another market's journal is refused.
    """
    kept = read(folder)
    if kept is None:
        keeper = Keeper(exchange, Journal.create(folder, {"identity": identity}, disk), identity)
    else:
        if kept.header["identity"] != identity:
            raise JournalError(
                f"{folder}: expected the journal of {identity}, got that of "
                f"{kept.header['identity']}; name another folder"
            )
        if kept.state is not None:
            unpack(exchange, kept.state)
        for commands in kept.records:
            for command in commands:
                exchange.apply(command)
        keeper = Keeper(exchange, Journal.resume(folder, kept, disk), identity)
    begin: Command = ["start", exchange.epoch + 1]
    exchange.apply(begin)
    keeper.commit([begin])
    if kept is not None:
        keeper.compact()
    return keeper


def packed(exchange: Exchange) -> bytes:
    """All of it as bytes."""
    values, market = exchange.dump()
    text = json.dumps(values, separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text + market


def unpack(exchange: Exchange, state: bytes) -> None:
    """Goes on from what `packed` gave."""
    (length,) = _LENGTH.unpack_from(state)
    values: Any = json.loads(state[_LENGTH.size : _LENGTH.size + length])
    exchange.load(values, state[_LENGTH.size + length :])
