"""One market as a Gymnasium environment, with rendering."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, NoReturn

import gymnasium
import numpy as np
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from numpy.typing import NDArray

from rlmm_tf.env.engine import COLUMNS, Batch, engine_params, observation_layout
from rlmm_tf.env.render import Renderer
from rlmm_tf.env.reward import Columns, RewardFunction, checked_reward, require_callable
from rlmm_tf.env.spaces import action_space, observation_space
from rlmm_tf.env.tape import recording_of
from rlmm_tf.env.typical import with_typical
from rlmm_tf.kernels.aligned import aligned_empty
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys, seed_sequence

Action = NDArray[np.float32] | NDArray[np.int64] | np.int64 | int


class MarketMakingEnv(gymnasium.Env[NDArray[np.float32], Any]):
    """A batch of one; the same seed gives the same episodes as the vector environment's first.

    Args:
        params: a preset's name (`rlmm_tf.presets.PRESETS`) or the parameters themselves.
        overrides: nested values that replace some of them, such as {"action": {"sizes": True}}.
        reward_function: replaces the engine's reward (see `rlmm_tf.env.reward`).
        render_mode: "human" prints to the terminal, "ansi" returns text, "rgb_array" a picture.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - Gymnasium declares it on instances
        "render_modes": ["human", "ansi", "rgb_array"],
        "render_fps": 30,
    }

    def __init__(
        self,
        params: str | EnvParams = "P1",
        *,
        overrides: Mapping[str, Any] | None = None,
        reward_function: RewardFunction | None = None,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(
                f"render_mode: expected None or one of {self.metadata['render_modes']}, "
                f"got {render_mode!r}"
            )
        require_callable(reward_function)
        given = resolve_params(params, overrides)
        tape = recording_of(given)
        self.params = with_typical(given, tape)
        self.layout = observation_layout(self.params)
        self.render_mode = render_mode
        self.observation_space = observation_space(self.layout)
        self.action_space = action_space(self.params.action)
        self._reward_function = reward_function
        self._renderer = Renderer(self.params) if render_mode is not None else None
        self._batch = Batch(
            engine_params(self.params), seeds=environment_keys(None, 1), n_threads=1, tape=tape
        )
        width = len(self.layout)
        self._obs = aligned_empty((1, width), np.float32)
        self._final_obs = aligned_empty((1, width), np.float32)
        self._reward = np.empty(1, np.float64)
        self._terminated = np.empty(1, np.bool_)
        self._truncated = np.empty(1, np.bool_)
        self._columns = aligned_empty((1, len(COLUMNS)), np.float64)
        # The engine restarts an ended episode at once; reset() then hands that start out.
        self._next_episode_started = False
        self._running = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts the next episode, or the first one of the stream that `seed` names."""
        self._require_open()
        if options:
            raise ValueError(f"options: expected none, got {options!r}")
        if seed is not None:
            self._batch.reseed(seeds=environment_keys(seed_sequence(seed), 1))
            super().reset(seed=operator.index(seed))
        if seed is not None or not self._next_episode_started:
            self._batch.reset(obs=self._obs)
        self._next_episode_started = False
        self._running = True
        if self._renderer is not None:
            self._renderer.start()
        return self._obs[0].copy(), {}

    def step(self, action: Action) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """One decision step; the infos hold every step column by name."""
        self._require_open()
        if not self._running:
            raise ResetNeeded("expected reset() before step() (the episode has ended or not begun)")
        self._batch.step(
            self._action_row(action),
            obs=self._obs,
            final_obs=self._final_obs,
            reward=self._reward,
            terminated=self._terminated,
            truncated=self._truncated,
            columns=self._columns,
        )
        terminated, truncated = bool(self._terminated[0]), bool(self._truncated[0])
        ended = terminated or truncated
        self._running = not ended
        self._next_episode_started = ended
        reward = float(self._reward[0])
        if self._reward_function is not None:
            reward = float(checked_reward(self._reward_function, Columns(self._columns), 1)[0])
        infos = {column.name: float(self._columns[0, i]) for i, column in enumerate(COLUMNS)}
        infos["reward"] = reward  # of the user's own function, if there is one
        if self._renderer is not None:
            self._renderer.record(infos, reward)
            if self.render_mode == "human":
                print(self._renderer.text(), flush=True)  # noqa: T201 - what the mode is for
        obs = self._final_obs if ended else self._obs
        return obs[0].copy(), reward, terminated, truncated, infos

    def render(self) -> str | NDArray[np.uint8] | None:
        """The last step as text or the episode so far as a picture, by the render mode."""
        self._require_open()
        if self._renderer is None or self.render_mode == "human":
            return None
        return self._renderer.text() if self.render_mode == "ansi" else self._renderer.picture()

    def close(self) -> None:
        """Frees the market."""
        self._batch.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__}: cannot be pickled or copied (its market lives in the engine); "
            "make a new one with the same parameters and seed"
        )

    def _action_row(self, action: Action) -> NDArray[np.float32] | NDArray[np.int64]:
        if self.params.action.kind == "discrete":
            if isinstance(action, (int, np.integer)) and not isinstance(action, bool):
                most = int(self.action_space.n) - 1  # type: ignore[attr-defined]
                if not 0 <= action <= most:
                    raise ValueError(f"action: expected an integer from 0 to {most}, got {action}")
                return np.array([action], dtype=np.int64)
            if isinstance(action, np.ndarray) and action.shape == () and action.dtype == np.int64:
                return action.reshape(1)
            raise TypeError(f"action: expected an integer, got {action!r}")
        if not isinstance(action, np.ndarray):
            raise TypeError(
                f"action: expected a numpy array of {self.action_space}, got {action!r}"
            )
        if action.shape != self.action_space.shape:
            raise ValueError(
                f"action: expected shape {self.action_space.shape}, got {action.shape}"
            )
        return action[np.newaxis]

    def _require_open(self) -> None:
        if self._batch.closed:
            raise ClosedEnvironmentError("the environment is closed; make a new one")
