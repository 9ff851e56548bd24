"""Heat maps of what two properties of a market do together to each policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reports.page import Facts, Gallery, HeatMap, Page, Section, Table, cautions_note
from reports.page.heat import DARKEST, PALEST, ROW_HEIGHT
from reports.statistics.intervals import (
    Bootstrap,
    adjusted_p_values,
    mean_estimates,
    paired_differences,
)
from reports.statistics.market_making import expected_shortfall, fill_ratio, mean_pnl, pnl
from rlmm_tf.evaluation.episodes import UNSTRESSED, EpisodeTable
from rlmm_tf.evaluation.sweeps import Sweep

TITLE = "Sweeps"
SWEEP_COLUMNS = (
    "sweep", "first", "second", "policy", "mean_pnl", "es_95", "fill_ratio", "change",
    "change_low", "change_high", "p_adjusted",
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class Sweeps:
    """What was played, and how it is to be read."""

    table: EpisodeTable
    sweeps: Sequence[Sweep]
    left_out: Mapping[str, str]  # sweeps that do not fit the market, and why
    bootstrap: Bootstrap
    origin: Mapping[str, Any]  # what the page's footer says
    cautions: tuple[str, ...] = ()  # of the market's calibration


def sweep_rows(given: Sweeps) -> list[Row]:
    """A row for each policy and cell; `change` is against the same policy in the same episodes.

    p-values are Holm's over all cells of all sweeps.
    """
    table, metadata = given.table, given.table.metadata
    keys = [
        (one, (row, column), policy)
        for one in given.sweeps
        for row in one.axes[0].levels
        for column in one.axes[1].levels
        for policy in table.policies
    ]
    blocks = {(block.policy, block.setting): block for block in table}
    differences, rows, calms = [], [], []
    for one, levels, policy in keys:
        calm = blocks[policy, UNSTRESSED]
        is_calm = levels == (one.axes[0].levels[0], one.axes[1].levels[0])
        block = calm if is_calm else blocks[policy, one.setting(levels)]
        calms.append(is_calm)
        if not is_calm:
            differences.append(paired_differences(pnl(block, metadata), pnl(calm, metadata)))
        rows.append(
            {
                "sweep": one.name,
                "first": levels[0],
                "second": levels[1],
                "policy": policy,
                "mean_pnl": mean_pnl(block, metadata),
                "es_95": expected_shortfall(0.95)(block, metadata),
                "fill_ratio": fill_ratio(block, metadata),
            }
        )
    changes = mean_estimates(np.stack(differences), given.bootstrap)
    p_values = adjusted_p_values(changes, given.bootstrap)
    found = iter(
        {"change": one.mean, "change_low": one.low, "change_high": one.high, "p_adjusted": p}
        for one, p in zip(changes, p_values, strict=True)
    )
    nothing = {"change": 0.0, "change_low": None, "change_high": None, "p_adjusted": None}
    return [
        row | (nothing if is_calm else next(found))
        for row, is_calm in zip(rows, calms, strict=True)
    ]


class ChangeMap(HeatMap):
    """Values above and below 0: the darker, the further off; losses in the colour of warnings."""

    def _cell(self, at: float, middle: float, width: float, value: float, most: float) -> str:
        del most  # of the values, not of their sizes
        largest = max(abs(v) for row in self.values for v in row if v is not None) or 1.0
        opacity = PALEST + (DARKEST - PALEST) * abs(value) / largest
        colour = "var(--warn)" if value < 0.0 else "var(--mark)"
        cell = (
            f'<rect style="fill: {colour}" x="{at:.1f}" y="{middle - ROW_HEIGHT / 2 + 1:.1f}" '
            f'width="{max(width - 2, 1):.1f}" height="{ROW_HEIGHT - 2}" '
            f'fill-opacity="{opacity:.3f}"/>'
        )
        place = f'x="{at + width / 2:.1f}" y="{middle + 4:.1f}"'
        return f'{cell}<text {place} class="x" style="fill: var(--ink)">{value:.3g}</text>'


def sweeps_page(given: Sweeps, rows: Sequence[Row]) -> Page:
    """The page; `rows` are those of `sweep_rows`."""
    table = given.table
    lead = (
        f"{len(table.policies)} policies in {table.metadata.market}, "
        f"{len(table.blocks[0])} episodes a cell. A cell changes two properties for the whole "
        "episode and shows the change of mean PnL, in account currency, against the same policy in "
        "the same episodes of the market as it is (the first row's first cell)."
    )
    sections = [_section(one, table.policies, rows) for one in given.sweeps]
    if given.left_out:
        sections.append(Section("Left out", [Facts(given.left_out)]))
    return Page(
        f"{TITLE}: {table.metadata.market}",
        lead,
        sections,
        note=cautions_note(given.cautions),
        footer=dict(given.origin),
    )


def _section(one: Sweep, policies: Sequence[str], rows: Sequence[Row]) -> Section:
    first, second = one.axes
    own = [row for row in rows if row["sweep"] == one.name]
    changes = {(r["policy"], r["first"], r["second"]): r["change"] for r in own}
    maps = [
        ChangeMap(
            policy,
            second.name,
            first.name,
            [f"{level:g}" for level in second.levels],
            [f"{level:g}" for level in first.levels],
            [[changes[policy, a, b] for b in second.levels] for a in first.levels],
        )
        for policy in policies
    ]
    shown = ("first", "second", "policy", "mean_pnl", "change", "change_low", "change_high",
             "p_adjusted", "es_95", "fill_ratio")  # fmt: skip
    header = (first.name, second.name, "policy", "mean PnL", "change", "from", "to", "p",
              "ES 95 % (episode)", "fill ratio")  # fmt: skip
    cells = Table("Every cell", header, [tuple(row[name] for name in shown) for row in own])
    about = Facts({axis.name: axis.about for axis in one.axes})
    return Section(one.name, [about, Gallery(maps), cells])
