"""A line for each policy, in its colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markupsafe import Markup

from reports.page.chart import LEFT, RIGHT, WIDTH, Axis, Chart, Key
from reports.page.curves import zero_line
from reports.page.palette import Look

Points = tuple[Sequence[float], Sequence[float]]
Band = tuple[Sequence[float], Sequence[float], Sequence[float]]  # places, lower and upper ends
LIMIT_SHARE = 0.25  # of the limits: values that stay further inside are shown without them


@dataclass(frozen=True)
class PolicyLines(Chart):
    """Points by policy, each joined by a line."""

    lines: Mapping[str, Points]
    looks: Mapping[str, Look]
    bands: Mapping[str, Band] = field(default_factory=dict)
    stepped: bool = False  # a value holds until the next one
    zero: bool = False  # a line at 0, which is always shown
    limit: float | None = None  # beyond this on either side of 0 is shaded

    def svg(self) -> Markup:
        """The chart."""
        places = [x for xs, _ in self.lines.values() for x in xs]
        if not places:
            return Markup("<p>No values.</p>")
        values = [v for _, ys in self.lines.values() for v in ys]
        values += [v for band in self.bands.values() for ends in band[1:] for v in ends]
        limit = self.limit
        if limit is not None and max(map(abs, values)) >= LIMIT_SHARE * limit:
            values += [-1.1 * limit, 1.1 * limit]
        x, y = self.axes(places, [*values, 0.0] if self.zero else values)
        body = [self._shades(y), zero_line(y) if self.zero else ""]
        body += [self._band(name, band, x, y) for name, band in self.bands.items()]
        for name, line in self.lines.items():
            points = " ".join(f"{x.at(at):.1f},{y.at(v):.1f}" for at, v in self._corners(line))
            body.append(f'<polyline fill="none" {self._stroke(name)} points="{points}"/>')
        keys = [Key(name, self._stroke(name)) for name in self.lines]
        return self.frame(x, y, "".join(body), keys=keys)

    def _corners(self, line: Points) -> list[tuple[float, float]]:
        points = list(zip(*line, strict=True))
        if not self.stepped:
            return points
        corners = points[:1]
        for (_, before), (at, value) in pairwise(points):
            corners += [(at, before), (at, value)]
        return corners

    def _band(self, name: str, band: Band, x: Axis, y: Axis) -> str:
        places, low, high = band
        around = [*zip(places, high, strict=True), *reversed([*zip(places, low, strict=True)])]
        points = " ".join(f"{x.at(at):.1f},{y.at(value):.1f}" for at, value in around)
        return f'<polygon class="band" fill="{self.looks[name].colour}" points="{points}"/>'

    def _shades(self, y: Axis) -> str:
        """Over what lies beyond the limits, if the axis reaches there."""
        if self.limit is None or y.high <= self.limit:
            return ""
        parts = []
        for first, last in ((y.high, self.limit), (-self.limit, y.low)):
            top, bottom = y.at(first), y.at(last)
            parts.append(
                f'<rect class="beyond" x="{LEFT}" y="{top:.1f}" '
                f'width="{WIDTH - LEFT - RIGHT}" height="{bottom - top:.1f}"/>'
            )
        return "".join(parts)

    def _stroke(self, name: str) -> str:
        look = self.looks[name]
        dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
        return f'stroke="{look.colour}" stroke-width="1.5"{dash}'
