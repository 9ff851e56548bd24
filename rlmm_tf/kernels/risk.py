"""The risk gate that every live message passes: the typed door to `csrc/risk`.

    gate = RiskGate(RiskLimits(position_lots_max=50, ...))
    verdict = gate.submit(id=1, side=BID, price_ticks=100, lots=5, now_ns=now)
    if verdict: ...                              # it may be sent; else `verdict.name` says why

What the gate promises is in `csrc/risk/gate.h`, and docs/risk_reasons.md lists its reasons.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple

from rlmm_tf.kernels.extension import _core
from rlmm_tf.messages import shown

BID, ASK = 1, -1
_INT64 = 2**63


class Reason(NamedTuple):
    """A row of the engine's table of reasons; true if nothing is wrong."""

    code: int
    name: str
    meaning: str
    remedy: str

    def __bool__(self) -> bool:
        """Whether the action may be sent."""
        return self.code == 0


REASONS: tuple[Reason, ...] = tuple(Reason(*row) for row in _core.RISK_REASONS)
REASON_BY_NAME = {reason.name: reason for reason in REASONS}


class OpenOrder(NamedTuple):
    """An order as the gate counts it."""

    id: int
    side: int
    price_ticks: int
    lots: int


@dataclass(frozen=True)
class RiskLimits:
    """What is allowed; integers, in lots, ticks, tick x lot, and nanoseconds."""

    position_lots_max: int
    """Of the position with every open order of a side filled."""
    notional_max: int
    """Of that position at the mid, tick x lot."""
    order_lots_max: int
    order_notional_max: int
    orders_per_s: int
    """New orders and amendments, a second's worth at once."""
    cancels_per_s: int
    """Counted apart: no order ever stands in the way of a cancel."""
    open_orders_max: int
    collar_ticks: int
    """Furthest price from the mid."""
    daily_loss_max: int
    """Since midnight UTC, tick x lot; more halts."""
    drawdown_max: int
    """Below the highest gain, tick x lot; more halts."""
    stale_ns: int
    """Oldest market data that an order may be sent on."""


