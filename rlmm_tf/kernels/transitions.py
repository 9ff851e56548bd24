"""What off-policy learners learn from: the last transitions of all environments, in a ring.

A row is an observation, the action, the rewards of the next n steps, and the observation after
them; `csrc/transitions` says how it is made. Rewards are kept as they came: their scale is that of
the moment in which they are drawn.

    ring = TransitionRing(2**20, obs_width=3, n_actions=2)
    ring.add(arrays, counts, horizon=1, gamma=0.99)       # of a rollout, with `final_obs`
    ring.sample_block(generator.random((16, 256)))        # 16 batches of 256 rows
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.kernels.aligned import aligned_empty
from rlmm_tf.kernels.extension import _core

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class Steps(Protocol):
    """Steps of all environments, time-major, as `rlmm_tf.env.RolloutArrays` has them."""

    obs: NDArray[np.float32]
    actions: NDArray[Any]
    reward: Floats
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    final_obs: NDArray[np.float32] | None
    last_obs: NDArray[np.float32]


@dataclass(frozen=True)
class Transitions:
    """Rows; of a drawn block the first two axes are (updates, rows)."""

    obs: NDArray[np.float32]
    actions: NDArray[np.float32]
    reward: Floats  # discounted sum over the steps that were made
    counts: Floats  # the same sum of the counts
    next_obs: NDArray[np.float32]
    discount: NDArray[np.float32]  # of the value there; 0 where the problem ended


class TransitionRing:
    """The last `capacity` rows.

    Args:
        capacity: rows.
        obs_width: numbers in an observation.
        n_actions: numbers in an action.
    """

    def __init__(self, capacity: int, obs_width: int, n_actions: int) -> None:
        self._ring = _core.TransitionRing(
            capacity=capacity, obs_width=obs_width, n_actions=n_actions
        )
        self._widths = obs_width, n_actions
        self._block: Transitions | None = None

    def __len__(self) -> int:
        """Rows there are."""
        return len(self._ring)

    def add(self, steps: Steps, counts: Floats, *, horizon: int, gamma: float) -> None:
        """Takes in a row for each step of a rollout, in the place of the oldest.

        Args:
            steps: of the rollout; `final_obs` of those that ended an episode.
            counts: (T, N), added up beside the rewards.
            horizon: rewards of a row, at most; fewer where an episode or the rollout ends.
            gamma: discount of a step.
        """
        if steps.final_obs is None:
            raise ValueError(
                "final_obs: expected the observations that episodes ended with, got None; ask for "
                "them with RolloutArrays.empty(final_obs=True)"
            )
        self._ring.add(
            obs=steps.obs,
            actions=steps.actions.reshape(*steps.reward.shape, -1),
            reward=steps.reward,
            counts=counts,
            terminated=steps.terminated,
            truncated=steps.truncated,
            final_obs=steps.final_obs,
            last_obs=steps.last_obs,
            horizon=horizon,
            gamma=gamma,
        )

    def sample_block(self, draws: Floats) -> Transitions:
        """Rows that are all equally likely, one for each share of [0, 1); see `at`."""
        places = np.empty(draws.size, np.int64)
        self._ring.draw(draws.ravel(), places=places)
        return self.at(places.reshape(draws.shape))

    def at(self, places: Places) -> Transitions:
        """The rows at these places of the ring; the next call of the same shape overwrites them."""
        block = self._block_of(places.shape)
        flat = {
            field.name: _rows_of(getattr(block, field.name), places.ndim) for field in fields(block)
        }
        self._ring.gather(places.ravel(), **flat)
        return block

    def _block_of(self, shape: tuple[int, ...]) -> Transitions:
        if self._block is None or self._block.reward.shape != shape:
            obs_width, n_actions = self._widths
            self._block = Transitions(
                obs=aligned_empty((*shape, obs_width), np.float32),
                actions=aligned_empty((*shape, n_actions), np.float32),
                reward=aligned_empty(shape, np.float64),
                counts=aligned_empty(shape, np.float64),
                next_obs=aligned_empty((*shape, obs_width), np.float32),
                discount=aligned_empty(shape, np.float32),
            )
        return self._block

    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""
        return {"rows": self._ring.rows, "added": np.array(self._ring.added)}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        self._ring.restore(rows=state["rows"], added=int(state["added"]))


def _rows_of(array: NDArray[Any], n_leading: int) -> NDArray[Any]:
    return array.reshape(-1, *array.shape[n_leading:])


class Priorities:
    """Chances of a ring's rows by what was last wrong about them; in the ring's order.

    Args:
        capacity: of the ring.
        exponent: of an error in its row's chance; 0: all rows are equally likely.
    """

    def __init__(self, capacity: int, exponent: float) -> None:
        self._priorities = _core.Priorities(capacity=capacity, exponent=exponent)

    def add(self, count: int) -> None:
        """As many rows are new."""
        self._priorities.add(count)

    def draw(self, draws: Floats, *, correction: float) -> tuple[Places, NDArray[np.float32]]:
        """Places in the ring and weights, (updates, rows): one row of each of as many strata.

        Args:
            draws: shares of a stratum, from 0 up to 1.
            correction: 1: weights undo what uneven chances do to means; 0: all are 1.
        """
        places = np.empty(draws.size, np.int64)
        weights = np.empty(draws.size, np.float32)
        self._priorities.draw(
            draws.ravel(),
            places=places,
            weights=weights,
            block=draws.shape[-1],
            correction=correction,
        )
        return places.reshape(draws.shape), weights.reshape(draws.shape)

    def set(self, places: Places, errors: NDArray[np.float32]) -> None:
        """What was wrong about these rows; of a row that came twice the last counts."""
        self._priorities.set(places.ravel(), errors.ravel())

    def state(self) -> dict[str, NDArray[Any]]:
        """All that `set_state` needs."""
        held = self._priorities
        return {"powers": held.powers, "most": np.array(held.most), "added": np.array(held.added)}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes back to where `state` was taken."""
        self._priorities.restore(
            powers=state["powers"], most=float(state["most"]), added=int(state["added"])
        )
