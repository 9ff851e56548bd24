"""The skeleton of every HTML page: one file, no network, light and dark, fit to print.

A page is a title and sections; a section holds paragraphs, tables and charts. All text is escaped
by the template; charts are SVG made here from numbers and escaped labels.
"""

from __future__ import annotations

from reports.page.chart import Bars, Chart, Line, Steps
from reports.page.curves import Curve, Curves, Histograms
from reports.page.heat import HeatMap
from reports.page.page import (
    Facts,
    Gallery,
    Links,
    Page,
    Section,
    Table,
    cautions_note,
    is_page,
    render,
    write_page,
)
from reports.page.palette import Look, crowded, looks
from reports.page.policy_lines import PolicyLines
from reports.page.quotes import Fill, QuoteChart

__all__ = [
    "Bars",
    "Chart",
    "Curve",
    "Curves",
    "Facts",
    "Fill",
    "Gallery",
    "HeatMap",
    "Histograms",
    "Line",
    "Links",
    "Look",
    "Page",
    "PolicyLines",
    "QuoteChart",
    "Section",
    "Steps",
    "Table",
    "cautions_note",
    "crowded",
    "is_page",
    "looks",
    "render",
    "write_page",
]
