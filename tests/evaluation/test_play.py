"""Episodes as they are played: against a slow twin, and bit for bit however they are cut."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env import (
    COLUMNS,
    MarketMakingVectorEnv,
    RolloutArrays,
    aligned_empty,
    make_batch,
    make_policy,
    roll_out,
)
from rlmm_tf.evaluation.baselines import Measured, tune
from rlmm_tf.evaluation.episodes import COLUMN_NAMES, HORIZONS, QUEUE_BOUNDS, QUEUES
from rlmm_tf.evaluation.play import NetworkPlayer, Player, RulePlayer, play
from rlmm_tf.params import EnvParams
from rlmm_tf.seeding import environment_keys
from tests.evaluation.problems import networked, skewed, small_problem

EPISODES = 5
SEED = 3
MEASURED = Measured(1.6, 0.05, 0.2, (0, 6, 12), (0.05, 0.02, 0.005))


def seed() -> np.random.SeedSequence:
    return np.random.SeedSequence(SEED)


def told_step_by_step(player: RulePlayer) -> list[dict[str, Any]]:
    """The table by plain Python, from the environment that users step."""
    params = player.params
    env = MarketMakingVectorEnv(EPISODES, params, info_columns=True)
    env.log_fills()
    obs, _ = env.reset(seed=seed())
    policy = player.policy(params, range(EPISODES))
    rows: list[list[dict[str, float]]] = [[] for _ in range(EPISODES)]
    over = [False] * EPISODES
    terminations = [False] * EPISODES
    for _ in range(params.episode.n_steps):
        obs, _, terminated, truncated, infos = env.step(policy.act(obs))
        for e in range(EPISODES):
            if over[e]:
                continue
            rows[e].append({column.name: float(infos[column.name][e]) for column in COLUMNS})
            over[e] = bool(terminated[e] or truncated[e])
            terminations[e] = bool(terminated[e])
    fills = env.take_fills()
    env.close()
    found = []
    for e, steps in enumerate(rows):
        row = summed(e, steps, terminations[e], params.episode.n_steps, params.action.lots_max)
        own = (fills["environment"] == e) & (fills["episode_index"] == 0)
        mine = [
            {name: int(column[i]) for name, column in fills.items()} for i in np.flatnonzero(own)
        ]
        found.append(row | of_fills(mine, row) | of_queues(steps, params))
    return found


def of_fills(fills: list[dict[str, int]], row: dict[str, Any]) -> dict[str, Any]:
    """What the log of fills adds: counts, worth, and the position between one and the next."""
    position = int(row["inventory_end_lots"]) - sum(f["side"] * f["qty_lots"] for f in fills)
    first = second = 0.0
    now_ns = 0
    for fill in [*fills, {"ts_ns": int(row["duration_ns"]), "side": 0, "qty_lots": 0}]:
        first += position * (fill["ts_ns"] - now_ns) / 1e9
        second += position**2 * (fill["ts_ns"] - now_ns) / 1e9
        position, now_ns = position + fill["side"] * fill["qty_lots"], fill["ts_ns"]
    spreads = {
        f"markout_spread_{horizon}_x2": sum(
            f["side"] * f["qty_lots"] * (f["mid_ticks_x2"] - 2 * f["price_ticks"])
            for f in fills
            if f[f"mid_ticks_x2_{horizon}"] > 0
        )
        for horizon in HORIZONS
    }
    return spreads | {
        "trades": len(fills),
        "traded_tick_lots": sum(f["price_ticks"] * f["qty_lots"] for f in fills),
        "inventory_integral_lots_s": first,
        "inventory_squares_s": second,
    }


def of_queues(steps: list[dict[str, float]], params: EnvParams) -> dict[str, int]:
    """Orders that the next decision leaves where they are, by the lots ahead of them."""
    counts = {f"queue_{name}_{what}": 0 for name in QUEUES for what in ("rested", "filled")}
    if not isinstance(params.market, BookMarketParams):
        return counts
    touch = params.market.model.typical.touch_lots

    def price(t: int, side: str, sign: int) -> float:
        mid = steps[t - 1]["mid_ticks_x2"] / 2
        offset = steps[t][f"{side}_offset_ticks"]
        return math.floor(mid - offset) if sign > 0 else math.ceil(mid + offset)

    for side, sign in (("bid", 1), ("ask", -1)):
        for t in range(2, len(steps)):
            before, now = steps[t - 1], steps[t]
            stood = before[f"{side}_lots"] > 0 and before[f"fills_maker_lots_{side}"] == 0
            if not (stood and now[f"{side}_lots"] > 0):
                continue
            if price(t, side, sign) != price(t - 1, side, sign):
                continue
            share = before[f"queue_ahead_{side}_lots"] / touch
            place = QUEUES[sum(share > bound for bound in QUEUE_BOUNDS)]
            counts[f"queue_{place}_rested"] += 1
            counts[f"queue_{place}_filled"] += now[f"fills_maker_lots_{side}"] > 0
    return counts


def summed(
    environment: int,
    steps: list[dict[str, float]],
    terminated: bool,
    n_steps: int,
    lots_max: int,
) -> dict[str, Any]:
    """One row of the table."""
    row = dict.fromkeys(COLUMN_NAMES, 0.0)
    equity = peak = 0.0
    for step in steps:
        row["pnl_spread_x2"] += 2 * step["pnl_spread"]
        row["pnl_inventory_x2"] += 2 * step["pnl_inventory"]
        row["pnl_fees_x2"] += 2 * step["pnl_fees"]
        equity += 2 * (step["pnl_spread"] + step["pnl_inventory"] + step["pnl_fees"])
        peak = max(peak, equity)
        row["drawdown_x2"] = max(row["drawdown_x2"], peak - equity)
        row["maker_bid_lots"] += step["fills_maker_lots_bid"]
        row["maker_ask_lots"] += step["fills_maker_lots_ask"]
        row["taker_lots"] += step["fills_taker_lots"]
        row["quoted_bid_lots"] += step["bid_lots"]
        row["quoted_ask_lots"] += step["ask_lots"]
        if step["bid_lots"] > 0 and step["ask_lots"] > 0:
            row["two_sided_steps"] += 1
            row["quoted_spread_ticks"] += step["bid_offset_ticks"] + step["ask_offset_ticks"]
        row["market_spread_ticks"] += step["spread_ticks"]
        orders = step["market_sells"] + step["market_buys"]
        row["market_orders"] += orders
        row["capturable_x2"] += orders * step["spread_ticks"] * lots_max
        for name in ("messages", "messages_refused", "lots_rejected", "events", "reward"):
            row[name] += step[name]
        q = step["inventory_lots"]
        row["inventory_max_lots"] = max(row["inventory_max_lots"], abs(q))
        row["inventory_sum"] += q
        row["inventory_squares"] += q * q
        row["inventory_lots_s"] += step["term_inventory_linear"]
        for horizon in HORIZONS:
            row[f"markout_{horizon}_x2"] += 2 * step[f"markout_{horizon}"]
            row[f"markout_lots_{horizon}"] += step[f"markout_lots_{horizon}"]
    held = [step["inventory_lots"] for step in steps]
    row["inventory_products"] = sum(a * b for a, b in pairwise(held))
    row["pnl_x2"] = equity
    last = steps[-1]
    row |= {
        "environment": environment, "steps": len(steps), "duration_ns": last["ts_ns"],
        "terminated": terminated and len(steps) < n_steps, "mid_ticks_x2": last["mid_ticks_x2"],
        "inventory_end_lots": last["inventory_lots"],
    }  # fmt: skip
    return row


PROBLEMS = {
    "book": small_problem(),
    "book with a loss limit": small_problem(limits={"loss_limit": 2.0}),
    "book, fees, large ticks": small_problem("book-large-tick", action={"lots_max": 20}),
    "analytic": small_problem("P1"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_rows_are_what_the_environment_says_step_by_step(name: str) -> None:
    params = PROBLEMS[name]
    half = 0.5 if "large" in name else 6.0 if "book" in name else 5000.0
    player = skewed(params, half)
    played, _ = play(player, episodes=EPISODES, seed=seed())
    told = told_step_by_step(player)
    for column in COLUMN_NAMES:
        expected = [row[column] for row in told]
        np.testing.assert_allclose(played[column], expected, rtol=1e-12, err_msg=column)
    assert played["maker_bid_lots"].sum() > 0
    if "loss" in name:
        assert played["terminated"].sum() > 0
        assert (played["steps"] < params.episode.n_steps).any()


def players(params: EnvParams) -> list[Player]:
    random = tune("random", params, MEASURED, episodes=2, seed=seed()).player
    return [skewed(params), networked(params), random]


@pytest.mark.parametrize("index", [0, 1, 2], ids=["rule", "network", "random"])
@pytest.mark.parametrize("limit", [None, 2.0], ids=["whole", "with a loss limit"])
def test_rows_do_not_depend_on_how_they_are_played(index: int, limit: float | None) -> None:
    player = players(small_problem(limits={"loss_limit": limit}))[index]
    whole, trace = play(player, episodes=7, seed=seed(), traced=3)
    for others in ({"at_once": 3}, {"n_threads": 2}, {"at_once": 1}):
        again, same = play(player, episodes=7, seed=seed(), traced=3, **others)
        for column in COLUMN_NAMES:
            np.testing.assert_array_equal(whole[column], again[column], err_msg=column)
        np.testing.assert_array_equal(trace.columns, same.columns)
    fewer, _ = play(player, episodes=4, seed=seed())
    np.testing.assert_array_equal(fewer["pnl_x2"], whole["pnl_x2"][:4])


def test_a_network_plays_its_mode() -> None:
    params = small_problem()
    player = networked(params)
    assert isinstance(player, NetworkPlayer)
    played, _ = play(player, episodes=EPISODES, seed=seed())
    batch = make_batch(params, seeds=environment_keys(seed(), EPISODES))
    batch.reset(obs=aligned_empty((EPISODES, player.spec.obs_width), np.float32))
    arrays = RolloutArrays.empty(
        player.spec, n_steps=params.episode.n_steps, n_envs=EPISODES, columns=True
    )
    roll_out(batch, make_policy(player.spec, player.weights), arrays, deterministic=True)
    np.testing.assert_allclose(arrays.reward.sum(axis=0), played["reward"], rtol=1e-12)


def test_policies_meet_the_same_draws() -> None:
    """Whoever quotes where nobody trades sees the same market as another such one."""
    params = small_problem()
    far = [play(skewed(params, half), episodes=3, seed=seed())[0] for half in (38.0, 40.0)]
    assert far[0]["maker_bid_lots"].sum() == far[1]["maker_bid_lots"].sum() == 0
    assert (far[0]["market_orders"] > 0).all()
    other, _ = play(skewed(params, 40.0), episodes=3, seed=np.random.SeedSequence(SEED + 1))
    assert (other["events"] != far[1]["events"]).any()


def test_a_trace_is_the_steps_of_the_first_episodes() -> None:
    params = small_problem(limits={"loss_limit": 2.0})
    played, trace = play(skewed(params), episodes=6, seed=seed(), traced=4, at_once=3)
    assert trace.columns.shape == (4, params.episode.n_steps, len(COLUMNS))
    for e in range(4):
        steps = int(played["steps"][e])
        assert np.isfinite(trace.columns[e, :steps]).all()
        assert np.isnan(trace.columns[e, steps:]).all()
        assert trace["inventory_lots"][e, steps - 1] == played["inventory_end_lots"][e]
        assert 2 * np.nansum(trace["pnl_spread"][e]) == played["pnl_spread_x2"][e]
    assert (played["steps"][:4] < params.episode.n_steps).any()


def test_finished_episodes_are_reported() -> None:
    told: list[int] = []
    play(skewed(small_problem()), episodes=7, seed=seed(), at_once=3, report=told.append)
    assert told == [3, 3, 1]


def test_a_horizon_is_no_loss_limit() -> None:
    played, _ = play(skewed(small_problem("P1"), 5000.0), episodes=4, seed=seed())
    assert not played["terminated"].any()


def test_a_rule_is_itself_in_a_problem_with_other_scales() -> None:
    """A larger cap changes what an observed inventory of 1 means, and not what the rule does."""
    params = small_problem()
    wide = small_problem(limits={"inventory_cap_lots": 4000})
    player = skewed(params)
    moved, _ = play(player.in_problem(wide), episodes=6, seed=seed())
    made, _ = play(skewed(wide), episodes=6, seed=seed())
    for column in COLUMN_NAMES:
        np.testing.assert_array_equal(moved[column], made[column], err_msg=column)
