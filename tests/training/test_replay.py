"""Rows of the replay by their definition, and how they are drawn."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.env import PolicySpec, RolloutArrays
from rlmm_tf.training.replay import Replay, Transitions, n_step_transitions

T, N = 12, 5


def rollout(seed: int = 1) -> RolloutArrays:
    """Every number says where it is from."""
    generator = np.random.default_rng(seed)
    spec = PolicySpec(1, "tanh_gaussian", (2,))
    arrays = RolloutArrays.empty(spec, n_steps=T, n_envs=N, final_obs=True)
    arrays.obs[...] = np.arange(T * N).reshape(T, N, 1)
    arrays.last_obs[...] = 1000 + np.arange(N)[:, None]
    assert arrays.final_obs is not None
    arrays.final_obs[...] = 2000 + arrays.obs
    arrays.actions[...] = generator.uniform(-1, 1, arrays.actions.shape)
    arrays.reward[...] = generator.normal(size=(T, N))
    ends = generator.random((T, N))
    arrays.terminated[...] = ends < 0.15
    arrays.truncated[...] = ends > 0.85
    return arrays


def by_definition(
    arrays: RolloutArrays, t: int, i: int, n: int, gamma: float, counts: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Reward, its steps, the observation after it, and the discount there."""
    reward = steps = 0.0
    for k in range(n):
        at = t + k
        reward += gamma**k * arrays.reward[at, i]
        steps += gamma**k * counts[at, i]
        if arrays.terminated[at, i] or arrays.truncated[at, i]:
            assert arrays.final_obs is not None
            factor = 0.0 if arrays.terminated[at, i] else gamma ** (k + 1)
            return reward, steps, float(arrays.final_obs[at, i, 0]), factor
        if at + 1 == T:
            return reward, steps, float(arrays.last_obs[i, 0]), gamma ** (k + 1)
    return reward, steps, float(arrays.obs[t + n, i, 0]), gamma**n


@pytest.mark.parametrize(("n", "gamma"), [(1, 0.9), (3, 0.9), (5, 1.0), (40, 0.5)])
def test_rows_are_sums_that_stop_where_episodes_end(n: int, gamma: float) -> None:
    arrays = rollout()
    counts = np.random.default_rng(2).integers(1, 9, (T, N)).astype(np.float64)
    rows = n_step_transitions(arrays, n=n, gamma=gamma, n_steps=counts)
    for t in range(T):
        for i in range(N):
            reward, steps, after, factor = by_definition(arrays, t, i, n, gamma, counts)
            assert rows.reward[t, i] == pytest.approx(reward)
            assert rows.n_steps[t, i] == pytest.approx(steps)
            assert rows.next_obs[t, i, 0] == after
            assert rows.discount[t, i] == pytest.approx(factor)
    np.testing.assert_array_equal(rows.actions, arrays.actions)


def numbered(start: int, count: int) -> Transitions:
    numbers = np.arange(start, start + count, dtype=np.float32).reshape(count, 1)
    wide = np.repeat(numbers[..., None], 2, axis=2)
    return Transitions(
        obs=wide,
        actions=-wide,
        reward=numbers.astype(np.float64),
        n_steps=numbers + 0.5,
        next_obs=wide + 1,
        discount=numbers / 100,
    )


def test_the_oldest_rows_make_room() -> None:
    replay = Replay(10, 2, 2)
    replay.add(numbered(0, 4))
    assert len(replay) == 4
    drawn = replay.sample_block(3, 50, np.random.default_rng(1))
    assert set(drawn.reward.ravel()) == {0.0, 1.0, 2.0, 3.0}
    for start in (4, 8, 12):
        replay.add(numbered(start, 4))
    assert len(replay) == 10
    drawn = replay.sample_block(40, 50, np.random.default_rng(1))
    assert drawn.obs.shape == (40, 50, 2)
    assert set(drawn.reward.ravel()) == set(np.arange(6.0, 16.0))
    counts = np.unique(drawn.reward, return_counts=True)[1]
    # 2000 draws of 10 rows: chi-square with 9 degrees of freedom, above 27.9 once in a thousand.
    assert ((counts - 200.0) ** 2 / 200.0).sum() < 27.9
    # The columns of a row stay together.
    np.testing.assert_array_equal(drawn.obs[..., 0], drawn.reward)
    np.testing.assert_array_equal(drawn.actions[..., 1], -drawn.reward)
    np.testing.assert_array_equal(drawn.next_obs[..., 0], drawn.reward + 1)
    np.testing.assert_allclose(drawn.discount, drawn.reward / 100, rtol=1e-6)
    np.testing.assert_array_equal(drawn.n_steps, drawn.reward + 0.5)


def test_a_state_is_gone_back_to() -> None:
    first, second = Replay(10, 2, 2), Replay(10, 2, 2)
    for start in (0, 7):
        first.add(numbered(start, 7))
    second.set_state(first.state())
    for replay in (first, second):
        replay.add(numbered(14, 3))
    blocks = [r.sample_block(4, 5, np.random.default_rng(3)) for r in (first, second)]
    for field in fields(Transitions):
        a, b = (getattr(block, field.name) for block in blocks)
        np.testing.assert_array_equal(a, b)
