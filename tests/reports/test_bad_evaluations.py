"""Pages of evaluations in which something is missing or wrong: clear words, no wrong number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reports.evaluation import evaluation_page
from reports.evaluation_values import Evaluation, daily, evaluation_values
from reports.page import render
from reports.statistics.intervals import Bootstrap
from reports.stress import Stress, markdown, stress_page, stress_rows
from rlmm_tf.evaluation.episodes import EpisodeTable
from tests.reports.test_evaluation_page import block, evaluation, table

BRACES = "{{ 7 * 7 }} {% include '/etc/passwd' %} {# gone #} ${x} %s"


def of(*blocks: Any, **changes: Any) -> Evaluation:
    """An evaluation of these episodes; the last policy is the benchmark."""
    names = [one.policy for one in blocks]
    given = replace(
        evaluation(), table=table(*blocks), traces=(), rules={}, benchmark=names[-1]
    )  # fmt: skip
    return replace(given, **changes)


def written(given: Evaluation) -> tuple[dict[str, Any], str]:
    """The numbers and the page, in which no number is none."""
    values = evaluation_values(given)
    text = render(evaluation_page(given, values, {}))
    for word in ("nan", "inf", "None,"):
        assert f">{word}<" not in text
    return values, text


def test_one_episode_has_a_mean_and_nothing_else() -> None:
    values, text = written(of(block("agent", [5]), block("glft", [3])))
    found = values["policies"]["agent"]
    assert found["metrics"]["mean PnL"] == 5.0
    for name in ("PnL standard deviation", "VaR 95 %", "ES 99 %"):
        assert found["metrics"][name] is None
    assert (found["mean_pnl_low"], found["sharpe"], found["by_day"]) == (None, None, None)
    against = values["against_benchmark"]["pnl"]["agent"]
    assert (against["difference"], against["low"], against["significant"]) == (2.0, None, False)
    assert "agent cannot be told from glft by 1 episodes" in text
    assert "all episodes together are shorter than one of sessions of 6.5 h" in text


def test_who_never_trades_has_no_ratios() -> None:
    values, _ = written(of(block("idle", np.zeros(80)), block("still", np.zeros(80))))
    metrics = values["policies"]["idle"]["metrics"]
    for name in ("fill ratio", "effective spread", "order-to-trade ratio", "maker/taker ratio"):
        assert metrics[name] is None
    assert metrics["turnover"] == 0.0
    against = values["against_benchmark"]["pnl"]["idle"]
    assert (against["difference"], against["significant"]) == (0.0, False)


def test_what_never_varies_has_no_ratio_of_risk() -> None:
    values, _ = written(of(block("sure", np.full(260, 7)), block("glft", np.full(260, 7))))
    found = values["policies"]["sure"]
    assert found["sharpe"] is None
    assert found["by_day"]["calmar"] is None
    assert found["by_day"]["volatility"] == 0.0
    assert found["metrics"]["PnL standard deviation"] == 0.0
    assert (found["mean_pnl_low"], found["mean_pnl_high"]) == (7.0, 7.0)


def test_equity_below_zero_has_no_growth() -> None:
    given = of(block("lost", np.arange(260) - 900), block("glft", np.arange(260)))
    values, _ = written(given)
    found = values["policies"]["lost"]["by_day"]
    assert found["max_drawdown"] > 1.0
    assert (found["cagr"], found["calmar"], found["max_drawdown_of_peak"]) == (None, None, None)
    assert found["sharpe"] < 0.0


@pytest.mark.parametrize("capital", [0.0, -5.0, 1e-300, float("nan")])
def test_a_capital_that_measures_nothing_makes_no_days(capital: float) -> None:
    given = of(block("agent", np.arange(80)), block("glft", np.arange(80) + 1), capital=capital)
    values, text = written(given)
    assert values["policies"]["agent"]["sharpe"] is None
    assert daily(given, "agent") is None
    assert "is no measure of such a PnL" in text


def test_mixed_episodes_are_no_table() -> None:
    short, long = block("a", [1, 2, 3]), block("b", [1, 2, 3, 4])
    with pytest.raises(ValueError, match="expected the same episodes of everybody, got others"):
        table(short, long)


def test_braces_in_names_are_text() -> None:
    names = (f"a {BRACES}", f"b {BRACES}", f"c {BRACES}")
    given = evaluation(names)
    text = render(evaluation_page(given, evaluation_values(given), {}))
    assert "{{ 7 * 7 }}" in text
    assert "49" not in text.split("<style")[0]
    assert "{# gone #}" in text


def stressed(*blocks: Any, about: str = "it falls", **changes: Any) -> Stress:
    given = Stress(
        table=table(*blocks), about={"crash": about}, rules={}, left_out={},
        bootstrap=Bootstrap(0, resamples=999), origin={},
    )  # fmt: skip
    return replace(given, **changes)


def test_stress_of_one_episode_has_no_interval() -> None:
    given = stressed(block("a", [5]), block("a", [1], "crash:1"))
    rows = stress_rows(given)
    assert (rows[1]["change"], rows[1]["change_low"], rows[1]["p_adjusted"]) == (-4.0, None, None)
    assert rows[1]["es_95"] is None
    assert ">nan<" not in render(stress_page(given, rows))


def test_stress_that_changes_nothing_is_no_finding() -> None:
    same = np.full(30, 4)
    rows = stress_rows(stressed(block("a", same), block("a", same, "crash:1")))
    assert (rows[1]["change"], rows[1]["p_adjusted"]) == (0.0, 1.0)


def test_braces_and_bars_in_scenarios_are_text() -> None:
    name = "crash | {{ 7 * 7 }}"
    given = stressed(
        block(BRACES, [1, 2]), block(BRACES, [0, 1], f"{name}:1"), about=BRACES
    )  # fmt: skip
    given = replace(given, about={name: BRACES})
    rows = stress_rows(given)
    text = render(stress_page(given, rows))
    assert "{{ 7 * 7 }}" in text
    assert rows[1]["scenario"] == name
    assert "\\|" in markdown(rows)


def test_stress_without_a_stressed_setting_is_refused() -> None:
    given = stressed(block("a", [1, 2]))
    with pytest.raises(ValueError, match="table: expected a setting under stress"):
        stress_rows(given)
    only = EpisodeTable(given.table.metadata, (block("a", [1, 2], "crash:1"),))
    with pytest.raises(ValueError, match="table: expected every policy without stress too"):
        stress_rows(replace(given, table=only))
