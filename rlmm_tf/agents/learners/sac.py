"""Soft actor-critic with twin critics and an automatic temperature (SAC).

    a = tanh(u), u ~ N(mean(s), std(s))     a', a~: drawn from the policy at s' and at s
    target = r + discount (Q'(s', a') - alpha log pi(a'|s'))        Q: of both critics' the mean
    critic = sum_i mean (Q_i(s, a) - target)^2 / 2                     (or the least)
    actor  = mean (alpha log pi(a~|s) - Q(s, a~))
    temperature = -log alpha mean (log pi(a~|s) + target entropy)
    Q' <- Q' + tau (Q - Q')

in the order critics, actor, temperature, targets; alpha is the one from before its step, times a
factor by which a training cools down: the mode of a wide distribution is not the best action where
what actions earn is lopsided. The policy that counts is the actor's running mean. The discount of a
row is 0 where the problem ended with it, and not where only its recording did. K updates run in one
TensorFlow call; all randomness comes in with the data. Densities are of actions in [-1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rlmm_tf.agents.learners.adam import Adam
from rlmm_tf.agents.learners.advantages import EXPONENT_MAX
from rlmm_tf.agents.learners.distributions import squashed_log_prob
from rlmm_tf.agents.learners.learner import Backend, Learner, repeated
from rlmm_tf.agents.learners.networks import (
    Activation,
    forward,
    part_sizes,
    stacked_forward,
    uniform_weights,
)
from rlmm_tf.agents.learners.settings import SacSettings

METRICS = ("critic_loss", "actor_loss", "temperature", "entropy", "q_mean")
N_CRITICS = 2
ACTION_GAIN = 4.0
"""Of actions where critics read them: their spread is a fraction of that of observations, and what
they earn a fraction of what states are worth; without it critics learn the latter only."""


@dataclass(frozen=True)
class SacShape:
    """Widths of the networks."""

    obs_width: int
    n_actions: int
    hidden: tuple[int, ...] = (256, 256)
    critic_hidden: tuple[int, ...] = (256, 256)
    activation: Activation = "relu"
    critic_activation: Activation = "silu"
    log_std_bounds: tuple[float, float] = (-20.0, 2.0)
    risk_averse: bool = False
    """Values are certainty equivalents."""

    @property
    def actor_widths(self) -> tuple[int, ...]:
        """Input, hidden layers, means and log standard deviations."""
        return (self.obs_width, *self.hidden, 2 * self.n_actions)

    @property
    def critic_widths(self) -> tuple[int, ...]:
        """Observation and action, hidden layers, value."""
        return (self.obs_width + self.n_actions, *self.critic_hidden, 1)


@dataclass(frozen=True)
class SacBlock:
    """What K updates learn from: K batches of B rows each, and the noise of their draws."""

    obs: NDArray[np.float32]  # (K, B, width)
    actions: NDArray[np.float32]  # (K, B, actions), in [-1, 1]
    reward: NDArray[np.float32]  # (K, B)
    next_obs: NDArray[np.float32]  # (K, B, width)
    discount: NDArray[np.float32]  # (K, B)
    noise: NDArray[np.float32]  # (K, 2, B, actions), standard normal: for s', for s


def squared_loss(errors: tf.Tensor) -> tf.Tensor:
    """(Q - target)^2 / 2: least where Q is the mean of the targets."""
    return 0.5 * tf.square(errors)


def exponential_loss(errors: tf.Tensor, risk_aversion: tf.Tensor) -> tf.Tensor:
    """(exp(c e) - c e - 1) / c^2, e = Q - target; linear where c e is above EXPONENT_MAX.

    Least where Q = -ln(mean exp(-c target)) / c: the slope's mean (exp(c e) - 1) / c is 0 there.
    """
    x = risk_aversion * errors
    bounded = tf.minimum(x, EXPONENT_MAX)
    return (tf.exp(bounded) * (1.0 + x - bounded) - x - 1.0) / tf.square(risk_aversion)


class SacLearner(Learner):
    """Weights of an actor, twin critics, their targets and the temperature, and their updates."""

    def __init__(
        self,
        shape: SacShape,
        settings: SacSettings,
        generator: np.random.Generator,
        *,
        backend: Backend = "graph",
    ) -> None:
        self.shape, self.settings = shape, settings
        actor = uniform_weights(shape.actor_widths, generator)
        self.actor, self.averaged = tf.Variable(actor), tf.Variable(actor, trainable=False)
        critics = [uniform_weights(shape.critic_widths, generator) for _ in range(N_CRITICS)]
        self.critics = tf.Variable(np.stack(critics))
        self.targets = tf.Variable(np.stack(critics), trainable=False)
        self.log_alpha = tf.Variable([np.log(settings.temperature_initial)], dtype=tf.float32)
        adams = {
            "actor": Adam(int(self.actor.shape[0])),
            "critics": Adam(tuple(self.critics.shape)),
            "log_alpha": Adam(1),
        }
        names = ("actor", "averaged", "critics", "targets", "log_alpha")
        weights = {name: getattr(self, name) for name in names}
        super().__init__(weights, adams, backend=backend)

    def actor_weights(self, *, averaged: bool) -> NDArray[np.float32]:
        """A copy, as the engine's policy takes them; `averaged`: of their running mean."""
        return np.array((self.averaged if averaged else self.actor).numpy())

    # --- what the networks say ------------------------------------------------------------------

    def act(self, obs: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Actions in [-1, 1] drawn with this noise, and their log-probability."""
        shape = self.shape
        parts = tf.split(self.actor, part_sizes(shape.actor_widths))
        outputs = forward(parts, shape.actor_widths, obs, shape.activation)
        mean, raw = tf.split(outputs, 2, axis=-1)
        log_std = tf.clip_by_value(raw, *shape.log_std_bounds)
        u = mean + tf.exp(log_std) * noise
        return tf.tanh(u), squashed_log_prob(u, mean, log_std)

    def values(self, critics: tf.Tensor, obs: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Q of each critic, shape (2, rows)."""
        shape = self.shape
        rows = tf.concat([obs, ACTION_GAIN * actions], axis=-1)
        widths = shape.critic_widths
        return stacked_forward(critics, widths, rows, shape.critic_activation)[..., 0]

    # --- the update -----------------------------------------------------------------------------

    def update(
        self,
        block: SacBlock,
        *,
        rate_factor: float = 1.0,
        cooling: float = 1.0,
        risk_aversion: float = 0.0,
    ) -> dict[str, float]:
        """K updates in one call; returns METRICS, means over them.

        Args:
            block: rows.
            rate_factor: of the learning rate, by a schedule.
            cooling: of the temperature; below 1 this no longer follows the entropy.
            risk_aversion: per unit of the rows' reward, where the shape is risk-averse.
        """
        data = [getattr(block, field.name) for field in fields(block)]
        rate = self.settings.learning_rate * rate_factor
        means = self._run(data, rate, cooling, risk_aversion).numpy() / len(block.reward)
        return dict(zip(METRICS, means.tolist(), strict=True))

    def _updates(self, *tensors: tf.Tensor) -> tf.Tensor:
        *data, rate, cooling, aversion = tensors

        def body(i: tf.Tensor, sums: tf.Tensor) -> list[tf.Tensor]:
            rows = [column[i] for column in data]
            return [sums + self._one_update(rows, rate, cooling, aversion)]

        return repeated(int(data[0].shape[0]), body, [tf.zeros(len(METRICS))])[0]

    def _one_update(
        self, rows: list[tf.Tensor], rate: tf.Tensor, cooling: tf.Tensor, aversion: tf.Tensor
    ) -> tf.Tensor:
        obs, actions, reward, next_obs, discount, noise = rows
        alpha = cooling * tf.exp(self.log_alpha[0])
        target = self.target(reward, next_obs, discount, noise[0], alpha)
        with tf.GradientTape() as tape:
            errors = self.values(self.critics, obs, actions) - target
            losses = squared_loss(errors)
            if self.shape.risk_averse:
                losses = exponential_loss(errors, aversion)
            critic_loss = tf.reduce_sum(tf.reduce_mean(losses, axis=-1))
        self._step("critics", tape.gradient(critic_loss, self.critics), rate)
        with tf.GradientTape() as tape:
            drawn, log_prob = self.act(obs, noise[1])
            value = self._joined(self.values(tf.stop_gradient(self.critics), obs, drawn))
            actor_loss = tf.reduce_mean(alpha * log_prob - value)
        self._step("actor", tape.gradient(actor_loss, self.actor), rate)
        entropy = -tf.reduce_mean(log_prob)
        surplus = entropy - self.settings.entropy_per_action * self.shape.n_actions
        follows = tf.cast(cooling >= 1.0, tf.float32)
        self._step("log_alpha", tf.reshape(surplus, (1,)), rate, follows)
        self.targets.assign_add(self.settings.tau * (self.critics - self.targets))
        self.averaged.assign_add(self.settings.average_share * (self.actor - self.averaged))
        return tf.stack([critic_loss, actor_loss, alpha, entropy, tf.reduce_mean(value)])

    def target(
        self,
        reward: tf.Tensor,
        next_obs: tf.Tensor,
        discount: tf.Tensor,
        noise: tf.Tensor,
        alpha: tf.Tensor,
    ) -> tf.Tensor:
        """What the critics learn: r + discount (min Q'(s', a') - alpha log pi(a'|s'))."""
        actions, log_prob = self.act(next_obs, noise)
        value = self._joined(self.values(self.targets, next_obs, actions))
        return reward + discount * (value - alpha * log_prob)

    def _joined(self, values: tf.Tensor) -> tf.Tensor:
        """Of both critics' values (2, rows) those that count."""
        of_all = tf.reduce_min if self.settings.critics == "least" else tf.reduce_mean
        return of_all(values, axis=0)

    def _step(
        self, name: str, gradient: tf.Tensor, rate: tf.Tensor, wanted: tf.Tensor | float = 1.0
    ) -> None:
        self._adams[name].apply(getattr(self, name), gradient, rate, tf.convert_to_tensor(wanted))
