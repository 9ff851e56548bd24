"""Recorded days as environments: what is read, who shares it, checkers, fills as FIFO has them."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

from rlmm_tf.env import (
    COLUMNS,
    ENV_ID,
    REPLAY_FEATURES,
    MarketMakingEnv,
    MarketMakingVectorEnv,
    actions_from_quotes,
    make_tape,
    measure_typical,
    tape_of,
)
from rlmm_tf.events import EventFlag, EventKind, EventMetadata, EventTable
from rlmm_tf.params import EnvParams, ObservationParams
from rlmm_tf.presets import preset
from rlmm_tf.recording import Session, generator_hash, record
from rlmm_tf.replay_params import ReplayMarketParams

NS = 1_000_000_000
START_NS = 1_340_271_000 * NS
DURATION_NS = 600 * NS
STEP_NS = 2 * NS
MARKET = preset("book-large-tick")


@pytest.fixture(scope="module")
def orders() -> EventTable:
    """Ten simulated minutes, order by order."""
    session = Session(duration_ns=DURATION_NS, start_ns=START_NS)
    chunks = list(record(MARKET, seed=4, duration_ns=DURATION_NS, levels=0))
    parts = [chunk.columns(START_NS) for chunk in chunks]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    generator = generator_hash(MARKET, seed=4, duration_ns=DURATION_NS)
    return EventTable.from_columns(columns, session.metadata(generator))


@pytest.fixture(scope="module")
def levels(orders: EventTable) -> EventTable:
    """The same without order ids."""
    return changed(orders, order_id=np.zeros(len(orders), dtype=np.uint64))


@pytest.fixture(scope="module")
def files(
    orders: EventTable, levels: EventTable, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("recordings")
    tables = {"orders": orders, "levels": levels}
    for name, table in tables.items():
        table.write(folder / f"{name}.parquet")
    return {name: folder / f"{name}.parquet" for name in tables}


def changed(table: EventTable, **columns: NDArray[Any]) -> EventTable:
    """The table with other columns."""
    all_columns = {name: table.column(name) for name in table.table.schema.names}
    return EventTable.from_columns(all_columns | columns, table.metadata)


def problem(path: Path, **market: Any) -> EnvParams:
    """A minute of the recording for a maker without delays."""
    values = {
        **MARKET.model_dump(),
        "market": {"kind": "replay", "recording": str(path), **market},
        "latency": {},
        "episode": {"n_steps": 30, "step_ns": STEP_NS, "horizon_ends": "truncated"},
        "action": {
            "offset_min_ticks": -50, "offset_max_ticks": 50, "sizes": True, "lots_min": 0,
            "lots_max": 5,
        },
        "observation": {"features": tuple(feature.name for feature in REPLAY_FEATURES)},
    }  # fmt: skip
    return EnvParams.model_validate(values)


# --- Gymnasium ------------------------------------------------------------------------------------

# Warnings are errors (pyproject.toml): these also show that there are none.


@pytest.mark.parametrize("name", ["orders", "levels"])
def test_gymnasium_checker(files: dict[str, Path], name: str) -> None:
    check_env(gymnasium.make(ENV_ID, params=problem(files[name])).unwrapped, skip_render_check=True)


@pytest.mark.global_randomness("stable-baselines3 seeds and draws from NumPy's own generator")
def test_stable_baselines3_checker(files: dict[str, Path]) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(gymnasium.make(ENV_ID, params=problem(files["levels"])).unwrapped)


@pytest.mark.parametrize("name", ["orders", "levels"])
def test_a_feature_alone_is_what_it_is_among_all(files: dict[str, Path], name: str) -> None:
    # What the observation does not show is not computed, and must not be missed.
    def play(features: tuple[str, ...]) -> tuple[tuple[str, ...], list[NDArray[Any]]]:
        params = problem(files[name]).model_copy(
            update={"observation": ObservationParams(features=features)}
        )
        envs = MarketMakingVectorEnv(4, params)
        rng = np.random.default_rng(8)
        seen = [envs.reset(seed=6)[0].copy()]
        for step in range(40):  # into the second episode
            if step == 15:
                state = envs.state()
                envs.step(np.zeros((4, 4), np.float32))
                envs.set_state(state)
            seen.append(envs.step(rng.uniform(-1, 1, (4, 4)).astype(np.float32))[0].copy())
        return envs.layout.names, seen

    every = tuple(feature.name for feature in REPLAY_FEATURES)
    names, among_all = play(every)
    for feature in every:
        own_names, alone = play((feature,))
        at = [names.index(own) for own in own_names]
        for one, row in zip(alone, among_all, strict=True):
            np.testing.assert_array_equal(one, row[:, at], err_msg=feature)


def test_a_preset_can_be_played_in_a_recording(files: dict[str, Path]) -> None:
    overrides = {
        "market": ReplayMarketParams(recording=str(files["orders"])),
        "observation": {"features": ("time_left", "inventory", "spread")},
    }
    envs = gymnasium.make_vec(
        ENV_ID, num_envs=2, params="book-large-tick", overrides=overrides, n_threads=1
    )
    obs, _ = envs.reset(seed=1)
    assert envs.observation_space.contains(obs)
    envs.close()


@pytest.mark.parametrize("name", ["orders", "levels"])
def test_single_environment_is_the_first_of_the_vector(files: dict[str, Path], name: str) -> None:
    params = problem(files[name])
    env = MarketMakingEnv(params)
    envs = MarketMakingVectorEnv(3, params, info_columns=True, n_threads=2)
    obs, _ = env.reset(seed=11)
    all_obs, _ = envs.reset(seed=11)
    np.testing.assert_array_equal(obs, all_obs[0])
    rng = np.random.default_rng(5)
    ends, traded = 0, 0.0
    for _ in range(70):
        actions = rng.uniform(-1, 1, (3, 4)).astype(np.float32) * np.float32([0.1, 0.1, 1, 1])
        obs, reward, terminated, truncated, infos = env.step(actions[0])
        all_obs, rewards, _, all_truncated, all_infos = envs.step(actions)
        assert (reward, truncated) == (rewards[0], all_truncated[0])
        assert infos == {column.name: all_infos[column.name][0] for column in COLUMNS}
        traded += infos["fills_maker_lots_bid"] + infos["fills_maker_lots_ask"]
        if terminated or truncated:
            ends += 1
            obs, _ = env.reset()
        np.testing.assert_array_equal(obs, all_obs[0])
    assert ends == 2
    assert traded > 0


def test_rendering_starts_where_the_recording_is(files: dict[str, Path]) -> None:
    env = MarketMakingEnv(problem(files["levels"]), render_mode="ansi")
    env.reset(seed=1)
    env.step(np.zeros(4, dtype=np.float32))
    text = env.render()
    assert isinstance(text, str)
    assert "100" in text.split("mid")[1]
    picture = MarketMakingEnv(problem(files["levels"]), render_mode="rgb_array")
    picture.reset(seed=1)
    picture.step(np.zeros(4, dtype=np.float32))
    assert isinstance(picture.render(), np.ndarray)


def test_typical_values_are_those_of_the_market(files: dict[str, Path]) -> None:
    market = ReplayMarketParams(recording=str(files["levels"]))
    typical = measure_typical(market)
    there = MARKET.market.model.typical
    assert typical.spread_ticks == there.spread_ticks
    for name in ("touch_lots", "volatility_ticks", "market_orders_hz"):
        assert 0.5 < getattr(typical, name) / getattr(there, name) < 2.0
    again = measure_typical(market.model_copy(update={"typical": typical}), step_ns=2 * NS)
    assert again.touch_lots == pytest.approx(typical.touch_lots, rel=0.2)
    assert again.volatility_ticks == pytest.approx(typical.volatility_ticks, rel=0.2)
    still = {"ranges": [{"start_ns": START_NS, "end_ns": START_NS + 1}]}
    nothing = measure_typical(ReplayMarketParams(recording=str(files["levels"]), **still))
    assert (nothing.volatility_ticks, nothing.market_orders_hz) == (1.0, 1.0)


def test_observations_are_divided_by_what_is_typical_of_the_recording(
    files: dict[str, Path],
) -> None:
    params = problem(files["levels"])
    typical = measure_typical(params.market)
    given = problem(files["levels"], typical=typical.model_dump())
    raw = problem(files["levels"], typical={"touch_lots": 1.0})
    seen = {}
    for name, one in (("left out", params), ("given", given), ("raw", raw)):
        envs = MarketMakingVectorEnv(2, one, n_threads=1, info_columns=True)
        obs, _ = envs.reset(seed=5)
        _, _, _, _, infos = envs.step(np.zeros((2, 4), dtype=np.float32))
        seen[name] = (obs.tolist(), infos["features_clipped"].sum())
    assert seen["left out"] == seen["given"]
    assert seen["left out"][1] < seen["raw"][1]
    assert MarketMakingEnv(params).params == given


def test_state_goes_on_where_it_was_saved(files: dict[str, Path]) -> None:
    params = problem(files["orders"])
    envs = MarketMakingVectorEnv(2, params, n_threads=1)
    envs.reset(seed=3)
    action = np.zeros((2, 4), dtype=np.float32)
    envs.step(action)
    state = envs.state()
    expected = envs.step(action)
    again = MarketMakingVectorEnv(2, params, n_threads=1)
    again.set_state(state)
    got = again.step(action)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])
    other = MarketMakingVectorEnv(2, problem(files["levels"]), n_threads=1)
    with pytest.raises(ValueError, match="same parameters"):
        other.set_state(state)


# --- the recording --------------------------------------------------------------------------------


def test_a_recording_is_read_once_and_forgotten_with_its_last_user(files: dict[str, Path]) -> None:
    gc.collect()
    market = problem(files["orders"]).market
    assert isinstance(market, ReplayMarketParams)
    env = MarketMakingEnv(problem(files["orders"]))
    tape = tape_of(market)
    assert tape_of(market.model_copy(update={"taker_allowed": True})) is tape
    assert tape.by_order
    # Only the clear that it begins with is two events: one for each side.
    assert (tape.rows + 1, tape.mended) == (tape.events, {})
    before = id(tape)
    del tape
    gc.collect()
    assert id(tape_of(market)) == before  # the environment's batch still has it
    env.close()


def test_the_file_is_checked(files: dict[str, Path], tmp_path: Path) -> None:
    path = files["levels"]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    MarketMakingEnv(problem(path, sha256=sha256)).close()
    with pytest.raises(ValueError, match=r"market.sha256: expected 0000.*, got " + sha256):
        MarketMakingEnv(problem(path, sha256="0" * 64))
    with pytest.raises(FileNotFoundError, match=r"market.recording: expected a file, got /no/such"):
        MarketMakingEnv(problem(Path("/no/such")))
    with pytest.raises(ValueError, match=r"market.recording: expected a file, got the folder /"):
        MarketMakingEnv(problem(tmp_path))
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"no table")
    with pytest.raises(ValueError, match=r"market.recording: .*bad.parquet: expected a parquet"):
        MarketMakingEnv(problem(bad))


def test_rows_that_cannot_be_played_are_named(orders: EventTable) -> None:
    lots = orders.column("qty_lots").copy()
    lots[7] = 2**41
    with pytest.raises(ValueError, match="row 7: qty_lots: expected from 1 to"):
        make_tape(changed(orders, qty_lots=lots))
    with pytest.raises(ValueError, match="checkpoint_events: expected a value from 1 to"):
        make_tape(orders, checkpoint_events=0)


def test_rows_that_do_not_fit_are_counted(orders: EventTable) -> None:
    cancels = np.flatnonzero(orders.column("kind") == EventKind.CANCEL)
    ids = orders.column("order_id").copy()
    ids[cancels[10]] = 2**60
    tape = make_tape(changed(orders, order_id=ids))
    assert tape.mended["unknown_cancel"] == (1, cancels[10])


def test_metadata_of_the_table_stays(orders: EventTable) -> None:
    assert isinstance(orders.metadata, EventMetadata)
    assert orders.metadata.source.startswith("generator:")


# --- fills ----------------------------------------------------------------------------------------


def held_bid_fills(path: Path, start_ns: int, price_ticks: int, **market: Any) -> list[float]:
    """Lots bought by one bid of five lots, after each step of an episode that starts then."""
    end_ns = start_ns + 30 * STEP_NS
    params = problem(path, ranges=[{"start_ns": start_ns, "end_ns": end_ns}], **market)
    env = MarketMakingEnv(params)
    env.reset(seed=0)
    mid_x2, bought = first_mid_x2(path, start_ns), [0.0]
    for _ in range(30):
        lots = 5 if bought[-1] < 5 else 0
        offset = mid_x2 // 2 - price_ticks
        quote = np.array([[offset, 50]]), np.array([[lots, 0]])
        _, _, _, _, infos = env.step(actions_from_quotes(params.action, *quote)[0])
        mid_x2 = int(infos["mid_ticks_x2"])
        bought.append(bought[-1] + infos["fills_maker_lots_bid"])
    assert infos["ts_ns"] == 30 * STEP_NS
    return bought[1:]


def rows_of(path: Path) -> list[tuple[int, ...]]:
    table = EventTable.read(path)
    names = ("ts_event", "kind", "side", "price_ticks", "qty_lots", "order_id", "flags")
    return list(zip(*(table.column(name).tolist() for name in names), strict=True))


def resting(rows: list[tuple[int, ...]], until_ns: int) -> dict[int, list[int]]:
    """Side, price and lots of the orders that are there then."""
    there: dict[int, list[int]] = {}
    for ts_ns, kind, side, price, lots, order, _ in rows:
        if ts_ns > until_ns:
            break
        if kind in {EventKind.ADD, EventKind.SNAPSHOT}:
            there[order] = [side, price, lots]
        elif kind != EventKind.CLEAR:  # it comes first, before anything is there
            there[order][2] -= lots
            if there[order][2] == 0:
                del there[order]
    return there


def first_mid_x2(path: Path, start_ns: int) -> int:
    there = resting(rows_of(path.with_stem("orders")), start_ns).values()
    bid = max(price for side, price, _ in there if side == 1)
    return bid + min(price for side, price, _ in there if side == -1)


def fifo_fills(path: Path, start_ns: int, price_ticks: int) -> list[float]:
    """What first in, first out gives to a bid that joins at the start, step by step.

    He is filled by trades at worse prices, by trades at his price with orders that came after him,
    and by asks that come in at his price or below: without him they found nobody.
    """
    rows = rows_of(path)
    there = resting(rows, start_ns)
    ahead = {order for order, at in there.items() if at[:2] == [1, price_ticks]}
    bought, left = [0.0] * 30, 5
    for ts_ns, kind, side, price, lots, order, flags in rows:
        step = -(-(ts_ns - start_ns) // STEP_NS) - 1
        if not 0 <= step < 30 or price > price_ticks:
            continue
        if flags & EventFlag.REACH and (side, price) == (1, price_ticks):
            ahead.add(order)  # it was there all the time
        meets = kind == EventKind.ADD and side == -1
        is_behind = price < price_ticks or order not in ahead
        if meets or (kind == EventKind.TRADE and side == 1 and is_behind):
            bought[step] += min(left, lots)
            left -= min(left, lots)
    return np.cumsum(bought).tolist()


@pytest.mark.parametrize("start_s", [30, 90, 150, 210, 270, 330, 390, 450])
def test_a_held_bid_is_filled_as_fifo_has_it(files: dict[str, Path], start_s: int) -> None:
    start_ns = START_NS + start_s * NS + 123_456
    there = resting(rows_of(files["orders"]), start_ns).values()
    best = max(price for side, price, _ in there if side == 1)
    exact = held_bid_fills(files["orders"], start_ns, best)
    assert exact == fifo_fills(files["orders"], start_ns, best)
    # Without order ids the careful law is never filled before that, nor for more.
    careful = held_bid_fills(files["levels"], start_ns, best)
    assert all(few <= many for few, many in zip(careful, exact, strict=True))
    unaware = held_bid_fills(files["orders"], start_ns, best, queue={"use_order_ids": False})
    assert unaware == careful


def test_held_bids_are_filled_at_all(files: dict[str, Path]) -> None:
    filled: Callable[[int], float] = lambda start_s: sum(  # noqa: E731
        fifo_fills(files["orders"], START_NS + start_s * NS + 123_456, best_bid(files, start_s))
    )
    assert sum(filled(start_s) > 0 for start_s in (30, 90, 150, 210)) >= 2


def best_bid(files: dict[str, Path], start_s: int) -> int:
    there = resting(rows_of(files["orders"]), START_NS + start_s * NS + 123_456).values()
    return max(price for side, price, _ in there if side == 1)
