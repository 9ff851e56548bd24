"""The ring of transitions and the chances of its rows against slow twins in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.kernels.transitions import Priorities, TransitionRing, Transitions

T, N, WIDTH = 12, 5, 2
EPSILON = 1e-6


@dataclass
class Steps:
    """A rollout in which every number says where it is from."""

    obs: NDArray[np.float32]
    actions: NDArray[Any]
    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    final_obs: NDArray[np.float32] | None
    last_obs: NDArray[np.float32]


def rollout(seed: int, *, discrete: bool = False) -> tuple[Steps, NDArray[np.float64]]:
    """Steps, and counts beside the rewards."""
    generator = np.random.default_rng(seed)
    obs = generator.normal(size=(T, N, WIDTH)).astype(np.float32)
    actions: NDArray[Any] = generator.uniform(-1, 1, (T, N, 2)).astype(np.float32)
    if discrete:
        actions = generator.integers(0, 9, (T, N))
    ends = generator.random((T, N))
    last = generator.normal(size=(N, WIDTH)).astype(np.float32)
    reward = generator.normal(size=(T, N))
    steps = Steps(obs, actions, reward, ends < 0.15, ends > 0.85, 100.0 + obs, last)
    return steps, generator.integers(1, 9, (T, N)).astype(np.float64)


class TwinOfRing:
    """Rows in a list, each made by its definition."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.rows, self.added = capacity, {}, 0  # type: ignore[var-annotated]

    def add(self, steps: Steps, counts: NDArray[np.float64], *, horizon: int, gamma: float) -> None:
        for t in range(T):
            for i in range(N):
                self.rows[self.added % self.capacity] = self.row(
                    steps, counts, t, i, horizon, gamma
                )
                self.added += 1

    @staticmethod
    def row(
        steps: Steps, counts: NDArray[np.float64], t: int, i: int, horizon: int, gamma: float
    ) -> tuple[Any, ...]:
        reward = count = 0.0
        first = steps.obs[t, i], np.atleast_1d(steps.actions[t, i])
        for k in range(horizon):
            at = t + k
            reward += gamma**k * steps.reward[at, i]
            count += gamma**k * counts[at, i]
            if steps.terminated[at, i] or steps.truncated[at, i]:
                factor = 0.0 if steps.terminated[at, i] else gamma ** (k + 1)
                assert steps.final_obs is not None
                return (*first, reward, count, steps.final_obs[at, i], factor)
            if at + 1 == T:
                return (*first, reward, count, steps.last_obs[i], gamma ** (k + 1))
        return (*first, reward, count, steps.obs[t + horizon, i], gamma**horizon)

    def block(self, draws: NDArray[np.float64]) -> list[NDArray[Any]]:
        size = min(self.added, self.capacity)
        drawn = [self.rows[int(draw * size)] for draw in draws.ravel()]
        columns = [np.array(column) for column in zip(*drawn, strict=True)]
        return [column.reshape(*draws.shape, *column.shape[1:]) for column in columns]


def equal(got: Transitions, expected: list[NDArray[Any]]) -> None:
    for field, column in zip(fields(Transitions), expected, strict=True):
        np.testing.assert_allclose(
            getattr(got, field.name), column, rtol=1e-6, atol=1e-12, err_msg=field.name
        )


@pytest.mark.parametrize("discrete", [False, True])
@pytest.mark.parametrize(("horizon", "gamma"), [(1, 0.9), (3, 0.9), (5, 1.0), (40, 0.5)])
def test_blocks_are_those_of_the_twin(horizon: int, gamma: float, discrete: bool) -> None:
    ring, twin = TransitionRing(150, WIDTH, 1 if discrete else 2), TwinOfRing(150)
    generator = np.random.default_rng(2)
    for seed in range(4):  # 60 rows each: after the third the oldest make room
        steps, counts = rollout(seed, discrete=discrete)
        for one in (ring, twin):
            one.add(steps, counts, horizon=horizon, gamma=gamma)
        assert len(ring) == min(60 * (seed + 1), 150)
        draws = generator.random((3, 40))
        equal(ring.sample_block(draws), twin.block(draws))


def test_a_block_is_on_cache_lines_and_is_written_again() -> None:
    ring = TransitionRing(100, WIDTH, 2)
    ring.add(*rollout(1), horizon=1, gamma=1.0)
    first = ring.sample_block(np.full((2, 8), 0.2))
    held = first.obs.copy()
    second = ring.sample_block(np.full((2, 8), 0.7))
    assert second.obs is first.obs
    assert (second.obs != held).any()
    for field in fields(Transitions):
        assert getattr(first, field.name).ctypes.data % 64 == 0
    assert ring.sample_block(np.full((4, 8), 0.7)).obs.shape == (4, 8, WIDTH)


def test_a_state_is_gone_back_to() -> None:
    first, second = TransitionRing(100, WIDTH, 2), TransitionRing(100, WIDTH, 2)
    assert first.state()["rows"].shape == (0, 4 * (2 * WIDTH + 2 + 1 + 4))
    second.set_state(first.state())
    assert len(second) == 0
    for seed in range(3):
        first.add(*rollout(seed), horizon=2, gamma=0.9)
    second.set_state(first.state())
    for ring in (first, second):
        ring.add(*rollout(9), horizon=2, gamma=0.9)
    draws = np.random.default_rng(3).random((4, 50))
    a, b = (ring.sample_block(draws) for ring in (first, second))
    for field in fields(Transitions):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))


