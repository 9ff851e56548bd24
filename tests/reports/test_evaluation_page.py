"""The page of an evaluation: every part, sentences that follow the numbers, no markup from data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reports.evaluation import evaluation_page, verdict
from reports.evaluation_values import Evaluation, daily, evaluation_values
from reports.page import render
from reports.statistics.intervals import Bootstrap
from rlmm_tf.env import COLUMNS
from rlmm_tf.env.engine import COLUMN_INDEX
from rlmm_tf.evaluation.episodes import (
    EPISODE_COLUMNS,
    EpisodeMetadata,
    Episodes,
    EpisodeTable,
)
from rlmm_tf.evaluation.play import Trace
from tests.reports.test_page import HOSTILE, tags_of

HOUR_NS = 3600 * 10**9
EPISODE_NS = HOUR_NS // 2
N = 80


def block(policy: str, pnl_x2: Any, setting: str = "", **given: Any) -> Episodes:
    pnl = np.asarray(pnl_x2, np.int64)
    values = {c.name: np.zeros(len(pnl), c.dtype) for c in EPISODE_COLUMNS}
    values |= {
        "environment": np.arange(len(pnl)), "pnl_x2": pnl, "pnl_spread_x2": pnl,
        "reward": pnl.astype(np.float64), "steps": np.full(len(pnl), 4),
        "duration_ns": np.full(len(pnl), EPISODE_NS),
    }  # fmt: skip
    values |= {name: np.asarray(value) for name, value in given.items()}
    return Episodes(policy, values, setting)


def table(*blocks: Episodes, market: str = "a market") -> EpisodeTable:
    metadata = EpisodeMetadata(
        market=market, problem_sha256="0" * 64, seed=0, tick_value=2.0, step_ns=EPISODE_NS // 4,
        steps=4, inventory_cap_lots=5, mid_ticks_x2=2000,
    )  # fmt: skip
    return EpisodeTable(metadata, blocks)


def trace(policy: str) -> Trace:
    columns = np.zeros((1, 4, len(COLUMNS)))
    columns[0, :, COLUMN_INDEX["ts_ns"]] = np.arange(1, 5) * HOUR_NS // 4
    columns[0, 3] = np.nan
    return Trace(policy, columns)


def evaluation(names: tuple[str, str, str] = ("agent", "glft", "idle")) -> Evaluation:
    noise = np.random.default_rng(1).integers(-40, 40, N)
    agent, glft, idle = names
    blocks = (block(agent, noise + 30), block(glft, noise), block(idle, noise + noise % 3 - 1))
    return Evaluation(
        table=table(*blocks, market=names[0]),
        traces=tuple(trace(name) for name in names[:2]),
        rules={glft: "Glft(1)"},
        benchmark=glft,
        bootstrap=Bootstrap(0, resamples=999),
        independent=True,
        calendar="6.5h",
        capital=10_000.0,
        origin={"command": names[0]},
    )


def test_numbers_are_those_of_the_table() -> None:
    given = evaluation()
    values = evaluation_values(given)
    outcomes = given.table.of("agent")["pnl_x2"] * 1.0
    found = values["policies"]["agent"]
    assert found["metrics"]["mean PnL"] == pytest.approx(outcomes.mean())
    assert found["mean_pnl_low"] < outcomes.mean() < found["mean_pnl_high"]
    against = values["against_benchmark"]["pnl"]
    assert set(against) == {"agent", "idle"}
    assert against["agent"]["difference"] == pytest.approx(30.0)
    assert against["agent"]["significant"]
    assert not against["idle"]["significant"]


def longer(given: Evaluation, episodes: int) -> Evaluation:
    """The same again and again."""
    blocks = [block(b.policy, np.resize(b["pnl_x2"], episodes)) for b in given.table]
    return replace(given, table=table(*blocks))


def test_episodes_are_strung_together_to_whole_days() -> None:
    """Half hours in sessions of 6.5 h: twenty whole days, and an hour that is none."""
    given = longer(evaluation(), 20 * 13 + 2)
    found = evaluation_values(given)["policies"]["agent"]
    pnl = given.table.of("agent")["pnl_x2"] * 1.0
    returns = pnl[: 20 * 13].reshape(20, 13).sum(axis=1) / 10_000.0
    assert found["days"] == 20
    assert found["sharpe"] == pytest.approx(np.sqrt(252) * returns.mean() / returns.std(ddof=1))


def test_who_is_stopped_early_has_the_same_days() -> None:
    given = evaluation()
    short = np.where(np.arange(N) % 2, EPISODE_NS, EPISODE_NS // 2)
    blocks = [block(b.policy, b["pnl_x2"], duration_ns=short) for b in given.table]
    stopped = Evaluation(**{**vars(given), "table": table(*blocks)})
    ours, theirs = daily(stopped, "agent"), daily(given, "agent")
    assert ours is not None
    assert theirs is not None
    np.testing.assert_array_equal(ours.days, theirs.days)
    np.testing.assert_array_equal(ours.pnl, theirs.pnl)


def test_a_single_day_has_no_sharpe_ratio() -> None:
    given = evaluation()
    short = table(*(block(b.policy, b["pnl_x2"][:20]) for b in given.table))
    found = evaluation_values(Evaluation(**{**vars(given), "table": short}))
    assert found["policies"]["agent"]["sharpe"] is None
    assert found["policies"]["agent"]["days"] == 1
    none = table(*(block(b.policy, b["pnl_x2"][:12]) for b in given.table))
    assert daily(Evaluation(**{**vars(given), "table": none}), "agent") is None


def test_nineteen_days_make_no_annual_number() -> None:
    """Two days may have a Sharpe ratio of thousands."""
    given = longer(evaluation(), 20 * 13 - 1)
    found = evaluation_values(given)["policies"]["agent"]
    assert (found["days"], found["sharpe"], found["sortino"]) == (19, None, None)
    assert found["by_day"] is None  # nor Calmar, annual return or volatility
    text = render(evaluation_page(given, evaluation_values(given), {}))
    assert "None: it takes at least 20 days." in text


def test_pieces_of_one_recording_are_no_sample() -> None:
    given = Evaluation(**{**vars(evaluation()), "independent": False})
    values = evaluation_values(given)
    for found in values["policies"].values():
        assert (found["mean_pnl_low"], found["mean_pnl_high"]) == (None, None)
        assert (found["days"], found["sharpe"]) == (0, None)
    for found in values["against_benchmark"]["pnl"].values():
        assert (found["low"], found["p_adjusted"], found["significant"]) == (None, None, False)
    text = render(evaluation_page(given, values, {}))
    assert "overlapping pieces of one recording" in text
    assert "None: pieces of one recording overlap and make no days." in text


def test_episodes_that_do_not_fill_a_session_make_no_days() -> None:
    given = evaluation()
    odd = replace(given.table.metadata, step_ns=HOUR_NS // 3)
    longer = EpisodeTable(odd, given.table.blocks)
    uneven = Evaluation(**{**vars(given), "table": longer})
    assert daily(uneven, "agent") is None
    text = render(evaluation_page(uneven, evaluation_values(uneven), {}))
    assert "do not fill sessions of 6.5 h evenly" in text


def test_seeds_of_one_policy_are_one_number() -> None:
    """Seeds are what varies: the interval is Student's over the jackknife of the three."""
    given = evaluation()
    noise = given.table.of("glft")["pnl_x2"]
    blocks = [block(f"run{i}", noise + 10 * i) for i in (1, 2, 3)]
    seeds = replace(
        given, table=table(*blocks, block("glft", noise)), traces=(), rules={},
        seeds_of={"ppo": ("run1", "run2", "run3")},
    )  # fmt: skip
    values = evaluation_values(seeds)
    found = values["seeds"]["ppo"]["pnl"]
    assert values["seeds"]["ppo"]["runs"] == ["run1", "run2", "run3"]
    scores = np.sort(np.concatenate([b["pnl_x2"] for b in blocks]))
    assert found["iqm"] == pytest.approx(scores[60:180].mean())
    # Differences are 80 each of 10, 20 and 30: the middle half of 240 is 20 by symmetry, and
    # without one seed 160 are left, whose middle half is the mean of the two.
    assert found["difference_iqm"] == pytest.approx(20.0)
    error = np.sqrt(2 / 3 * ((25 - 20) ** 2 + 0 + (15 - 20) ** 2))
    assert found["difference_high"] == pytest.approx(20.0 + 4.30265273 * error)
    text = render(evaluation_page(seeds, values, {}))
    assert "IQM against glft" in text
    itself = evaluation_values(replace(seeds, benchmark="run1"))["seeds"]["ppo"]["pnl"]
    assert "difference_iqm" not in itself


