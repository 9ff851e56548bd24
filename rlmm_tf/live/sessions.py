"""A client's session as the exchange keeps it, and what limits it: time is an argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rlmm_tf.live import protocol as p

MS = 1_000_000
S = 1_000_000_000

# Close codes of the WebSocket.
CLOSE_MALFORMED = 4000
CLOSE_TOKEN = 4001
CLOSE_FORBIDDEN = 4003
CLOSE_TOO_SLOW = 4008
CLOSE_DEAD_MAN = 4009
CLOSE_TOO_LARGE = 4013
CLOSE_TOO_MANY = 4029
CLOSE_RESTART = 1012


@dataclass(frozen=True)
class Limits:
    """How much an account may ask, and how long things may take."""

    orders_per_s: int = 2_000  # submits and amends
    cancels_per_s: int = 4_000  # never behind orders: a bucket of their own
    reads_per_s: int = 500  # everything else
    burst_s: int = 2  # seconds' worth that may come at once
    sessions_most: int = 64
    account_sessions_most: int = 8
    malformed_most: int = 16  # messages of a session, then it is cut
    heartbeat_ms: int = 500
    dead_man_ms: int = 5_000
    queue_messages_most: int = p.QUEUE_MESSAGES_MOST
    queue_bytes_most: int = p.QUEUE_BYTES_MOST


@dataclass(slots=True)
class Bucket:
    """Tokens that come back at a rate; whole numbers, so that nothing drifts."""

    per_s: int
    most: int
    level: int = -1  # in 1e-9 tokens; below 0: full
    at_ns: int = 0

    def take(self, now_ns: int) -> int:
        """0 if there is a token, else the milliseconds until there is one."""
        full = self.most * S
        level = full if self.level < 0 else self.level
        level = min(full, level + max(0, now_ns - self.at_ns) * self.per_s)
        self.at_ns = max(self.at_ns, now_ns)
        if level >= S:
            self.level = level - S
            return 0
        self.level = level
        return max(1, -(-(S - level) // (self.per_s * MS)))


@dataclass(slots=True)
class Buckets:
    """Of an account."""

    orders: Bucket
    cancels: Bucket
    reads: Bucket

    @classmethod
    def full(cls, limits: Limits) -> Buckets:
        """As an account begins."""
        rates = (limits.orders_per_s, limits.cancels_per_s, limits.reads_per_s)
        return cls(*(Bucket(rate, rate * limits.burst_s) for rate in rates))

    def take(self, op: str, now_ns: int) -> int:
        """Milliseconds to wait for a request of this kind; 0: it may come in."""
        if op in {"submit", "amend"}:
            return self.orders.take(now_ns)
        if op in {"cancel", "cancel_all"}:
            return self.cancels.take(now_ns)
        return self.reads.take(now_ns)


@dataclass(slots=True, eq=False)
class Session:
    """One WebSocket's: what waits to be sent, and whether it goes on."""

    number: int
    account: str
    scopes: tuple[p.Scope, ...]
    heard_ns: int
    heartbeat_ns: int  # when the next is due
    limits: Limits
    channels: frozenset[str] = frozenset()
    cancel_on_disconnect: bool = True
    malformed: int = 0
    outbox: deque[str] = field(default_factory=deque)
    outbox_bytes: int = 0
    closed: tuple[int, str] | None = None  # close code and reason

    def send(self, text: str) -> None:
        """Puts a message behind those that wait; one too many, and the session is cut."""
        if self.closed is not None:
            return
        self.outbox.append(text)
        self.outbox_bytes += len(text)
        if (
            len(self.outbox) > self.limits.queue_messages_most
            or self.outbox_bytes > self.limits.queue_bytes_most
        ):
            self.outbox.clear()
            self.outbox_bytes = 0
            self.close(CLOSE_TOO_SLOW, p.Code.TOO_SLOW)

    def take(self) -> str:
        """The message that is to be sent next."""
        text = self.outbox.popleft()
        self.outbox_bytes -= len(text)
        return text

    def close(self, code: int, reason: str) -> None:
        """The first reason counts."""
        if self.closed is None:
            self.closed = (code, str(reason))


@dataclass(slots=True)
class MarketClock:
    """Which time it is in the market: `speed` times the wall's, in whole steps.

    A process that was stopped does not make up for it: more than `catch_up_steps` at once are left
    out, and the market is that much later.
    """

    speed: float
    step_ns: int
    wall_ns: int
    ts_ns: int
    catch_up_steps: int = 50

    def due(self, now_ns: int, ts_ns: int) -> int:
        """Up to when the market, which is at `ts_ns`, is to go on now."""
        steps = (self.ts_ns + int((now_ns - self.wall_ns) * self.speed) - ts_ns) // self.step_ns
        if steps > self.catch_up_steps:
            steps = self.catch_up_steps
            self.wall_ns, self.ts_ns = now_ns, ts_ns + steps * self.step_ns
        return ts_ns + max(0, steps) * self.step_ns

    def wait_ns(self, now_ns: int, ts_ns: int) -> int:
        """How long it is until the step after `ts_ns` is due."""
        left_ns = ts_ns + self.step_ns - self.ts_ns
        return max(0, self.wall_ns + int(left_ns / self.speed) + 1 - now_ns)
