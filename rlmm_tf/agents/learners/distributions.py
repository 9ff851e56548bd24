"""Action distributions in closed form: the hot path's twins of `tensorflow_probability`'s.

Tests hold them equal to TFP in float64. Sums run over the last axis, the numbers of one action.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
HALF_LOG_2PI_E = 0.5 * math.log(2.0 * math.pi * math.e)


def gaussian_log_prob(x: tf.Tensor, mean: tf.Tensor, log_std: tf.Tensor) -> tf.Tensor:
    """Sum of -((x - mean) / std)^2 / 2 - log_std - log(2 pi) / 2."""
    z = (x - mean) * tf.exp(-log_std)
    return tf.reduce_sum(-0.5 * z * z - log_std - HALF_LOG_2PI, axis=-1)


def gaussian_entropy(log_std: tf.Tensor) -> tf.Tensor:
    """Sum of log_std + log(2 pi e) / 2."""
    return tf.reduce_sum(log_std + HALF_LOG_2PI_E, axis=-1)


def tanh_log_slope(u: tf.Tensor) -> tf.Tensor:
    """log(1 - tanh(u)^2) of each number, exact where tanh(u) rounds to 1.

    = 2 (log 2 - u - softplus(-2 u))
    """
    return 2.0 * (math.log(2.0) - u - tf.nn.softplus(-2.0 * u))


def squashed_log_prob(u: tf.Tensor, mean: tf.Tensor, log_std: tf.Tensor) -> tf.Tensor:
    """Of a = tanh(u), u gaussian, by the u that was drawn: log N(u) - sum log(1 - tanh(u)^2)."""
    return gaussian_log_prob(u, mean, log_std) - tf.reduce_sum(tanh_log_slope(u), axis=-1)


def categorical_log_probs(logits: tf.Tensor, choices: Sequence[int]) -> list[tf.Tensor]:
    """Log-probabilities of each number's choices; the logits of all numbers stand in a row."""
    return [tf.nn.log_softmax(part) for part in tf.split(logits, list(choices), axis=-1)]


def categorical_log_prob(
    logits: tf.Tensor, choices: Sequence[int], actions: tf.Tensor
) -> tf.Tensor:
    """Of what was chosen, summed over the numbers; `actions` is (rows, numbers)."""
    parts = categorical_log_probs(logits, choices)
    chosen = [tf.gather(part, actions[:, i], batch_dims=1, axis=-1) for i, part in enumerate(parts)]
    return tf.add_n(chosen)


def categorical_entropy(logits: tf.Tensor, choices: Sequence[int]) -> tf.Tensor:
    """Sum over the numbers of -sum p log p."""
    parts = categorical_log_probs(logits, choices)
    return tf.add_n([-tf.reduce_sum(tf.exp(part) * part, axis=-1) for part in parts])
