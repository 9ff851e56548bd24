"""The DQN update: its steps against an independent twin, its back-ends alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

tf = pytest.importorskip("tensorflow")

from rlmm_tf.agents.learners.dqn import (  # noqa: E402
    DqnBlock,
    DqnLearner,
    DqnShape,
    polynomials,
)
from rlmm_tf.env import PolicySpec, PolicyWeights, make_policy  # noqa: E402
from tests.agents.learners.made import (  # noqa: E402
    DQN_SHAPE,
    DQN_SMOOTH,
    dqn_block,
    dqn_learner,
)
from tests.agents.learners.twins import TwinOfAdam, gradient, network, shortened  # noqa: E402


class NumpyTwin:
    """The same updates in float64: a loop over rows, gradients by central differences."""

    def __init__(self, learner: DqnLearner) -> None:
        self.shape, self.settings = learner.shape, learner.settings
        self.weights = learner.weights.numpy().astype(np.float64)
        self.targets, self.averaged = self.weights.copy(), self.weights.copy()
        self.adam = TwinOfAdam(self.settings.learning_rate)

    def q(self, flat: NDArray[np.float64], obs: NDArray[Any]) -> list[NDArray[np.float64]]:
        """For each number the values of its choices; the first has V with it."""
        out = network(flat, self.shape.widths, obs)[0]
        numbers, at = [], 1
        for n, degree in zip(self.shape.choices, self.shape.degrees, strict=True):
            numbers.append(out[at : at + degree] @ polynomials(n, degree))
            at += degree
        numbers[0] = numbers[0] + out[0]
        return numbers

    def target(self, rows: dict[str, Any], i: int) -> float:
        held = self.q(self.targets, rows["next_obs"][i])
        judges = self.q(self.weights, rows["next_obs"][i]) if self.settings.double else held
        future = sum(one[int(np.argmax(judge))] for one, judge in zip(held, judges, strict=True))
        return float(rows["reward"][i] + rows["discount"][i] * future)

    def step(self, rows: dict[str, Any]) -> NDArray[np.float64]:
        size = len(rows["reward"])
        targets = [self.target(rows, i) for i in range(size)]

        def errors(flat: NDArray[np.float64]) -> NDArray[np.float64]:
            taken = [
                sum(one[k] for one, k in zip(self.q(flat, rows["obs"][i]), a, strict=True))
                for i, a in enumerate(rows["actions"])
            ]
            return np.array(taken) - targets

        def loss(flat: NDArray[np.float64]) -> float:
            return float((rows["weight"] * errors(flat) ** 2).mean() / 2.0)

        before = np.abs(errors(self.weights))
        slope = shortened(gradient(loss, self.weights), self.settings.gradient_norm_most)
        self.weights = self.weights - self.adam.step(slope)
        self.targets += self.settings.tau * (self.weights - self.targets)
        self.averaged += self.settings.average_share * (self.weights - self.averaged)
        return before


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("shape", [DQN_SHAPE, DQN_SMOOTH])
def test_updates_equal_those_of_the_numpy_twin(shape: DqnShape, double: bool) -> None:
    learner = dqn_learner(shape, double=double, gradient_norm_most=0.3, average_share=0.2)
    twin = NumpyTwin(learner)
    block = dqn_block(shape, 6, 16)
    errors = learner.update(block)[1]
    for k in range(6):
        before = twin.step({name: getattr(block, name)[k] for name in block.__dataclass_fields__})
        np.testing.assert_allclose(errors[k], before, atol=2e-5)
    for name in ("weights", "targets", "averaged"):
        got = getattr(learner, name).numpy()
        np.testing.assert_allclose(got, getattr(twin, name), atol=2e-5, err_msg=name)
    assert np.abs(twin.weights - twin.targets).max() > 1e-3


@pytest.mark.parametrize(("n", "degree"), [(2, 1), (7, 6), (24, 6)])
def test_polynomials_are_orthonormal_and_of_their_degree(n: int, degree: int) -> None:
    rows = polynomials(n, degree)
    np.testing.assert_allclose(rows @ rows.T / n, np.eye(degree), atol=1e-12)
    np.testing.assert_allclose(rows.sum(axis=1), 0.0, atol=1e-10)
    for k, row in enumerate(rows, start=1):  # differences of one order more vanish
        assert np.abs(np.diff(row, k)).max() > 1e-6
        if k + 1 < n:
            assert np.abs(np.diff(row, k + 1)).max() < 1e-8 * 4.0**k


@pytest.mark.parametrize("shape", [DQN_SHAPE, DQN_SMOOTH])
def test_the_engine_s_policy_chooses_by_q(shape: DqnShape) -> None:
    learner = dqn_learner(shape)
    learner.averaged.assign(-learner.weights)
    spec = PolicySpec(3, "categorical", shape.choices, hidden=(6,))
    obs = np.random.default_rng(3).normal(size=(200, 3)).astype(np.float32)
    for averaged, flat in ((False, learner.weights), (True, learner.averaged)):
        advantages = learner.outputs(flat, tf.constant(obs))[1]
        weights = PolicyWeights.zeros(spec)
        weights.actor[:] = learner.actor_weights(temperature=0.1, averaged=averaged)
        policy = make_policy(spec, weights)
        chosen = np.empty((200, 2), np.int64)
        policy.act(obs, actions=chosen)
        np.testing.assert_array_equal(chosen.T, [np.argmax(one, axis=-1) for one in advantages])
        draws = np.random.default_rng(4).integers(0, 2**63, (200, 3)).astype(np.uint64)
        log_prob = np.empty(200, np.float32)
        policy.act(obs, actions=chosen, draws=draws, log_prob=log_prob)
        expected = sum(
            np.take_along_axis(tf.nn.log_softmax(one / 0.1).numpy(), chosen[:, [i]], axis=1)[:, 0]
            for i, one in enumerate(advantages)
        )
        np.testing.assert_allclose(log_prob, expected, atol=1e-4)


def test_values_of_what_goes_on_for_ever() -> None:
    """A reward of 1 for the right choices: Q of these tends to 1 / (1 - discount)."""
    learner = dqn_learner(learning_rate=3e-3)
    for seed in range(60):
        block = dqn_block(DQN_SHAPE, 16, 64, seed)
        reward = 0.5 * (block.actions == np.array([2, 1])).sum(axis=-1).astype(np.float32)
        half, ones = np.full_like(block.discount, 0.5), np.ones_like(block.weight)
        learner.update(DqnBlock(block.obs, block.actions, reward, block.next_obs, half, ones))
    obs = dqn_block(DQN_SHAPE, 1, 256, 99).obs[0]
    advantages = learner.outputs(learner.weights, tf.constant(obs))[1]
    assert (np.argmax(advantages[0], axis=-1) == 2).all()
    assert (np.argmax(advantages[1], axis=-1) == 1).all()
    assert float(learner.best_values(obs).mean()) == pytest.approx(2.0, abs=0.1)