class RiskGate:
    """Judges actions; believes reports. See `csrc/risk/gate.h`."""

    def __init__(self, limits: RiskLimits) -> None:
        """Start ACTIVE, flat, without a market.

        Raises:
            ValueError, TypeError: a limit that is none; the message names it.
        """
        self.limits = limits
        self._gate = _core.RiskGate(limits=asdict(limits))

    def submit(self, *, id: int, side: int, price_ticks: int, lots: int, now_ns: int) -> Reason:
        """A new order."""
        whole(id=id, side=side, price_ticks=price_ticks, lots=lots, now_ns=now_ns)
        if id < 0:
            raise ValueError(f"id: expected a number of at least 0, got {id}")
        code = self._gate.submit(
            id=id, side=side, price_ticks=price_ticks, lots=lots, now_ns=now_ns
        )
        return REASONS[code]

    def amend(self, *, id: int, price_ticks: int, lots: int, now_ns: int) -> Reason:
        """Another price, and lots that shall be open."""
        whole(id=id, price_ticks=price_ticks, lots=lots, now_ns=now_ns)
        return REASONS[self._gate.amend(id=id, price_ticks=price_ticks, lots=lots, now_ns=now_ns)]

    def cancel(self, *, id: int, now_ns: int) -> Reason:
        """One order; all at once need not be asked for."""
        whole(id=id, now_ns=now_ns)
        return REASONS[self._gate.cancel(id=id, now_ns=now_ns)]

    def on_market(self, *, mid_ticks_x2: int, now_ns: int) -> None:
        """A price of the market, in half ticks."""
        whole(mid_ticks_x2=mid_ticks_x2, now_ns=now_ns)
        self._gate.on_market(mid_ticks_x2=mid_ticks_x2, now_ns=now_ns)

    def on_feed_lost(self) -> None:
        """No order passes until there is a price again."""
        self._gate.on_feed_lost()

    def on_amended(self, *, id: int, price_ticks: int, lots: int) -> None:
        """An amendment was taken, or refused: what is open of the order now."""
        whole(id=id, price_ticks=price_ticks, lots=lots)
        self._gate.on_amended(id=id, price_ticks=price_ticks, lots=lots)

    def on_fill(self, *, id: int, price_ticks: int, lots: int, fee_e9: int, now_ns: int) -> None:
        """Lots of an order have traded."""
        whole(id=id, price_ticks=price_ticks, lots=lots, fee_e9=fee_e9, now_ns=now_ns)
        self._gate.on_fill(id=id, price_ticks=price_ticks, lots=lots, fee_e9=fee_e9, now_ns=now_ns)

    def on_closed(self, id: int) -> None:
        """Nothing more can happen to the order."""
        whole(id=id)
        self._gate.on_closed(id)

    def on_reconciled(self, *, position_lots: int, open_orders: Iterable[OpenOrder]) -> None:
        """What the exchange holds, once all missed fills have been reported."""
        rows = list(open_orders)
        for row in rows:
            whole(**row._asdict())
        whole(position_lots=position_lots)
        self._gate.on_reconciled(position_lots=position_lots, open=rows)

    def halt(self, why: str) -> None:
        """Only cancels pass until `clear`."""
        self._gate.halt(_named(why).code)

    def reduce(self, why: str) -> None:
        """Only what brings the position nearer to zero passes until `clear`."""
        self._gate.reduce(_named(why).code)

    def clear(self) -> None:
        """A person has looked: ACTIVE again; losses count from here."""
        self._gate.clear()

    @property
    def state(self) -> str:
        """ACTIVE, REDUCING or HALTED."""
        return self._gate.state

    @property
    def why(self) -> Reason:
        """Of a state that is not ACTIVE."""
        return REASONS[self._gate.why]

    @property
    def position_lots(self) -> int:
        """As the fills add up."""
        return self._gate.position_lots

    def worst_lots(self, side: int) -> int:
        """Position if every open order of the side were filled, as seen from that side."""
        return self._gate.worst_lots(side)

    @property
    def open(self) -> tuple[OpenOrder, ...]:
        """Orders that count, with the lots and the price that they count with."""
        return tuple(OpenOrder(*row) for row in self._gate.open)

    @property
    def pnl(self) -> int:
        """Marked to the mid, fees paid, tick x lot."""
        return self._gate.pnl

    @property
    def day_pnl(self) -> int:
        """Since midnight UTC, or since the last `clear`."""
        return self._gate.day_pnl

    @property
    def drawdown(self) -> int:
        """Below the highest gain."""
        return self._gate.drawdown


def whole(**values: object) -> None:
    """Raise for what is no whole number of 64 bits: NaN, fractions, text, truth values."""
    for name, value in values.items():
        if type(value) is not int:
            raise TypeError(f"{name}: expected an integer, got {shown(value)}")
        if not -_INT64 <= value < _INT64:
            raise ValueError(f"{name}: expected an integer of 64 bits, got {shown(value)}")


def _named(name: str) -> Reason:
    if name not in REASON_BY_NAME:
        raise ValueError(f"why: expected one of {', '.join(REASON_BY_NAME)}, got {shown(name)}")
    return REASON_BY_NAME[name]


def reasons_page() -> str:
    """docs/risk_reasons.md."""
    lines = [
        "# Why the risk gate refuses",
        "",
        "Made of the table in `csrc/risk/reasons.h` by `rlmm_tf.kernels.risk.reasons_page`; a test",
        "holds both equal. What the gate promises is in `csrc/risk/gate.h`.",
        "",
        "| code | reason | meaning | what to do |",
        "| ---: | --- | --- | --- |",
    ]
    lines += [f"| {r.code} | `{r.name}` | {r.meaning} | {r.remedy} |" for r in REASONS]
    return "\n".join(lines) + "\n"
