"""A trained policy as a SavedModel: for whoever serves TensorFlow models.

The one function of the model, its default signature, takes raw observations (rows, width) and
returns the actions that the policy chooses without drawing: `actions`, as the environment takes
them. Reading such a model back is TensorFlow's business; this project reads `policy.safetensors`.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import tensorflow as tf

from rlmm_tf.agents.learners.networks import forward, part_sizes
from rlmm_tf.env import PolicySpec, PolicyWeights
from rlmm_tf.training.policy_file import best_actions

ACTION_ERROR = 1e-4


def policy_module(spec: PolicySpec, weights: PolicyWeights) -> tf.Module:
    """Normaliser, network and head, as the function `act`."""
    variance = np.ones(1) if weights.obs_variance is None else weights.obs_variance
    mean = tf.constant(np.zeros(1) if weights.obs_mean is None else weights.obs_mean, tf.float32)
    deviation = tf.constant(np.sqrt(variance + spec.obs_epsilon), tf.float32)
    module = tf.Module()
    module.actor = tf.Variable(weights.actor, trainable=False)

    def act(obs: tf.Tensor) -> dict[str, tf.Tensor]:
        if weights.obs_mean is not None:
            rows = (obs - mean) / deviation
            obs = tf.clip_by_value(rows, -spec.obs_clip, spec.obs_clip)
        parts = tf.split(module.actor, part_sizes(spec.actor_widths))
        outputs = forward(parts, spec.actor_widths, obs, spec.activation)
        if spec.head == "gaussian":
            return {"actions": outputs}
        if spec.head == "tanh_gaussian":
            return {"actions": tf.tanh(outputs[:, : spec.actions[0]])}
        starts = [0, *np.cumsum(spec.actions).tolist()]
        best = [tf.argmax(outputs[:, a:b], axis=-1) for a, b in pairwise(starts)]
        return {"actions": best[0] if len(best) == 1 else tf.stack(best, axis=-1)}

    rows = tf.TensorSpec((None, spec.obs_width), tf.float32, "obs")
    module.act = tf.function(act, input_signature=[rows], autograph=False)
    return module


def write_saved_model(spec: PolicySpec, weights: PolicyWeights, path: Path) -> None:
    """Writes the folder and acts with what was written.

    Raises:
        ArithmeticError: it does not act as the engine's policy does.
    """
    module = policy_module(spec, weights)
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.act})
    written = tf.saved_model.load(str(path)).signatures["serving_default"]
    mean = np.zeros(spec.obs_width) if weights.obs_mean is None else weights.obs_mean
    obs = (mean + np.random.default_rng(0).normal(size=(64, spec.obs_width))).astype(np.float32)
    got = written(obs=tf.constant(obs))["actions"].numpy()
    expected = best_actions(spec, weights, obs)
    if not np.allclose(got, expected, rtol=0.0, atol=ACTION_ERROR):
        worst = float(np.abs(got - expected).max())
        raise ArithmeticError(
            f"{path}: expected the actions of the engine's policy, got some that are off by {worst}"
        )
