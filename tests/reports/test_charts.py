"""Charts: what is where, legends that never run into each other, marks by what they stand for."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from reports.page import Bars, Curve, Curves, Fill, Histograms, PolicyLines, QuoteChart, looks
from reports.page.chart import (
    HEADROOM,
    KEY_ROW,
    LETTER_WIDTH,
    NAME_MOST,
    WIDTH,
    Key,
    legend,
    shortened,
)
from tests.reports.test_page import HOSTILE, tags_of


def test_long_names_keep_both_ends() -> None:
    name = "runs/" + "a" * 60 + "-1a2b3c4d"
    assert shortened("short") == "short"
    assert len(shortened(name)) == NAME_MOST
    assert shortened(name).startswith("runs/")
    assert shortened(name).endswith("-1a2b3c4d")


def test_a_legend_goes_on_in_the_next_row() -> None:
    text, height = legend([Key("n" * 20, 'class="line"') for _ in range(5)])
    tags = tags_of(text).seen
    places = [(float(a["x"] or 0), float(a["y"] or 0)) for tag, a in tags if tag == "text"]
    assert height == 3 * KEY_ROW
    assert len({y for _, y in places}) == 3
    assert all(-height < y < 0.0 for _, y in places)
    assert all(x + 20 * LETTER_WIDTH <= WIDTH for x, _ in places)
    same_row = [x for x, y in places if y == places[0][1]]
    assert same_row[1] - same_row[0] >= 20 * LETTER_WIDTH
    assert legend([]) == ("", 0.0)


def test_a_picture_is_higher_by_its_legend() -> None:
    chart = Curves("t", "x", "y", [0.0, 1.0], [Curve("one", "real", [1.0, 2.0])])
    assert f'viewBox="0 -{KEY_ROW + HEADROOM:.0f} ' in chart.svg()


def test_zero_is_always_shown_where_it_is_asked_for() -> None:
    curve = Curve("one", "model", [3.0, 4.0], [2.5, None], [3.5, None])
    with_zero = Curves("t", "x", "y", [0.0, 1.0], [curve], zero=True).svg()
    zero = [a for tag, a in tags_of(with_zero).seen if a.get("class") == "zero"]
    assert len(zero) == 1
    assert "zero" not in Curves("t", "x", "y", [0.0, 1.0], [curve]).svg()


def test_bands_and_steps_and_limits_of_policies() -> None:
    colours = looks(["a"])
    lines = {"a": ([0.0, 1.0, 2.0], [0.0, 4.0, -2.0])}
    bands = {"a": ([0.0, 1.0], [-1.0, 3.0], [1.0, 5.0])}
    tags = tags_of(
        PolicyLines("t", "x", "y", lines, colours, bands, stepped=True, zero=True, limit=5.0).svg()
    ).seen
    path = next(a["points"] or "" for tag, a in tags if tag == "polyline")
    corners = [tuple(map(float, pair.split(","))) for pair in path.split()]
    assert len(corners) == 5
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(corners))
    band = next(a["points"] or "" for tag, a in tags if tag == "polygon")
    assert len(band.split()) == 4
    assert sum(a.get("class") == "beyond" for _, a in tags) == 2


def test_limits_that_are_far_away_are_left_out() -> None:
    lines = {"a": ([0.0, 1.0], [0.0, 1.0])}
    assert "beyond" not in PolicyLines("t", "x", "y", lines, looks(["a"]), limit=50.0).svg()


def quote_chart(title: str = "t") -> QuoteChart:
    fills = [
        Fill(0.5, 99.0, "bid", maker=True),
        Fill(1.5, 101.0, "ask", maker=True),
        Fill(1.5, 101.0, "ask", maker=False),
    ]
    return QuoteChart(
        title, "s", "ticks", [0.0, 1.0, 2.0], [100.0, 100.0, 100.5], [None, 99.0, None],
        [None, 101.0, 101.0], fills,
    )  # fmt: skip


def test_quotes_are_bands_and_fills_are_triangles() -> None:
    tags = tags_of(quote_chart().svg()).seen
    assert sum(a.get("class") == "between" for _, a in tags) == 3
    marks = [a for _, a in tags if (a.get("class") or "").startswith("fill")]
    drawn, keys = marks[:3], marks[3:]
    assert [a["class"] for a in drawn] == ["fill maker", "fill maker", "fill taker"]
    assert [a["class"] for a in keys] == ["fill maker", "fill maker", "fill taker"]

    def heights(d: str | None) -> list[float]:
        return [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.-]+)", d or "")]

    bought, sold = heights(drawn[0]["d"]), heights(drawn[1]["d"])
    assert bought[0] < bought[1] == bought[2]  # the tip is above: it points upwards
    assert sold[0] > sold[1] == sold[2]


def test_quotes_of_nothing() -> None:
    assert "No values" in QuoteChart("t", "x", "y", [1.0], [2.0], [None], [None], []).svg()


def test_names_of_histograms_and_colours_of_bars() -> None:
    text = Histograms("t", "x", "y", [0.0, 1.0, 2.0], [0.5, 0.5], [1.0, 0.0], ("bid", "ask")).svg()
    assert ">bid<" in text
    assert ">ask<" in text
    bars = Bars("t", "", "y", ["a", "b"], [1.0, 2.0], ["#0072b2", "#d55e00"]).svg()
    styles = [a.get("style") for tag, a in tags_of(bars).seen if tag == "rect"]
    assert styles == ["fill: #0072b2", "fill: #d55e00"]


@pytest.mark.parametrize("text", [HOSTILE, "</svg><script>x</script>"])
def test_no_name_becomes_markup(text: str) -> None:
    charts = (
        quote_chart(text),
        Curves(text, text, text, [0.0, 1.0], [Curve(text, "real", [1.0, 2.0])]),
        Histograms(text, text, text, [0.0, 1.0], [1.0], [1.0], (text, text)),
        PolicyLines(text, text, text, {text: ([0.0], [1.0])}, looks([text])),
    )
    for chart in charts:
        tags = {tag for tag, _ in tags_of(chart.svg()).seen}
        assert tags <= {"svg", "title", "line", "text", "polyline", "path", "rect"}
