"""The native vector environment: N markets stepped by the engine in one call."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rlmm_tf.env.engine import (
    COLUMN_INDEX,
    COLUMNS,
    Batch,
    engine_params,
    observation_layout,
)
from rlmm_tf.env.reward import Columns, RewardFunction, checked_reward, require_callable
from rlmm_tf.env.spaces import action_space, observation_space
from rlmm_tf.env.tape import recording_of
from rlmm_tf.env.typical import with_typical
from rlmm_tf.fields import whole_number
from rlmm_tf.kernels.aligned import aligned_empty
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys

Observations = NDArray[np.float32]
Actions = NDArray[np.float32] | NDArray[np.int64]
StepResult = tuple[Observations, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]


def available_threads() -> int:
    """Logical processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _masked_infos(
    columns: Mapping[str, NDArray[np.float64]], mask: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    values: dict[str, NDArray[Any]] = {
        name: np.where(mask, column, 0.0) for name, column in columns.items()
    }
    return values | {f"_{name}": mask.copy() for name in columns}


class MarketMakingVectorEnv(VectorEnv[Observations, Actions, NDArray[Any]]):
    """N market-making environments; an ended one restarts in the same step.

    Results depend on the seed and the environment's index alone: not on the number of threads,
    nor on the number of environments.

    Args:
        num_envs: how many environments.
        params: a preset's name (`rlmm_tf.presets.PRESETS`) or the parameters themselves.
        overrides: nested values that replace some of them, such as {"action": {"sizes": True}}.
        n_threads: worker threads; 0 is one per processor, never more than environments.
        info_columns: put every step column into the infos (`rlmm_tf.env.COLUMNS`).
        reward_function: replaces the engine's reward (see `rlmm_tf.env.reward`).
        render_mode: only None; look at one market with `gymnasium.make`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - Gymnasium declares it on instances
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int,
        params: str | EnvParams = "P1",
        *,
        overrides: Mapping[str, Any] | None = None,
        n_threads: int = 0,
        info_columns: bool = False,
        reward_function: RewardFunction | None = None,
        render_mode: None = None,
    ) -> None:
        if render_mode is not None:
            raise ValueError(
                f"render_mode: expected None for the vector environment, got {render_mode!r}; "
                "use gymnasium.make to watch one market"
            )
        num_envs = whole_number("num_envs", num_envs, least=1)
        n_threads = whole_number("n_threads", n_threads, least=0)
        require_callable(reward_function)
        given = resolve_params(params, overrides)
        tape = recording_of(given)
        self.params = with_typical(given, tape)
        self.layout = observation_layout(self.params)
        self.num_envs = num_envs
        self.render_mode = None
        self.single_observation_space = observation_space(self.layout)
        self.single_action_space = action_space(self.params.action)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._reward_function = reward_function
        self._info_columns = info_columns
        self._batch = Batch(
            engine_params(self.params),
            seeds=environment_keys(None, num_envs),
            n_threads=min(num_envs, n_threads or available_threads()),
            tape=tape,
        )
        self._final_obs = aligned_empty((num_envs, len(self.layout)), np.float32)
        self._columns: NDArray[np.float64] | None = None
        self._started = False
        if info_columns or reward_function is not None:
            self._columns = aligned_empty((num_envs, len(COLUMNS)), np.float64)

    def reset(
        self,
        *,
        seed: int | np.random.SeedSequence | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observations, dict[str, Any]]:
        """Starts new episodes.

        Args:
            seed: gives every environment a new stream and starts it at its first episode.
                None goes on with the streams there are.
            options: {"reset_mask": bool array of shape (num_envs,)} resets only those.
        """
        self._require_open()
        mask = self._reset_mask(options)
        if seed is not None:
            if mask is not None:
                raise ValueError("seed: expected None together with options['reset_mask']")
            self._reseed(seed)
        obs = self._empty_obs()
        if mask is not None:
            self._batch.observe(obs=obs)
        self._batch.reset(obs=obs, mask=mask)
        self._started = True
        return obs, {}

    def _reseed(self, seed: int | np.random.SeedSequence) -> None:
        if isinstance(seed, list):  # Gymnasium's own vector environments take one
            raise TypeError(
                "seed: expected one integer, from which every environment gets a stream of its "
                f"own, got a list of {len(seed)}"
            )
        self._batch.reseed(seeds=environment_keys(seed, self.num_envs))
        self._started = False
        if isinstance(seed, np.random.SeedSequence):
            self._np_random = np.random.default_rng(seed)
            self._np_random_seed = -1  # Gymnasium's word for a seed that is no integer
        else:
            super().reset(seed=operator.index(seed))

    def step(self, actions: Actions) -> StepResult:
        """One decision step of every environment.

        Args:
            actions: exactly what the action space holds: float32 (num_envs, 2 or 4), or int64.

        Returns:
            observations, rewards, terminated, truncated and infos; the arrays are new ones, each
            on a cache line, and the caller's to keep. Where an episode ended the observation is
            the next one's first. The infos then hold the ended one's last as `final_obs` (None
            elsewhere; `_final_obs` is the mask). With `info_columns` they hold the columns of this
            very step, so at an end those of the ended episode, and as Gymnasium has it once more
            as `final_info`: a dict of the columns, 0 where no episode ended, each with its mask
            (`_final_info`, and `_` before every name).
        """
        self._require_open()
        if not self._started:
            raise ResetNeeded("expected reset() before the first step()")
        n = self.num_envs
        obs = self._empty_obs()
        reward = aligned_empty(n, np.float64)
        terminated = aligned_empty(n, np.bool_)
        truncated = aligned_empty(n, np.bool_)
        self._batch.step(
            actions,
            obs=obs,
            final_obs=self._final_obs,
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            columns=self._columns,
        )
        if self._reward_function is not None and self._columns is not None:
            reward[:] = checked_reward(self._reward_function, Columns(self._columns), n)
        infos = self._infos(reward, terminated | truncated)
        return obs, reward, terminated, truncated, infos

    def log_fills(self, on: bool = True) -> None:
        """Keep every fill of the agents for `take_fills` from now on; False: no longer."""
        self._require_open()
        self._batch.log_fills(on)

    def take_fills(self) -> dict[str, NDArray[np.int64]]:
        """The fills that became complete since the last call, by environment, then time.

        A fill is complete when its last markout horizon has passed or its episode has ended: take
        them now and then, for they are kept until then. The columns are `FILL_COLUMNS`.
        """
        self._require_open()
        return self._batch.take_fills()

    def state(self) -> bytes:
        """Everything needed to go on from here bit for bit (`set_state`)."""
        self._require_open()
        return self._batch.state()

    def set_state(self, state: bytes) -> Observations:
        """Goes back to a saved state of an environment with the same parameters.

        Returns:
            the observations there, on which the next actions are to be chosen.
        """
        self._require_open()
        self._batch.set_state(state)
        self._started = True
        obs = self._empty_obs()
        self._batch.observe(obs=obs)
        return obs

    @property
    def n_threads(self) -> int:
        """Worker threads of the engine."""
        self._require_open()
        return self._batch.n_threads

    def close_extras(self, **kwargs: Any) -> None:
        """Ends the engine's threads."""
        self._batch.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__}: cannot be pickled or copied (its markets live in the engine); "
            "make a new one with the same parameters and carry state() over with set_state()"
        )

    def _empty_obs(self) -> Observations:
        return aligned_empty((self.num_envs, len(self.layout)), np.float32)

    def _infos(self, reward: NDArray[np.float64], ended: NDArray[np.bool_]) -> dict[str, Any]:
        infos: dict[str, Any] = {}
        if self._info_columns and self._columns is not None:
            table = self._columns.copy()
            table[:, COLUMN_INDEX["reward"]] = reward  # of the user's own function, if there is one
            infos |= {column.name: table[:, i] for i, column in enumerate(COLUMNS)}
            if ended.any():
                infos["final_info"] = _masked_infos(infos, ended)
                infos["_final_info"] = ended.copy()
        if ended.any():
            final = np.full(self.num_envs, None, dtype=object)
            for env in np.flatnonzero(ended):
                final[env] = self._final_obs[env].copy()
            infos["final_obs"] = final
            infos["_final_obs"] = ended
        return infos

    def _reset_mask(self, options: dict[str, Any] | None) -> NDArray[np.bool_] | None:
        if options is None:
            return None
        if set(options) - {"reset_mask"}:
            raise ValueError(f"options: expected only 'reset_mask', got {options!r}")
        mask: Any = options.get("reset_mask")  # from outside: not yet what it should be
        if mask is None:
            return None
        place, shape = "options['reset_mask']", (self.num_envs,)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != shape:
            raise ValueError(f"{place}: expected a bool array of shape {shape}, got {mask!r}")
        if not self._started:
            raise ValueError(f"{place}: expected a whole reset first")
        return mask

    def _require_open(self) -> None:
        if self._batch.closed:
            raise ClosedEnvironmentError("the environment is closed; make a new one")
