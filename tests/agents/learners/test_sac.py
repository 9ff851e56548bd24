"""The SAC update: its steps against an independent twin, its back-ends alike, its states."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from rlmm_tf.agents.learners.networks import (  # noqa: E402
    forward,
    part_sizes,
    stacked_forward,
    uniform_weights,
)
from rlmm_tf.agents.learners.sac import (  # noqa: E402
    ACTION_GAIN,
    SacBlock,
    SacLearner,
    exponential_loss,
)
from tests.agents.learners.made import SAC_SHAPE, sac_block, sac_learner  # noqa: E402
from tests.agents.learners.twins import TwinOfAdam, gradient, network  # noqa: E402

Rows = dict[str, NDArray[Any]]


class NumpyTwin:
    """The same updates in float64, with gradients by central differences of each loss."""

    def __init__(self, learner: SacLearner, cooling: float, risk_aversion: float) -> None:
        self.settings, self.cooling, self.risk_aversion = learner.settings, cooling, risk_aversion
        self.weights = {
            name: getattr(learner, name).numpy().astype(np.float64)
            for name in ("actor", "averaged", "critics", "targets", "log_alpha")
        }
        self.adams = {name: TwinOfAdam(self.settings.learning_rate) for name in self.weights}

    def act(
        self, actor: NDArray[np.float64], obs: NDArray[Any], noise: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        out = network(actor, SAC_SHAPE.actor_widths, obs)[0]
        mean, log_std = out[:, :2], np.clip(out[:, 2:], -20.0, 2.0)
        a = np.tanh(mean + np.exp(log_std) * noise)
        density = np.exp(-0.5 * noise**2) / (np.exp(log_std) * np.sqrt(2 * np.pi)) / (1 - a**2)
        return a, np.log(density).sum(axis=1)

    def joined(
        self, critics: NDArray[np.float64], obs: NDArray[Any], a: NDArray[Any]
    ) -> NDArray[np.float64]:
        rows = np.concatenate([obs, ACTION_GAIN * a], axis=1)
        q = [network(flat, SAC_SHAPE.critic_widths, rows)[0][:, 0] for flat in critics]
        return np.minimum(q[0], q[1]) if self.settings.critics == "least" else (q[0] + q[1]) / 2.0

    def descend(self, name: str, loss: Any) -> None:
        held = self.weights[name]
        self.weights[name] = held - self.adams[name].step(gradient(loss, held))

    def step(self, rows: Rows) -> None:
        alpha = self.cooling * float(np.exp(self.weights["log_alpha"][0]))
        actor = self.weights["actor"]
        a, log_prob = self.act(actor, rows["next_obs"], rows["noise"][0])
        future = self.joined(self.weights["targets"], rows["next_obs"], a) - alpha * log_prob
        y = rows["reward"] + rows["discount"] * future
        pairs = np.concatenate([rows["obs"], ACTION_GAIN * rows["actions"]], axis=1)
        drawn = self.act(actor, rows["obs"], rows["noise"][1])[1]

        def critic_loss(critics: NDArray[np.float64]) -> float:
            q = [network(flat, SAC_SHAPE.critic_widths, pairs)[0][:, 0] for flat in critics]
            c = self.risk_aversion
            if c > 0.0:
                parts = [np.expm1(c * (one - y)) - c * (one - y) for one in q]
                return float(sum(part.mean() for part in parts)) / c**2
            return float(sum(0.5 * ((one - y) ** 2).mean() for one in q))

        def actor_loss(weights: NDArray[np.float64]) -> float:
            a, log_prob = self.act(weights, rows["obs"], rows["noise"][1])
            value = self.joined(self.weights["critics"], rows["obs"], a)
            return float((alpha * log_prob - value).mean())

        def temperature_loss(log_alpha: NDArray[np.float64]) -> float:
            wanted = self.settings.entropy_per_action * SAC_SHAPE.n_actions
            return float(-(log_alpha[0] * (drawn + wanted)).mean())

        self.descend("critics", critic_loss)
        self.descend("actor", actor_loss)
        if self.cooling == 1.0:
            self.descend("log_alpha", temperature_loss)
        share = self.settings.average_share
        self.weights["averaged"] += share * (self.weights["actor"] - self.weights["averaged"])
        self.weights["targets"] += self.settings.tau * (
            self.weights["critics"] - self.weights["targets"]
        )


@pytest.mark.parametrize(
    ("critics", "cooling", "risk_aversion"),
    [("least", 1.0, 0.0), ("mean", 1.0, 0.0), ("mean", 0.2, 0.0), ("mean", 1.0, 0.7)],
)
def test_updates_equal_those_of_the_numpy_twin(
    critics: str, cooling: float, risk_aversion: float
) -> None:
    shape = dataclasses.replace(SAC_SHAPE, risk_averse=risk_aversion > 0.0)
    learner = sac_learner(shape=shape, critics=critics, average_share=0.3)
    twin = NumpyTwin(learner, cooling, risk_aversion)
    block = sac_block(6, 32)
    learner.update(block, cooling=cooling, risk_aversion=risk_aversion)
    for k in range(6):
        twin.step({name: getattr(block, name)[k] for name in block.__dataclass_fields__})
    for name, expected in twin.weights.items():
        np.testing.assert_allclose(getattr(learner, name).numpy(), expected, atol=2e-5)
    assert (abs(float(learner.log_alpha[0])) > 0.01) == (cooling == 1.0)
    assert np.abs(learner.targets.numpy() - learner.critics.numpy()).max() > 1e-3


def test_stacked_networks_are_networks_side_by_side() -> None:
    generator = np.random.default_rng(2)
    widths = (4, 8, 5, 3)
    flat = np.stack([uniform_weights(widths, generator) for _ in range(3)])
    x = generator.normal(size=(6, 4)).astype(np.float32)
    got = stacked_forward(tf.constant(flat), widths, tf.constant(x), "relu")
    for one, weights in zip(got, flat, strict=True):
        parts = tf.split(tf.constant(weights), part_sizes(widths))
        np.testing.assert_allclose(one, forward(parts, widths, tf.constant(x), "relu"), atol=1e-6)


def test_values_of_what_goes_on_for_ever() -> None:
    """A reward of 1 - a^2 at each step: Q at a = 0 tends to 1 / (1 - discount), and so does a."""
    learner = sac_learner(entropy_per_action=-3.0, learning_rate=3e-3)
    generator = np.random.default_rng(3)
    for seed in range(60):
        block = sac_block(16, 64, seed)
        actions = generator.uniform(-1.0, 1.0, block.actions.shape).astype(np.float32)
        reward = 1.0 - np.square(actions).sum(axis=-1)
        half = np.full_like(block.discount, 0.5)
        learner.update(SacBlock(block.obs, actions, reward, block.next_obs, half, block.noise))
    obs = tf.constant(sac_block(1, 256, 99).obs[0])
    actions, _ = learner.act(obs, tf.zeros((256, 2)))
    assert float(np.abs(actions).max()) < 0.2
    q = learner.values(learner.critics, obs, tf.zeros((256, 2)))
    assert float(np.mean(q)) == pytest.approx(2.0, abs=0.25)


def test_the_exponential_loss_is_least_at_the_certainty_equivalent() -> None:
    targets = np.random.default_rng(1).normal(size=2000)
    candidates = np.linspace(-2.0, 1.0, 3001)
    for c in (0.2, 1.5):
        errors = tf.constant(candidates[:, None] - targets[None])
        mean = tf.reduce_mean(exponential_loss(errors, tf.constant(c, tf.float64)), axis=1)
        expected = -np.log(np.exp(-c * targets).mean()) / c
        assert candidates[int(np.argmin(mean))] == pytest.approx(expected, abs=1e-3)
    far = exponential_loss(tf.constant([100.0, 101.0, 102.0]), tf.constant(1.0)).numpy()
    assert np.isfinite(far).all()
    assert far[2] - far[1] == pytest.approx(far[1] - far[0], rel=1e-3)  # no longer explodes
