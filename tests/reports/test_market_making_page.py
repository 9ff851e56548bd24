"""The market-making page: every part of every policy, honest intervals, no markup from data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reports.evaluation_values import Evaluation
from reports.market_making_page import market_making_page, markout_estimates
from reports.page import render
from reports.page.safety import unsafe
from rlmm_tf.evaluation.play import Trace
from tests.reports.test_evaluation_page import N, block, evaluation, table
from tests.reports.test_page import HOSTILE, tags_of
from tests.reports.test_traces import trace

STEPS = 60


def traded(policy: str, shift: int = 0) -> Any:
    lots = np.resize([4, 0, 2, 1], N)
    markouts = 2 * lots + np.resize([1, -1], N) * lots + shift * lots
    given = {f"markout_{h}_x2": markouts for h in ("100ms", "1s", "10s", "60s")}
    given |= {f"markout_lots_{h}": lots for h in ("100ms", "1s", "10s", "60s")}
    pnl = np.random.default_rng(1).integers(-40, 40, N)
    return block(policy, pnl, maker_bid_lots=lots, quoted_bid_lots=10 * lots, **given)


def busy(policy: str) -> Trace:
    rng = np.random.default_rng(3)
    return trace(
        policy, steps=STEPS, mid_ticks_x2=200.0 + np.cumsum(rng.integers(-1, 2, STEPS)),
        inventory_lots=rng.integers(-5, 6, STEPS), queue_ahead_bid_lots=rng.integers(0, 9, STEPS),
        fills_maker_lots_bid=rng.integers(0, 2, STEPS),
    )  # fmt: skip


def played(names: tuple[str, str] = ("agent", "glft")) -> Evaluation:
    blocks = (traded(names[0]), traded(names[1], 1))
    return replace(
        evaluation(), table=table(*blocks, market=names[0]), benchmark=names[1],
        traces=tuple(busy(name) for name in names), origin={"command": names[0]},
    )  # fmt: skip


def test_every_part_of_every_policy() -> None:
    page = market_making_page(played())
    assert [s.title for s in page.sections] == ["Equity and drawdown", "Inventory", "agent", "glft"]
    text = render(page)
    # equity, drawdown, inventory; quotes, markout, parts, queue, two maps, offsets for each
    assert [tag for tag, _ in tags_of(text).seen].count("svg") == 3 + 2 * 7
    for words in ("1 tick is 10 bps", "limits: 5 either way", "log scale", "ticks a step"):
        assert words in text
    assert text == render(market_making_page(played()))
    assert unsafe(text) == ""


def test_markouts_are_ratios_of_sums_with_intervals() -> None:
    given = played()
    found = markout_estimates(given)
    blocks = given.table.of("agent")
    lots, money = blocks["markout_lots_1s"], 0.5 * blocks["markout_1s_x2"]
    one = found["agent"][1]
    assert one is not None
    assert one.mean == pytest.approx(money.sum() / lots.sum())
    assert one.low is not None
    assert one.high is not None
    error = (money - one.mean * lots).std(ddof=1) / np.sqrt(N) / lots.mean()
    assert (one.high - one.low) / 2 == pytest.approx(1.99 * error, rel=0.15)
    other = found["glft"][1]
    assert other is not None
    assert other.mean == pytest.approx(one.mean + 0.5)


def test_one_fill_in_all_has_no_surer_markout_than_it_deserves() -> None:
    alone = np.zeros(N, np.int64)
    alone[3] = 1
    only = table(block("glft", np.zeros(N), markout_lots_1s=alone, markout_1s_x2=alone))
    found = markout_estimates(replace(played(), table=only, traces=()))["glft"]
    assert found[0] is None
    assert found[1] is not None
    assert found[1].mean == 0.5


def test_pieces_of_one_recording_have_no_equity_and_no_intervals() -> None:
    given = replace(played(), independent=False)
    found = markout_estimates(given)["agent"][0]
    assert found is not None
    assert (found.low, found.high) == (None, None)
    assert "do not add up" in render(market_making_page(given))


def test_what_cannot_be_shown_is_said() -> None:
    bare = replace(evaluation(), traces=())
    text = render(market_making_page(bare))
    for words in ("No steps were kept; evaluate with --set traced=3.", "No markouts:"):
        assert words in text
    idle = trace("idle", bid_lots=0.0, ask_lots=0.0)
    text = render(market_making_page(replace(evaluation(), traces=(idle,))))
    for words in ("No fills by queue", "No map of bids", "No quotes."):
        assert words in text


def test_names_never_become_markup() -> None:
    seen = []
    for names in ((HOSTILE, HOSTILE + "2"), ("agent", "glft")):
        text = render(market_making_page(played(names)))
        assert unsafe(text) == ""
        seen.append([tag for tag, _ in tags_of(text).seen])
    assert seen[0] == seen[1]
