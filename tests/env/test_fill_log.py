"""The log of fills through the vector environment: a table, opt-in, in any market."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError

from rlmm_tf.env import COLUMNS, FILL_COLUMNS, MarketMakingVectorEnv

HORIZONS_S = {"100ms": 0.1, "1s": 1.0, "10s": 10.0, "60s": 60.0}
PROBLEMS: dict[str, dict[str, Any]] = {
    "book-large-tick": {"market": {"warmup_ns": 1_000_000_000}, "episode": {"n_steps": 150}},
    "P1": {"episode": {"n_steps": 150}},
}
problems = pytest.mark.parametrize("name", PROBLEMS)


def run(name: str, n_threads: int, *, every: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """All fills of four episodes (taken every so many steps), and the columns of all steps."""
    envs = MarketMakingVectorEnv(
        3, name, overrides=PROBLEMS[name], info_columns=True, n_threads=n_threads
    )
    envs.log_fills()
    envs.reset(seed=4)
    actions = np.full((3, 2), -0.9, np.float32)  # near the mid
    tables, steps = [], []
    for step in range(600):
        infos = envs.step(actions)[-1]
        steps.append({column.name: infos[column.name] for column in COLUMNS})
        if (step + 1) % every == 0:
            tables.append(envs.take_fills())
    tables.append(envs.take_fills())
    fills = {c.name: np.concatenate([table[c.name] for table in tables]) for c in FILL_COLUMNS}
    return fills, {c.name: np.array([step[c.name] for step in steps]) for c in COLUMNS}


@problems
def test_sums_are_those_of_the_columns(name: str) -> None:
    fills, steps = run(name, 1, every=600)
    assert len(fills["ts_ns"]) > 50
    assert all(column.dtype == np.int64 for column in fills.values())
    maker, lots = fills["maker"] == 1, fills["qty_lots"]
    for side, column in ((1, "fills_maker_lots_bid"), (-1, "fills_maker_lots_ask")):
        assert lots[maker & (fills["side"] == side)].sum() == steps[column].sum()
    assert lots[~maker].sum() == steps["fills_taker_lots"].sum()
    gains_x2 = fills["side"] * lots * (fills["mid_ticks_x2"] - 2 * fills["price_ticks"])
    assert gains_x2.sum() == 2 * steps["pnl_spread"].sum()
    for env in range(3):
        episode = fills["episode_index"][fills["environment"] == env]
        assert set(episode) <= {0, 1, 2, 3}


def test_markouts_are_those_of_the_columns() -> None:
    fills, steps = run("book-large-tick", 1, every=600)
    for horizon in HORIZONS_S:
        later = fills[f"mid_ticks_x2_{horizon}"]
        there = later > 0
        gains_x2 = fills["side"] * fills["qty_lots"] * (later - 2 * fills["price_ticks"])
        assert gains_x2[there].sum() == 2 * steps[f"markout_{horizon}"].sum()
        assert fills["qty_lots"][there].sum() == steps[f"markout_lots_{horizon}"].sum()
    waits = fills["queue_wait_ns"]
    assert np.all((waits >= 0) & (waits <= fills["ts_ns"]))
    assert waits.max() > 0


@problems
def test_neither_threads_nor_when_they_are_taken_count(name: str) -> None:
    one, _ = run(name, 1, every=600)
    two, _ = run(name, 2, every=7)
    order = np.argsort(two["environment"], kind="stable")  # of the many tables
    for column in one:
        np.testing.assert_array_equal(one[column], two[column][order])
    place = np.stack([one[name] for name in ("environment", "episode_index", "ts_ns")])
    assert np.all(np.lexsort(place[::-1]) == np.arange(place.shape[1]))


def test_off_by_default() -> None:
    envs = MarketMakingVectorEnv(2, "P1")
    with pytest.raises(RuntimeError, match=r"batch: expected fills to be logged.*log_fills"):
        envs.take_fills()
    envs.log_fills()
    envs.log_fills(False)
    with pytest.raises(RuntimeError, match="batch: expected fills to be logged"):
        envs.take_fills()
    envs.close()
    with pytest.raises(ClosedEnvironmentError):
        envs.log_fills()


def test_table_says_what_its_columns_are() -> None:
    envs = MarketMakingVectorEnv(1, "P1")
    envs.log_fills()
    envs.reset(seed=1)
    empty = envs.take_fills()
    assert tuple(empty) == tuple(column.name for column in FILL_COLUMNS)
    assert all(column.shape == (0,) for column in empty.values())
    assert all(column.meaning for column in FILL_COLUMNS)
