"""Tables as pictures: the darker a cell, the larger its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from reports.page.chart import LEFT, RIGHT, TOP, WIDTH, Chart

ROW_HEIGHT = 26
NAMES_WIDTH = 96  # of the rows' names
UNDER = 40  # for the columns' names and what they mean
PALEST, DARKEST = 0.04, 0.75


@dataclass(frozen=True)
class HeatMap(Chart):
    """Values in rows under named columns; None: there is none."""

    x_names: Sequence[str]
    y_names: Sequence[str]
    values: Sequence[Sequence[float | None]]

    def svg(self) -> Markup:
        """The picture; numbers stand in the cells unless there are too many."""
        known = [value for row in self.values for value in row if value is not None]
        if not known:
            return Markup("<p>No values.</p>")
        left = LEFT + NAMES_WIDTH
        width = (WIDTH - left - RIGHT) / len(self.x_names)
        top, height = TOP + 10, TOP + 10 + ROW_HEIGHT * len(self.y_names) + UNDER
        most, parts = max(*known, 1e-300), []
        for y, (name, row) in enumerate(zip(self.y_names, self.values, strict=True)):
            middle = top + (y + 0.5) * ROW_HEIGHT
            parts.append(f'<text x="{left - 6}" y="{middle:.1f}" class="y">{escape(name)}</text>')
            for x, value in enumerate(row):
                at = left + x * width
                if value is not None:
                    parts.append(self._cell(at, middle, width, value, most))
        beneath = top + ROW_HEIGHT * len(self.y_names) + 14
        for x, name in enumerate(self.x_names):
            at = left + (x + 0.5) * width
            parts.append(f'<text x="{at:.1f}" y="{beneath}" class="x">{escape(name)}</text>')
        centre = left + width * len(self.x_names) / 2
        parts.append(
            f'<text x="{centre:.1f}" y="{height - 6}" class="x">{escape(self.x_label)}</text>'
            f'<text x="{LEFT}" y="{TOP}" class="name">{escape(self.y_label)}</text>'
        )
        return Markup(
            f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(self.title)}">'
            f"<title>{escape(self.title)}</title>{''.join(parts)}</svg>"
        )

    def _cell(self, at: float, middle: float, width: float, value: float, most: float) -> str:
        share = min(max(value, 0.0) / most, 1.0)
        opacity = PALEST + (DARKEST - PALEST) * share
        cell = (
            f'<rect class="bar" x="{at:.1f}" y="{middle - ROW_HEIGHT / 2 + 1:.1f}" '
            f'width="{max(width - 2, 1):.1f}" height="{ROW_HEIGHT - 2}" '
            f'fill-opacity="{opacity:.3f}"/>'
        )
        text = f"{value:.3g}"
        if width < 7 * len(text):
            return cell
        place = f'x="{at + width / 2:.1f}" y="{middle + 4:.1f}"'
        return f'{cell}<text {place} class="x" style="fill: var(--ink)">{text}</text>'
