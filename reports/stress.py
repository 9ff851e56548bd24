"""The stress table: what each scenario does to each policy, against itself without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.page import Facts, Page, Section, Table, cautions_note
from reports.statistics.intervals import (
    Bootstrap,
    adjusted_p_values,
    mean_estimates,
    paired_differences,
)
from reports.statistics.market_making import (
    expected_shortfall,
    fill_ratio,
    inventory_max,
    max_drawdown,
    mean_pnl,
    pnl,
    terminated_share,
)
from rlmm_tf.evaluation.episodes import UNSTRESSED, EpisodeTable

TITLE = "Stress tests"
NO_SCENARIO = "none"
COLUMNS = (
    "scenario", "severity", "policy", "rank", "mean_pnl", "es_95", "max_drawdown",
    "inventory_max_lots", "cap_reached_share", "loss_limit_share", "fill_ratio", "change",
    "change_low", "change_high", "p_adjusted",
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class Stress:
    """What was played, and how it is to be read."""

    table: EpisodeTable
    about: Mapping[str, str]  # scenarios in a sentence
    rules: Mapping[str, str]  # how baselines came to their numbers
    left_out: Mapping[str, str]  # scenarios that do not fit the market, and why
    bootstrap: Bootstrap
    origin: Mapping[str, Any]  # what the page's footer says
    cautions: tuple[str, ...] = ()  # of the market's calibration


def stress_rows(stress: Stress) -> list[Row]:
    """A row for each setting and policy; the first ones are without stress.

    `change` is the mean of PnL under stress minus PnL without, in the same episodes; p-values are
    Holm's over the whole table. Ranks are by mean PnL within a setting.
    """
    table, metadata = stress.table, stress.table.metadata
    keys = [(block.policy, block.setting) for block in table if block.setting != UNSTRESSED]
    calm = {block.policy for block in table if block.setting == UNSTRESSED}
    if not keys:
        raise ValueError("table: expected a setting under stress, got none")
    if calm != set(table.policies):
        raise ValueError(
            f"table: expected every policy without stress too, got only {sorted(calm)}"
        )
    differences = [
        paired_differences(pnl(table.of(*key), metadata), pnl(table.of(key[0]), metadata))
        for key in keys
    ]
    changes = dict(zip(keys, mean_estimates(np.stack(differences), stress.bootstrap), strict=True))
    p_values = dict(
        zip(keys, adjusted_p_values(list(changes.values()), stress.bootstrap), strict=True)
    )
    ranks = _ranks(table)
    rows = []
    for block in table:
        key = (block.policy, block.setting)
        change = changes.get(key)
        scenario, _, severity = block.setting.rpartition(":")
        capped = block["inventory_max_lots"] >= metadata.inventory_cap_lots
        rows.append(
            {
                "scenario": scenario or NO_SCENARIO,
                "severity": int(severity) if severity else 0,
                "policy": block.policy,
                "rank": ranks[key],
                "mean_pnl": mean_pnl(block, metadata),
                "es_95": expected_shortfall(0.95)(block, metadata),
                "max_drawdown": max_drawdown(block, metadata),
                "inventory_max_lots": inventory_max(block, metadata),
                "cap_reached_share": float(capped.mean()),
                "loss_limit_share": terminated_share(block, metadata),
                "fill_ratio": fill_ratio(block, metadata),
                "change": None if change is None else change.mean,
                "change_low": None if change is None else change.low,
                "change_high": None if change is None else change.high,
                "p_adjusted": p_values.get(key),
            }
        )
    return rows


def _ranks(table: EpisodeTable) -> dict[tuple[str, str], int]:
    """1 is the policy with the largest mean PnL of its setting; equals share a rank."""
    means = {
        (block.policy, block.setting): mean_pnl(block, table.metadata) or 0.0 for block in table
    }
    return {
        key: 1 + sum(other > mean for (_, s), other in means.items() if s == key[1])
        for key, mean in means.items()
    }


def worst_of(rows: Sequence[Row], policy: str) -> str:
    """The setting that costs a policy most, in words."""
    stressed = [row for row in rows if row["policy"] == policy and row["change"] is not None]
    worst = min(stressed, key=lambda row: float(row["change"]))
    return f"{worst['scenario']} {worst['severity']} changes its PnL by {worst['change']:.6g}"


def markdown(rows: Sequence[Row]) -> str:
    """The table for those who read text."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in COLUMNS) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    for special in ("\\", "|", "<"):
        text = text.replace(special, "\\" + special)
    return " ".join(text.splitlines())


_SHOWN = (
    ("policy", "policy"), ("rank", "rank"), ("mean PnL", "mean_pnl"), ("change", "change"),
    ("from", "change_low"), ("to", "change_high"), ("p", "p_adjusted"), ("ES 95 %", "es_95"),
    ("max drawdown", "max_drawdown"), ("largest inventory", "inventory_max_lots"),
    ("at the cap", "cap_reached_share"), ("loss limit", "loss_limit_share"),
    ("fill ratio", "fill_ratio"),
)  # fmt: skip


def stress_page(stress: Stress, rows: Sequence[Row]) -> Page:
    """The page; `rows` are those of `stress_rows`."""
    table = stress.table
    episodes = len(table.blocks[0])
    lead = (
        f"{len(table.policies)} policies in {len(table.settings) - 1} settings of "
        f"{table.metadata.market}, {episodes} episodes each. A change is against the same policy "
        "in the same episodes without the scenario; money is in account currency, an episode's."
    )
    words = [f"{name}: {worst_of(rows, name)}." for name in table.policies]
    sections = [Section("What breaks whom", [*words, _grid(table, rows)])]
    for name in (NO_SCENARIO, *stress.about):
        of_scenario = [row for row in rows if row["scenario"] == name]
        if not of_scenario:
            continue
        parts = [
            _severity_table(severity, [row for row in of_scenario if row["severity"] == severity])
            for severity in sorted({row["severity"] for row in of_scenario})
        ]
        about = stress.about.get(name, "the market as it is")
        sections.append(
            Section("Without stress" if name == NO_SCENARIO else name, [f"{about}.", *parts])
        )
    if stress.left_out:
        sections.append(Section("Left out", [Facts(stress.left_out)]))
    if stress.rules:
        sections.append(Section("Baselines", [Facts(stress.rules)]))
    return Page(
        f"{TITLE}: {table.metadata.market}",
        lead,
        sections,
        note=cautions_note(stress.cautions),
        footer=dict(stress.origin),
    )


def _grid(table: EpisodeTable, rows: Sequence[Row]) -> Table:
    """Changes of mean PnL at a glance."""
    changes = {(r["scenario"], r["severity"], r["policy"]): r["change"] for r in rows}
    settings = list(dict.fromkeys((r["scenario"], r["severity"]) for r in rows if r["severity"]))
    lines = [
        (*setting, *(changes[(*setting, policy)] for policy in table.policies))
        for setting in settings
    ]
    return Table("Change of mean PnL", ("scenario", "severity", *table.policies), lines)


def _severity_table(severity: int, rows: Sequence[Row]) -> Table:
    caption = f"Severity {severity}" if severity else "Mean PnL and risk"
    return Table(
        caption,
        [label for label, _ in _SHOWN],
        [tuple(row[name] for _, name in _SHOWN) for row in rows],
    )
