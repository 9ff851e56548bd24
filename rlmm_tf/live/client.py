"""A client that quotes: the whole of it but time and sockets, which are arguments.

Whoever has the sockets tells what came and what time it is; each call returns what to do: `Send` a
message, `Get` an answer by REST, `Drop` the connection. The same calls give the same actions.

    connected -> welcome -> subscribe, cancel all -> Get account, fills -> snapshot -> quoting

**Reconciliation**, at the start of a connection and after a gap, begins with a cancel of
everything: when it is answered nothing is on its way any more, and what the exchange says then is
so. An account is one client's; orders that are not his are cancelled.

**Nothing is quoted** before the exchange's word on position and orders has been taken over, nor on
a book of which something was missed, nor on one that has not been heard of for three heartbeats;
what is open then is cancelled. **Halted** (by a limit of the risk gate, or by `kill`), everything
is cancelled, again every second while anything is open, and nothing is sent until `clear`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import ValidationError

from rlmm_tf.env.live import LiveView
from rlmm_tf.kernels.risk import RiskGate, RiskLimits
from rlmm_tf.live.actors import Actor
from rlmm_tf.live.orders import OwnOrders
from rlmm_tf.live.protocol import (
    AccountState,
    Answer,
    CancelAll,
    Error,
    Fills,
    FillUpdate,
    Heartbeat,
    Market,
    Message,
    OrderUpdate,
    Ping,
    Resync,
    Snapshot,
    Subscribe,
    Welcome,
    as_json,
    server_message,
)
from rlmm_tf.params import EnvParams

MS = 1_000_000
S = 1_000_000_000
BACKOFF_FIRST_NS, BACKOFF_MOST_NS = 100 * MS, 10 * S
ANSWER_NS = 5 * S  # a request that waits longer was lost
FIRST_WORD_NS = 10 * S  # so was a connection without a word, or without a snapshot
PULL_AGAIN_NS = S
Path = Literal["account", "fills"]


class Stage(StrEnum):
    """How far a connection has come."""

    OFFLINE = "offline"
    GREETING = "greeting"  # no welcome yet
    PULLING = "pulling"  # everything is being cancelled
    RECONCILING = "reconciling"  # the exchange's word on account and fills is awaited
    SYNCING = "syncing"  # a snapshot is awaited
    LIVE = "live"


@dataclass(frozen=True)
class Send:
    """Text for the WebSocket."""

    text: str


@dataclass(frozen=True)
class Get:
    """A question by REST; its answer comes back by `answered`, with this ticket."""

    what: Path
    url: str
    ticket: int


@dataclass(frozen=True)
class Drop:
    """Close the connection: `disconnected` follows."""

    why: str


Do = Send | Get | Drop


class QuotingClient:
    """One account, one instrument, one policy."""

    def __init__(self, params: EnvParams, actor: Actor, limits: RiskLimits) -> None:
        """Offline.

        Raises:
            ValueError: a problem that cannot be quoted live; see `LiveView`.
        """
        self.view, self.gate, self._actor = LiveView(params), RiskGate(limits), actor
        taker = getattr(params.market, "taker_allowed", False)
        self.own = OwnOrders(self.view, self.gate, "limit" if taker else "post_only")
        self.stage = Stage.OFFLINE
        self.decisions = self.connections = self.gaps = self.market_messages = 0
        self.market_ns = 0
        self._epoch: int | None = None
        self._event = self._account_seq = 0
        self._heard_ns = self._sent_ns = self._since_ns = self._pulled_ns = 0
        self._silence_ns = FIRST_WORD_NS
        self._ping_ns = S
        self._backoff_ns = BACKOFF_FIRST_NS
        self._held: list[Message] = []  # private ones, until the account is known
        self._missed: list[FillUpdate] = []
        self._ticket = 0
        self._wants_pull = False
        self._pull = 0
        self._account: AccountState | None = None
        self._handlers: dict[type, Callable[[Any, int], list[Do]]] = {
            Market: self._on_market,
            Answer: self._on_answer,
            OrderUpdate: self._on_private,
            FillUpdate: self._on_private,
            Snapshot: self._on_snapshot,
            Heartbeat: self._on_heartbeat,
            Welcome: self._on_welcome,
            Error: self._on_error,
        }

    # --- the connection -------------------------------------------------------------------------

    def connected(self, now_ns: int) -> list[Do]:
        """There is a WebSocket."""
        self.connections += 1
        self._to(Stage.GREETING, now_ns)
        self._heard_ns = self._sent_ns = now_ns
        return []

    def disconnected(self, now_ns: int) -> int:
        """There is none any more, or none could be made; try again after so many ns."""
        self._to(Stage.OFFLINE, now_ns)
        self.gate.on_feed_lost()
        self.own.asked.clear()
        self._ticket += 1  # answers under way are too late
        wait, self._backoff_ns = self._backoff_ns, min(2 * self._backoff_ns, BACKOFF_MOST_NS)
        return wait

    def received(self, text: str | bytes, now_ns: int) -> list[Do]:
        """A message of the exchange's."""
        self._heard_ns = now_ns
        try:
            message = server_message(text)
        except ValidationError as error:
            return [Drop(f"not a message: {error.error_count()} problem(s)")]
        return self._after(self._heard(message, now_ns), now_ns)

    def answered(self, ticket: int, text: str | bytes | None, now_ns: int) -> list[Do]:
        """The answer to a `Get`; None: there was none."""
        if ticket != self._ticket or self.stage is not Stage.RECONCILING:
            return []
        if text is None:
            return [Drop("no answer by REST")]
        try:
            return self._after(self._taken(text, now_ns), now_ns)
        except ValidationError as error:
            return [Drop(f"not an answer: {error.error_count()} problem(s)")]

    def tick(self, now_ns: int) -> list[Do]:
        """Time has passed; to be called at least every 100 ms."""
        if self.stage is Stage.OFFLINE:
            return []
        if self.own.overdue(now_ns, ANSWER_NS):
            return [Drop("a request was not answered")]
        if self.stage is not Stage.LIVE and now_ns - self._since_ns > FIRST_WORD_NS:
            return [Drop(f"{self.stage} for too long")]
        silent_ns = now_ns - self._heard_ns
        if silent_ns > 2 * self._silence_ns:
            return [Drop("silence")]
        todo: list[Do] = []
        if silent_ns > self._silence_ns and self.stage is Stage.LIVE:
            self.gate.on_feed_lost()
            self._wants_pull = True
        if now_ns - self._sent_ns > self._ping_ns:
            todo.append(self._send(Ping(), now_ns))
        return self._after(todo, now_ns)

    # --- people ---------------------------------------------------------------------------------

    def kill(self, now_ns: int) -> list[Do]:
        """Cancel everything, and nothing more until `clear`."""
        self.gate.halt("kill_switch")
        self._pulled_ns = 0
        return self._after([], now_ns)

    def clear(self, now_ns: int) -> list[Do]:
        """A person has looked: quote again, from the exchange's word on."""
        self.gate.clear()
        return self._reconcile(now_ns) if self._is_known() else []

    # --- what comes -----------------------------------------------------------------------------

    def _heard(self, message: Any, now_ns: int) -> list[Do]:
        handler = self._handlers.get(type(message))
        return [] if handler is None else handler(message, now_ns)

    def _on_answer(self, answer: Answer, now_ns: int) -> list[Do]:
        if self.stage is Stage.PULLING and answer.request == self._pull:
            self._to(Stage.RECONCILING, now_ns)
            return [self._get("account", "/v1/account")]
        if not self._is_known():
            return []
        if answer.account_seq > self._account_seq:
            return self._lost(now_ns)
        cancel = self.own.on_answer(answer, now_ns)
        return [] if cancel is None else [self._send(cancel, now_ns)]

    def _on_error(self, error: Error, now_ns: int) -> list[Do]:
        del now_ns
        self.own.rejected[error.code.value] += 1
        if self.stage is Stage.PULLING:
            return [Drop(f"{error.code.value} while everything is being cancelled")]
        self.own.on_error(error.request)
        return []

    def _on_welcome(self, welcome: Welcome, now_ns: int) -> list[Do]:
        self._epoch, self.market_ns = welcome.epoch, welcome.ts_ns
        self._silence_ns = 3 * welcome.heartbeat_ms * MS
        self._ping_ns = welcome.dead_man_ms * MS // 3
        return [self._send(Subscribe(), now_ns), *self._reconcile(now_ns)]

    def _reconcile(self, now_ns: int) -> list[Do]:
        """Everything anew."""
        self._to(Stage.PULLING, now_ns)
        self.gate.on_feed_lost()
        self.own.asked.clear()
        self._held.clear()
        self._missed.clear()
        self._account = None
        self._pull = self.own.number()
        return [self._send(CancelAll(request=self._pull), now_ns)]

    def _lost(self, now_ns: int) -> list[Do]:
        """Something of the account's was missed."""
        self.gaps += 1
        return self._reconcile(now_ns)

    def _get(self, what: Path, url: str) -> Get:
        self._ticket += 1
        return Get(what, url, self._ticket)

    def _taken(self, text: str | bytes, now_ns: int) -> list[Do]:
        """Account first; fills up to it, then; and the account again if that took too long."""
        if self._account is None:
            self._account = AccountState.model_validate_json(text)
        else:
            fills = Fills.model_validate_json(text)
            self._missed.extend(fills.fills)
        account = self._account
        last = self._missed[-1].fill_seq if self._missed else self.own.fill_seq
        if last is not None and last < account.fill_seq:
            return [self._get("fills", f"/v1/fills?after={last}&limit=1000")]
        self.own.reconcile(account, self._missed, now_ns)
        self._account_seq = account.account_seq
        self._to(Stage.SYNCING, now_ns)
        self._wants_pull = self._wants_pull or bool(account.open_orders)
        todo: list[Do] = [self._send(Resync(), now_ns)]
        held, self._held = self._held, []
        for message in held:
            todo += self._on_private(message, now_ns)
        return todo

    def _on_private(self, message: Any, now_ns: int) -> list[Do]:
        if not self._is_known():
            self._held.append(message)
            return []
        if message.account_seq <= self._account_seq:
            return []
        if message.account_seq != self._account_seq + 1:
            return self._lost(now_ns)
        self._account_seq = message.account_seq
        if isinstance(message, FillUpdate):
            self.own.on_fill(message, now_ns)
            if message.position_lots != self.gate.position_lots:
                self.gate.halt("mismatch")
        elif not self.own.on_update(message):
            return self._lost(now_ns)
        return []

    def _on_snapshot(self, snapshot: Snapshot, now_ns: int) -> list[Do]:
        if self.stage is not Stage.SYNCING:
            return []
        self._event, self.market_ns = snapshot.event, snapshot.ts_ns
        self.view.snapshot(snapshot.ts_ns, snapshot.bids, snapshot.asks)
        self._to(Stage.LIVE, now_ns)
        self._backoff_ns = BACKOFF_FIRST_NS
        return self._decide(now_ns)

    def _on_market(self, market: Market, now_ns: int) -> list[Do]:
        if self.stage is not Stage.LIVE:
            return []
        rows: Sequence[Any] = market.rows
        first, self.market_messages = market.first_event, self.market_messages + 1
        if first <= self._event:  # what the snapshot knew already
            rows = rows[self._event + 1 - first :]
            first = self._event + 1
        if not rows:
            return []
        if first != self._event + 1:
            return self._resync(now_ns)
        self._event += len(rows)
        self.market_ns = rows[-1][0]
        try:
            steps = self.view.feed(rows)
        except ValueError:  # it does not fit the book
            return self._resync(now_ns)
        return self._decide(now_ns) if steps > 0 else self._mark(now_ns)

    def _resync(self, now_ns: int) -> list[Do]:
        """Something was missed: no quotes until there is a book again."""
        self.gaps += 1
        self._to(Stage.SYNCING, now_ns)
        self.gate.on_feed_lost()
        self._wants_pull = True
        return [self._send(Resync(), now_ns)]

    def _on_heartbeat(self, heartbeat: Heartbeat, now_ns: int) -> list[Do]:
        if self.stage is not Stage.LIVE:
            return []
        if heartbeat.epoch != self._epoch:
            return [Drop("another epoch")]
        if heartbeat.account_seq > self._account_seq:
            return self._lost(now_ns)
        if heartbeat.event != self._event:
            return self._resync(now_ns)
        self.market_ns = heartbeat.ts_ns
        steps = self.view.close_until(heartbeat.ts_ns)
        return self._decide(now_ns) if steps > 0 else self._mark(now_ns)

    # --- what goes ------------------------------------------------------------------------------

    def _mark(self, now_ns: int) -> list[Do]:
        if self.view.started and self.view.has_both:
            self.gate.on_market(mid_ticks_x2=self.view.mid_ticks_x2, now_ns=now_ns)
        return []

    def _decide(self, now_ns: int) -> list[Do]:
        """A step has ended: what the policy wants now, in the fewest messages."""
        self._mark(now_ns)
        if self.gate.state == "HALTED" or self._wants_pull or not self.view.started:
            return []
        self.decisions += 1
        wishes = self.view.decide(self._actor(self.view.obs)) if self.view.has_both else []
        return [self._send(request, now_ns) for request in self.own.send(wishes, now_ns)]

    def _after(self, todo: list[Do], now_ns: int) -> list[Do]:
        """Whatever happened: if nothing may be open, cancel all there is."""
        if self.stage not in {Stage.SYNCING, Stage.LIVE}:
            return todo
        halted = self.gate.state == "HALTED"
        again = halted and self.gate.open and now_ns - self._pulled_ns >= PULL_AGAIN_NS
        if again or self._wants_pull:
            self._pulled_ns, self._wants_pull = now_ns, False
            todo.append(self._send(CancelAll(), now_ns))
        return todo

    def _send(self, message: Message, now_ns: int) -> Send:
        self._sent_ns = now_ns
        return Send(as_json(message))

    def _is_known(self) -> bool:
        return self.stage in {Stage.SYNCING, Stage.LIVE}

    def _to(self, stage: Stage, now_ns: int) -> None:
        self.stage, self._since_ns = stage, now_ns
