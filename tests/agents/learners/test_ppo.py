"""The PPO update: its parts by hand, its steps against an independent twin, its back-ends alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from rlmm_tf.agents.learners.adam import Adam, clipped_by_norm  # noqa: E402
from rlmm_tf.agents.learners.ppo import (  # noqa: E402
    PpoBatch,
    PpoLearner,
    clipped_policy_loss,
    value_loss,
)
from tests.agents.learners.made import PPO_SHAPES, ppo_batch, ppo_learner  # noqa: E402
from tests.agents.learners.twins import (  # noqa: E402
    TwinOfAdam,
    gradient,
    network,
    shortened,
)


def test_the_clipped_loss_by_hand() -> None:
    ratio = tf.constant([1.5, 0.5, 1.5, 0.5, 1.1])
    advantage = tf.constant([1.0, 1.0, -1.0, -1.0, 2.0])
    # min(1.5, 1.2), min(.5, .8), min(-1.5, -1.2), min(-.5, -.8), 2.2
    assert float(clipped_policy_loss(ratio, advantage, 0.2)) == pytest.approx(
        -(1.2 + 0.5 - 1.5 - 0.8 + 2.2) / 5
    )


def test_the_value_loss_by_hand() -> None:
    assert float(value_loss(tf.constant([1.0, 2.0]), tf.constant([3.0, 2.0]))) == 1.0


class NumpyTwin:
    """The same update in float64, with gradients by central differences of the whole loss."""

    def __init__(self, learner: PpoLearner) -> None:
        self.shape, self.settings = learner.shape, learner.settings
        self.weights = learner.weights.numpy().astype(np.float64)
        self.adam = TwinOfAdam(self.settings.learning_rate, self.settings.adam_epsilon)

    def loss(self, weights: NDArray[np.float64], rows: dict[str, NDArray[Any]]) -> float:
        shape, settings = self.shape, self.settings
        out, at = network(weights, shape.actor_widths, rows["obs"])
        log_std = weights[at : at + shape.n_log_std]
        value, _ = network(weights[at + shape.n_log_std :], shape.value_widths, rows["obs"])
        if shape.head == "categorical":
            log_prob, entropy = np.zeros(len(out)), np.zeros(len(out))
            start = 0
            for i, k in enumerate(shape.actions):
                logits = out[:, start : start + k]
                log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
                log_prob += log_p[np.arange(len(out)), rows["actions"][:, i]]
                entropy -= (np.exp(log_p) * log_p).sum(axis=1)
                start += k
        else:
            mean = out
            if shape.head == "tanh_gaussian":
                mean, log_std = out[:, : out.shape[1] // 2], out[:, out.shape[1] // 2 :]
            u = rows["actions"]
            z = (u - mean) / np.exp(log_std)
            log_prob = (-0.5 * z * z - log_std - 0.5 * np.log(2 * np.pi)).sum(axis=1)
            entropy = (log_std + 0.5 * np.log(2 * np.pi * np.e) + np.zeros_like(mean)).sum(axis=1)
            if shape.head == "tanh_gaussian":
                again = mean + np.exp(log_std) * rows["drawn"]
                entropy = entropy + np.log1p(-(np.tanh(again) ** 2)).sum(axis=1)
        ratio = np.exp(log_prob - rows["log_prob"])
        a = rows["advantage"]
        a = (a - a.mean()) / (a.std() + 1e-8)
        bounded = np.clip(ratio, 1 - settings.clip, 1 + settings.clip)
        policy = -np.minimum(ratio * a, bounded * a).mean()
        error = 0.5 * ((value[:, 0] - rows["value_target"]) ** 2).mean()
        return float(
            policy + settings.value_weight * error - settings.entropy_weight * entropy.mean()
        )

    def step(self, rows: dict[str, NDArray[Any]]) -> None:
        if self.shape.head == "tanh_gaussian":
            out, _ = network(self.weights, self.shape.actor_widths, rows["obs"])
            mean, log_std = np.split(out, 2, axis=1)
            rows = {**rows, "drawn": (rows["actions"] - mean) / np.exp(log_std)}
        slope = gradient(lambda weights: self.loss(weights, rows), self.weights)
        self.weights -= self.adam.step(shortened(slope, self.settings.gradient_norm_most))


@pytest.mark.parametrize("head", PPO_SHAPES)
def test_updates_equal_those_of_the_numpy_twin(head: str) -> None:
    # With Adam's usual epsilon a weight whose gradient is rounding noise moves by that noise.
    learner = ppo_learner(head, epochs=2, entropy_weight=0.01, adam_epsilon=1e-3)
    twin = NumpyTwin(learner)
    batch = ppo_batch(learner, 96)
    order = np.random.default_rng(11)
    learner.update(batch, np.random.default_rng(11))
    columns = {name: getattr(batch, name) for name in batch.__dataclass_fields__}
    for _ in range(2):
        for rows in order.permutation(96).reshape(3, 32):
            twin.step({name: column[rows] for name, column in columns.items()})
    np.testing.assert_allclose(learner.weights.numpy(), twin.weights, atol=1e-5)
    assert np.abs(twin.adam.m).max() > 1e-4


def test_a_policy_that_has_moved_too_far_is_left_alone() -> None:
    learner = ppo_learner("gaussian", target_kl=1e-9, epochs=5)
    batch = ppo_batch(learner, 64)
    metrics = learner.update(batch, np.random.default_rng(1))
    assert metrics["updates"] == 1.0  # before the first step nothing has moved
    assert float(learner.adam.steps) == 1.0
    held = learner.weights.numpy()
    assert learner.update(batch, np.random.default_rng(2))["updates"] == 0.0
    np.testing.assert_array_equal(learner.weights.numpy(), held)


def test_better_actions_become_more_likely() -> None:
    learner = ppo_learner("categorical", epochs=10, minibatch=64, learning_rate=1e-2)
    batch = ppo_batch(learner, 512)
    good = batch.actions[:, 0] == 2
    batch = PpoBatch(
        batch.obs,
        batch.actions,
        batch.log_prob,
        good.astype(np.float32),
        batch.value_target,
    )
    before = np.exp(batch.log_prob)[good].mean()
    learner.update(batch, np.random.default_rng(1))
    after = np.exp(learner.evaluate(tf.constant(batch.obs), tf.constant(batch.actions))[0])
    assert after[good].mean() > 1.1 * before


def test_adam_is_torch_s() -> None:
    """Three steps worked out by the formula in float64."""
    adam, weights = Adam(2, epsilon=1e-2), tf.Variable([1.0, -2.0])
    w, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for t, slope in enumerate(([0.5, -1.0], [0.1, 0.0], [-3.0, 2.0]), 1):
        adam.apply(weights, tf.constant(slope), tf.constant(0.1), tf.constant(1.0))
        g = np.array(slope)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-2)
    np.testing.assert_allclose(weights.numpy(), w, rtol=1e-5)
    held = [weights.numpy(), adam.first.numpy(), adam.second.numpy(), adam.steps.numpy()]
    adam.apply(weights, tf.constant([9.0, 9.0]), tf.constant(0.1), tf.constant(0.0))
    for kept, now in zip(held, (weights, adam.first, adam.second, adam.steps), strict=True):
        np.testing.assert_array_equal(kept, now.numpy())


def test_long_gradients_are_shortened_and_short_ones_kept() -> None:
    np.testing.assert_allclose(clipped_by_norm(tf.constant([3.0, 4.0]), 0.5), [0.3, 0.4], rtol=1e-5)
    np.testing.assert_allclose(clipped_by_norm(tf.constant([0.1, 0.2]), 0.5), [0.1, 0.2], rtol=1e-6)
