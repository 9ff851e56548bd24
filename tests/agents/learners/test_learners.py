"""What every learner promises: back-ends alike, one trace, the same bits again, states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from rlmm_tf.agents.learners.learner import Backend, Learner  # noqa: E402
from tests.agents.learners.made import (  # noqa: E402
    DQN_SHAPE,
    PPO_SHAPES,
    dqn_block,
    dqn_learner,
    ppo_batch,
    ppo_learner,
    sac_block,
    sac_learner,
)

Update = Callable[[int], dict[str, float]]


def ppo(head: str, backend: Backend) -> tuple[Learner, Update]:
    learner = ppo_learner(head, backend, epochs=3, target_kl=0.02, adam_epsilon=1e-3)

    def update(seed: int) -> dict[str, float]:
        return learner.update(ppo_batch(learner, 128, seed), np.random.default_rng(seed))

    return learner, update


def sac(_: str, backend: Backend) -> tuple[Learner, Update]:
    learner = sac_learner(backend)
    return learner, lambda seed: learner.update(sac_block(4, 16, seed))


def dqn(_: str, backend: Backend) -> tuple[Learner, Update]:
    learner = dqn_learner(backend=backend)
    return learner, lambda seed: learner.update(dqn_block(DQN_SHAPE, 4, 16, seed))[0]


EACH = pytest.mark.parametrize(
    ("kind", "head"), [*((ppo, head) for head in PPO_SHAPES), (sac, ""), (dqn, "")]
)
Kind = Callable[[str, Backend], tuple[Learner, Update]]


@EACH
def test_back_ends_make_the_same_updates(kind: Kind, head: str) -> None:
    results = []
    for backend in ("eager", "graph", "xla"):
        learner, update = kind(head, backend)
        metrics = [update(seed) for seed in range(5)]
        results.append((learner.state(), metrics[-1]))
    for state, metrics in results[1:]:
        for name, array in results[0][0].items():
            np.testing.assert_allclose(state[name], array, atol=1e-4, err_msg=name)
        assert metrics == pytest.approx(results[0][1], abs=1e-3)


@EACH
def test_updates_are_traced_once_and_repeat_bit_by_bit(kind: Kind, head: str) -> None:
    learner, update = kind(head, "graph")
    for seed in range(4):
        held = learner.state()
        update(seed)
    assert learner._call.experimental_get_tracing_count() == 1
    other, again = kind(head, "graph")
    other.set_state(held)
    again(3)
    after = learner.state()
    for name, array in other.state().items():
        np.testing.assert_array_equal(array, after[name])
    assert any((array != held[name]).any() for name, array in after.items())
