"""A line for each policy, in its colour, whatever its name is."""

from __future__ import annotations

from reports.page import PolicyLines, looks
from tests.reports.test_page import HOSTILE, tags_of


def test_each_policy_has_its_line_and_its_key() -> None:
    names = ("a", HOSTILE, *(f"p{i}" for i in range(6)))  # eight: the last one is dashed
    colours = looks(names)
    lines = {name: ([0.0, 1.0, 2.0], [float(i), 2.0, 1.0]) for i, name in enumerate(names)}
    tags = tags_of(PolicyLines("t", "seconds", "y", lines, colours).svg()).seen
    drawn = [attributes for tag, attributes in tags if tag == "polyline"]
    keys = [attributes for tag, attributes in tags if tag == "path"]
    assert [line["stroke"] for line in drawn] == [colours[name].colour for name in names]
    assert [key["stroke"] for key in keys] == [line["stroke"] for line in drawn]
    assert [line.get("stroke-dasharray") for line in drawn] == [None] * 7 + ["6 3"]
    assert {tag for tag, _ in tags} <= {"svg", "title", "line", "text", "polyline", "path"}
    first = [float(pair.split(",")[1]) for pair in (drawn[0]["points"] or "").split()]
    assert first[0] > first[2] > first[1]  # downwards on paper


def test_nothing_to_draw() -> None:
    assert "No values" in PolicyLines("t", "x", "y", {"a": ([], [])}, looks(["a"])).svg()