def test_risk_by_day_is_named_as_such() -> None:
    given = longer(evaluation(), 20 * 13)
    values = evaluation_values(given)
    found = values["policies"]["agent"]["by_day"]
    assert (found["days"], found["calendar"]) == (20, "sessions of 6.5 h")
    assert found["var_95"] is not None
    assert found["var_99"] is None  # of twenty days
    text = render(evaluation_page(given, values, {}))
    assert "Shares of a capital of 10000" in text.replace("\u2009", "")
    assert "Calmar" in text


def test_the_verdict_follows_the_numbers() -> None:
    sentences = verdict(evaluation_values(evaluation()))
    assert sentences[0].startswith("agent earns 30 more reward an episode than glft (")
    assert sentences[1].startswith("idle cannot be told from glft by 80 episodes")
    worse = evaluation(("glft", "agent", "idle"))
    assert "earns 30 more" in verdict(evaluation_values(worse))[0]


def test_every_part_is_there() -> None:
    given = evaluation()
    page = evaluation_page(given, evaluation_values(given), {"agent": "tear-sheet-1.html"})
    assert [section.title for section in page.sections] == [
        "Verdict", "Where the money comes from", "Fills", "Risk by day", "Episodes",
        "Tear sheets", "Baselines", "How it is computed",
    ]  # fmt: skip
    text = render(page)
    assert [tag for tag, _ in tags_of(text).seen].count("svg") == 3 + 3
    assert "Glft(1)" in text
    assert ("a", {"href": "tear-sheet-1.html"}) in tags_of(text).seen
    assert "://" not in text
    assert text == render(
        evaluation_page(given, evaluation_values(given), {"agent": "tear-sheet-1.html"})
    )


def test_without_traces_or_baselines_the_page_says_so() -> None:
    given = Evaluation(**{**vars(evaluation()), "traces": (), "rules": {}})
    text = render(evaluation_page(given, evaluation_values(given), {}))
    assert "None: they need 20 days, which are 260 episodes of this length" in text
    assert "No steps were kept." in text
    assert "None took part." in text


def test_names_never_become_markup() -> None:
    hostile = evaluation((HOSTILE, HOSTILE + "2", HOSTILE + "3"))
    plain = evaluation()
    pages = [
        render(evaluation_page(one, evaluation_values(one), {HOSTILE: "tear-sheet-1.html"}))
        for one in (hostile, plain)
    ]
    seen = [[tag for tag, _ in tags_of(page).seen] for page in pages]
    assert seen[0] == seen[1]
