"""The gateway in an event loop: pumped when something is due, its outboxes emptied."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlmm_tf.live import protocol as p
from rlmm_tf.live.gateway import Gateway
from rlmm_tf.live.journal import JournalError
from rlmm_tf.live.sessions import MS, S, Session
from rlmm_tf.live.tokens import Holder, Tokens, read_tokens

log = logging.getLogger("rlmm.exchange")
# Upper bounds of the histogram of pumps, in microseconds.
PUMP_US = (100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)


class JsonLines(logging.Formatter):
    """A log record as a line of JSON; what it may hold is what its caller names."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        values = {"time": round(record.created, 6), "level": record.levelname.lower()}
        values |= {"event": record.getMessage(), **getattr(record, "values", {})}
        return json.dumps(values)


def note(event: str, **values: Any) -> None:
    """A line for the log."""
    log.info(event, extra={"values": values})


@dataclass(frozen=True)
class Terms:
    """What is traded, for those who ask."""

    symbol: str = "SIM"
    tick_size: str = "0.01"
    lot_size: str = "1"


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A session, what tells that something of it is to be sent, and that it has ended."""

    session: Session
    woken: asyncio.Event
    ended: asyncio.Event


class Service:
    """A running exchange; `fail` is called when it must stop because nothing can be kept."""

    def __init__(
        self,
        gateway: Gateway,
        tokens: Path,
        terms: Terms,
        *,
        now: Callable[[], int] = time.monotonic_ns,
        fail: Callable[[], None] = lambda: None,
    ) -> None:
        self.gateway = gateway
        self.terms = terms
        self.now = now
        self.fail = fail
        self.stopping = False
        self.pumps = [0] * (len(PUMP_US) + 1)
        self.pump_ns = 0
        self._tokens_path = tokens
        self._tokens: Tokens = read_tokens(tokens)
        self._tokens_mtime_ns = tokens.stat().st_mtime_ns
        self._wake = asyncio.Event()
        self._lines: dict[int, Line] = {}
        for account in self._tokens.accounts:
            gateway.ensure(account)

    # --- who it is ----------------------------------------------------------------------------

    def holder(self, authorization: str | None) -> Holder | None:
        """Whose request this is; a token that was made since the start is known too."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > 200 or not token.isascii():
            return None
        found = self._tokens.holder(token)
        return found if found is not None else self._holder_since(token)

    def _holder_since(self, token: str) -> Holder | None:
        try:
            mtime_ns = self._tokens_path.stat().st_mtime_ns
            if mtime_ns == self._tokens_mtime_ns:
                return None
            self._tokens, self._tokens_mtime_ns = read_tokens(self._tokens_path), mtime_ns
        except (OSError, ValueError) as error:
            log.warning("tokens", extra={"values": {"problem": type(error).__name__}})
            return None
        return self._tokens.holder(token)

    # --- requests -----------------------------------------------------------------------------

    async def ask(self, holder: Holder, message: p.OrderRequest) -> p.Answer:
        """The answer to an order request."""
        answer: asyncio.Future[p.Answer] = asyncio.get_running_loop().create_future()
        self.gateway.ask(self.now(), holder.account, holder.scopes, message, answer)
        self._wake.set()
        return await answer

    async def halt(self, account: str | None, *, halted: bool) -> None:
        """Halts, or ends a halt."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gateway.halt(account, halted=halted, tag=done)
        self._wake.set()
        await done
        note("halt" if halted else "resume", account=account)

    def connect(self, holder: Holder) -> Line:
        """A new session; Refused if there are too many."""
        session = self.gateway.connect(self.now(), holder.account, holder.scopes)
        line = self._lines[session.number] = Line(session, asyncio.Event(), asyncio.Event())
        line.woken.set()
        note("session", session=session.number, account=session.account)
        return line

    def receive(self, line: Line, text: str | bytes) -> None:
        """What the session's client has sent."""
        self.gateway.receive(line.session, self.now(), text)
        self._wake.set()
        self._tell(line)

    def disconnect(self, line: Line) -> None:
        """The session's client is gone, or is to go."""
        session = line.session
        code, reason = session.closed or (0, "")
        self._lines.pop(session.number, None)
        self.gateway.disconnect(session)
        self._wake.set()
        note("session_end", session=session.number, code=code, reason=reason)

    @staticmethod
    def _tell(line: Line) -> None:
        if line.session.outbox:
            line.woken.set()
        if line.session.closed is not None:
            line.ended.set()

    # --- the loop -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `stop`, or until the journal fails."""
        gateway = self.gateway
        while not self.stopping:
            self._wake.clear()
            began_ns = self.now()
            try:
                answers = gateway.pump(began_ns)
            except JournalError as error:
                log.error("journal", extra={"values": {"problem": str(error)}})
                self.stopping = True
                self.fail()
                return
            self._count(self.now() - began_ns)
            for future, answer in answers:
                if not future.done():
                    future.set_result(answer)
            for line in self._lines.values():
                self._tell(line)
            wait_ns = gateway.clock.wait_ns(self.now(), gateway.exchange.ts_ns)
            ended = gateway.exchange.venue.ended
            seconds = (100 * MS if ended else min(wait_ns, 100 * MS)) / S
            try:
                await asyncio.wait_for(self._wake.wait(), max(seconds, 0.0))
            except TimeoutError:
                await asyncio.sleep(0)

    def _count(self, took_ns: int) -> None:
        self.pump_ns += took_ns
        us = took_ns // 1_000
        self.pumps[sum(us > bound for bound in PUMP_US)] += 1

    def stop(self) -> None:
        """Tells everybody, and keeps the state."""
        if self.stopping:
            return
        self.stopping = True
        self.gateway.stop()
        self._wake.set()
        for line in self._lines.values():
            self._tell(line)

    def metrics(self) -> str:
        """In Prometheus' text format."""
        gateway = self.gateway
        lines = []
        for name in _COUNTED:
            lines += [
                f"# TYPE rlmm_exchange_{name}_total counter",
                f"rlmm_exchange_{name}_total {gateway.counts[name]}",
            ]
        values = {
            "sessions_open": len(gateway.sessions),
            "open_orders": gateway.exchange.venue.open_orders,
            "market_time_seconds": gateway.exchange.ts_ns / S,
            "epoch": gateway.exchange.epoch,
            "event": gateway.exchange.venue.events,
            "journal_segment_bytes": gateway.keeper.journal.segment_bytes,
        }
        for name, value in values.items():
            lines += [f"# TYPE rlmm_exchange_{name} gauge", f"rlmm_exchange_{name} {value}"]
        lines.append("# TYPE rlmm_exchange_pump_seconds histogram")
        total = 0
        for bound, count in zip(PUMP_US, self.pumps, strict=False):
            total += count
            lines.append(f'rlmm_exchange_pump_seconds_bucket{{le="{bound / 1e6:g}"}} {total}')
        total += self.pumps[-1]
        lines.append(f'rlmm_exchange_pump_seconds_bucket{{le="+Inf"}} {total}')
        lines.append(f"rlmm_exchange_pump_seconds_sum {self.pump_ns / S}")
        lines.append(f"rlmm_exchange_pump_seconds_count {total}")
        return "\n".join(lines) + "\n"


_COUNTED = (
    "messages_in", "messages_out", "answers", "refused", "fills", "rows", "sessions", "limited",
    "malformed", "closed_4000", "closed_4008", "closed_4009", "closed_4013",
)  # fmt: skip
