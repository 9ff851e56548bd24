"""Charts that set one thing against another: curves with bands, and two histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from reports.page.chart import BOTTOM, HEIGHT, LEFT, RIGHT, WIDTH, Axis, Chart, Key, number

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


def zero_line(y: Axis) -> str:
    """Across the picture, where values are 0."""
    at = f"{y.at(0.0):.1f}"
    return f'<line class="zero" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'


def _keys(names: Sequence[tuple[str, Role]]) -> list[Key]:
    return [Key(name, f'class="curve {role}"') for name, role in names]


@dataclass(frozen=True)
class Curves(Chart):
    """Curves over the same places, each with its band."""

    xs: Sequence[float]
    curves: Sequence[Curve]
    log_x: bool = False
    zero: bool = False  # a line at 0, which is always shown

    def svg(self) -> Markup:
        """The picture."""
        ends = [v for c in self.curves for part in (c.ys, c.low, c.high) for v in part]
        known = [v for v in ends if v is not None]
        if not known:
            return Markup("<p>No values.</p>")
        places = [math.log10(x) for x in self.xs] if self.log_x else list(self.xs)
        x, y = self.axes(places, [*known, 0.0] if self.zero else known)
        body = [zero_line(y)] if self.zero else []
        body += [self._band(curve, places, x, y) for curve in self.curves]
        for curve in self.curves:
            points = [
                None if v is None else (x.at(p), y.at(v))
                for p, v in zip(places, curve.ys, strict=True)
            ]
            body.append(f'<path class="curve {curve.role}" d="{_path(points)}"/>')
        keys = _keys([(curve.name, curve.role) for curve in self.curves])
        if self.log_x:
            body.append(self._decades(x))
        return self.frame(x, y, "".join(body), ("in the body",) if self.log_x else (), keys)

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
    names: tuple[str, str] = ("real", "model")

    def svg(self) -> Markup:
        """The picture."""
        x, y = self.axes(self.edges, [0.0, *self.real, *self.model])
        body = f'<path class="filled real" d="{self._outline(self.real, x, y)} Z"/>'
        body += f'<path class="curve model" d="{self._outline(self.model, x, y)}"/>'
        roles: tuple[Role, Role] = ("real", "model")
        return self.frame(x, y, body, keys=_keys(list(zip(self.names, roles, strict=True))))

    def _outline(self, shares: Sequence[float], x: Axis, y: Axis) -> str:
        points: list[tuple[float, float] | None] = [(x.at(self.edges[0]), y.at(0.0))]
        for i, share in enumerate(shares):
            points += [(x.at(self.edges[i]), y.at(share)), (x.at(self.edges[i + 1]), y.at(share))]
        points.append((x.at(self.edges[-1]), y.at(0.0)))
        return _path(points)
