"""SAC's training: it learns, it can be stopped anywhere, and it says what it cannot do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from rlmm_tf.agents.exact.problem import played_rule, quoting_model
from rlmm_tf.agents.exact.stepped import evaluate_stepped
from rlmm_tf.agents.learners.settings import SacSettings
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training.config import EvaluationConfig, SacTrainingConfig
from rlmm_tf.training.loop import CHECKPOINT_NAME, Loop
from rlmm_tf.training.rule import LearnedRule
from rlmm_tf.training.sac import SacTraining
from tests.training.files import Files

SMALL = SacTrainingConfig(
    steps=6_000,
    envs=20,
    rollout_steps=400,
    replay_rows=2_000,
    first_rows=800,
    updates=4,
    batch=64,
    hidden=(16,),
    critic_hidden=(16,),
    update=SacSettings(learning_rate=3e-3, tau=0.05, temperature_initial=0.05, average_share=0.01),
    evaluation=EvaluationConfig(times=3, episodes=64),
)
SHORT = resolve_params("P1", {"episode": {"n_steps": 10, "step_ns": 100_000_000}})


def trained(files: Files, config: SacTrainingConfig = SMALL) -> Any:
    training = SacTraining(SHORT, config, seed=seed_sequence(5))
    loop = Loop(training, SHORT, config.evaluation, files, seed=seed_sequence(5))
    return loop.run(lambda done, total, label: None)


def test_a_training_taken_up_ends_as_if_never_stopped() -> None:
    whole = Files()
    trained(whole)
    for stop_after in (1, 2):  # before and after the replay is full
        stopped = Files(stop_after)
        with pytest.raises(KeyboardInterrupt):
            trained(stopped)
        assert stopped.held[CHECKPOINT_NAME] != whole.held[CHECKPOINT_NAME]
        trained(stopped)
        assert stopped.held == whole.held


def test_it_learns_to_quote() -> None:
    config = SMALL.model_copy(
        update={
            "steps": 200_000,
            "rollout_steps": 2_000,
            "replay_rows": 100_000,
            "updates": 16,
            "batch": 256,
            "evaluation": EvaluationConfig(times=4, episodes=256),
        }
    )
    result = trained(Files(), config)
    rule = played_rule(LearnedRule(result.spec, result.weights, SHORT), SHORT)
    value = evaluate_stepped(quoting_model(SHORT), rule, SHORT.episode.n_steps).at(0)
    assert value > 5.5  # untrained 4.2, at best 5.9


@pytest.mark.parametrize(
    ("overrides", "changes", "message"),
    [
        ({"action": {"kind": "discrete"}}, {}, "action.kind: expected 'continuous' for SAC, got"),
        ({}, {"cooling_from": 0.7}, "cooling_from: expected at most cooling_to=0.6, got 0.7"),
    ],
)
def test_what_it_cannot_learn_is_refused(
    overrides: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    params, config = resolve_params("P1", overrides), SMALL.model_copy(update=changes)
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        SacTraining(params, config, seed=seed_sequence(5))


def test_a_utility_of_wealth_is_learned_from_wealth() -> None:
    """Rewards are changes of wealth, and critics learn certainty equivalents of their sums."""
    training = SacTraining(resolve_params("CARA-0.1"), SMALL, seed=seed_sequence(5))
    metrics = [training.iterate() for _ in range(3)][-1]
    assert training.learner.shape.risk_averse
    assert np.isfinite(metrics["critic_loss"])
    assert np.abs(training._collector.arrays.reward).max() > 0.5  # a utility's are far smaller
