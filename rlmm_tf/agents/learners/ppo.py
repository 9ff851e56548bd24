"""Proximal policy optimisation with a clipped ratio (PPO-clip).

    ratio  = exp(log pi(a) - log pi_old(a))
    policy = -mean min(ratio A, clip(ratio, 1 - c, 1 + c) A)        A: per minibatch, mean 0, sd 1
    value  = mean (V - R)^2 / 2                                     R = A_gae + V_old
    loss   = policy + value_weight value - entropy_weight entropy

All epochs and minibatches of an update run in one TensorFlow call. A squashed action is judged by
the u it was made from: the squash's slope cancels in the ratio, exactly. When the policy has moved
too far from the one that acted (k3 = mean(ratio - 1 - log ratio) > 1.5 target_kl), the rest of the
update changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlmm_tf.agents.learners.adam import Adam, clipped_by_norm
from rlmm_tf.agents.learners.distributions import (
    categorical_entropy,
    categorical_log_prob,
    gaussian_entropy,
    gaussian_log_prob,
    tanh_log_slope,
)
from rlmm_tf.agents.learners.learner import Backend, Learner, repeated
from rlmm_tf.agents.learners.networks import (
    Activation,
    forward,
    orthogonal_weights,
    part_sizes,
)
from rlmm_tf.agents.learners.settings import PpoSettings

Head = Literal["gaussian", "tanh_gaussian", "categorical"]
METRICS = ("policy_loss", "value_loss", "entropy", "kl", "clipped_share", "updates")
KL_SLACK = 1.5


@dataclass(frozen=True)
class PpoShape:
    """Widths of the networks; `actions` as in `rlmm_tf.env.rollout.PolicySpec`."""

    obs_width: int
    head: Head
    actions: tuple[int, ...]
    hidden: tuple[int, ...] = (64, 64)
    activation: Activation = "tanh"
    value_hidden: tuple[int, ...] = (64, 64)
    value_activation: Activation = "tanh"
    log_std_bounds: tuple[float, float] = (-20.0, 2.0)

    @property
    def actor_widths(self) -> tuple[int, ...]:
        """Input, hidden layers, output."""
        outputs = sum(self.actions) * (2 if self.head == "tanh_gaussian" else 1)
        return (self.obs_width, *self.hidden, outputs)

    @property
    def value_widths(self) -> tuple[int, ...]:
        """Input, hidden layers, output."""
        return (self.obs_width, *self.value_hidden, 1)

    @property
    def n_log_std(self) -> int:
        """Log standard deviations that depend on no observation."""
        return self.actions[0] if self.head == "gaussian" else 0

    @property
    def n_numbers(self) -> int:
        """Numbers in one action."""
        return len(self.actions) if self.head == "categorical" else self.actions[0]


@dataclass(frozen=True)
class PpoBatch:
    """What an update learns from; M rows, in any order."""

    obs: NDArray[np.float32]  # (M, width), normalised as for the policy that acted
    actions: NDArray[Any]  # (M, numbers); of a tanh_gaussian head the u before the squash
    log_prob: NDArray[np.float32]  # (M,) of the policy that acted; see `behaviour_log_prob`
    advantage: NDArray[np.float32]
    value_target: NDArray[np.float32]


def clipped_policy_loss(ratio: tf.Tensor, advantage: tf.Tensor, clip: float) -> tf.Tensor:
    """The clipped objective, negated: -mean min(ratio A, clip(ratio, 1 - c, 1 + c) A)."""
    bounded = tf.clip_by_value(ratio, 1.0 - clip, 1.0 + clip)
    return -tf.reduce_mean(tf.minimum(ratio * advantage, bounded * advantage))


def value_loss(value: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Half the mean squared error: mean (V - R)^2 / 2."""
    return 0.5 * tf.reduce_mean(tf.square(value - target))


def standardised(x: tf.Tensor) -> tf.Tensor:
    """Mean 0, standard deviation 1."""
    mean = tf.reduce_mean(x)
    return (x - mean) / (tf.math.reduce_std(x) + 1e-8)


