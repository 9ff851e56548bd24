"""The vector environment and the single one: same streams, restarts, seeds, misuse."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ClosedEnvironmentError, ResetNeeded

from rlmm_tf.env import COLUMNS, FEATURES, MarketMakingEnv, MarketMakingVectorEnv
from rlmm_tf.env.vector import available_threads
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params
from rlmm_tf.seeding import environment_keys

SHORT = {
    "episode": {"n_steps": 40, "initial_inventory_min_lots": -5, "initial_inventory_max_lots": 5}
}


def actions(n_steps: int, n_envs: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n_steps, n_envs, 2)).astype(np.float32)


@pytest.mark.parametrize("name", ["R1", "book-large-tick", "book-small-tick"])
def test_single_environment_is_the_first_of_the_vector(name: str) -> None:
    overrides: dict[str, Any] = {**SHORT}
    if preset(name).market.kind == "book":
        overrides["market"] = {"warmup_ns": 1_000_000_000}
        overrides["observation"] = {"features": tuple(feature.name for feature in FEATURES)}
    env = MarketMakingEnv(name, overrides=overrides)
    envs = MarketMakingVectorEnv(3, name, overrides=overrides, info_columns=True, n_threads=2)
    obs, infos = env.reset(seed=11)
    all_obs, _ = envs.reset(seed=11)
    assert infos == {}
    np.testing.assert_array_equal(obs, all_obs[0])
    ends = 0
    for row in actions(120, 3):
        obs, reward, terminated, truncated, infos = env.step(row[0])
        all_obs, rewards, all_terminated, all_truncated, all_infos = envs.step(row)
        assert (reward, terminated, truncated) == (rewards[0], all_terminated[0], all_truncated[0])
        assert infos == {column.name: all_infos[column.name][0] for column in COLUMNS}
        if terminated or truncated:
            ends += 1
            np.testing.assert_array_equal(obs, all_infos["final_obs"][0])
            obs, _ = env.reset()
        np.testing.assert_array_equal(obs, all_obs[0])
    assert ends == 3


def test_every_environment_is_a_batch_of_one_with_its_key(simulate: Any) -> None:
    params = resolve_params("R1", SHORT)
    rows = actions(100, 5)
    envs = MarketMakingVectorEnv(5, params, info_columns=True)
    all_obs, _ = envs.reset(seed=12)
    keys = environment_keys(12, 5)
    alone = [simulate(params, keys=keys[i : i + 1]) for i in range(5)]
    np.testing.assert_array_equal(all_obs, np.concatenate([one.reset() for one in alone]))
    for row in rows:
        all_obs, rewards, terminated, _, infos = envs.step(row)
        for i, one in enumerate(alone):
            done = one.step(row[i : i + 1])
            np.testing.assert_array_equal(all_obs[i], done["returned_obs"][0])
            assert rewards[i] == done["returned_reward"][0]
            assert terminated[i] == done["returned_terminated"][0]
            for column in COLUMNS:
                assert infos[column.name][i] == done[column.name][0], column.name


def test_environments_do_not_depend_on_their_number() -> None:
    rows = actions(60, 9)
    few, many = (MarketMakingVectorEnv(n, "R1", overrides=SHORT) for n in (4, 9))
    np.testing.assert_array_equal(few.reset(seed=3)[0], many.reset(seed=3)[0][:4])
    for row in rows:
        for a, b in zip(few.step(row[:4])[:4], many.step(row)[:4], strict=True):
            np.testing.assert_array_equal(a, b[:4])


def test_same_step_restart(still: Callable[..., EnvParams]) -> None:
    # Ten steps of a second: the last observation has 0 s left, the next one all of it.
    params = still(episode={"initial_inventory_min_lots": 4, "initial_inventory_max_lots": 4})
    envs = MarketMakingVectorEnv(2, params, info_columns=True)
    envs.reset(seed=0)
    for _ in range(9):
        _, _, terminated, truncated, infos = envs.step(np.zeros((2, 2), np.float32))
        assert not terminated.any()
        assert not truncated.any()
        assert "final_obs" not in infos
    obs, _, terminated, truncated, infos = envs.step(np.zeros((2, 2), np.float32))
    assert terminated.all()
    assert not truncated.any()
    np.testing.assert_allclose(np.stack(infos["final_obs"]), [[0.0, 0.04]] * 2, atol=1e-7)
    assert infos["_final_obs"].tolist() == [True, True]
    np.testing.assert_allclose(obs, [[1.0, 0.04]] * 2, atol=1e-7)
    assert infos["episode_index"].tolist() == [0.0, 0.0]
    infos = envs.step(np.zeros((2, 2), np.float32))[4]
    assert infos["episode_index"].tolist() == [1.0, 1.0]
    assert infos["step"].tolist() == [0.0, 0.0]


def test_final_obs_only_where_an_episode_ended() -> None:
    envs = MarketMakingVectorEnv(3, overrides=SHORT)
    envs.reset(seed=1)
    envs.step(np.zeros((3, 2), np.float32))
    envs.reset(options={"reset_mask": np.array([False, True, False])})  # one is a step behind
    for _ in range(39):
        infos = envs.step(np.zeros((3, 2), np.float32))[4]
    assert infos["_final_obs"].tolist() == [True, False, True]
    assert infos["final_obs"][1] is None
    assert infos["final_obs"][0].shape == (2,)


def test_reset_with_a_seed_starts_the_stream_anew() -> None:
    envs = MarketMakingVectorEnv(3, overrides=SHORT)

    def run(seed: int) -> list[bytes]:
        seen = [envs.reset(seed=seed)[0].tobytes()]
        return seen + [envs.step(row)[0].tobytes() for row in actions(90, 3)]

    assert run(7) == run(7)
    assert run(7) != run(8)


@pytest.mark.parametrize("vector", [False, True])
def test_reset_without_a_seed_goes_on(vector: bool) -> None:
    env: Any = (
        MarketMakingVectorEnv(1, overrides=SHORT) if vector else MarketMakingEnv(overrides=SHORT)
    )
    row = np.zeros((1, 2), np.float32) if vector else np.zeros(2, np.float32)

    def inventories(n_resets: int) -> list[float]:
        seen = [float(env.reset(seed=5)[0].ravel()[1])]
        for _ in range(n_resets):
            env.step(row)
            seen.append(float(env.reset()[0].ravel()[1]))
        return seen

    first = inventories(8)
    assert first == inventories(8)
    assert len(set(first)) > 2  # the episodes are different ones


def test_environments_without_a_seed_differ() -> None:
    start = {"episode": {"initial_inventory_min_lots": -20, "initial_inventory_max_lots": 20}}
    seen = {MarketMakingVectorEnv(8, overrides=start).reset()[0].tobytes() for _ in range(4)}
    assert len(seen) == 4


def test_seed_sequences_and_numpy_integers_are_seeds() -> None:
    envs = MarketMakingVectorEnv(4, overrides=SHORT)
    expected = envs.reset(seed=9)[0]
    for seed in (np.int64(9), np.random.SeedSequence(9)):
        np.testing.assert_array_equal(envs.reset(seed=seed)[0], expected)
    env = MarketMakingEnv(overrides=SHORT)
    np.testing.assert_array_equal(env.reset(seed=np.int64(9))[0], expected[0])


def test_reset_mask_leaves_the_others_alone() -> None:
    envs = MarketMakingVectorEnv(4, overrides=SHORT, info_columns=True)
    twin = MarketMakingVectorEnv(4, overrides=SHORT, info_columns=True)
    rows = actions(30, 4)
    for one in (envs, twin):
        one.reset(seed=2)
        for row in rows[:10]:
            last = one.step(row)[0]
    mask = np.array([False, True, False, True])
    obs, _ = envs.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(obs[~mask], last[~mask])
    assert (obs[mask, 0] == 1.0).all()
    for row in rows[10:]:
        a, b = envs.step(row), twin.step(row)
        np.testing.assert_array_equal(a[0][~mask], b[0][~mask])
        np.testing.assert_array_equal(a[1][~mask], b[1][~mask])
    assert a[4]["episode_index"].tolist() == [0, 1, 0, 1]
    obs[:] = 7.0  # what was returned is the caller's
    assert (envs.reset(options={"reset_mask": ~mask})[0][mask] != 7.0).all()


@pytest.mark.parametrize("options", [None, {}, {"reset_mask": None}])
def test_reset_without_a_mask_is_for_all(options: dict[str, Any] | None) -> None:
    envs = MarketMakingVectorEnv(3)
    envs.reset(seed=1)
    envs.step(np.zeros((3, 2), np.float32))
    assert envs.reset(options=options)[0][:, 0].tolist() == [1.0] * 3


def test_reset_mask_needs_a_whole_reset_first() -> None:
    envs = MarketMakingVectorEnv(2)
    with pytest.raises(ValueError, match=r"options\['reset_mask'\]: expected a whole reset first"):
        envs.reset(options={"reset_mask": np.array([True, False])})


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_environments_cannot_be_copied(copied: Callable[[Any], Any]) -> None:
    for env in (MarketMakingEnv(), MarketMakingVectorEnv(2)):
        with pytest.raises(TypeError, match=r"cannot be pickled or copied .* make a new one"):
            copied(env)


def test_observations_returned_stay_as_they_are() -> None:
    envs = MarketMakingVectorEnv(2)
    first, _ = envs.reset(seed=1)
    kept = first.copy()
    second = envs.step(np.ones((2, 2), np.float32))[0]
    np.testing.assert_array_equal(first, kept)
    kept = second.copy()
    envs.step(np.ones((2, 2), np.float32))
    np.testing.assert_array_equal(second, kept)


def test_arrays_returned_start_on_a_cache_line() -> None:
    envs = MarketMakingVectorEnv(3, overrides=SHORT, reward_function=lambda c: c["step"])
    arrays = [envs.reset(seed=1)[0], *envs.step(np.zeros((3, 2), np.float32))[:4]]
    arrays += [
        envs.reset(options={"reset_mask": np.array([True, False, True])})[0],
        envs.set_state(envs.state()),
    ]
    assert [array.ctypes.data % 64 for array in arrays] == [0] * 7
    assert len({array.ctypes.data for array in arrays}) == 7


def test_set_state_returns_the_observations_and_allows_a_mask() -> None:
    envs = MarketMakingVectorEnv(3, "R1", overrides=SHORT)
    envs.reset(seed=1)
    for row in actions(7, 3):
        last = envs.step(row)[0]
    state = envs.state()
    for one in (envs, MarketMakingVectorEnv(3, "R1", overrides=SHORT)):
        np.testing.assert_array_equal(one.set_state(state), last)
        obs, _ = one.reset(options={"reset_mask": np.array([True, False, False])})
        np.testing.assert_array_equal(obs[1:], last[1:])
        assert obs[0, 0] == 1.0


def test_what_the_caller_writes_into_does_not_come_back() -> None:
    envs = MarketMakingVectorEnv(2, overrides=SHORT)
    envs.reset(seed=1)
    obs = envs.step(np.zeros((2, 2), np.float32))[0]
    kept = obs.copy()
    obs[:] = 7.0
    masked, _ = envs.reset(options={"reset_mask": np.array([True, False])})
    np.testing.assert_array_equal(masked[1], kept[1])


def test_final_info_holds_the_columns_of_the_ended_episode() -> None:
    envs = MarketMakingVectorEnv(3, overrides=SHORT, info_columns=True)
    envs.reset(seed=1)
    infos = envs.step(np.zeros((3, 2), np.float32))[4]
    assert "final_info" not in infos
    envs.reset(options={"reset_mask": np.array([False, True, False])})  # one is a step behind
    for _ in range(39):
        infos = envs.step(np.zeros((3, 2), np.float32))[4]
    final = infos["final_info"]
    assert infos["_final_info"].tolist() == [True, False, True]
    assert final["step"].tolist() == [39.0, 0.0, 39.0]
    assert infos["step"].tolist() == [39.0, 38.0, 39.0]
    assert set(final) == {f"{mask}{column.name}" for column in COLUMNS for mask in ("", "_")}
    for column in COLUMNS:
        assert final[f"_{column.name}"].tolist() == [True, False, True]
        np.testing.assert_array_equal(final[column.name][[0, 2]], infos[column.name][[0, 2]])
        assert final[column.name][1] == 0.0


def test_seed_is_gymnasiums_too() -> None:
    envs, single = MarketMakingVectorEnv(2), MarketMakingEnv()
    for env in (envs, single):
        env.reset(seed=np.int64(11))
        assert env.np_random_seed == 11
        expected = gymnasium.utils.seeding.np_random(11)[0].random(3)
        np.testing.assert_array_equal(env.np_random.random(3), expected)
    envs.reset()
    assert envs.np_random_seed == 11
    sequence = np.random.SeedSequence(5)
    envs.reset(seed=sequence)
    assert envs.np_random_seed == -1  # there is no integer to tell
    assert envs.np_random.random() == np.random.default_rng(sequence).random()


def test_infos_hold_the_reward_that_was_returned() -> None:
    def reward_function(columns: Any) -> np.ndarray:
        return columns["step"] + 0.25

    single = MarketMakingEnv(overrides=SHORT, reward_function=reward_function)
    envs = MarketMakingVectorEnv(
        2, overrides=SHORT, reward_function=reward_function, info_columns=True
    )
    single.reset(seed=1)
    envs.reset(seed=1)
    for step in range(40):
        _, reward, _, _, infos = single.step(np.zeros(2, np.float32))
        assert infos["reward"] == reward == step + 0.25
        _, rewards, _, _, infos = envs.step(np.zeros((2, 2), np.float32))
        assert infos["reward"].tolist() == rewards.tolist() == [step + 0.25] * 2
    assert infos["final_info"]["reward"].tolist() == [39.25] * 2
    assert not np.shares_memory(infos["reward"], rewards)


@pytest.mark.parametrize("kind", ["continuous", "multidiscrete"])
@pytest.mark.parametrize("shape", [(3,), (1, 2), ()])
def test_shape_of_a_single_action(kind: str, shape: tuple[int, ...]) -> None:
    env = MarketMakingEnv(overrides={"action": {"kind": kind}})
    env.reset(seed=1)
    message = re.escape(f"action: expected shape (2,), got {shape}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        env.step(np.zeros(shape, env.action_space.dtype))


def test_closed_environments() -> None:
    env, envs = MarketMakingEnv(render_mode="ansi"), MarketMakingVectorEnv(2)
    state = None
    for one in (env, envs):
        one.reset(seed=1)
    state = envs.state()
    for one in (env, envs):
        one.close()
        one.close()
    calls: list[Callable[[], Any]] = [
        env.reset, env.render, lambda: env.step(np.zeros(2, np.float32)),
        envs.reset, lambda: envs.step(np.zeros((2, 2), np.float32)), envs.state,
        lambda: envs.set_state(state), lambda: envs.n_threads,
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(ClosedEnvironmentError, match="closed; make a new one"):
            call()


def test_step_needs_a_reset() -> None:
    env, envs = MarketMakingEnv(overrides=SHORT), MarketMakingVectorEnv(2)
    for call in (
        lambda: env.step(np.zeros(2, np.float32)),
        lambda: envs.step(np.zeros((2, 2), np.float32)),
    ):
        with pytest.raises(ResetNeeded, match=r"expected reset\(\) before"):
            call()
    env.reset(seed=1)
    for _ in range(40):
        ended = env.step(np.zeros(2, np.float32))[2]
    assert ended
    with pytest.raises(ResetNeeded, match="the episode has ended"):
        env.step(np.zeros(2, np.float32))
    env.reset()
    env.step(np.zeros(2, np.float32))


def test_threads_are_never_more_than_environments() -> None:
    assert MarketMakingVectorEnv(1, n_threads=8).n_threads == 1
    assert MarketMakingVectorEnv(1000).n_threads == available_threads()
    assert MarketMakingVectorEnv(3, n_threads=np.int64(2)).n_threads == 2


def test_infos_hold_no_columns_unless_asked() -> None:
    envs = MarketMakingVectorEnv(2)
    envs.reset(seed=1)
    assert envs.step(np.zeros((2, 2), np.float32))[4] == {}


def test_spaces() -> None:
    env = gymnasium.make("rlmm/MarketMaking-v0", params="R1").unwrapped
    names = env.layout.names
    assert names == ("time_left", "inventory", "regime_0", "regime_1")
    np.testing.assert_array_equal(env.observation_space.low, [0, -10, 0, 0])
    np.testing.assert_array_equal(env.observation_space.high, [10, 10, 1, 1])
    assert env.action_space == gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    kinds: list[tuple[dict[str, Any], gymnasium.Space[Any]]] = [
        ({"kind": "discrete", "offset_choices": 5}, gymnasium.spaces.Discrete(25)),
        (
            {"kind": "discrete", "offset_choices": 5, "withdraw_choice": True},
            gymnasium.spaces.Discrete(36),
        ),
        (
            {"kind": "multidiscrete", "offset_choices": 5, "sizes": True, "lots_max": 4},
            gymnasium.spaces.MultiDiscrete([5, 5, 4, 4]),
        ),
    ]
    for layout, space in kinds:
        assert MarketMakingEnv(overrides={"action": layout}).action_space == space
    wide = MarketMakingVectorEnv(3, overrides={"action": {"sizes": True}})
    assert wide.action_space.shape == (3, 4)
    assert preset("P1").action.sizes is False
