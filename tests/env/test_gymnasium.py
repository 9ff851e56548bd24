"""Gymnasium's and Stable-Baselines3's checkers, registration, and the common wrappers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import rlmm_tf.env
from rlmm_tf.env import ENV_ID, MarketMakingEnv, MarketMakingVectorEnv
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS

KINDS: dict[str, dict[str, Any]] = {
    "continuous": {},
    "continuous-sizes": {"sizes": True, "lots_min": 0, "lots_max": 5},
    "discrete": {"kind": "discrete"},
    "discrete-withdraw": {"kind": "discrete", "withdraw_choice": True},
    "multidiscrete": {"kind": "multidiscrete"},
    "multidiscrete-sizes": {
        "kind": "multidiscrete", "sizes": True, "lots_max": 3, "withdraw_choice": True,
    },
}  # fmt: skip
NEEDS_SB3 = "stable-baselines3 is not installed (it comes with torch, which needs Python < 3.12)"
kinds = pytest.mark.parametrize("kind", KINDS)
presets = pytest.mark.parametrize("preset", PRESETS)


def make(preset: str, kind: str, **kwargs: Any) -> gymnasium.Env:
    return gymnasium.make(ENV_ID, params=preset, overrides={"action": KINDS[kind]}, **kwargs)


# Warnings are errors (pyproject.toml), so each of these also shows that there are none.


@kinds
@presets
def test_gymnasium_checker(preset: str, kind: str) -> None:
    check_env(make(preset, kind).unwrapped, skip_render_check=True)


def test_gymnasium_checker_with_rendering() -> None:
    check_env(make("P1", "continuous", render_mode="ansi").unwrapped)


@kinds
@presets
@pytest.mark.global_randomness("stable-baselines3 seeds and draws from NumPy's own generator")
def test_stable_baselines3_checker(preset: str, kind: str) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker", reason=NEEDS_SB3)
    checker.check_env(make(preset, kind).unwrapped)


def test_checkers_can_fail() -> None:
    class Wrong(MarketMakingEnv):
        def reset(self, **kwargs: Any) -> Any:
            obs, infos = super().reset(**kwargs)
            return obs + 100.0, infos

    with pytest.raises(AssertionError, match="observation"):
        check_env(Wrong(), skip_render_check=True)


@pytest.mark.parametrize("kind", ["continuous", "discrete"])
@pytest.mark.global_randomness("stable-baselines3 seeds and draws from NumPy's own generator")
def test_stable_baselines3_trains(kind: str) -> None:
    sb3 = pytest.importorskip("stable_baselines3", reason=NEEDS_SB3)
    env = make("P1", kind)
    model = sb3.PPO("MlpPolicy", env, n_steps=64, batch_size=32, n_epochs=1, seed=0, device="cpu")
    model.learn(total_timesteps=128)
    assert model.num_timesteps == 128
    obs, _ = env.reset(seed=1)
    action, _ = model.predict(obs, deterministic=True)
    assert env.action_space.contains(action if kind == "continuous" else int(action))


# Registration


def test_id_is_registered_once() -> None:
    spec = gymnasium.spec(ENV_ID)
    assert spec.entry_point == "rlmm_tf.env.single:MarketMakingEnv"
    assert spec.vector_entry_point == "rlmm_tf.env.vector:MarketMakingVectorEnv"
    code = (  # a second import of the same module must not register (Gymnasium would warn)
        "import importlib, gymnasium, rlmm_tf.env; importlib.reload(rlmm_tf.env);"
        f"print(sum(id == '{ENV_ID}' for id in gymnasium.registry))"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_id_with_module_needs_no_import() -> None:
    code = (
        "import gymnasium, numpy as np;"
        f"env = gymnasium.make('rlmm_tf.env:{ENV_ID}', params='P7'); env.reset(seed=1);"
        f"envs = gymnasium.make_vec('rlmm_tf.env:{ENV_ID}', num_envs=3, params='P7');"
        "print(env.step(np.zeros(2, np.float32))[1], type(envs.unwrapped).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[1] == "MarketMakingVectorEnv"


def test_make_and_make_vec_by_id() -> None:
    env = gymnasium.make(ENV_ID, params="R1")
    assert isinstance(env.unwrapped, MarketMakingEnv)
    envs = gymnasium.make_vec(ENV_ID, num_envs=5, params="R1", n_threads=2)
    assert isinstance(envs.unwrapped, MarketMakingVectorEnv)
    assert (envs.num_envs, envs.unwrapped.n_threads) == (5, 2)
    assert envs.single_observation_space == env.observation_space
    assert envs.single_action_space == env.action_space
    assert envs.metadata["autoreset_mode"] is gymnasium.vector.AutoresetMode.SAME_STEP


def test_everything_exported_exists() -> None:
    assert all(hasattr(rlmm_tf.env, name) for name in rlmm_tf.env.__all__)
    info = rlmm_tf.env.build_info()
    assert info["cxx_standard"] >= 20
    assert info["hardware_threads"] >= 0
    assert rlmm_tf.env.measure_clock_hz() > 1e6


# Wrappers


def test_record_episode_statistics(still: Callable[..., EnvParams]) -> None:
    # Three lots for ten steps of a second cost 9 each: -90 in an episode of length 10.
    params = still(
        episode={"initial_inventory_min_lots": 3, "initial_inventory_max_lots": 3},
        reward={"inventory_quadratic": 1.0},
    )
    env = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make(ENV_ID, params=params))
    for seed in (1, None):
        env.reset(seed=seed)
        for _ in range(10):
            infos = env.step(np.zeros(2, np.float32))[4]
        assert (infos["episode"]["r"], infos["episode"]["l"]) == (-90.0, 10)
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        gymnasium.make_vec(ENV_ID, num_envs=3, params=params)
    )
    envs.reset(seed=1)
    for step in range(1, 31):
        infos = envs.step(np.zeros((3, 2), np.float32))[4]
        assert ("episode" in infos) == (step % 10 == 0)
        if step % 10 == 0:
            assert infos["episode"]["r"].tolist() == [-90.0] * 3
            assert infos["episode"]["l"].tolist() == [10] * 3


def test_time_limit() -> None:
    env = gymnasium.wrappers.TimeLimit(gymnasium.make(ENV_ID), max_episode_steps=7)
    for _ in range(2):
        env.reset(seed=3)
        ends = [env.step(np.zeros(2, np.float32))[2:4] for _ in range(7)]
        assert ends == [(False, False)] * 6 + [(False, True)]
    # The wrapper ended the episode, so this starts the next one of the stream, from its beginning.
    assert env.reset()[0].tolist() == [1.0, 0.0]


def test_flatten_and_normalise_observations() -> None:
    env = gymnasium.wrappers.FlattenObservation(make("R1", "discrete"))
    obs, _ = env.reset(seed=3)
    assert obs.shape == env.observation_space.shape == (4,)
    env = gymnasium.wrappers.NormalizeObservation(make("R1", "continuous"))
    env.reset(seed=3)
    seen = np.array([env.step(np.zeros(2, np.float32))[0] for _ in range(400)])
    assert np.isfinite(seen).all()
    assert abs(seen[200:, 1].mean()) < 3


def test_gymnasiums_own_vector_environments_take_the_single_one() -> None:
    envs = gymnasium.make_vec(ENV_ID, num_envs=2, params="P7", vectorization_mode="sync")
    obs, _ = envs.reset(seed=5)
    assert obs.shape == (2, 2)
    for _ in range(1001):
        envs.step(np.zeros((2, 2), np.float32))
    envs.close()