# --- priorities ---------------------------------------------------------------------------------


def by_definition(
    powers: NDArray[np.float64], draws: NDArray[np.float64], correction: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places and weights by the running sum of all powers."""
    sums = np.cumsum(powers)
    strata = (np.arange(draws.shape[1]) + draws) / draws.shape[1]
    places = np.searchsorted(sums, strata * sums[-1], side="right")
    weights = (powers[places] * len(powers) / sums[-1]) ** -correction
    return places, weights / weights.max(axis=1, keepdims=True)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_draws_are_those_of_the_twin(exponent: float) -> None:
    capacity, generator = 3000, np.random.default_rng(1)
    priorities, powers, added, most = Priorities(capacity, exponent), np.zeros(capacity), 0, 1.0
    for _ in range(6):  # 700 rows each: after the fifth the oldest make room
        priorities.add(700)
        powers[(added + np.arange(700)) % capacity] = most
        added += 700
        size = min(added, capacity)
        draws = generator.random((4, 64))
        places, weights = priorities.draw(draws, correction=0.7)
        expected = by_definition(powers[:size], draws, 0.7)
        np.testing.assert_array_equal(places, expected[0])
        np.testing.assert_allclose(weights, expected[1], rtol=1e-5)
        errors = generator.exponential(size=places.shape).astype(np.float32)
        priorities.set(places, errors)
        for place, error in zip(places.ravel(), errors.ravel(), strict=True):  # the last counts
            powers[place] = (float(error) + EPSILON) ** exponent
            most = max(most, powers[place])


def test_rows_come_as_often_as_their_errors_say() -> None:
    """Chi-square with 3 degrees of freedom: above 16.3 once in a thousand."""
    priorities = Priorities(6, exponent=0.5)
    priorities.add(4)
    errors = np.array([0.5, 1.0, 4.0, 9.0], np.float32)
    priorities.set(np.arange(4), errors)
    draws = np.random.default_rng(1).random((4000, 1))
    places, weights = priorities.draw(draws, correction=1.0)
    assert (weights == 1.0).all()  # a row is the largest of a block of one
    expected = len(draws) * np.sqrt(errors) / np.sqrt(errors).sum()
    counts = np.bincount(places.ravel(), minlength=4)
    assert ((counts - expected) ** 2 / expected).sum() < 16.3
    # A correction of 1 makes a mean over draws that over rows, whatever their chances.
    places, weights = priorities.draw(draws.reshape(40, 100), correction=1.0)
    mean = (weights * errors[places]).sum() / weights.sum()
    assert mean == pytest.approx(errors.mean(), rel=0.02)


def test_chances_are_gone_back_to() -> None:
    first, second = Priorities(10, 0.5), Priorities(10, 0.5)
    first.add(7)
    first.set(np.array([2, 2, 5]), np.array([1.0, 3.0, 2.0], np.float32))
    second.add(30)
    second.set_state(first.state())
    draws = np.random.default_rng(3).random((50, 20))
    for priorities in (first, second):
        priorities.add(2)
    drawn = [priorities.draw(draws, correction=1.0) for priorities in (first, second)]
    for a, b in zip(*drawn, strict=True):
        np.testing.assert_array_equal(a, b)
    assert drawn[0][0].max() == 8


# --- at the door --------------------------------------------------------------------------------


def added(**changes: Any) -> None:
    steps, counts = rollout(1)
    for name, value in changes.items():
        setattr(steps, name, value)
    TransitionRing(100, WIDTH, 2).add(steps, counts, horizon=1, gamma=1.0)


def told(places: list[int], errors: list[float]) -> None:
    priorities = Priorities(4, 1.0)
    priorities.add(2)
    priorities.set(np.array(places), np.array(errors, np.float32))


def divided() -> None:
    priorities = Priorities(4, 1.0)
    priorities.add(2)
    priorities._priorities.draw(
        np.zeros(6), places=np.zeros(6, np.int64), weights=np.zeros(6, np.float32), block=4,
        correction=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: TransitionRing(0, 2, 2), ValueError, "capacity: expected a value from 1"),
        (lambda: Priorities(4, 2.0), ValueError, "exponent: expected a value from 0 to 1, got 2"),
        (
            lambda: TransitionRing(9, 2, 2).sample_block(np.zeros((1, 1))),
            ValueError,
            "transitions: expected rows to draw from; add a rollout first, got 0",
        ),
        (
            lambda: added(reward=np.zeros(3)),
            ValueError,
            r"reward: expected shape \(0, 0\), got \(3,\)",
        ),
        (
            lambda: added(final_obs=None),
            ValueError,
            "final_obs: expected the observations that episodes ended with, got None",
        ),
        (
            lambda: added(actions=np.zeros((T, N, 2))),
            TypeError,
            "actions: expected dtype float32, got float64",
        ),
        (
            lambda: added(obs=np.zeros((T, N, 3), np.float32)),
            ValueError,
            r"obs: expected shape \(12, 5, 2\), got \(12, 5, 3\)",
        ),
        (lambda: told([0, 2], [1.0, 1.0]), ValueError, r"places\[1\]: expected one from 0 to 1"),
        (lambda: told([0], [np.nan]), ValueError, r"errors\[0\]: expected a finite number"),
        (divided, ValueError, "block: expected a divisor of 6 draws, got 4"),
    ],
)
def test_what_makes_no_sense_is_refused(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
