"""The page of `rlmm compare`: strategies side by side on one exchange."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.page import Facts, Page, PolicyLines, Section, Table, looks

HEADER = (
    "policy", "gain", "largest fall", "position at the end", "fees", "fills", "bought", "sold",
    "messages", "held back by the risk gate", "refused by the exchange", "p50 µs", "p99 µs",
)  # fmt: skip
_COLUMNS = (
    "pnl", "drawdown", "position_lots", "fees", "fills", "bought_lots", "sold_lots", "messages",
    "refused", "rejected", "latency_us_p50", "latency_us_p99",
)  # fmt: skip


def comparison_page(result: Mapping[str, Any]) -> Page:
    """Of what `experiments.quote.compare` returns."""
    policies: Mapping[str, Mapping[str, Any]] = result["policies"]
    colours = looks(list(policies))
    rows = [(name, *(row[column] for column in _COLUMNS)) for name, row in policies.items()]
    charts = []
    for key, label in (("pnl", "gain, tick × lot"), ("position_lots", "position, lots")):
        lines = {
            name: ([one["seconds"] for one in samples], [float(one[key]) for one in samples])
            for name, samples in result["samples"].items()
        }
        charts.append(PolicyLines(label, "seconds", label, lines, colours))
    return Page(
        title=f"Strategies side by side on {result['symbol']}",
        lead="Each quoted on an account of its own, at the same time, in the same market, where "
        "they also met each other. One run is one draw: differences may be luck.",
        sections=[
            Section("Results", [Table("In ticks, lots, and tick × lot", HEADER, rows)]),
            Section("Over time", charts),
            Section("Run", [Facts({"seconds": result["seconds"], "policies": len(policies)})]),
        ],
        note="Paper trading: no real orders.",
    )
