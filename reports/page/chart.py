"""Charts as inline SVG: colours come from the page, so that they follow light, dark and print."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 84, 24, 12, 40
TICKS = 5
LETTER_WIDTH = 10.0  # at most, of text beside other text: small charts have larger letters
HEADROOM = 8.0  # for these above the first row
KEY_LINE, KEY_GAP, KEY_ROW = 20.0, 16.0, 20.0  # of a legend
NAME_MOST = 48  # letters of a name in a legend


@dataclass(frozen=True)
class Axis:
    """Numbers to places along one direction."""

    low: float
    high: float
    first: float
    last: float

    def at(self, value: float) -> float:
        """Where the value is drawn."""
        span = self.high - self.low
        part = (value - self.low) / span if span else 0.5
        return self.first + part * (self.last - self.first)

    def ticks(self) -> list[float]:
        """Round numbers from low to high."""
        span = self.high - self.low
        if not span:
            return [self.low]
        raw = span / TICKS
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]


def number(value: float) -> str:
    """In few digits, with thin spaces between the thousands."""
    return f"{value:,.6g}".replace(",", "\N{THIN SPACE}")


@dataclass(frozen=True)
class Key:
    """A name in a legend, and how what it stands for is drawn."""

    name: str
    style: str  # SVG attributes
    shape: str = f"M0 0 L{KEY_LINE:.0f} 0"  # path data, from the left end of its place


def shortened(name: str) -> str:
    """A name without its middle if it is long: folders differ at their ends."""
    if len(name) <= NAME_MOST:
        return name
    half = NAME_MOST // 2
    return f"{name[: half - 1]}\N{HORIZONTAL ELLIPSIS}{name[-half:]}"


def legend(keys: Sequence[Key]) -> tuple[str, float]:
    """The lines of a legend, above the picture, and how high they are."""
    places: list[tuple[float, int]] = []
    x, row = float(LEFT), 0
    for key in keys:
        width = KEY_LINE + 4 + LETTER_WIDTH * len(shortened(key.name)) + KEY_GAP
        if x > LEFT and x + width > WIDTH:
            x, row = float(LEFT), row + 1
        places.append((x, row))
        x += width
    height = KEY_ROW * (row + 1) if keys else 0.0
    parts = []
    for key, (left, line) in zip(keys, places, strict=True):
        y = KEY_ROW * line - height + 12
        parts.append(
            f'<path {key.style} transform="translate({left:.0f} {y - 4:.0f})" d="{key.shape}"/>'
            f'<text x="{left + KEY_LINE + 4:.0f}" y="{y:.0f}">{escape(shortened(key.name))}</text>'
        )
    return "".join(parts), height


@dataclass(frozen=True)
class Chart(ABC):
    """A picture with a frame; the others draw inside it."""

    title: str  # for those who cannot see it
    x_label: str
    y_label: str

    @abstractmethod
    def svg(self) -> Markup:
        """The picture."""

    def frame(
        self,
        x: Axis,
        y: Axis,
        body: str,
        labels: Sequence[str] = (),
        keys: Sequence[Key] = (),
    ) -> Markup:
        """The body between its axes; labels: those of the x axis are in the body."""
        parts = []
        for value in y.ticks():
            at = f"{y.at(value):.1f}"
            parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
            )
            parts.append(f'<text x="{LEFT - 6}" y="{at}" class="y">{escape(number(value))}</text>')
        if not labels:
            for value in x.ticks():
                parts.append(
                    f'<text x="{x.at(value):.1f}" y="{HEIGHT - BOTTOM + 16}" class="x">'
                    f"{escape(number(value))}</text>"
                )
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" class="x">{escape(self.x_label)}</text>')
        parts.append(f'<text x="{LEFT}" y="{TOP - 2}" class="name">{escape(self.y_label)}</text>')
        names, rows = legend(keys)
        above = rows + HEADROOM
        return Markup(
            f'<svg viewBox="0 {-above:.0f} {WIDTH} {HEIGHT + above:.0f}" role="img" '
            f'aria-label="{escape(self.title)}"><title>{escape(self.title)}</title>'
            f"{''.join(parts)}{body}{names}</svg>"
        )

    def axes(self, xs: Sequence[float], ys: Sequence[float]) -> tuple[Axis, Axis]:
        """That show all of these values."""
        x = Axis(min(xs), max(xs), LEFT, WIDTH - RIGHT)
        y = Axis(min(ys), max(ys), HEIGHT - BOTTOM, TOP + 6)
        return x, y


@dataclass(frozen=True)
class Line(Chart):
    """Points joined by a line; a gap where there is no value."""

    xs: Sequence[float]
    ys: Sequence[float | None]

    def svg(self) -> Markup:
        """The chart."""
        known = [y for y in self.ys if y is not None]
        if not known:
            return Markup("<p>No values.</p>")
        x, y = self.axes(self.xs, known)
        path, pen = [], "M"
        for at, value in zip(self.xs, self.ys, strict=True):
            if value is None:
                pen = "M"
                continue
            path.append(f"{pen}{x.at(at):.1f} {y.at(value):.1f}")
            pen = "L"
        return self.frame(x, y, f'<path class="line" d="{" ".join(path)}"/>')


@dataclass(frozen=True)
class Steps(Chart):
    """Counts in buckets of equal width."""

    xs: Sequence[float]  # where the buckets begin
    ys: Sequence[float]

    def svg(self) -> Markup:
        """The chart."""
        x, y = self.axes(self.xs, [0.0, *self.ys])
        width = (WIDTH - LEFT - RIGHT) / max(len(self.xs), 1)
        base = y.at(0.0)
        bars = [
            f'<rect class="bar" x="{LEFT + i * width:.1f}" y="{y.at(value):.1f}" '
            f'width="{max(width - 0.5, 0.5):.1f}" height="{base - y.at(value):.1f}"/>'
            for i, value in enumerate(self.ys)
        ]
        return self.frame(x, y, "".join(bars))


@dataclass(frozen=True)
class Bars(Chart):
    """A bar for each name, up or down from 0."""

    names: Sequence[str]
    values: Sequence[float]
    colours: Sequence[str] = ()  # of the bars, if they are not all the same

    def svg(self) -> Markup:
        """The chart."""
        x = Axis(0.0, float(len(self.names)), LEFT, WIDTH - RIGHT)
        _, y = self.axes([0.0, 1.0], [0.0, *self.values])
        width = (WIDTH - LEFT - RIGHT) / max(len(self.names), 1)
        base = y.at(0.0)
        body = []
        for i, (name, value) in enumerate(zip(self.names, self.values, strict=True)):
            top, bottom = sorted((base, y.at(value)))
            own = f' style="fill: {self.colours[i]}"' if self.colours else ""
            body.append(
                f'<rect class="bar"{own} x="{LEFT + (i + 0.1) * width:.1f}" y="{top:.1f}" '
                f'width="{0.8 * width:.1f}" height="{bottom - top:.1f}"/>'
                f'<text x="{LEFT + (i + 0.5) * width:.1f}" y="{HEIGHT - BOTTOM + 16}" class="x">'
                f"{escape(name)}</text>"
            )
        return self.frame(x, y, "".join(body), self.names)
