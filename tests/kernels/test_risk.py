"""The risk gate against a slow, obvious twin; its door; and its page of reasons."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmm_tf.kernels.risk import (
    ASK,
    BID,
    REASON_BY_NAME,
    OpenOrder,
    RiskGate,
    RiskLimits,
    reasons_page,
)

S = 1_000_000_000
INT64_MOST = 2**63 - 1
LIMITS = RiskLimits(
    position_lots_max=20,
    notional_max=1_900,
    order_lots_max=10,
    order_notional_max=990,
    orders_per_s=5,
    cancels_per_s=3,
    open_orders_max=4,
    collar_ticks=10,
    daily_loss_max=30,
    drawdown_max=60,
    stale_ns=S,
)


@dataclass
class Held:
    """An order of the twin."""

    side: int
    price: int
    old_price: int
    lots: int
    pending: int = 0


@dataclass
class Twin:
    """The gate by its sentences, with Python's integers and lists."""

    limits: RiskLimits
    orders: dict[int, Held] = field(default_factory=dict)
    position: int = 0
    cash_e9: int = 0
    mid_x2: int = 0
    now: int = 0
    market: int = 0
    state: str = "ACTIVE"
    why: str = "passed"
    last_id: int = 0
    base_x2e9: int = 0
    peak: int = 0
    sent: list[int] = field(default_factory=list)

    def pnl(self) -> int:
        """In 0.5e-9 tick x lot."""
        return 2 * self.cash_e9 + self.position * self.mid_x2 * S

    def worst(self, side: int) -> int:
        return side * self.position + sum(o.lots for o in self.orders.values() if o.side == side)

    def order(self, side: int, price: int, lots: int) -> str:
        limits, others = self.limits, [o for o in self.orders.values() if o.side != side]
        meets = any(side * (price - p) >= 0 for o in others for p in (o.price, o.old_price))
        checks = {
            "no_market": self.mid_x2 == 0,
            "stale_data": self.now - self.market > limits.stale_ns,
            "order_size": lots > limits.order_lots_max,
            "order_notional": price * lots > limits.order_notional_max,
            "price_collar": abs(price - self.mid_x2 / 2) > limits.collar_ticks,
            "self_trade": meets,
        }
        return next((name for name, wrong in checks.items() if wrong), "passed")

    def exposure(self, side: int, lots: int, worst: int) -> str:
        if side * self.position + lots > self.limits.position_lots_max:
            return "position"
        if worst > self.limits.position_lots_max:
            return "exposure"
        if worst > 0 and worst * self.mid_x2 / 2 > self.limits.notional_max:
            return "notional"
        return "passed"

    def submit(self, id: int, side: int, price: int, lots: int) -> str:
        worst = self.worst(side) + lots
        same = any((o.side, o.price, o.lots) == (side, price, lots) for o in self.orders.values())
        checks = [
            "halted" if self.state == "HALTED" else "passed",
            self.order(side, price, lots),
            self.exposure(side, lots, worst),
            "reducing" if self.state == "REDUCING" and worst > 0 else "passed",
            "duplicate_id" if id <= self.last_id else "passed",
            "open_orders" if len(self.orders) >= self.limits.open_orders_max else "passed",
            "duplicate_order" if same else "passed",
        ]
        wrong = next((check for check in checks if check != "passed"), "passed")
        if wrong == "passed":
            self.last_id = id
            self.orders[id] = Held(side, price, price, lots)
        return wrong

    def amend(self, id: int, price: int, lots: int) -> str:
        if self.state == "HALTED":
            return "halted"
        if id not in self.orders:
            return "unknown_order"
        order = self.orders[id]
        wrong = self.order(order.side, price, lots)
        more = max(0, lots - order.lots)
        worst = self.worst(order.side) + more
        if wrong == "passed" and more > 0:
            wrong = self.exposure(order.side, lots, worst)
        shrinks = more == 0 and price == order.price
        if wrong == "passed" and self.state == "REDUCING" and worst > 0 and not shrinks:
            wrong = "reducing"
        if wrong == "passed":
            order.price, order.lots, order.pending = price, order.lots + more, order.pending + 1
        return wrong

    def amended(self, id: int, price: int, lots: int) -> None:
        order = self.orders[id]
        order.old_price, order.pending = price, max(0, order.pending - 1)
        if order.pending == 0:
            order.price, order.lots = price, lots

    def fill(self, id: int, price: int, lots: int, fee_e9: int) -> None:
        order = self.orders[id]
        order.lots -= lots
        if order.lots == 0:
            del self.orders[id]
        self.position += order.side * lots
        self.cash_e9 -= order.side * lots * price * S + fee_e9
        self.losses()

    def losses(self) -> None:
        if self.state == "HALTED":
            return
        self.peak = max(self.peak, self.pnl())
        if self.base_x2e9 - self.pnl() > 2 * S * self.limits.daily_loss_max:
            self.state, self.why = "HALTED", "daily_loss"
        elif self.peak - self.pnl() > 2 * S * self.limits.drawdown_max:
            self.state, self.why = "HALTED", "drawdown"

    def clear(self) -> None:
        self.state, self.why = "ACTIVE", "passed"
        self.base_x2e9 = self.peak = self.pnl()


