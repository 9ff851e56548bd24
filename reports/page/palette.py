"""One look per policy on all pages: colours that colour-blind readers tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Okabe and Ito's, most legible on white and on black first. Their black is left out: on a dark page
# it cannot be seen, on a light one it is the text's.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
DASHES = ("", "6 3", "2 3", "8 3 2 3")  # of an SVG line, once the colours are used up


@dataclass(frozen=True)
class Look:
    """How a policy is drawn."""

    colour: str
    dash: str  # stroke-dasharray; empty: a full line


def looks(policies: Sequence[str]) -> dict[str, Look]:
    """The look of each policy, by its place in the list: give every page the same whole list.

    Raises:
        ValueError: a name comes twice, or there are more policies than looks.
    """
    twice = sorted({name for name in policies if policies.count(name) > 1})
    if twice:
        raise ValueError(f"policies: expected each name once, got {twice[0]!r} twice")
    most = len(COLOURS) * len(DASHES)
    if len(policies) > most:
        raise ValueError(f"policies: expected at most {most} on a page, got {len(policies)}")
    return {
        name: Look(COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS)])
        for i, name in enumerate(policies)
    }
