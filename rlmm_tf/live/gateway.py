"""Between clients and the exchange: sessions, limits, what is kept before who hears of it.

No sockets and no clocks here: `receive` is given texts and the time, `pump` lets the market go on,
does what was asked, keeps it in the journal and only then fills the sessions' outboxes. The server
(`rlmm_tf.live.server`) and the tests in simulated time run this very code.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rlmm_tf.live import protocol as p
from rlmm_tf.live import sessions as s
from rlmm_tf.live.exchange import Command, Output, Rows
from rlmm_tf.live.recovery import Keeper

Tag = Any  # whoever waits for an answer


class Refused(Exception):
    """What was asked cannot be taken; `error` says why."""

    def __init__(self, error: p.Error) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A command that is to be done by the next pump, and who waits for it."""

    command: Command
    tag: Tag = None
    session: s.Session | None = None
    request: int = 0


class Gateway:
    """All sessions of an exchange."""

    def __init__(self, keeper: Keeper, clock: s.MarketClock, limits: s.Limits) -> None:
        self.keeper = keeper
        self.exchange = keeper.exchange
        self.clock = clock
        self.limits = limits
        self.sessions: dict[int, s.Session] = {}
        self.counts: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []
        self._buckets: dict[str, s.Buckets] = {}
        self._sessions_ever = 0

    # --- clients ------------------------------------------------------------------------------

    def ensure(self, account: str) -> None:
        """There is such an account from now on."""
        if account not in self.exchange.accounts:
            command: Command = ["open", account]
            self.exchange.apply(command)
            self.keeper.commit([command])

    def connect(self, now_ns: int, account: str, scopes: tuple[p.Scope, ...]) -> s.Session:
        """A new session; Refused if there are too many."""
        self.ensure(account)
        of_account = sum(each.account == account for each in self.sessions.values())
        if (
            len(self.sessions) >= self.limits.sessions_most
            or of_account >= self.limits.account_sessions_most
        ):
            raise Refused(p.Error(code=p.Code.TOO_MANY, message="too many sessions"))
        self._sessions_ever += 1
        heartbeat_ns = now_ns + self.limits.heartbeat_ms * s.MS
        session = s.Session(self._sessions_ever, account, scopes, now_ns, heartbeat_ns, self.limits)
        session.cancel_on_disconnect = "trade" in scopes
        self.sessions[session.number] = session
        self.counts["sessions"] += 1
        session.send(
            p.as_json(
                p.Welcome(
                    epoch=self.exchange.epoch,
                    account=account,
                    scopes=scopes,
                    ts_ns=self.exchange.ts_ns,
                    event=self.exchange.venue.events,
                    account_seq=self.exchange.accounts[account].account_seq,
                    heartbeat_ms=self.limits.heartbeat_ms,
                    dead_man_ms=self.limits.dead_man_ms,
                )
            )
        )
        return session

    def disconnect(self, session: s.Session) -> None:
        """The session has ended, whoever ended it; a second call does nothing."""
        if self.sessions.pop(session.number, None) is None:
            return
        session.close(s.CLOSE_RESTART, "ended")
        others = any(
            each.account == session.account and each.cancel_on_disconnect
            for each in self.sessions.values()
        )
        if session.cancel_on_disconnect and not others:
            self._waiting.append(_Waiting(["cancel_all", session.account, p.Code.DISCONNECT.value]))

    def receive(self, session: s.Session, now_ns: int, text: str | bytes) -> None:
        """What the client has sent."""
        if session.closed is not None:
            return
        session.heard_ns = now_ns
        self.counts["messages_in"] += 1
        if len(text) > p.BODY_BYTES_MOST:
            session.close(s.CLOSE_TOO_LARGE, p.Code.TOO_LARGE)
            return
        try:
            message = p.client_message(text)
        except ValidationError as error:
            self._malformed(session, error)
            return
        problem = self._problem(now_ns, session.account, session.scopes, message)
        if problem is not None:
            session.send(p.as_json(problem.model_copy(update={"request": message.request})))
        elif isinstance(message, p.Submit | p.Amend | p.Cancel | p.CancelAll):
            command = _command(session.account, message)
            self._waiting.append(_Waiting(command, None, session, message.request))
        else:
            self._manage(session, message)

    def _malformed(self, session: s.Session, error: ValidationError) -> None:
        self.counts["malformed"] += 1
        session.malformed += 1
        if session.malformed > self.limits.malformed_most:
            session.close(s.CLOSE_MALFORMED, p.Code.MALFORMED)
        else:
            session.send(p.as_json(p.Error(code=p.Code.MALFORMED, message=told(error))))

    def _manage(self, session: s.Session, message: p.Subscribe | p.Resync | p.Ping) -> None:
        if isinstance(message, p.Subscribe):
            session.channels = frozenset(message.channels)
            session.cancel_on_disconnect = (
                message.cancel_on_disconnect and "trade" in session.scopes
            )
        session.send(p.as_json(p.Pong(request=message.request, ts_ns=self.exchange.ts_ns)))
        if not isinstance(message, p.Ping) and "market" in session.channels:
            session.send(p.as_json(self.exchange.snapshot()))

    def ask(
        self,
        now_ns: int,
        account: str,
        scopes: tuple[p.Scope, ...],
        message: p.OrderRequest,
        tag: Tag,
    ) -> None:
        """An order request that came otherwise than on a session; Refused if it cannot come in."""
        self.ensure(account)
        self.counts["messages_in"] += 1
        problem = self._problem(now_ns, account, scopes, message)
        if problem is not None:
            raise Refused(problem)
        self._waiting.append(_Waiting(_command(account, message), tag))

    def halt(self, account: str | None, *, halted: bool, tag: Tag) -> None:
        """Halts an account, or all; the answer is None."""
        if account is not None and account not in self.exchange.accounts:
            raise Refused(p.Error(code=p.Code.NOT_FOUND, message="no such account"))
        self._waiting.append(_Waiting(["halt" if halted else "resume", account], tag))

    def read(self, now_ns: int, account: str) -> None:
        """A question that changes nothing; Refused if there are too many."""
        self.ensure(account)
        problem = self._limit(now_ns, account, "read")
        if problem is not None:
            raise Refused(problem)

    def _problem(
        self, now_ns: int, account: str, scopes: tuple[p.Scope, ...], message: Any
    ) -> p.Error | None:
        if message.op in {"submit", "amend", "cancel", "cancel_all"} and "trade" not in scopes:
            return p.Error(code=p.Code.FORBIDDEN, message="the token's scopes lack trade")
        return self._limit(now_ns, account, message.op)

    def _limit(self, now_ns: int, account: str, op: str) -> p.Error | None:
        buckets = self._buckets.get(account)
        if buckets is None:
            buckets = self._buckets[account] = s.Buckets.full(self.limits)
        retry_ms = buckets.take(op, now_ns)
        if retry_ms == 0:
            return None
        self.counts["limited"] += 1
        return p.Error(code=p.Code.TOO_MANY, message="too many requests", retry_ms=retry_ms)

    # --- the market goes on -------------------------------------------------------------------

    def pump(self, now_ns: int) -> list[tuple[Tag, p.Answer | None]]:
        """Does all that is due; the answers that were asked for otherwise than on a session.

        JournalError: nothing of it can be told to anybody; stop and recover.
        """
        for session in list(self.sessions.values()):
            if now_ns - session.heard_ns > self.limits.dead_man_ms * s.MS:
                session.close(s.CLOSE_DEAD_MAN, p.Code.DEAD_MAN)
            if session.closed is not None:
                self.counts[f"closed_{session.closed[0]}"] += 1
                self.disconnect(session)
        waiting, self._waiting = self._waiting, []
        due_ns = self.exchange.ts_ns
        if not self.exchange.venue.ended:
            due_ns = self.clock.due(now_ns, due_ns)
        if due_ns > self.exchange.ts_ns:
            waiting.insert(0, _Waiting(["time", due_ns]))
        answers = self._run(waiting) if waiting else []
        self._heartbeats(now_ns)
        return answers

    def _run(self, waiting: list[_Waiting]) -> list[tuple[Tag, p.Answer | None]]:
        done = [(each, self.exchange.apply(each.command)) for each in waiting]
        # Time alone need not be on the disk before anybody hears of it: rows can be undone by
        # another epoch, fills cannot.
        durable = any(out.private or each.command[0] != "time" for each, out in done)
        self.keeper.commit([each.command for each in waiting], durable=durable)
        self._tell_market(_joined(done))
        answers: list[tuple[Tag, p.Answer | None]] = []
        for each, out in done:
            self._tell_accounts(out)
            if out.answer is not None:
                self.counts["answers"] += 1
                self.counts["refused"] += not out.answer.accepted
            if each.session is not None and out.answer is not None:
                answer = out.answer.model_copy(update={"request": each.request})
                self._send(each.session, p.as_json(answer))
            elif each.tag is not None:
                answers.append((each.tag, out.answer))
        return answers

    def _send(self, session: s.Session, text: str) -> None:
        self.counts["messages_out"] += 1
        session.send(text)

    def _tell_market(self, rows: list[Rows]) -> None:
        listening = [each for each in self.sessions.values() if "market" in each.channels]
        for each in rows:
            self.counts["rows"] += each.count
            text = f'{{"type":"market","first_event":{each.first_event},"rows":{each.text}}}'
            for session in listening:
                self._send(session, text)

    def _tell_accounts(self, out: Output) -> None:
        for account, message in out.private:
            self.counts["fills"] += isinstance(message, p.FillUpdate)
            text = ""
            for session in self.sessions.values():
                if session.account == account and "private" in session.channels:
                    text = text or p.as_json(message)
                    self._send(session, text)

    def _heartbeats(self, now_ns: int) -> None:
        for session in self.sessions.values():
            if now_ns < session.heartbeat_ns:
                continue
            session.heartbeat_ns = now_ns + self.limits.heartbeat_ms * s.MS
            beat = p.Heartbeat(
                epoch=self.exchange.epoch,
                ts_ns=self.exchange.ts_ns,
                event=self.exchange.venue.events,
                account_seq=self.exchange.accounts[session.account].account_seq,
            )
            self._send(session, p.as_json(beat))

    def stop(self) -> None:
        """Nobody is served any more: all sessions are told to go; the journal is made short."""
        for session in self.sessions.values():
            session.close(s.CLOSE_RESTART, p.Code.STOPPING)
        self.keeper.compact()
        self.keeper.journal.close()


def told(error: ValidationError) -> str:
    """Where a message is wrong, without what was there."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"]))[:80]
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def _command(account: str, message: p.OrderRequest) -> Command:
    if isinstance(message, p.Submit):
        return [
            "submit", account, message.client_order_id, message.side, message.kind,
            message.price_ticks, message.size_lots,
        ]  # fmt: skip
    if isinstance(message, p.Amend):
        number = message.client_order_id
        return ["amend", account, number, message.price_ticks, message.size_lots]
    if isinstance(message, p.Cancel):
        return ["cancel", account, message.client_order_id]
    return ["cancel_all", account, p.Code.REQUESTED.value]


def _joined(done: list[tuple[_Waiting, Output]]) -> list[Rows]:
    """Rows of steps each by themselves; those of all requests, which are at one time, together."""
    steps = [rows for each, out in done if each.command[0] == "time" for rows in out.rows]
    rest = [rows for each, out in done if each.command[0] != "time" for rows in out.rows]
    if not rest:
        return steps
    text = ",".join(rows.text[1:-1] for rows in rest)
    return [*steps, Rows(rest[0].first_event, sum(rows.count for rows in rest), f"[{text}]")]
