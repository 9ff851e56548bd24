"""What a quoting client shows of itself: a state for the page, Prometheus' text, lines of a log."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from typing import Any, TextIO

import numpy as np

from rlmm_tf.kernels.risk import ASK, BID
from rlmm_tf.live.client import QuotingClient

LEVELS = 10
LATENCIES_KEPT = 10_000
SHARES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9}
_UNSAFE = re.compile(r"[\\\"\n]")


class Latencies:
    """The last ones, in ns."""

    def __init__(self) -> None:
        """None yet."""
        self._last: deque[int] = deque(maxlen=LATENCIES_KEPT)
        self.count = 0

    def add(self, latency_ns: int) -> None:
        """One more."""
        self._last.append(latency_ns)
        self.count += 1

    def us(self) -> dict[str, float | None]:
        """Percentiles and the largest, in microseconds; None without any."""
        if not self._last:
            return dict.fromkeys([*SHARES, "largest"])
        values = np.array(self._last) / 1000.0
        shares = {name: round(float(np.percentile(values, q)), 1) for name, q in SHARES.items()}
        return {**shares, "largest": round(float(values.max()), 1)}


def state_of(
    client: QuotingClient, latencies: Latencies, names: Mapping[str, str]
) -> dict[str, Any]:
    """All that the page shows; `names` has `policy` and `symbol`."""
    view, gate, own = client.view, client.gate, client.own
    return {
        **names,
        "stage": str(client.stage),
        "market_ns": client.market_ns,
        "book": {"bids": view.levels(BID, LEVELS), "asks": view.levels(ASK, LEVELS)},
        "quotes": {"bid": view.quote(BID), "ask": view.quote(ASK)},
        "risk": {
            "state": gate.state,
            "why": gate.why.name,
            "position_lots": gate.position_lots,
            "position_lots_max": gate.limits.position_lots_max,
            "worst_bid_lots": gate.worst_lots(BID),
            "worst_ask_lots": gate.worst_lots(ASK),
            "open_orders": len(gate.open),
            "pnl": gate.pnl,
            "day_pnl": gate.day_pnl,
            "drawdown": gate.drawdown,
        },
        "fees": own.fees_e9 / 1e9,
        "bought_lots": own.filled_lots[BID],
        "sold_lots": own.filled_lots[ASK],
        "fills": own.fills,
        "decisions": client.decisions,
        "connections": client.connections,
        "gaps": client.gaps,
        "market_messages": client.market_messages,
        "sent": dict(sorted(own.sent.items())),
        "refused": dict(sorted(own.refused.items())),
        "rejected": dict(sorted(own.rejected.items())),
        "latency_us": latencies.us(),
    }


def metrics_of(state: Mapping[str, Any]) -> str:
    """The state as Prometheus reads it."""
    risk = state["risk"]
    lines = []
    for name in (
        "position_lots",
        "worst_bid_lots",
        "worst_ask_lots",
        "open_orders",
        "pnl",
        "drawdown",
    ):
        lines += [f"# TYPE rlmm_client_{name} gauge", f"rlmm_client_{name} {risk[name]}"]
    for name in ("fills", "decisions", "connections", "gaps", "market_messages"):
        lines += [
            f"# TYPE rlmm_client_{name}_total counter",
            f"rlmm_client_{name}_total {state[name]}",
        ]
    for name in ("sent", "refused", "rejected"):
        lines.append(f"# TYPE rlmm_client_{name}_total counter")
        lines += [
            f'rlmm_client_{name}_total{{kind="{_safe(k)}"}} {v}' for k, v in state[name].items()
        ]
    lines.append("# TYPE rlmm_client_state gauge")
    lines += [
        f'rlmm_client_state{{state="{one}"}} {int(risk["state"] == one)}'
        for one in ("ACTIVE", "REDUCING", "HALTED")
    ]
    lines += ["# TYPE rlmm_client_live gauge", f"rlmm_client_live {int(state['stage'] == 'live')}"]
    lines.append("# TYPE rlmm_client_latency_us gauge")
    lines += [
        f'rlmm_client_latency_us{{share="{name}"}} {value}'
        for name, value in state["latency_us"].items()
        if value is not None
    ]
    return "\n".join(lines) + "\n"


def _safe(text: str) -> str:
    return _UNSAFE.sub("_", text)


class Log:
    """One JSON object a line; the caller brings the time."""

    def __init__(self, to: TextIO) -> None:
        """Lines go to `to`, each at once."""
        self._to = to

    def line(self, now_ns: int, event: str, **values: Any) -> None:
        """Say that something happened."""
        self._to.write(json.dumps({"ts_ns": now_ns, "event": event, **values}) + "\n")
        self._to.flush()
