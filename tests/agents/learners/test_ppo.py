"""The PPO update: its parts by hand, its steps against an independent twin, its back-ends alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from rlmm_tf.agents.learners.adam import Adam, clipped_by_norm  # noqa: E402
from rlmm_tf.agents.learners.ppo import (  # noqa: E402
    Backend,
    PpoBatch,
    PpoLearner,
    PpoShape,
    clipped_policy_loss,
    value_loss,
)
from rlmm_tf.agents.learners.settings import PpoSettings  # noqa: E402

SHAPES = {
    "gaussian": PpoShape(5, "gaussian", (2,), hidden=(8, 8), value_hidden=(8,)),
    "tanh_gaussian": PpoShape(5, "tanh_gaussian", (2,), hidden=(8, 8), value_hidden=(8,)),
    "categorical": PpoShape(5, "categorical", (3, 4), hidden=(8, 8), value_hidden=(8,)),
}


def test_the_clipped_loss_by_hand() -> None:
    ratio = tf.constant([1.5, 0.5, 1.5, 0.5, 1.1])
    advantage = tf.constant([1.0, 1.0, -1.0, -1.0, 2.0])
    # min(1.5, 1.2), min(.5, .8), min(-1.5, -1.2), min(-.5, -.8), 2.2
    assert float(clipped_policy_loss(ratio, advantage, 0.2)) == pytest.approx(
        -(1.2 + 0.5 - 1.5 - 0.8 + 2.2) / 5
    )


def test_the_value_loss_by_hand() -> None:
    assert float(value_loss(tf.constant([1.0, 2.0]), tf.constant([3.0, 2.0]))) == 1.0


def batch_for(learner: PpoLearner, rows: int, seed: int = 1) -> PpoBatch:
    generator = np.random.default_rng(seed)
    shape = learner.shape
    obs = generator.normal(size=(rows, shape.obs_width)).astype(np.float32)
    actions: NDArray[Any] = generator.normal(size=(rows, shape.n_numbers)).astype(np.float32)
    if shape.head == "categorical":
        actions = np.stack([generator.integers(0, k, rows) for k in shape.actions], axis=1)
    log_prob = learner.evaluate(tf.constant(obs), tf.constant(actions))[0].numpy()
    return PpoBatch(
        obs,
        actions,
        log_prob,
        generator.normal(size=rows).astype(np.float32),
        generator.normal(size=rows).astype(np.float32),
    )


def made(head: str, backend: Backend = "graph", **settings: Any) -> PpoLearner:
    chosen = PpoSettings(**{"minibatch": 32, "learning_rate": 1e-3, **settings})
    return PpoLearner(SHAPES[head], chosen, np.random.default_rng(7), backend=backend)


class NumpyTwin:
    """The same update in float64, with gradients by central differences of the whole loss."""

    def __init__(self, learner: PpoLearner) -> None:
        self.shape, self.settings = learner.shape, learner.settings
        self.weights = learner.weights.numpy().astype(np.float64)
        self.m = np.zeros_like(self.weights)
        self.v = np.zeros_like(self.weights)
        self.t = 0

    def network(
        self, flat: NDArray[np.float64], widths: tuple[int, ...], x: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], int]:
        at = 0
        for i in range(len(widths) - 1):
            a, b = widths[i], widths[i + 1]
            x = x @ flat[at : at + a * b].reshape(a, b) + flat[at + a * b : at + a * b + b]
            at += (a + 1) * b
            if i < len(widths) - 2:
                x = np.tanh(x)
        return x, at

    def loss(self, weights: NDArray[np.float64], rows: dict[str, NDArray[Any]]) -> float:
        shape, settings = self.shape, self.settings
        out, at = self.network(weights, shape.actor_widths, rows["obs"])
        log_std = weights[at : at + shape.n_log_std]
        value, _ = self.network(weights[at + shape.n_log_std :], shape.value_widths, rows["obs"])
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
        width = 1e-6
        if self.shape.head == "tanh_gaussian":
            out, _ = self.network(self.weights, self.shape.actor_widths, rows["obs"])
            mean, log_std = np.split(out, 2, axis=1)
            rows = {**rows, "drawn": (rows["actions"] - mean) / np.exp(log_std)}
        gradient = np.empty_like(self.weights)
        for i in range(len(self.weights)):
            up, down = self.weights.copy(), self.weights.copy()
            up[i] += width
            down[i] -= width
            gradient[i] = (self.loss(up, rows) - self.loss(down, rows)) / (2 * width)
        norm = np.sqrt((gradient**2).sum())
        gradient *= min(1.0, self.settings.gradient_norm_most / (norm + 1e-6))
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        m, v = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
        self.weights -= self.settings.learning_rate * m / (np.sqrt(v) + self.settings.adam_epsilon)


@pytest.mark.parametrize("head", SHAPES)
def test_updates_equal_those_of_the_numpy_twin(head: str) -> None:
    # With Adam's usual epsilon a weight whose gradient is rounding noise moves by that noise.
    learner = made(head, epochs=2, entropy_weight=0.01, adam_epsilon=1e-3)
    twin = NumpyTwin(learner)
    batch = batch_for(learner, 96)
    order = np.random.default_rng(11)
    learner.update(batch, np.random.default_rng(11))
    columns = {name: getattr(batch, name) for name in batch.__dataclass_fields__}
    for _ in range(2):
        for rows in order.permutation(96).reshape(3, 32):
            twin.step({name: column[rows] for name, column in columns.items()})
    np.testing.assert_allclose(learner.weights.numpy(), twin.weights, atol=1e-5)
    assert np.abs(twin.m).max() > 1e-4


@pytest.mark.parametrize("head", SHAPES)
def test_back_ends_make_the_same_updates(head: str) -> None:
    results = []
    for backend in ("eager", "graph", "xla"):
        learner = made(head, backend, epochs=3, target_kl=0.02, adam_epsilon=1e-3)
        batch = batch_for(learner, 128)
        for i in range(4):
            metrics = learner.update(batch, np.random.default_rng(i))
        results.append((learner.weights.numpy(), metrics))
    for weights, metrics in results[1:]:
        np.testing.assert_allclose(weights, results[0][0], atol=1e-4)
        assert metrics["updates"] == results[0][1]["updates"]


def test_an_update_is_traced_once() -> None:
    learner = made("gaussian")
    batch = batch_for(learner, 128)
    for i in range(5):
        learner.update(batch, np.random.default_rng(i))
    (compiled,) = learner._compiled.values()
    assert compiled.experimental_get_tracing_count() == 1


def test_the_same_seed_gives_the_same_bits() -> None:
    weights = []
    for _ in range(2):
        learner = made("tanh_gaussian")
        learner.update(batch_for(learner, 128), np.random.default_rng(1))
        weights.append(learner.weights.numpy())
    np.testing.assert_array_equal(*weights)


def test_a_policy_that_has_moved_too_far_is_left_alone() -> None:
    learner = made("gaussian", target_kl=1e-9, epochs=5)
    batch = batch_for(learner, 64)
    metrics = learner.update(batch, np.random.default_rng(1))
    assert metrics["updates"] == 1.0  # before the first step nothing has moved
    assert float(learner.adam.steps) == 1.0
    held = learner.weights.numpy()
    assert learner.update(batch, np.random.default_rng(2))["updates"] == 0.0
    np.testing.assert_array_equal(learner.weights.numpy(), held)


def test_better_actions_become_more_likely() -> None:
    learner = made("categorical", epochs=10, minibatch=64, learning_rate=1e-2)
    batch = batch_for(learner, 512)
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
    for t, gradient in enumerate(([0.5, -1.0], [0.1, 0.0], [-3.0, 2.0]), 1):
        adam.apply(weights, tf.constant(gradient), tf.constant(0.1), tf.constant(1.0))
        g = np.array(gradient)
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
