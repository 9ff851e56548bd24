"""The page of a certificate: depths that were learned beside the best ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.page import Curve, Curves, Gallery, Page, Section, Table

TITLE = "Certificate"


@dataclass(frozen=True)
class DepthPicture:
    """At one time and in one regime: depths by inventory, price units."""

    name: str
    inventory_lots: Sequence[int]
    learned: Sequence[Sequence[float]]  # of each seed
    best: Sequence[float | None]  # None: no quote


def certificate_page(
    set_name: str,
    agent: str,
    percents: Sequence[float | None],
    facts: Mapping[str, Any],
    pictures: Sequence[DepthPicture],
    losses: Table | None = None,
) -> Page:
    """What each seed reached, and how it quotes: the mean over seeds in the band of all.

    Args:
        set_name: the problem.
        agent: who learned.
        percents: of the optimum, by seed.
        facts: at the page's end.
        pictures: the depths.
        losses: where the rest was lost, if that is known.
    """
    lead = (
        f"What {agent} learned on {set_name}, from simulated rewards alone, beside the exact "
        "optimum. Bands reach from the least to the most among the seeds."
    )
    rows = [(seed, percent) for seed, percent in enumerate(percents)]
    tables = [Table("Percent of the optimum", ("seed", "percent"), rows)]
    if losses is not None:
        tables.append(losses)
    results = Section("Results", tables)
    charts = Section("Depths", [Gallery([_chart(picture) for picture in pictures])])
    return Page(f"{TITLE}: {agent} on {set_name}", lead, [results, charts], footer=facts)


def _chart(picture: DepthPicture) -> Curves:
    columns = list(zip(*picture.learned, strict=True))
    learned = Curve(
        "learned",
        "model",
        [sum(column) / len(column) for column in columns],
        [min(column) for column in columns],
        [max(column) for column in columns],
    )
    best = Curve("optimal", "real", picture.best)
    xs = [float(q) for q in picture.inventory_lots]
    return Curves(picture.name, "inventory, lots", "depth", xs, [best, learned])
