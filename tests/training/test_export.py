"""A SavedModel acts as the engine's policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from rlmm_tf.env import PolicySpec, PolicyWeights  # noqa: E402
from rlmm_tf.training import export  # noqa: E402
from rlmm_tf.training.export import write_saved_model  # noqa: E402
from rlmm_tf.training.policy_file import best_actions  # noqa: E402

HEADS: dict[str, dict[str, Any]] = {
    "gaussian": {"head": "gaussian", "actions": (2,)},
    "tanh_gaussian": {"head": "tanh_gaussian", "actions": (2,), "activation": "relu"},
    "one choice": {"head": "categorical", "actions": (9,)},
    "choices": {"head": "categorical", "actions": (5, 4), "activation": "silu"},
}


@pytest.mark.parametrize("name", HEADS)
def test_it_acts_as_the_engine_does(name: str, tmp_path: Path) -> None:
    spec = PolicySpec(3, hidden=(8, 8), **HEADS[name])
    weights = PolicyWeights.random(spec, np.random.default_rng(1), scale=2.0)
    if name != "gaussian":
        weights.obs_mean, weights.obs_variance = np.arange(3.0), np.array([1.0, 4.0, 1e-4])
    write_saved_model(spec, weights, tmp_path / "model")
    act = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    obs = np.random.default_rng(2).normal(1.0, 2.0, size=(50, 3)).astype(np.float32)
    got = act(obs=tf.constant(obs))["actions"].numpy()
    expected = best_actions(spec, weights, obs)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_one_that_acts_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = PolicySpec(3, "gaussian", (2,), hidden=(8,))
    weights = PolicyWeights.random(spec, np.random.default_rng(1))
    monkeypatch.setattr(export, "best_actions", lambda *given: 1.0 + best_actions(*given))
    with pytest.raises(ArithmeticError, match="expected the actions of the engine's policy"):
        write_saved_model(spec, weights, tmp_path / "model")
