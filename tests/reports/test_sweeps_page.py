"""Heat maps of two properties: changes against the market as it is, and signs that are seen."""

from __future__ import annotations

import numpy as np
import pytest

from reports.page import render
from reports.statistics.intervals import Bootstrap
from reports.sweeps import ChangeMap, Sweeps, sweep_rows, sweeps_page
from rlmm_tf.evaluation.sweeps import sweep
from tests.reports.test_evaluation_page import block, table
from tests.reports.test_page import HOSTILE, tags_of

ONE = sweep("fees x horizon")
NOISE = np.random.default_rng(5).integers(-20, 20, 30)


def sweeps(policy: str = "agent", reason: str = "no delay") -> Sweeps:
    blocks = [block(policy, NOISE)]
    for row, fee in enumerate(ONE.axes[0].levels):
        for column, horizon in enumerate(ONE.axes[1].levels):
            if row or column:
                pnl = NOISE - 10 * row + 4 * column
                blocks.append(block(policy, pnl, ONE.setting((fee, horizon))))
    return Sweeps(
        table=table(*blocks, market=policy), sweeps=[ONE], left_out={"latency x fees": reason},
        bootstrap=Bootstrap(0, resamples=9_999), origin={"command": policy},
    )  # fmt: skip


def test_changes_are_against_the_market_as_it_is() -> None:
    rows = sweep_rows(sweeps())
    assert [row["change"] for row in rows] == [
        pytest.approx(-10.0 * row + 4.0 * column) for row in range(4) for column in range(3)
    ]
    assert rows[0]["p_adjusted"] is None
    assert rows[-1]["change_low"] == pytest.approx(-22.0)
    assert {row["sweep"] for row in rows} == {"fees x horizon"}


def test_the_sign_of_a_change_has_a_colour() -> None:
    values = [[-4.0, 0.0], [2.0, None]]
    text = str(ChangeMap("t", "x", "y", ["a", "b"], ["c", "d"], values).svg())
    assert text.count("var(--warn)") == 1
    assert text.count("var(--mark)") == 2
    assert 'fill-opacity="0.750"' in text  # the largest is a loss
    assert ">-4<" in text
    nothing = str(ChangeMap("t", "x", "y", ["a"], ["c"], [[0.0]]).svg())
    assert 'fill-opacity="0.040"' in nothing


def test_every_part_is_there_and_names_are_text() -> None:
    pages = [
        render(sweeps_page(given, sweep_rows(given)))
        for given in (sweeps(), sweeps(HOSTILE, HOSTILE))
    ]
    seen = [[tag for tag, _ in tags_of(page).seen] for page in pages]
    assert seen[0] == seen[1]
    assert seen[0].count("svg") == 1
    assert "no delay" in pages[0]
    assert pages[0] == render(sweeps_page(sweeps(), sweep_rows(sweeps())))
