"""Book markets through the environments: single and vectorised, features, accounts, recorder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.env import (
    EVENT_KINDS,
    FEATURES,
    MarketMakingVectorEnv,
    Recorder,
    engine_params,
)
from rlmm_tf.presets import PRESETS, resolve_params
from rlmm_tf.seeding import environment_keys

BOOKS = tuple(name for name, params in PRESETS.items() if params.market.kind == "book")
SHORT: dict[str, Any] = {
    "market": {"warmup_ns": 1_000_000_000},
    "episode": {"n_steps": 20, "initial_inventory_min_lots": -5, "initial_inventory_max_lots": 5},
    "observation": {"features": tuple(feature.name for feature in FEATURES)},
}
books = pytest.mark.parametrize("book", BOOKS)


def actions(n_steps: int, n_envs: int, width: int = 2) -> NDArray[np.float32]:
    rng = np.random.default_rng(5)
    return rng.uniform(-1, 1, (n_steps, n_envs, width)).astype(np.float32)


@books
def test_every_feature_is_finite_and_within_bounds(book: str) -> None:
    envs = MarketMakingVectorEnv(8, book, overrides={**SHORT, "episode": {"n_steps": 150}})
    space = envs.single_observation_space
    assert {name.rstrip("0123456789_") for name in envs.layout.names} == {
        feature.name for feature in FEATURES
    }
    rows = [envs.reset(seed=3)[0]]
    rows += [envs.step(row)[0] for row in actions(300, 8)]
    seen = np.stack(rows)
    assert np.isfinite(seen).all()
    assert (seen >= space.low).all()
    assert (seen <= space.high).all()
    still = [
        name
        for name, moves in zip(envs.layout.names, np.ptp(seen, axis=(0, 1)) > 0.0, strict=True)
        if not moves
    ]
    assert still == []


@books
def test_a_feature_alone_is_what_it_is_among_all(book: str) -> None:
    # What the observation does not show is not computed, and must not be missed.
    def play(features: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.float32], Any]:
        overrides = {**SHORT, "observation": {"features": features}}
        envs = MarketMakingVectorEnv(4, book, overrides=overrides)
        envs.reset(seed=6)
        steps = [tuple(part.copy() for part in envs.step(row)[:2]) for row in actions(30, 4)]
        seen, rewards = zip(*steps, strict=True)
        return envs.layout.names, np.stack(seen), np.stack(rewards)

    names, among_all, rewards = play(SHORT["observation"]["features"])
    for feature in FEATURES:
        own_names, alone, own_rewards = play((feature.name,))
        at = [names.index(name) for name in own_names]
        np.testing.assert_array_equal(alone, among_all[:, :, at], err_msg=feature.name)
        np.testing.assert_array_equal(own_rewards, rewards)


@books
def test_accounts_add_up(book: str) -> None:
    # 300 steps of one episode; every number is exact, so what adds up does to the last bit.
    overrides: dict[str, Any] = {**SHORT, "action": {"sizes": True}, "episode": {"n_steps": 1000}}
    params = resolve_params(book, overrides)
    envs = MarketMakingVectorEnv(8, params, info_columns=True)
    envs.reset(seed=4)
    steps = []
    for row in actions(301, 8, 4):
        _, rewards, *_, infos = envs.step(row)
        steps.append({name: values.copy() for name, values in infos.items()} | {"r": rewards})
    all_steps = {name: np.stack([step[name] for step in steps]) for name in steps[0]}
    now = {name: values[1:] for name, values in all_steps.items()}
    moved = {name: np.diff(values, axis=0) for name, values in all_steps.items()}

    bought, sold = now["fills_maker_lots_bid"], now["fills_maker_lots_ask"]
    assert min(bought.sum(), sold.sum()) > 0
    assert not now["fills_taker_lots"].any()  # every order is post-only
    np.testing.assert_array_equal(moved["inventory_lots"], bought - sold)

    worth_x2 = all_steps["inventory_lots"] * all_steps["mid_ticks_x2"]
    wealth_x2 = 2.0 * (all_steps["cash"] - all_steps["fees"]) + worth_x2
    parts_x2 = 2.0 * (now["pnl_spread"] + now["pnl_inventory"] + now["pnl_fees"])
    np.testing.assert_array_equal(np.diff(wealth_x2, axis=0), parts_x2)
    np.testing.assert_array_equal(moved["fees"], -now["pnl_fees"])

    np.testing.assert_allclose(now["term_pnl"], 0.5 * parts_x2 * params.tick_value, atol=1e-9)
    penalty = params.reward.inventory_quadratic * now["term_inventory_quadratic"]
    np.testing.assert_allclose(now["r"], now["term_pnl"] - penalty, atol=1e-9)

    assert (now["spread_ticks"] >= 1).all()
    assert (now["events"] >= now["market_sells"] + now["market_buys"]).all()
    assert (np.abs(now["inventory_lots"]) <= params.limits.inventory_cap_lots).all()
    for name in ("100ms", "1s", "10s"):
        matured, filled = (
            all_steps[f"markout_lots_{name}"].cumsum(axis=0),
            (all_steps["fills_maker_lots_bid"] + all_steps["fills_maker_lots_ask"]).cumsum(axis=0),
        )
        assert (matured <= filled).all()


@books
def test_recorder_counts_what_it_would_write(book: str) -> None:
    params, keys = engine_params(resolve_params(book, SHORT)), environment_keys(6, 1)
    until = 60_000_000_000
    counted = Recorder(params, keys)
    n_events = counted.count(until)
    # The first call of `run` begins with the orders of the book as it then is.
    going_on = counted.run(2 * until)
    whole = Recorder(params, keys)
    first, second = whole.run(until), whole.run(2 * until)
    opening = (EVENT_KINDS["clear"], EVENT_KINDS["snapshot"])
    flow = ~np.isin(first["kind"], opening)
    assert n_events <= np.count_nonzero(flow) + np.unique(first["ts_ns"]).size
    assert n_events >= np.unique(first["ts_ns"][flow]).size
    later = ~np.isin(going_on["kind"], opening)
    for name in ("ts_ns", "kind", "price_ticks", "qty_lots", "order_id"):
        np.testing.assert_array_equal(going_on[name][later], second[name])
    with pytest.raises(ValueError, match=r"^until_ns: expected from 120000000000 "):
        counted.count(until)


@books
def test_recorder_counts_the_events_of_a_batch_without_quotes(book: str, simulate: Any) -> None:
    # An agent that never quotes leaves the market as it is.
    overrides: dict[str, Any] = {**SHORT, "action": {"sizes": True, "lots_min": 0}}
    params = resolve_params(book, overrides)
    simulation = simulate(params, seed=7)
    simulation.reset()
    recorder = Recorder(engine_params(params), environment_keys(7, 1))
    step_ns = params.episode.step_ns
    for step in range(1, 20):
        columns = simulation.quote(1, 1, (0, 0))
        assert recorder.count(step * step_ns) == columns["events"][0] > 0


@books
def test_filtered_regimes_are_shares_that_move(book: str) -> None:
    envs = MarketMakingVectorEnv(4, book, overrides=SHORT)
    shown = [i for i, c in enumerate(envs.layout.columns) if "regime_probability" in c.name]
    rows = [envs.reset(seed=3)[0][:, shown]]
    rows += [envs.step(step)[0][:, shown] for step in actions(15, 4)]
    probabilities = np.array(rows)  # (steps, environments, regimes)
    assert np.all((probabilities >= 0) & (probabilities <= 1))
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1.0, rtol=1e-6)
    n_regimes = len(envs.params.market.model.switch_rates_hz)  # type: ignore[union-attr]
    assert probabilities.shape[-1] == n_regimes
    assert (np.ptp(probabilities, axis=0) > 0).all() == (n_regimes > 1)
