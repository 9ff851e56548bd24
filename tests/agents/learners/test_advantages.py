"""Advantages against the definition, sum by sum."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.agents.learners.advantages import advantages, deviation_by_observation


def by_definition(  # noqa: PLR0917
    t: int,
    n: int,
    reward: NDArray[np.float64],
    value: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
    final_value: NDArray[np.float32],
    last_value: NDArray[np.float32],
    gamma: float,
    trace: float,
) -> float:
    """Sum over k of (gamma lambda)^k delta_(t+k), up to the end of the episode."""
    total, weight = 0.0, 1.0
    for at in range(t, len(reward)):
        after = value[at + 1, n] if at + 1 < len(reward) else last_value[n]
        if truncated[at, n]:
            after = final_value[at, n]
        if terminated[at, n]:
            after = 0.0
        total += weight * (reward[at, n] + gamma * float(after) - float(value[at, n]))
        if terminated[at, n] or truncated[at, n]:
            break
        weight *= gamma * trace
    return total


@pytest.mark.parametrize(("gamma", "trace"), [(0.99, 0.95), (1.0, 1.0), (0.9, 0.0)])
def test_advantages_are_discounted_sums_of_errors(gamma: float, trace: float) -> None:
    generator = np.random.default_rng(5)
    shape = (40, 7)
    reward = generator.normal(size=shape)
    value, final_value = (generator.normal(size=shape).astype(np.float32) for _ in range(2))
    last_value = generator.normal(size=shape[1]).astype(np.float32)
    ends = generator.random(shape)
    terminated, truncated = ends < 0.1, (ends > 0.85)
    given = (reward, value, terminated, truncated, final_value, last_value)
    got = advantages(*given, gamma=gamma, trace=trace)
    for t in range(shape[0]):
        for n in range(shape[1]):
            assert got[t, n] == pytest.approx(
                by_definition(t, n, *given, gamma, trace), rel=1e-5, abs=1e-5
            )


def test_a_constant_reward_that_is_only_cut_off_is_worth_the_whole_future() -> None:
    """The fixed point of V = r + gamma V across truncations is r / (1 - gamma)."""
    gamma, reward = 0.9, np.ones((5, 1))
    truncated = np.array([[False], [False], [True], [False], [True]])
    terminated = np.zeros_like(truncated)
    worth = np.full((5, 1), 1.0 / (1.0 - gamma), np.float32)
    got = advantages(reward, worth, terminated, truncated, worth, worth[0], gamma=gamma, trace=0.95)
    np.testing.assert_allclose(got, 0.0, atol=1e-5)
    ended = advantages(
        reward, worth, truncated, terminated, worth, worth[0], gamma=gamma, trace=0.95
    )
    assert (ended < -1.0).any()  # treated as terminal, the same values are far too high


def test_certainty_equivalents_leave_no_advantage() -> None:
    """One step, reward 0 or 1 with even chances: V = -ln((1 + exp(-c)) / 2) / c."""
    c, reward = 2.0, np.array([[0.0, 1.0]])
    ended, never = np.ones((1, 2), np.bool_), np.zeros((1, 2), np.bool_)
    worth = np.full((1, 2), -np.log(0.5 * (1.0 + np.exp(-c))) / c, np.float32)
    given = (reward, worth, ended, never, worth, worth[0])
    got = advantages(*given, gamma=1.0, trace=0.9, risk_aversion=c)
    assert float(got.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(advantages(*given, gamma=1.0, trace=0.9).mean()) > 0.1  # the mean is worth more
    nearly = advantages(*given, gamma=1.0, trace=0.9, risk_aversion=1e-6)
    np.testing.assert_allclose(nearly, advantages(*given, gamma=1.0, trace=0.9), atol=1e-5)


def test_the_size_of_values_is_found_at_each_observation() -> None:
    generator = np.random.default_rng(5)
    obs = generator.normal(size=(40_000, 3)).astype(np.float32)
    obs[:, 2] = generator.random(40_000) < 0.3  # such as a regime
    true = np.exp(0.4 * obs[:, 0] - 0.15 * obs[:, 1] ** 2 + 1.5 * obs[:, 2] - 3.0)
    values = (true * generator.normal(size=40_000)).astype(np.float32)
    values *= np.where(generator.random(40_000) < 0.5, np.sqrt(1.9), np.sqrt(0.1))  # fat tails
    got = deviation_by_observation(obs, values.astype(np.float32))
    assert np.quantile(np.abs(got / true - 1.0), 0.99) < 0.1
    # One that says nothing new changes nothing.
    again = deviation_by_observation(np.concatenate([obs, 1.0 - obs[:, 2:]], axis=1), values)
    np.testing.assert_allclose(again / got, 1.0, atol=0.02)
