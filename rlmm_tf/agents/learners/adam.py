"""Adam on a flat vector, with torch's semantics.

m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
w <- w - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


class Adam(tf.Module):
    """Moments of one array of weights, and the step."""

    def __init__(
        self,
        n_weights: int | tuple[int, ...],
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__()
        self.first = tf.Variable(tf.zeros(n_weights), trainable=False)
        self.second = tf.Variable(tf.zeros(n_weights), trainable=False)
        self.steps = tf.Variable(0.0, trainable=False)  # exact up to 2^24
        self._beta_1, self._beta_2, self._epsilon = beta_1, beta_2, epsilon

    def state(self) -> dict[str, NDArray[np.float32]]:
        """All that `set_state` needs."""
        return {
            "first": np.array(self.first.numpy()),
            "second": np.array(self.second.numpy()),
            "steps": np.array(self.steps.numpy()),
        }

    def set_state(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        """Goes back to where `state` was taken."""
        for name in ("first", "second", "steps"):
            getattr(self, name).assign(state[name])

    def apply(
        self, weights: tf.Variable, gradient: tf.Tensor, rate: tf.Tensor, wanted: tf.Tensor
    ) -> None:
        """One step, or none where `wanted` (a scalar, 1 or 0) is 0."""
        b1, b2 = self._beta_1, self._beta_2
        keep = wanted > 0.0
        steps = self.steps + wanted
        first = tf.where(keep, b1 * self.first + (1.0 - b1) * gradient, self.first)
        second = tf.where(keep, b2 * self.second + (1.0 - b2) * gradient * gradient, self.second)
        some = tf.maximum(steps, 1.0)
        root = tf.sqrt(second / (1.0 - tf.pow(b2, some))) + self._epsilon
        step = wanted * rate / (1.0 - tf.pow(b1, some))
        weights.assign_sub(step * first / root)
        self.first.assign(first)
        self.second.assign(second)
        self.steps.assign(steps)


def clipped_by_norm(gradient: tf.Tensor, most: float) -> tf.Tensor:
    """The gradient, shortened to a length of `most` if it is longer (torch's rule)."""
    norm = tf.norm(gradient)
    return gradient * tf.minimum(1.0, most / (norm + 1e-6))