class PpoLearner(Learner):
    """Weights of a policy and a value network, and how they are updated."""

    def __init__(
        self,
        shape: PpoShape,
        settings: PpoSettings,
        generator: np.random.Generator,
        *,
        backend: Backend = "graph",
    ) -> None:
        self.shape = shape
        self.settings = settings
        log_std = np.full(shape.n_log_std, settings.log_std_initial, np.float32)
        actor = orthogonal_weights(shape.actor_widths, generator, gain=np.sqrt(2.0), last_gain=0.01)
        if shape.head == "tanh_gaussian":
            actor[-shape.actions[0] :] = settings.log_std_initial
        value = orthogonal_weights(shape.value_widths, generator, gain=np.sqrt(2.0), last_gain=1.0)
        self.weights = tf.Variable(np.concatenate([actor, log_std, value]))
        self._n_actor, self._n_value = len(actor), len(value)
        self._sizes = [
            *part_sizes(shape.actor_widths),
            shape.n_log_std,
            *part_sizes(shape.value_widths),
        ]
        self.adam = Adam(int(self.weights.shape[0]), epsilon=settings.adam_epsilon)
        super().__init__({"weights": self.weights}, {"adam": self.adam}, backend=backend)

    # --- weights as the engine's policy takes them ---------------------------------------------

    def actor_weights(self) -> NDArray[np.float32]:
        """A copy of the actor's."""
        return np.array(self.weights.numpy()[: self._n_actor])

    def log_std(self) -> NDArray[np.float32] | None:
        """A copy; None if the network puts it out."""
        if not self.shape.n_log_std:
            return None
        return np.array(self.weights.numpy()[self._n_actor :][: self.shape.n_log_std])

    def value_weights(self) -> NDArray[np.float32]:
        """A copy of the value network's."""
        return np.array(self.weights.numpy()[-self._n_value :])

    # --- what the networks say ------------------------------------------------------------------

    def evaluate(
        self, obs: tf.Tensor, actions: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Log-probability of the actions, entropy of the policy and value, of each row.

        Of a tanh_gaussian head the log-probability is that of u (the slope of the squash is left
        out), and the entropy is that of u and the expected log-slope, by the u that was drawn; its
        gradient is of u = mean + std z with the z that was drawn: it leads back from the bounds.
        """
        shape = self.shape
        parts = tf.split(self.weights, self._sizes)
        n_actor = 2 * (len(shape.actor_widths) - 1)
        outputs = forward(parts[:n_actor], shape.actor_widths, obs, shape.activation)
        value = forward(parts[n_actor + 1 :], shape.value_widths, obs, shape.value_activation)
        if shape.head == "categorical":
            log_prob = categorical_log_prob(outputs, shape.actions, actions)
            entropy = categorical_entropy(outputs, shape.actions)
        elif shape.head == "gaussian":
            log_std = parts[n_actor]
            log_prob = gaussian_log_prob(actions, outputs, log_std)
            entropy = gaussian_entropy(tf.broadcast_to(log_std, tf.shape(outputs)))
        else:
            mean, raw = tf.split(outputs, 2, axis=-1)
            log_std = tf.clip_by_value(raw, *shape.log_std_bounds)
            log_prob = gaussian_log_prob(actions, mean, log_std)
            drawn = tf.stop_gradient((actions - mean) * tf.exp(-log_std))
            u = mean + tf.exp(log_std) * drawn
            entropy = gaussian_entropy(log_std) + tf.reduce_sum(tanh_log_slope(u), axis=-1)
        return log_prob, entropy, value[:, 0]

    def behaviour_log_prob(
        self, log_prob: NDArray[np.float32], actions: NDArray[Any]
    ) -> NDArray[np.float32]:
        """What `PpoBatch.log_prob` wants, from a rollout's log-probability of the action."""
        if self.shape.head != "tanh_gaussian":
            return log_prob
        u = actions.astype(np.float64)
        slope = 2.0 * (np.log(2.0) - u - np.logaddexp(0.0, -2.0 * u))
        return (log_prob + slope.sum(axis=-1)).astype(np.float32)

    # --- the update -----------------------------------------------------------------------------

    def update(
        self,
        batch: PpoBatch,
        generator: np.random.Generator,
        *,
        rate_factor: float = 1.0,
        entropy_factor: float = 1.0,
    ) -> dict[str, float]:
        """All epochs over the batch; returns METRICS, means over the minibatches that counted.

        Args:
            batch: rows; those that do not fill a minibatch are left out of an epoch, others each
                time.
            generator: shuffles them.
            rate_factor: of the learning rate, by a schedule.
            entropy_factor: of the entropy's weight, by a schedule.
        """
        rows, size = len(batch.obs), min(self.settings.minibatch, len(batch.obs))
        per_epoch = rows // size
        orders = [
            generator.permutation(rows)[: per_epoch * size].reshape(per_epoch, size)
            for _ in range(self.settings.epochs)
        ]
        order = np.concatenate(orders).astype(np.int32)
        data = [*(getattr(batch, field.name) for field in fields(batch)), order]
        rate = self.settings.learning_rate * rate_factor
        sums = self._run(data, rate, self.settings.entropy_weight * entropy_factor).numpy()
        made = max(float(sums[-1]), 1.0)
        means = [*(sums[:-1] / made).tolist(), float(sums[-1])]
        return dict(zip(METRICS, means, strict=True))

    def _updates(self, *tensors: tf.Tensor) -> tf.Tensor:
        *data, order, rate, entropy_weight = tensors

        def body(i: tf.Tensor, goes_on: tf.Tensor, sums: tf.Tensor) -> list[tf.Tensor]:
            rows = tuple(tf.gather(column, order[i]) for column in data)
            goes_on, metrics = self._minibatch(rows, rate, entropy_weight, goes_on)
            return [goes_on, sums + metrics]

        start = [tf.constant(1.0), tf.zeros(len(METRICS))]
        return repeated(int(order.shape[0]), body, start)[1]

    def _minibatch(
        self,
        rows: tuple[tf.Tensor, ...],
        rate: tf.Tensor,
        entropy_weight: tf.Tensor,
        goes_on: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One step, if the update goes on; whether it does from here, and the metrics."""
        settings = self.settings
        obs, actions, old_log_prob, advantage, target = rows
        advantage = standardised(advantage)
        with tf.GradientTape() as tape:
            log_prob, entropies, value = self.evaluate(obs, actions)
            log_ratio = log_prob - old_log_prob
            ratio = tf.exp(log_ratio)
            policy = clipped_policy_loss(ratio, advantage, settings.clip)
            error = value_loss(value, target)
            entropy = tf.reduce_mean(entropies)
            loss = policy + settings.value_weight * error - entropy_weight * entropy
        gradient = clipped_by_norm(tape.gradient(loss, self.weights), settings.gradient_norm_most)
        kl = tf.reduce_mean(ratio - 1.0 - log_ratio)
        if settings.target_kl is not None:
            goes_on *= tf.cast(kl <= KL_SLACK * settings.target_kl, tf.float32)
        self.adam.apply(self.weights, gradient, rate, goes_on)
        clipped = tf.reduce_mean(tf.cast(tf.abs(ratio - 1.0) > settings.clip, tf.float32))
        metrics = tf.stack([policy, error, entropy, kl, clipped, tf.ones(())])
        return goes_on, goes_on * metrics
