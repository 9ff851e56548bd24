"""A line for each policy, in its colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from reports.page.chart import RIGHT, TOP, WIDTH, Chart
from reports.page.palette import Look

Points = tuple[Sequence[float], Sequence[float]]
LETTER_WIDTH = 7.0
KEY_WIDTH = 34.0  # of a legend's line and the gap before it


@dataclass(frozen=True)
class PolicyLines(Chart):
    """Points by policy, each joined by a line."""

    lines: Mapping[str, Points]
    looks: Mapping[str, Look]

    def svg(self) -> Markup:
        """The chart."""
        places = [x for xs, _ in self.lines.values() for x in xs]
        if not places:
            return Markup("<p>No values.</p>")
        x, y = self.axes(places, [v for _, ys in self.lines.values() for v in ys])
        body = []
        for name, (xs, ys) in self.lines.items():
            points = " ".join(
                f"{x.at(at):.1f},{y.at(value):.1f}" for at, value in zip(xs, ys, strict=True)
            )
            body.append(f'<polyline fill="none" {self._stroke(name)} points="{points}"/>')
        return self.frame(x, y, "".join(body) + self._legend())

    def _stroke(self, name: str) -> str:
        look = self.looks[name]
        dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
        return f'stroke="{look.colour}" stroke-width="1.5"{dash}'

    def _legend(self) -> str:
        parts, right = [], float(WIDTH - RIGHT)
        for name in reversed(list(self.lines)):
            left = right - LETTER_WIDTH * len(name)
            parts.append(
                f'<text x="{left:.0f}" y="{TOP - 2}">{escape(name)}</text>'
                f'<path {self._stroke(name)} d="M{left - 22:.0f} {TOP - 6} L{left - 4:.0f} '
                f'{TOP - 6}"/>'
            )
            right = left - KEY_WIDTH
        return "".join(parts)
