"""What off-policy learners learn from: the last transitions of all environments, drawn at random.

A row is an observation, the action, the rewards of the next n steps, and the observation after
them. Rewards are kept as they came: their scale is that of the moment in which they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env import RolloutArrays


@dataclass(frozen=True)
class Transitions:
    """Rows; of a drawn block the first two axes are (updates, rows)."""

    obs: NDArray[np.float32]
    actions: NDArray[np.float32]
    reward: NDArray[np.float64]  # discounted sum over the steps that were made
    n_steps: NDArray[np.float64]  # the same sum of `RewardScale.observed`
    next_obs: NDArray[np.float32]
    discount: NDArray[np.float32]  # of the value there; 0 where the problem ended


def n_step_transitions(
    arrays: RolloutArrays, *, n: int, gamma: float, n_steps: NDArray[np.float64]
) -> Transitions:
    """Rows of a rollout with `final_obs`, in order of time; the last n - 1 steps see fewer rewards.

    A sum stops where an episode ends. After a truncation the value of its last observation counts,
    after a termination nothing does.

    Args:
        arrays: the rollout.
        n: rewards of a row, at most.
        gamma: discount of a step.
        n_steps: (T, N), of `RewardScale.observed`.
    """
    following = np.concatenate([arrays.obs[1:], arrays.last_obs[None]])
    assert arrays.final_obs is not None  # asked for when the arrays were made
    ended = arrays.terminated | arrays.truncated
    after = np.where(ended[..., None], arrays.final_obs, following)
    reward, weight = np.zeros_like(arrays.reward), np.zeros_like(arrays.reward)
    next_obs, discount = np.empty_like(arrays.obs), np.zeros_like(arrays.log_prob)
    running = np.ones_like(ended)
    for k in range(min(n, len(reward))):
        stop = len(reward) - k
        on = running[:stop]
        reward[:stop] += np.where(on, gamma**k * arrays.reward[k:], 0.0)
        weight[:stop] += np.where(on, gamma**k * n_steps[k:], 0.0)
        next_obs[:stop] = np.where(on[..., None], after[k:], next_obs[:stop])
        goes_on = np.where(arrays.terminated[k:], 0.0, gamma ** (k + 1))
        discount[:stop] = np.where(on, goes_on, discount[:stop])
        running[:stop] &= ~ended[k:]
    actions = arrays.actions.astype(np.float32)
    return Transitions(arrays.obs, actions, reward, weight, next_obs, discount)


class Replay:
    """A ring of the last `capacity` rows."""

    def __init__(self, capacity: int, obs_width: int, n_actions: int) -> None:
        self._capacity = capacity
        self._rows = Transitions(
            obs=np.zeros((capacity, obs_width), np.float32),
            actions=np.zeros((capacity, n_actions), np.float32),
            reward=np.zeros(capacity),
            n_steps=np.zeros(capacity),
            next_obs=np.zeros((capacity, obs_width), np.float32),
            discount=np.zeros(capacity, np.float32),
        )
        self._added = 0

    def __len__(self) -> int:
        """Rows there are."""
        return min(self._added, self._capacity)

    def add(self, rows: Transitions) -> None:
        """Takes in a rollout's rows, (T, N, ...), in the place of the oldest."""
        count = rows.reward.size
        at = (self._added + np.arange(count)) % self._capacity
        for field in fields(rows):
            held, new = getattr(self._rows, field.name), getattr(rows, field.name)
            held[at] = new.reshape(count, *held.shape[1:])
        self._added += count

    def sample_block(self, updates: int, rows: int, generator: np.random.Generator) -> Transitions:
        """Independent rows, each as likely as any other."""
        return self.at(generator.integers(0, len(self), (updates, rows)))

    def at(self, at: NDArray[np.int64]) -> Transitions:
        """The rows at these places of the ring."""
        return Transitions(**{f.name: getattr(self._rows, f.name)[at] for f in fields(self._rows)})

    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""
        held = {f.name: getattr(self._rows, f.name)[: len(self)] for f in fields(self._rows)}
        return {**held, "added": np.array(self._added)}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        self._added = int(state["added"])
        for field in fields(self._rows):
            getattr(self._rows, field.name)[: len(self)] = state[field.name]
