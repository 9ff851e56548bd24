"""The stress table: changes against the same episodes, ranks, and a page without markup of data."""

from __future__ import annotations

import numpy as np
import pytest

from reports.page import render
from reports.statistics.intervals import Bootstrap
from reports.stress import COLUMNS, Stress, markdown, stress_page, stress_rows, worst_of
from tests.reports.test_evaluation_page import block, table
from tests.reports.test_page import HOSTILE, tags_of

N = 30


def stress(agent: str = "agent", scenario: str = "crash", about: str = "it falls") -> Stress:
    noise = np.random.default_rng(2).integers(-40, 40, N)
    held = np.where(np.arange(N) < 6, 5, 1)
    blocks = (
        block(agent, noise + 20),
        block("glft", noise),
        block(agent, noise - 50, f"{scenario}:1", inventory_max_lots=held),
        block("glft", noise - 8, f"{scenario}:1"),
        block(agent, noise + 20, f"{scenario}:3"),
        block("glft", noise + noise % 3 - 1, f"{scenario}:3", terminated=held == 1),
    )
    return Stress(
        table=table(*blocks, market=agent),
        about={scenario: about},
        rules={"glft": "Glft(1)"},
        left_out={"regime_flip": "one regime"},
        bootstrap=Bootstrap(0, resamples=999),
        origin={"command": agent},
    )


def test_rows_are_changes_against_the_same_episodes() -> None:
    rows = stress_rows(stress())
    assert [(r["scenario"], r["severity"], r["policy"], r["rank"]) for r in rows] == [
        ("none", 0, "agent", 1), ("none", 0, "glft", 2), ("crash", 1, "agent", 2),
        ("crash", 1, "glft", 1), ("crash", 3, "agent", 1), ("crash", 3, "glft", 2),
    ]  # fmt: skip
    assert all(tuple(row) == COLUMNS for row in rows)
    first, _, crashed, steady, unmoved, noisy = rows
    assert (first["change"], first["p_adjusted"]) == (None, None)
    assert crashed["change"] == pytest.approx(-70.0)  # half tick lots are worth 1
    assert (crashed["change_low"], crashed["change_high"]) == pytest.approx((-70.0, -70.0))
    assert steady["change"] == pytest.approx(-8.0)
    assert unmoved["change"] == 0.0
    assert noisy["change_low"] <= 0.0 <= noisy["change_high"]
    assert noisy["p_adjusted"] > 0.05
    assert crashed["cap_reached_share"] == pytest.approx(6 / N)
    assert crashed["inventory_max_lots"] == 5.0
    assert noisy["loss_limit_share"] == pytest.approx((N - 6) / N)


def test_equals_share_a_rank() -> None:
    given = stress()
    same = table(block("a", [1, 2]), block("b", [2, 1]), block("a", [0, 0], "x:1"),
                 block("b", [0, 0], "x:1"))  # fmt: skip
    rows = stress_rows(Stress(**{**vars(given), "table": same}))
    assert [row["rank"] for row in rows] == [1, 1, 1, 1]


def test_the_worst_setting_is_named() -> None:
    rows = stress_rows(stress())
    assert worst_of(rows, "agent") == "crash 1 changes its PnL by -70"
    assert worst_of(rows, "glft") == "crash 1 changes its PnL by -8"


def test_markdown_is_a_table_whatever_the_names() -> None:
    rows = stress_rows(stress(agent="a|b\nc\\"))
    lines = markdown(rows).splitlines()
    assert len(lines) == 2 + len(rows)
    assert "\\<b>" in markdown(stress_rows(stress(agent="<b>")))
    assert "<b>" not in markdown(stress_rows(stress(agent="<b>"))).replace("\\<b>", "")
    bars = {len(line.replace("\\\\", "").replace("\\|", "").split("|")) for line in lines}
    assert bars == {len(COLUMNS) + 2}


def test_every_part_is_there() -> None:
    given = stress()
    page = stress_page(given, stress_rows(given))
    assert [section.title for section in page.sections] == [
        "What breaks whom", "Without stress", "crash", "Left out", "Baselines",
    ]  # fmt: skip
    text = render(page)
    for word in ("it falls.", "one regime", "Glft(1)", "Severity 3"):
        assert word in text
    assert text == render(stress_page(given, stress_rows(given)))


def test_names_never_become_markup() -> None:
    pages = []
    for given in (stress(), stress(HOSTILE, HOSTILE, HOSTILE)):
        text = render(stress_page(given, stress_rows(given)))
        pages.append([tag for tag, _ in tags_of(text).seen])
    assert pages[0] == pages[1]
