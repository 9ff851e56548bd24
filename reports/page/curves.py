"""Charts that set one thing against another: curves with bands, and two histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from reports.page.chart import BOTTOM, HEIGHT, RIGHT, TOP, WIDTH, Axis, Chart, number

Role = Literal["real", "model", "reference", "floor"]  # the colours of the page


@dataclass(frozen=True)
class Curve:
    """Values by place, None where there is none, with the ends of their intervals if known."""

    name: str
    role: Role
    ys: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    path, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        path.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return " ".join(path)


def _legend(names: Sequence[tuple[str, Role]]) -> str:
    parts, right = [], float(WIDTH - RIGHT)
    for name, role in reversed(names):
        left = right - 7.0 * len(name)
        parts.append(
            f'<text x="{left:.0f}" y="{TOP - 2}">{escape(name)}</text>'
            f'<path class="curve {role}" d="M{left - 22:.0f} {TOP - 6} L{left - 4:.0f} {TOP - 6}"/>'
        )
        right = left - 34.0
    return "".join(parts)


@dataclass(frozen=True)
class Curves(Chart):
    """Curves over the same places, each with its band."""

    xs: Sequence[float]
    curves: Sequence[Curve]
    log_x: bool = False

    def svg(self) -> Markup:
        """The picture."""
        ends = [v for c in self.curves for part in (c.ys, c.low, c.high) for v in part]
        known = [v for v in ends if v is not None]
        if not known:
            return Markup("<p>No values.</p>")
        places = [math.log10(x) for x in self.xs] if self.log_x else list(self.xs)
        x, y = self.axes(places, known)
        body = [self._band(curve, places, x, y) for curve in self.curves]
        for curve in self.curves:
            points = [
                None if v is None else (x.at(p), y.at(v))
                for p, v in zip(places, curve.ys, strict=True)
            ]
            body.append(f'<path class="curve {curve.role}" d="{_path(points)}"/>')
        body.append(_legend([(curve.name, curve.role) for curve in self.curves]))
        if self.log_x:
            body.append(self._decades(x))
        return self.frame(x, y, "".join(body), ("in the body",) if self.log_x else ())

    def _band(self, curve: Curve, places: Sequence[float], x: Axis, y: Axis) -> str:
        if not curve.low:
            return ""
        ends = [
            (p, low, high)
            for p, low, high in zip(places, curve.low, curve.high, strict=True)
            if low is not None and high is not None
        ]
        around = [(x.at(p), y.at(high)) for p, _, high in ends]
        around += [(x.at(p), y.at(low)) for p, low, _ in reversed(ends)]
        return f'<path class="band {curve.role}" d="{_path(around)} Z"/>' if around else ""

    def _decades(self, x: Axis) -> str:
        shown = [
            factor * 10.0**power
            for power in range(math.floor(x.low - 1e-9), math.ceil(x.high + 1e-9) + 1)
            for factor in (1, 2, 5)
        ]
        return "".join(
            f'<text x="{x.at(math.log10(value)):.1f}" y="{HEIGHT - BOTTOM + 16}" class="x">'
            f"{escape(number(value))}</text>"
            for value in shown
            if x.low - 1e-9 <= math.log10(value) <= x.high + 1e-9
        )


@dataclass(frozen=True)
class Histograms(Chart):
    """Shares in the same bins: the real ones filled, the model's as an outline."""

    edges: Sequence[float]
    real: Sequence[float]
    model: Sequence[float]

    def svg(self) -> Markup:
        """The picture."""
        x, y = self.axes(self.edges, [0.0, *self.real, *self.model])
        body = f'<path class="filled real" d="{self._outline(self.real, x, y)} Z"/>'
        body += f'<path class="curve model" d="{self._outline(self.model, x, y)}"/>'
        names: list[tuple[str, Role]] = [("real", "real"), ("model", "model")]
        return self.frame(x, y, body + _legend(names))

    def _outline(self, shares: Sequence[float], x: Axis, y: Axis) -> str:
        points: list[tuple[float, float] | None] = [(x.at(self.edges[0]), y.at(0.0))]
        for i, share in enumerate(shares):
            points += [(x.at(self.edges[i]), y.at(share)), (x.at(self.edges[i + 1]), y.at(share))]
        points.append((x.at(self.edges[-1]), y.at(0.0)))
        return _path(points)
