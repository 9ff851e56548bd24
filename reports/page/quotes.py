"""A stretch of an episode: the price between the policy's quotes, and what was filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from markupsafe import Markup

from reports.page.chart import Axis, Chart, Key

Side = Literal["bid", "ask"]
SIZE = 5.0  # of a mark
MARK_GAP = 4.0


@dataclass(frozen=True)
class Fill:
    """Lots that changed hands."""

    at: float
    price: float
    side: Side  # bid: the policy bought
    maker: bool  # False: its quote crossed


@dataclass(frozen=True)
class QuoteChart(Chart):
    """The mid as a line, each side's quote as a band from the mid, fills as triangles."""

    xs: Sequence[float]  # ends of steps
    mids: Sequence[float]
    bids: Sequence[float | None]  # that held until that end; None: no quote
    asks: Sequence[float | None]
    fills: Sequence[Fill]

    def svg(self) -> Markup:
        """The chart."""
        if len(self.xs) < 2:
            return Markup("<p>No values.</p>")
        quotes = [price for side in (self.bids, self.asks) for price in side if price is not None]
        x, y = self.axes(self.xs, [*self.mids, *quotes, *(fill.price for fill in self.fills)])
        body = [self._quotes(side, x, y) for side in (self.bids, self.asks)]
        line = " ".join(
            f"{x.at(at):.1f},{y.at(mid):.1f}" for at, mid in zip(self.xs, self.mids, strict=True)
        )
        body.append(f'<polyline class="curve real" points="{line}"/>')
        body += [_mark(x.at(fill.at), y.at(fill.price), fill.side, fill.maker)
                 for fill in self.fills]  # fmt: skip
        return self.frame(x, y, "".join(body), keys=KEYS)

    def _quotes(self, side: Sequence[float | None], x: Axis, y: Axis) -> str:
        """Filled from the mid to the quote, a piece for each step."""
        parts = []
        for (first, last), mid, price in zip(
            pairwise(self.xs), self.mids[:-1], side[1:], strict=True
        ):
            if price is None:
                continue
            left, right = x.at(first), x.at(last)
            at = f"{y.at(price):.1f}"
            top, bottom = sorted((y.at(price), y.at(mid)))
            parts.append(
                f'<rect class="between" x="{left:.1f}" y="{top:.1f}" '
                f'width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
                f'<line class="quote" x1="{left:.1f}" x2="{right:.1f}" y1="{at}" y2="{at}"/>'
            )
        return "".join(parts)


def _mark(x: float, y: float, side: Side, maker: bool) -> str:
    return f'<path {_style(maker)} d="{_triangle(x, y, side)}"/>'


def _style(maker: bool) -> str:
    return f'class="fill {"maker" if maker else "taker"}"'


def _triangle(x: float, y: float, side: Side) -> str:
    """Upwards for a purchase, below its price; downwards for a sale, above it."""
    sign = 1.0 if side == "bid" else -1.0
    tip, base = y + sign * MARK_GAP, y + sign * (MARK_GAP + 1.6 * SIZE)
    return f"M{x:.1f} {tip:.1f} L{x - SIZE:.1f} {base:.1f} L{x + SIZE:.1f} {base:.1f} Z"


_MIDDLE = MARK_GAP + 0.8 * SIZE
KEYS = (
    Key("mid", 'class="curve real"'),
    Key("quotes", 'class="quote"'),
    Key("bought", _style(True), _triangle(12.0, -_MIDDLE, "bid")),
    Key("sold", _style(True), _triangle(12.0, _MIDDLE, "ask")),
    Key("by a quote that crossed", _style(False), _triangle(12.0, -_MIDDLE, "bid")),
)
