"""Pages of sections, written by one template."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.page.chart import Chart
from rlmm_tf.files import new_file

_HEAD_BYTES = 2048
_RANGE = re.compile(r"-?[\d.]+(e[+-]\d+)? to -?[\d.]+(e[+-]\d+)?")  # an interval, not to be broken


@dataclass(frozen=True)
class Facts:
    """Names and values, one under the other."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows under headings; a caption says what they are."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    @property
    def columns(self) -> Sequence[tuple[str, bool]]:
        """Headings, and whether numbers (or nothing) are all that stands below."""
        below = list(zip(*self.rows, strict=True)) or [()] * len(self.header)
        kinds = [
            any(map(_is_number, values)) and all(v is None or _is_number(v) for v in values)
            for values in below
        ]
        return list(zip(self.header, kinds, strict=True))


@dataclass(frozen=True)
class Gallery:
    """Charts side by side, each under its title."""

    charts: Sequence[Chart]


@dataclass(frozen=True)
class Links:
    """Other pages in the same folder, by what they are called."""

    files: Mapping[str, str]


@dataclass(frozen=True)
class Section:
    """A heading with what belongs under it, in order."""

    title: str
    parts: Sequence[str | Facts | Table | Chart | Gallery | Links] = ()


@dataclass(frozen=True)
class Page:
    """All that a page says."""

    title: str
    lead: str
    sections: Sequence[Section] = ()
    note: str = ""  # such as: synthetic data
    footer: Mapping[str, Any] = field(default_factory=dict)  # where the numbers come from


def cautions_note(cautions: Sequence[str]) -> str:
    """What a page carries on from its market's calibration; empty without cautions."""
    if not cautions:
        return ""
    return "The calibration of this market warns: " + "; ".join(cautions) + "."


def _kind(part: object) -> str:
    if isinstance(part, str):
        return "text"
    return "chart" if isinstance(part, Chart) else type(part).__name__.lower()


def _shown(value: object) -> str:
    """Numbers with thin spaces between the thousands."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "\N{EN DASH}"}[value]
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{THIN SPACE}")
    if isinstance(value, float):
        return f"{value:,.6g}".replace(",", "\N{THIN SPACE}")
    return str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_range(value: object) -> bool:
    return isinstance(value, str) and _RANGE.fullmatch(value) is not None


def render(page: Page) -> str:
    """The page as HTML."""
    return _environment().get_template("page.html.jinja").render(page=page, chart=_svg)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "kind": _kind,
        "shown": _shown,
        "is_number": _is_number,
        "is_range": _is_range,
    }
    return environment


def _svg(part: Chart) -> Markup:
    return part.svg()


def write_page(page: Page, path: Path | str) -> None:
    """Write a new file, whole or not at all.

    Raises:
        FileExistsError: there is one already.
    """
    with new_file(path) as temporary:
        temporary.write_text(render(page), "utf-8")


def is_page(path: Path, title: str) -> bool:
    """Whether a file is a page whose title begins like this: one that may be made anew."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return head.startswith(b"<!doctype html>") and f"<title>{title}".encode() in head
