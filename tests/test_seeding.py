"""From one seed to independent keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlmm_tf.seeding import environment_keys, seed_sequence

seeds = st.integers(0, 2**128)


@given(seed=seeds, few=st.integers(1, 50), more=st.integers(0, 50))
def test_key_does_not_depend_on_how_many_there_are(seed: int, few: int, more: int) -> None:
    many = environment_keys(seed, few + more)
    np.testing.assert_array_equal(environment_keys(seed, few), many[:few])
    assert many.shape == (few + more, 2)
    assert many.dtype == np.uint64


def test_keys_are_numpys_seed_sequence() -> None:
    expected = np.random.SeedSequence(42).generate_state(6, np.uint64).reshape(3, 2)
    np.testing.assert_array_equal(environment_keys(42, 3), expected)
    np.testing.assert_array_equal(environment_keys(np.random.SeedSequence(42), 3), expected)
    np.testing.assert_array_equal(environment_keys(np.int64(42), np.int64(3)), expected)


def test_no_key_is_shared_by_100_seeds() -> None:
    # With seed + index, 6237 of these 6400 would be repeats.
    keys = np.concatenate([environment_keys(seed, 64) for seed in range(100)])
    assert len(np.unique(keys, axis=0)) == 6400
    assert len(np.unique(keys[:, 0])) == 6400
    assert len(np.unique(keys[:, 1])) == 6400


def test_none_is_fresh_entropy() -> None:
    assert (environment_keys(None, 2) != environment_keys(None, 2)).all()
    assert seed_sequence(None).entropy != seed_sequence(None).entropy


def test_a_sequence_is_not_used_up() -> None:
    sequence = np.random.SeedSequence(7)
    np.testing.assert_array_equal(environment_keys(sequence, 2), environment_keys(sequence, 2))


def test_paths_name_sequences() -> None:
    assert (
        seed_sequence(3).generate_state(2).tolist()
        == np.random.SeedSequence(3).generate_state(2).tolist()
    )
    child = np.random.SeedSequence(3).spawn(5)[4]  # NumPy's own children have these paths
    np.testing.assert_array_equal(seed_sequence(3, 4).generate_state(4), child.generate_state(4))
    states = {
        seed_sequence(*path).generate_state(4).tobytes()
        for path in [(3,), (4,), (3, 0), (3, 1), (3, 0, 0), (3, 0, 1), (3, 1, 0)]
    }
    assert len(states) == 7


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (-1, ValueError, "seed: expected at least 0, got -1"),
        (1.0, TypeError, "seed: expected an integer or None, got 1.0"),
        ("1", TypeError, "seed: expected an integer or None, got '1'"),
        (True, TypeError, "seed: expected an integer or None, got True"),
        ([1], TypeError, r"seed: expected an integer or None, got \[1\]"),
    ],
)
def test_wrong_seeds(seed: Any, error: type[Exception], message: str) -> None:
    for call in (lambda: environment_keys(seed, 1), lambda: seed_sequence(seed)):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize(
    ("n_envs", "error", "message"),
    [
        (0, ValueError, "n_envs: expected at least 1, got 0"),
        (-2, ValueError, "n_envs: expected at least 1, got -2"),
        (1.5, TypeError, "n_envs: expected an integer, got 1.5"),
        ("2", TypeError, "n_envs: expected an integer, got '2'"),
    ],
)
def test_wrong_numbers(n_envs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        environment_keys(0, n_envs)
