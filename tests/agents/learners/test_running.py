"""Moments that forget, and rewards brought to scale without moving what is best."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.agents.learners.running import Floats, RewardScale, RunningMoments


def test_the_nth_batch_weighs_n_times_the_first() -> None:
    generator = np.random.default_rng(1)
    batches = [generator.normal(i, 1.0 + i, size=(50, 2)) for i in range(6)]
    moments = RunningMoments(2)
    for batch in batches:
        moments.add(batch)
    rows = np.concatenate(batches)
    weights = np.repeat(np.arange(1.0, 7.0), 50)
    mean = np.average(rows, axis=0, weights=weights)
    np.testing.assert_allclose(moments.mean, mean)
    np.testing.assert_allclose(
        moments.variance, np.average((rows - mean) ** 2, axis=0, weights=weights)
    )


def scaled(scale: RewardScale, reward: Floats, ends: NDArray[np.bool_]) -> Floats:
    return scale.scaled(reward, scale.observed(reward, ends, ends))


def test_a_state_is_gone_back_to() -> None:
    generator = np.random.default_rng(2)
    scale, other = (RewardScale(3, 4, 0.9) for _ in range(2))
    ends = np.zeros((7, 3), np.bool_)
    ends[[2, 6]] = True
    rewards = generator.normal(size=(3, 7, 3))
    scale.observed(rewards[0], ends, ends)
    other.set_state(scale.state())
    for reward in rewards[1:]:
        np.testing.assert_array_equal(scaled(scale, reward, ends), scaled(other, reward, ends))


def test_every_episode_loses_as_many_means_as_it_has_steps() -> None:
    """Also one that ends early: what it earned beside others stays what it was."""
    n_steps = 5
    reward = np.random.default_rng(3).normal(2.0, 1.0, size=(n_steps, 2))
    terminated = np.zeros((n_steps, 2), np.bool_)
    terminated[4, 0] = terminated[1, 1] = True
    scale = RewardScale(2, n_steps, 1.0)
    kept = scaled(scale, reward, terminated) * scale.deviation
    lost = n_steps * reward.mean()
    assert kept[:, 0].sum() == pytest.approx(reward[:, 0].sum() - lost)
    assert kept[:2, 1].sum() == pytest.approx(reward[:2, 1].sum() - lost)


def test_episodes_without_a_horizon_keep_their_mean() -> None:
    reward = np.full((4, 1), 3.0)
    never = np.zeros((4, 1), np.bool_)
    scale = RewardScale(1, None, 0.5)
    kept = scaled(scale, reward, never)
    # Discounted sums 3, 4.5, 5.25, 5.625.
    assert scale.deviation == pytest.approx(np.std([3.0, 4.5, 5.25, 5.625]), rel=1e-6)
    np.testing.assert_allclose(kept * scale.deviation, reward)
