"""The skeleton of the pages: one file, nothing from outside, no markup from data."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reports.data_quality import BARS_MOST, quality_page, spread_shares
from reports.page import Bars, Facts, Line, Page, Section, Steps, Table, write_page
from reports.page.page import render

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


class Tags(HTMLParser):
    """Tags and attributes, as a browser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def tags_of(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def full_page(text: str) -> Page:
    parts = [
        text,
        Facts({text: text, "n": 1234567, "x": 0.5, "yes": True, "none": None}),
        Table(text, (text,), [(text,), (3,)]),
        Line(text, text, text, [0, 1, 2], [1.0, None, 3.0]),
        Steps(text, text, text, [0, 1], [2, 5]),
        Bars(text, text, text, [text, "b"], [0.5, 0.25]),
    ]
    return Page(text, text, [Section(text, parts)], note=text, footer={text: text})


def test_data_never_becomes_markup() -> None:
    page = render(full_page(HOSTILE))
    tags = tags_of(page).seen
    assert not [tag for tag, _ in tags if tag in {"script", "img", "link", "iframe", "object"}]
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "{{7*7}}" in page
    plain = [tag for tag, _ in tags_of(render(full_page("plain"))).seen]
    assert [tag for tag, _ in tags] == plain


def test_nothing_comes_from_outside() -> None:
    page = render(full_page("x"))
    assert not re.search(r"https?://|//|@import|url\(", page)
    assert "default-src 'none'" in page


def test_what_readers_need() -> None:
    page = render(full_page("Name"))
    tags = tags_of(page).seen
    charts = [attributes for tag, attributes in tags if tag == "svg"]
    assert len(charts) == 3
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    assert ("html", {"lang": "en"}) in tags
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "1\N{THIN SPACE}234\N{THIN SPACE}567" in page


def test_charts_of_little() -> None:
    assert "No values" in Line("t", "x", "y", [0.0], [None]).svg()
    assert "<path" in Line("t", "x", "y", [1.0], [5.0]).svg()
    assert Steps("t", "x", "y", [0.0], [0.0]).svg().count("<rect") == 1


def test_a_page_is_new(tmp_path: Path) -> None:
    write_page(full_page("x"), tmp_path / "x.html")
    assert (tmp_path / "x.html").read_text("utf-8") == render(full_page("x"))
    with pytest.raises(FileExistsError):
        write_page(full_page("x"), tmp_path / "x.html")


def quality_values(text: str, *, empty: bool = False) -> dict[str, Any]:
    return {
        "metadata": {
            "venue": text,
            "symbol": text,
            "tick_size": "0.01",
            "lot_size": "1",
            "source": "generator:00",
            "schema_version": 1,
        },
        "synthetic": True,
        "start_ns": 0,
        "end_ns": 10**10,
        "closed_ns": 0,
        "rows": 10,
        "price_divisor": 2,
        "size_divisor": 1,
        "events_per_s": 1.0,
        "fills_per_s": 1.0,
        "market_orders": 1,
        "fills": 0,
        "hidden_fills": 0,
        "repeated": None if empty else 3,
        "rows_by_kind": {"add": 10},
        "oddities": [{"name": "resets", "count": 1, "first_row": 3, "meaning": "m"}][: not empty],
        "ingest_problems": [
            {
                "reason": "gap",
                "severity": "defect",
                "count": 1,
                "file": text,
                "line": 7,
                "got": text,
                "remedy": "r",
            }
        ][: not empty],
        "spread_ns": {} if empty else {str(ticks): 1 for ticks in range(20)},
        "spread_median_ticks": 3,
        "locked_share": 0.0,
        "crossed_share": 0.0,
        "one_sided_ns": 0,
        "bucket_ns": 10**9,
        "events": [1, 2],
        "mid_ticks": [None, 5.0],
        "silences": [(0, 1.5)],
        "latency_ns": {} if empty else {"p50_below": 1e6},
    }


@pytest.mark.parametrize("empty", [False, True])
def test_the_page_about_a_recording(empty: bool) -> None:
    values = quality_values(HOSTILE, empty=empty)
    page = render(quality_page(values, name=HOSTILE))
    assert "<script" not in page
    assert "Synthetic" in page
    assert "too small?" in page
    assert ("Nothing is odd" in page) == empty
    assert ("latency p50 below" in page) != empty


@pytest.mark.parametrize(
    ("widths", "names", "shares"),
    [
        ({1: 3, 2: 1}, ["1", "2"], [0.75, 0.25]),
        ({-1: 1, 1: 1}, ["-1", "0", "1"], [0.5, 0.0, 0.5]),
        ({1: 50, 13: 50}, ["1 to 2", "13 to 14"], [0.5, 0.5]),
        ({1: 999, 500: 1}, ["1", "more"], [0.999, 0.001]),
    ],
)
def test_bars_of_spreads(widths: dict[int, int], names: list[str], shares: list[float]) -> None:
    found = dict(zip(*spread_shares(widths, sum(widths.values())), strict=True))
    assert {name: found[name] for name in names} == pytest.approx(
        dict(zip(names, shares, strict=True))
    )
    assert sum(found.values()) == pytest.approx(1)
    assert len(found) <= BARS_MOST + 1


def test_bars_go_down_from_zero_too() -> None:
    text = Bars("t", "", "y", ["up", "down"], [2.0, -1.0]).svg()
    bars = [attributes for tag, attributes in tags_of(text).seen if tag == "rect"]
    heights = [float(bar["height"] or 0) for bar in bars]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)
    bottom = float(bars[0]["y"] or 0) + heights[0]
    assert float(bars[1]["y"] or 0) == pytest.approx(bottom, abs=0.11)


def test_headings_stand_over_their_numbers() -> None:
    rows = [("a", 1, None, 2), ("b", 2.5, None, "none")]
    table = Table("c", ("name", "n", "empty", "mixed"), rows)
    assert table.columns == [("name", False), ("n", True), ("empty", False), ("mixed", False)]
    assert Table("c", ("x",), []).columns == [("x", False)]
    page = tags_of(render(Page("p", "", [Section("s", [table])]))).seen
    headings = [attributes.get("class") for tag, attributes in page if tag == "th"]
    assert headings == [None, "number", None, None]