actions = st.lists(
    st.tuples(
        st.sampled_from(
            ["submit", "submit", "submit", "amend", "answer", "fill", "close", "market", "state"]
        ),
        st.integers(0, 7),
        st.sampled_from([BID, ASK]),
        st.integers(0, 13),
        st.integers(1, 11),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(script=actions)
def test_gate_is_its_twin(script: list[tuple[str, int, int, int, int]]) -> None:
    limits = dataclasses.replace(LIMITS, orders_per_s=1000)
    gate, twin, ids = RiskGate(limits), Twin(limits), 0
    for what, pick, side, away, lots in script:
        price, known = 100 - side * away, sorted(twin.orders)
        id = known[pick % len(known)] if known else pick
        if what == "submit":
            ids = ids + 1 if pick else ids
            got = gate.submit(id=ids, side=side, price_ticks=price, lots=lots, now_ns=twin.now)
            assert got.name == twin.submit(ids, side, price, lots)
        elif what == "amend":
            got = gate.amend(id=id, price_ticks=price, lots=lots, now_ns=twin.now)
            assert got.name == twin.amend(id, price, lots)
        elif what == "answer" and id in twin.orders:
            open_lots = min(lots, twin.orders[id].lots)
            gate.on_amended(id=id, price_ticks=price, lots=open_lots)
            twin.amended(id, price, open_lots)
        elif what == "fill" and id in twin.orders:
            filled = min(lots, twin.orders[id].lots)
            fee = (pick - 3) * S
            gate.on_fill(id=id, price_ticks=price, lots=filled, fee_e9=fee, now_ns=twin.now)
            twin.fill(id, price, filled, fee)
        elif what == "close":
            gate.on_closed(id)
            twin.orders.pop(id, None)
        elif what == "market":
            twin.now += pick * S // 4
            if lots < 9:
                twin.mid_x2, twin.market = 195 + away, twin.now
                gate.on_market(mid_ticks_x2=twin.mid_x2, now_ns=twin.now)
                twin.losses()
        elif what == "state":
            if pick == 0 and twin.state == "ACTIVE":
                gate.reduce("kill_switch")
                twin.state, twin.why = "REDUCING", "kill_switch"
            elif pick == 1:
                gate.clear()
                twin.clear()
        assert (gate.state, gate.why.name) == (twin.state, twin.why)
        assert gate.position_lots == twin.position
        assert (gate.worst_lots(BID), gate.worst_lots(ASK)) == (twin.worst(BID), twin.worst(ASK))
        assert sorted(gate.open) == [
            OpenOrder(id, o.side, o.price, o.lots) for id, o in sorted(twin.orders.items())
        ]
        # Rounded towards zero twice: once the fees, once the half ticks.
        assert abs(2 * gate.pnl - twin.pnl() / S) < 4


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.0, "1", True, None])
@pytest.mark.parametrize("name", ["id", "side", "price_ticks", "lots", "now_ns"])
def test_what_is_no_integer_is_refused_at_the_door(name: str, value: Any) -> None:
    gate = RiskGate(LIMITS)
    call: dict[str, Any] = {"id": 1, "side": BID, "price_ticks": 99, "lots": 1, "now_ns": 0}
    with pytest.raises(TypeError, match=f"{name}: expected an integer, got"):
        gate.submit(**(call | {name: value}))
    if name != "side":
        with pytest.raises(TypeError, match=f"{name}: expected an integer"):
            gate.on_fill(
                **({k: v for k, v in (call | {name: value}).items() if k != "side"}), fee_e9=0
            )


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30])
def test_what_has_more_than_64_bits_is_refused_at_the_door(value: int) -> None:
    gate = RiskGate(LIMITS)
    with pytest.raises(ValueError, match="lots: expected an integer of 64 bits"):
        gate.submit(id=1, side=BID, price_ticks=99, lots=value, now_ns=0)


@pytest.mark.parametrize("value", [-(2**63), -1, 0, INT64_MOST])
def test_ends_of_the_integers_are_judged_and_never_wrap(value: int) -> None:
    gate = RiskGate(LIMITS)
    gate.on_market(mid_ticks_x2=200, now_ns=S)
    assert not gate.submit(id=1, side=BID, price_ticks=value, lots=1, now_ns=S)
    assert not gate.submit(id=1, side=BID, price_ticks=99, lots=value, now_ns=S)
    gate.on_fill(id=1, price_ticks=value, lots=value, fee_e9=value, now_ns=value)
    assert gate.state == "HALTED"
    assert gate.position_lots == 0


@pytest.mark.parametrize("bad", [-1, INT64_MOST])
def test_bad_limits_are_refused_by_name(bad: int) -> None:
    with pytest.raises(ValueError, match="order_lots_max: expected a value from"):
        RiskGate(dataclasses.replace(LIMITS, order_lots_max=bad))


def test_wrong_words_are_refused() -> None:
    gate = RiskGate(LIMITS)
    with pytest.raises(ValueError, match="side: expected 1"):
        gate.submit(id=1, side=0, price_ticks=99, lots=1, now_ns=0)
    with pytest.raises(ValueError, match="id: expected a number of at least 0"):
        gate.submit(id=-1, side=BID, price_ticks=99, lots=1, now_ns=0)
    with pytest.raises(ValueError, match="why: expected one of passed"):
        gate.halt("because")


def test_reconciled_orders_count() -> None:
    gate = RiskGate(LIMITS)
    gate.on_reconciled(position_lots=3, open_orders=[OpenOrder(4, BID, 99, 5)])
    assert (gate.worst_lots(BID), gate.worst_lots(ASK)) == (8, -3)
    assert gate.day_pnl == gate.drawdown == 0
    assert gate.cancel(id=4, now_ns=0)
    assert gate.cancel(id=5, now_ns=0).name == "unknown_order"


def test_page_of_reasons_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "risk_reasons.md"
    assert page.read_text() == reasons_page()
    assert len(REASON_BY_NAME) == reasons_page().count("| `")
