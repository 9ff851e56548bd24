"""The book market does today what the committed trace shows, line by line."""

from __future__ import annotations

import re
import runpy
from itertools import zip_longest
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATH = HERE / "book_trace.txt"


@pytest.fixture(scope="module")
def regenerated() -> list[str]:
    return runpy.run_path(str(HERE / "regenerate.py"))["trace"]()


def test_trace_is_what_it_was(regenerated: list[str]) -> None:
    committed = PATH.read_text(encoding="utf-8").splitlines()
    for number, (got, expected) in enumerate(zip_longest(regenerated, committed), start=1):
        assert got == expected, (
            f"{PATH.name}:{number}: expected what is committed; if the "
            "change is meant, run `python -m tests.golden.regenerate` and read the diff"
        )


def test_trace_has_something_to_compare(regenerated: list[str]) -> None:
    text = "\n".join(regenerated)
    for group in (
        "limit_bid",
        "limit_ask",
        "cancel_bid",
        "cancel_ask",
        "market_sell",
        "market_buy",
    ):
        assert len(re.findall(rf"  {group} ", text)) > 5, group
    assert text.count("\n## ") == 4
    for part in text.split("\n## ")[1:]:
        if "with an agent" not in part:
            continue
        rows = [line.split() for line in part.splitlines()[3:] if line]
        bought, sold = (sum(float(row[column]) for row in rows) for column in (8, 9))
        assert bought > 0, part
        assert sold > 0, part
