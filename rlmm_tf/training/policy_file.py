"""A policy by itself, as a file: its spec, its weights, its normaliser, and how it acts.

Observations and the actions that the policy chose for them go along with it: whoever reads the
file, in whatever language, can see whether he acts alike. `policy_from` does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env import PolicySpec, PolicyWeights, make_policy
from rlmm_tf.training.tensor_file import packed, unpacked

_KIND = "rlmm policy 1"
_TEST_ROWS = 16
_TEST_OBS, _TEST_ACTIONS = "test_obs", "test_actions"
_ACTION_ERROR = 1e-5


def policy_bytes(spec: PolicySpec, weights: PolicyWeights) -> bytes:
    """What `policy_from` reads."""
    arrays = {
        field.name: values
        for field in fields(weights)
        if field.name != "spec" and (values := getattr(weights, field.name)) is not None
    }
    obs = _test_obs(spec, weights)
    arrays |= {_TEST_OBS: obs, _TEST_ACTIONS: best_actions(spec, weights, obs)}
    return packed(arrays, {"kind": _KIND, "spec": json.dumps(asdict(spec))})


def best_actions(
    spec: PolicySpec, weights: PolicyWeights, obs: NDArray[np.float32]
) -> NDArray[Any]:
    """What the policy does without drawing, a row for each observation."""
    dtype = np.int64 if spec.head == "categorical" else np.float32
    actions = np.empty((len(obs), *spec.action_shape), dtype)
    make_policy(spec, weights).act(obs, actions=actions)
    return actions


def _test_obs(spec: PolicySpec, weights: PolicyWeights) -> NDArray[np.float32]:
    """The same for the same policy, and spread as what it has seen."""
    rows = np.random.default_rng(0).normal(size=(_TEST_ROWS, spec.obs_width))
    if weights.obs_mean is not None and weights.obs_variance is not None:
        rows = weights.obs_mean + rows * np.sqrt(weights.obs_variance)
    return rows.astype(np.float32)


def policy_from(raw: bytes, place: str) -> tuple[PolicySpec, PolicyWeights]:
    """Spec and weights.

    Raises:
        ValueError: this is no policy, or one that cannot act, or that acts otherwise than when it
            was written; the message begins with `place`.
    """
    arrays, texts = unpacked(raw, place)
    if texts.get("kind") != _KIND:
        raise ValueError(f"{place}: expected a policy ({_KIND}), got {texts.get('kind')!r}")
    try:
        values: dict[str, Any] = json.loads(texts["spec"])
        tuples = {name: tuple(v) for name, v in values.items() if isinstance(v, list)}
        spec = PolicySpec(**(values | tuples))
        weights = PolicyWeights.zeros(spec)
        tests = {name: arrays.pop(name) for name in (_TEST_OBS, _TEST_ACTIONS)}
        for name, array in arrays.items():
            held = getattr(weights, name)
            if held is None:
                setattr(weights, name, array.astype(np.float64))
            else:
                held[...] = array
        actions = best_actions(spec, weights, tests[_TEST_OBS])
        if not np.allclose(actions, tests[_TEST_ACTIONS], rtol=0.0, atol=_ACTION_ERROR):
            raise ValueError("its actions are not those that are written beside it")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{place}: expected a policy that can act, got none: {error}") from None
    return spec, weights
