"""Deep Q-learning: double, dueling, and without a replay or targets where rows say what to learn.

    Q(s, a) = V(s) + sum_i A_i(s, a_i)          a_i: the numbers of an action; mean of A_i: 0
    A_i(s, k) = sum_j c_ij(s) phi_ij(k)         phi: orthonormal polynomials of the choice k
    a*     = argmax Q(s', .)                    double: of Q itself, else of Q'
    target = r + discount Q'(s', a*)
    loss   = mean w (Q(s, a) - target)^2 / 2    w: of rows that were drawn more often than others
    Q' <- Q' + tau (Q - Q')

Choices of a number are in order (a quote's distance, its size): with polynomials of a low degree
what a choice earns says something about its neighbours; of the full degree they are any function
of mean 0. Numbers add up, so the best action is the best choice of each. The discount of a row is 0
where the problem ended with it, and where its reward is all that there is to learn (PQN: returns of
the rollout itself). K updates run in one TensorFlow call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlmm_tf.agents.learners.adam import Adam, clipped_by_norm
from rlmm_tf.agents.learners.learner import Backend, Learner, repeated
from rlmm_tf.agents.learners.networks import Activation, forward, orthogonal_weights, part_sizes
from rlmm_tf.agents.learners.settings import DqnSettings

METRICS = ("loss", "q_mean", "spread", "entropy")


@dataclass(frozen=True)
class DqnShape:
    """Widths of the network; `choices` of each number of an action."""

    obs_width: int
    choices: tuple[int, ...]
    hidden: tuple[int, ...] = (64, 64)
    activation: Activation = "tanh"
    degree: int | None = None
    """Of the polynomials; None: as high as there are choices for."""

    @property
    def degrees(self) -> tuple[int, ...]:
        """Of each number."""
        return tuple(
            n - 1 if self.degree is None else min(self.degree, n - 1) for n in self.choices
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """Input, hidden layers, V and all coefficients."""
        return (self.obs_width, *self.hidden, 1 + sum(self.degrees))

    def basis(self) -> NDArray[np.float64]:
        """(coefficients, choices of all numbers): A of all choices is coefficients @ basis."""
        rows = np.zeros((sum(self.degrees), sum(self.choices)))
        row = column = 0
        for degree, n in zip(self.degrees, self.choices, strict=True):
            rows[row : row + degree, column : column + n] = polynomials(n, degree)
            row, column = row + degree, column + n
        return rows


def polynomials(n: int, degree: int) -> NDArray[np.float64]:
    """Of degree 1, 2, ... on n points: orthogonal, each of mean 0 and mean square 1."""
    x = np.linspace(-1.0, 1.0, n)
    q, r = np.linalg.qr(np.polynomial.chebyshev.chebvander(x, degree))
    rows: NDArray[np.float64] = (q * np.sign(np.diag(r))).T[1:] * np.sqrt(n)
    return rows


@dataclass(frozen=True)
class DqnBlock:
    """What K updates learn from: K batches of B rows each."""

    obs: NDArray[np.float32]  # (K, B, width)
    actions: NDArray[np.int32]  # (K, B, numbers)
    reward: NDArray[np.float32]  # (K, B)
    next_obs: NDArray[np.float32]  # (K, B, width)
    discount: NDArray[np.float32]  # (K, B)
    weight: NDArray[np.float32]  # (K, B)


class DqnLearner(Learner):
    """Weights of Q, of its target and their running mean, and their updates."""

    def __init__(
        self,
        shape: DqnShape,
        settings: DqnSettings,
        generator: np.random.Generator,
        *,
        backend: Backend = "graph",
    ) -> None:
        self.shape, self.settings = shape, settings
        flat = orthogonal_weights(shape.widths, generator, gain=np.sqrt(2.0), last_gain=0.01)
        self.weights = tf.Variable(flat)
        self.targets = tf.Variable(flat, trainable=False)
        self.averaged = tf.Variable(flat, trainable=False)
        self._adam = Adam(len(flat))
        self._basis = tf.constant(shape.basis(), tf.float32)
        weights = {name: getattr(self, name) for name in ("weights", "targets", "averaged")}
        super().__init__(weights, {"adam": self._adam}, backend=backend)

    def actor_weights(self, *, temperature: float, averaged: bool) -> NDArray[np.float32]:
        """As the engine's policy takes them: choices with logits A / temperature.

        V is the same for all choices, so a layer that puts out A is all that a policy needs.
        """
        flat = (self.averaged if averaged else self.weights).numpy()
        inputs, outputs = self.shape.widths[-2:]
        trunk, last = flat[: -(inputs + 1) * outputs], flat[-(inputs + 1) * outputs :]
        layer = last.reshape(inputs + 1, outputs)[:, 1:].astype(np.float64)
        logits = layer @ self.shape.basis() / temperature
        return np.concatenate([trunk, logits.ravel()]).astype(np.float32)

    # --- what the network says ------------------------------------------------------------------

    def outputs(self, flat: tf.Tensor, obs: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """V (rows,), and A (rows, choices) of each number."""
        shape = self.shape
        parts = tf.split(flat, part_sizes(shape.widths))
        rows = forward(parts, shape.widths, obs, shape.activation)
        advantages = tf.matmul(rows[:, 1:], self._basis)
        return rows[:, 0], tf.split(advantages, list(shape.choices), axis=-1)

    def best_values(self, obs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Max Q of rows of observations."""
        value, advantages = self.outputs(self.weights, tf.constant(obs))
        best = [tf.reduce_max(one, axis=-1) for one in advantages]
        return np.array(tf.add_n([value, *best]).numpy())

    # --- the update -----------------------------------------------------------------------------

    def update(
        self, block: DqnBlock, *, rate_factor: float = 1.0, temperature: float = 1.0
    ) -> tuple[dict[str, float], NDArray[np.float32]]:
        """K updates in one call; returns METRICS, means over them, and each row's error (K, B).

        Args:
            block: rows.
            rate_factor: of the learning rate, by a schedule.
            temperature: of the policy that acts, for its entropy.
        """
        data = [getattr(block, field.name) for field in fields(block)]
        rate = self.settings.learning_rate * rate_factor
        sums, errors = self._run(data, rate, temperature)
        means = (sums.numpy() / len(block.reward)).tolist()
        return dict(zip(METRICS, means, strict=True)), np.array(errors.numpy())

    def _updates(self, *tensors: tf.Tensor) -> Sequence[tf.Tensor]:
        *data, rate, temperature = tensors
        count, size = data[2].shape

        def body(i: tf.Tensor, sums: tf.Tensor, errors: tf.Tensor) -> list[tf.Tensor]:
            metrics, error = self._one_update([column[i] for column in data], rate, temperature)
            return [sums + metrics, tf.tensor_scatter_nd_update(errors, [[i]], error[None])]

        return repeated(count, body, [tf.zeros(len(METRICS)), tf.zeros((count, size))])

    def _one_update(
        self, rows: list[tf.Tensor], rate: tf.Tensor, temperature: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        obs, actions, reward, next_obs, discount, weight = rows
        target = self.target(reward, next_obs, discount)
        with tf.GradientTape() as tape:
            value, advantages = self.outputs(self.weights, obs)
            error = value + _of_choices(advantages, actions) - target
            loss = 0.5 * tf.reduce_mean(weight * tf.square(error))
        gradient = tape.gradient(loss, self.weights)
        gradient = clipped_by_norm(gradient, self.settings.gradient_norm_most)
        self._adam.apply(self.weights, gradient, rate, tf.constant(1.0))
        self.targets.assign_add(self.settings.tau * (self.weights - self.targets))
        self.averaged.assign_add(self.settings.average_share * (self.weights - self.averaged))
        spread = [tf.reduce_mean(tf.math.reduce_std(one, axis=-1)) for one in advantages]
        entropy = [_entropy(one / temperature) for one in advantages]
        metrics = [loss, tf.reduce_mean(value), tf.add_n(spread), tf.add_n(entropy)]
        return tf.stack(metrics), tf.abs(error)

    def target(self, reward: tf.Tensor, next_obs: tf.Tensor, discount: tf.Tensor) -> tf.Tensor:
        """What Q learns: r + discount Q'(s', a*)."""
        value, advantages = self.outputs(self.targets, next_obs)
        judges = self.outputs(self.weights, next_obs)[1] if self.settings.double else advantages
        best = tf.stack([tf.argmax(one, axis=-1, output_type=tf.int32) for one in judges], axis=-1)
        return reward + discount * (value + _of_choices(advantages, best))


def _of_choices(advantages: list[tf.Tensor], chosen: tf.Tensor) -> tf.Tensor:
    """Sum of the advantages of what was chosen, (rows,)."""
    taken = [
        tf.gather(one, chosen[:, i], axis=-1, batch_dims=1) for i, one in enumerate(advantages)
    ]
    return tf.add_n(taken)


def _entropy(logits: tf.Tensor) -> tf.Tensor:
    """Mean entropy of a choice by these logits."""
    log_probs = tf.nn.log_softmax(logits)
    return -tf.reduce_mean(tf.reduce_sum(tf.exp(log_probs) * log_probs, axis=-1))
