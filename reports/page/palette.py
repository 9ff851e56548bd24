"""One look per policy on all pages: colours that colour-blind readers tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Okabe and Ito's, most legible on white and on black first. Their black is left out: on a dark page
# it cannot be seen, on a light one it is the text's.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
DASHES = ("", "6 3", "2 3", "8 3 2 3")  # of an SVG line, once the colours are used up

LOOKS_MOST = len(COLOURS) * len(DASHES)


@dataclass(frozen=True)
class Look:
    """How a policy is drawn."""

    colour: str
    dash: str  # stroke-dasharray; empty: a full line


def looks(policies: Sequence[str]) -> dict[str, Look]:
    """The look of each policy, by its place in the list: give every page the same whole list.

    Beyond `LOOKS_MOST` they come again: `crowded` says so, beside the chart.

    Raises:
        ValueError: a name comes twice.
    """
    twice = sorted({name for name in policies if policies.count(name) > 1})
    if twice:
        raise ValueError(f"policies: expected each name once, got {twice[0]!r} twice")
    return {
        name: Look(COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS) % len(DASHES)])
        for i, name in enumerate(policies)
    }


def crowded(policies: Sequence[str]) -> list[str]:
    """A sentence for the reader where some look alike."""
    if len(policies) <= LOOKS_MOST:
        return []
    return [
        f"{len(policies)} lines are more than the {LOOKS_MOST} looks that can be told apart: from "
        "the next one on they come again. Tables tell them apart."
    ]
