"""The report's own words: whom the agent beats, and what a stress costs it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reports.evaluation_values import evaluation_values
from reports.page import render
from reports.report_page import Report, Result, report_page, result_of, verdict
from reports.statistics.intervals import adjusted_p_values, mean_estimates, paired_differences
from reports.statistics.market_making import pnl
from tests.reports.test_evaluation_page import evaluation


def result() -> Result:
    given = evaluation()
    return result_of("run", given, evaluation_values(given), ["glft", "idle"])


def stress(p: float | None, problem: str = "0" * 64, change: float = -2.0) -> dict[str, Any]:
    calm = {"scenario": "none", "severity": 0, "policy": "agent", "change": None,
            "p_adjusted": None, "max_drawdown": 1.0, "cap_reached_share": 0.0}  # fmt: skip
    hit = calm | {"scenario": "crash", "severity": 2, "change": change, "p_adjusted": p}
    return {
        "market": "m", "problem_sha256": problem, "policies": {"agent": {}}, "rows": [calm, hit],
    }  # fmt: skip


def said(*stresses: dict[str, Any]) -> str:
    named = {f"s{i}": one for i, one in enumerate(stresses)}
    return verdict(Report([result()], named, {}, {}, [], []))


@pytest.mark.parametrize("p", [None, 0.051, 1.0])
def test_a_cost_that_may_be_chance_is_said_to_be(p: float | None) -> None:
    words = "crash 2 costs it 2 an episode, the most of any stress, which cannot be told from none."
    assert said(stress(p)).endswith(words)


def test_a_cost_that_is_none_by_chance_is_said_plainly() -> None:
    assert said(stress(0.05 - 1e-9)).endswith("costs it 2 an episode, the most of any stress.")
    assert "no stress costs it anything" in said(stress(0.01, change=1.0))


def test_stress_of_another_problem_says_nothing_about_the_agent() -> None:
    assert "crash" not in said(stress(0.01, problem="1" * 64))
    assert "costs it 3" in said(stress(0.01, problem="1" * 64), stress(0.01, change=-3.0))


def test_p_values_are_of_one_family_of_money_and_reward() -> None:
    found = result()
    table, bootstrap = found.evaluation.table, found.evaluation.bootstrap
    rows = [
        paired_differences(numbers["agent"], numbers[other])
        for numbers in (
            {name: pnl(table.of(name), table.metadata) for name in table.policies},
            {name: table.of(name)["reward"] for name in table.policies},
        )
        for other in ("glft", "idle")
    ]
    wanted = adjusted_p_values(mean_estimates(np.stack(rows), bootstrap), bootstrap)
    assert [duel.p_adjusted for duel in found.duels] == wanted
    assert [(duel.of, duel.baseline) for duel in found.duels] == [
        ("PnL", "glft"), ("PnL", "idle"), ("reward", "glft"), ("reward", "idle"),
    ]  # fmt: skip
    assert found.duels[0].difference == pytest.approx(30.0)
    assert "p by Holm over all rows" in render(report_page(Report([found], {}, {}, {}, [], [])))


def test_pieces_of_one_recording_have_no_p_values() -> None:
    given = replace(evaluation(), independent=False)
    found = result_of("run", given, evaluation_values(given), ["glft", "idle"])
    assert {(duel.low, duel.p_adjusted, duel.significant) for duel in found.duels} == {
        (None, None, False)
    }
