"""A client and an exchange in one simulated time, and everything that can go wrong between them."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import numpy as np

from rlmm_tf.kernels.risk import RiskLimits
from rlmm_tf.live import protocol as p
from rlmm_tf.live.client import Do, Drop, Get, QuotingClient, Send, Stage
from rlmm_tf.live.gateway import Gateway
from rlmm_tf.live.sessions import Session
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params

MS = 1_000_000
ACCOUNT = "maker"
PARAMS: EnvParams = resolve_params(
    "book-large-tick",
    {
        "observation": {"features": ("time_left", "inventory", "spread", "imbalance", "return")},
        "action": {"kind": "continuous", "sizes": False, "offset_min_ticks": 0, "lots_max": 3},
        "episode": {"step_ns": 100 * MS, "n_steps": 50},
        "limits": {"inventory_cap_lots": 12},
    },
)
LIMITS = RiskLimits(
    position_lots_max=12,
    notional_max=10**12,
    order_lots_max=3,
    order_notional_max=10**12,
    orders_per_s=200,
    cancels_per_s=200,
    open_orders_max=8,
    collar_ticks=200,
    daily_loss_max=10**9,
    drawdown_max=10**9,
    stale_ns=3_000 * MS,
)


class Eager:
    """Quotes near the mid, elsewhere at every step."""

    def __init__(self, seed: int) -> None:
        self._draws = np.random.default_rng(seed)

    def __call__(self, obs: Any) -> Any:
        assert np.isfinite(obs).all()
        return self._draws.uniform(-1.0, -0.7, 2).astype(np.float32)


class Wire:
    """Connects, delivers, loses, doubles, swaps, delays and cuts, as the seed says."""

    def __init__(self, gateway: Gateway, seed: int, fault_share: float) -> None:
        self.gateway = gateway
        self.client = QuotingClient(PARAMS, Eager(seed), LIMITS)
        self.now_ns = 10**9
        self.faults: Counter[str] = Counter()
        self._draws = np.random.default_rng((seed, 1))
        self._share = fault_share
        self._session: Session | None = None
        self._again_ns = 0
        self._to_client: deque[tuple[int, str]] = deque()
        self._to_exchange: deque[tuple[int, str]] = deque()
        self._questions: list[tuple[int, Get]] = []

    def run(self, duration_ns: int) -> None:
        end_ns = self.now_ns + duration_ns
        while self.now_ns < end_ns:
            self.step()

    def step(self) -> None:
        """Ten milliseconds."""
        self.now_ns += 10 * MS
        if self._session is None and self.now_ns >= self._again_ns:
            self._session = self.gateway.connect(self.now_ns, ACCOUNT, ("read", "trade"))
            self._do(self.client.connected(self.now_ns))
        if self._session is not None and self._faulty("cut", 0.02):
            self._cut()
        self._carry()
        self.gateway.pump(self.now_ns)
        self._collect()
        self._do(self.client.tick(self.now_ns))
        for due_ns, question in list(self._questions):
            if due_ns <= self.now_ns:
                self._questions.remove((due_ns, question))
                text = None if self._faulty("rest", 0.2) else self._answer(question)
                self._do(self.client.answered(question.ticket, text, self.now_ns))

    def settle(self) -> None:
        """Without faults, until the client and the exchange know the same."""
        self._share = 0.0
        for _ in range(3000):
            self.step()
            quiet = not self._to_client and not self._to_exchange and not self.client.own.asked
            if self.client.stage is Stage.LIVE and quiet:
                return
        raise AssertionError(f"not settled: {self.client.stage}, {self.client.own.asked}")

    def _faulty(self, name: str, weight: float = 1.0) -> bool:
        if self._draws.random() >= self._share * weight:
            return False
        self.faults[name] += 1
        return True

    def _cut(self) -> None:
        assert self._session is not None
        self.gateway.disconnect(self._session)
        self._session = None
        self._to_client.clear()
        self._to_exchange.clear()
        self._again_ns = self.now_ns + self.client.disconnected(self.now_ns)

    def _carry(self) -> None:
        while self._session is not None and self._to_exchange:
            if self._to_exchange[0][0] > self.now_ns:
                break
            text = self._to_exchange.popleft()[1]
            if self._faulty("request lost", 0.2):
                continue
            self.gateway.receive(self._session, self.now_ns, text)
            if self._faulty("request doubled"):
                self.gateway.receive(self._session, self.now_ns, text)
        while self._session is not None and self._to_client:
            if self._to_client[0][0] > self.now_ns:
                break
            text = self._to_client.popleft()[1]
            if self._faulty("message lost", 0.3):
                continue
            if self._to_client and self._faulty("messages swapped", 0.3):
                self._do(self.client.received(self._to_client.popleft()[1], self.now_ns))
            if self._session is not None:
                self._do(self.client.received(text, self.now_ns))
            if self._session is not None and self._faulty("message doubled"):
                self._do(self.client.received(text, self.now_ns))

    def _collect(self) -> None:
        session = self._session
        if session is None:
            return
        delay_ns = 200 * MS if self._faulty("delay", 0.1) else 0
        last = self._to_client[-1][0] if self._to_client else 0
        while session.outbox:
            last = max(last, self.now_ns + delay_ns)
            self._to_client.append((last, session.take()))
        if session.closed is not None:
            self._cut()

    def _do(self, todo: list[Do]) -> None:
        for one in todo:
            if isinstance(one, Send):
                self._to_exchange.append((self.now_ns, one.text))
            elif isinstance(one, Get):
                self._questions.append((self.now_ns + 10 * MS, one))
            elif isinstance(one, Drop) and self._session is not None:
                self.faults[f"dropped: {one.why}"] += 1
                self._cut()
                return

    def _answer(self, question: Get) -> str:
        exchange = self.gateway.exchange
        if question.what == "account":
            return p.as_json(exchange.account_state(ACCOUNT))
        after = int(question.url.split("after=")[1].split("&")[0])
        account = exchange.accounts[ACCOUNT]
        return p.as_json(
            p.Fills(fills=tuple(account.fills[after : after + 1000]), fill_seq=len(account.fills))
        )
