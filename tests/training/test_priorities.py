"""Chances and weights of a replay's rows."""

from __future__ import annotations

import numpy as np
import pytest

from rlmm_tf.training.priorities import EPSILON, Priorities


def test_rows_come_as_often_as_their_errors_say() -> None:
    priorities = Priorities(6, exponent=0.5)
    priorities.add(4)
    errors = np.array([0.0, 1.0, 4.0, 9.0], np.float32)
    priorities.set(np.arange(4), errors)
    at, weight = priorities.draw(400, 30, np.random.default_rng(1), correction=0.7)
    chance = (errors + EPSILON) ** 0.5 / ((errors + EPSILON) ** 0.5).sum()
    counts = np.bincount(at.ravel(), minlength=4)
    np.testing.assert_allclose(counts / at.size, chance, atol=0.005)
    expected = (4.0 * chance[at]) ** -0.7
    np.testing.assert_allclose(weight, expected / expected.max(axis=1, keepdims=True), rtol=1e-5)
    # A correction of 1 makes a mean over draws that over rows, whatever their chances.
    at, weight = priorities.draw(4000, 30, np.random.default_rng(1), correction=1.0)
    seen = at > 0  # the first hardly ever comes
    assert (weight * errors[at])[seen].sum() / weight[seen].sum() == pytest.approx(14 / 3, rel=0.01)


def test_new_rows_have_the_most_there_is_and_the_oldest_make_room() -> None:
    priorities = Priorities(4, exponent=1.0)
    priorities.add(4)
    priorities.set(np.array([0, 1, 2, 3]), np.array([0.1, 5.0, 0.1, 0.1], np.float32))
    priorities.add(1)  # in the place of the first
    at, _ = priorities.draw(1000, 10, np.random.default_rng(1), correction=0.0)
    share = np.bincount(at.ravel(), minlength=4) / at.size
    np.testing.assert_allclose(share, np.array([5.0, 5.0, 0.1, 0.1]) / 10.2, atol=0.01)


def test_even_chances_without_an_exponent_and_a_state_is_gone_back_to() -> None:
    first, second = Priorities(10, exponent=0.0), Priorities(10, exponent=0.0)
    first.add(7)
    first.set(np.array([2, 2, 5]), np.array([1.0, 3.0, 2.0], np.float32))
    second.set_state(first.state())
    drawn = [one.draw(50, 20, np.random.default_rng(3), correction=1.0) for one in (first, second)]
    for a, b in zip(*drawn, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (drawn[0][1] == 1.0).all()
    assert drawn[0][0].max() == 6
