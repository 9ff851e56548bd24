"""Policies in files act as they did, and what is none is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rlmm_tf.env import PolicySpec, PolicyWeights, make_policy
from rlmm_tf.training.policy_file import policy_bytes, policy_from
from rlmm_tf.training.tensor_file import packed, unpacked


def example(**others: object) -> tuple[PolicySpec, PolicyWeights]:
    spec = PolicySpec(3, "gaussian", (2,), hidden=(8,), **others)  # type: ignore[arg-type]
    weights = PolicyWeights.random(spec, np.random.default_rng(1))
    weights.obs_mean, weights.obs_variance = np.arange(3.0), np.array([1.0, 2.0, 3.0])
    return spec, weights


def test_a_policy_acts_as_before() -> None:
    spec, weights = example(value_hidden=(4,))
    again, loaded = policy_from(policy_bytes(spec, weights), "p")
    assert again == spec
    obs = np.random.default_rng(2).normal(size=(16, 3)).astype(np.float32)
    actions = np.empty((2, 16, 2), np.float32)
    for i, (what, its) in enumerate(((spec, weights), (again, loaded))):
        make_policy(what, its).act(obs, actions=actions[i])
    np.testing.assert_array_equal(actions[0], actions[1])


def test_other_arrays_are_no_policy() -> None:
    with pytest.raises(ValueError, match=r"^p: expected a policy \(rlmm policy 1\), got None"):
        policy_from(packed({}, {}), "p")
    arrays, texts = unpacked(policy_bytes(*example()), "p")
    for changed in (
        {"actor": arrays["actor"][:-1]},
        {"actor": arrays["actor"] * 1.01},  # acts otherwise than it did
        {"test_obs": arrays["test_obs"][:, 1:]},
        {"actor": np.full_like(arrays["actor"], np.nan)},
        {"unheard": arrays["actor"]},
    ):
        with pytest.raises(ValueError, match=r"^p: expected a policy that can act, got none"):
            policy_from(packed({**arrays, **changed}, texts), "p")
