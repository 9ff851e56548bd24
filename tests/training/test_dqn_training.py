"""DQN's training: it learns, it can be stopped anywhere, and it says what it cannot do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from rlmm_tf.agents.exact.evaluation import evaluate
from rlmm_tf.agents.exact.problem import played_rule, quoting_model
from rlmm_tf.agents.exact.stepped import evaluate_stepped
from rlmm_tf.agents.learners.settings import DqnSettings
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training.config import DqnTrainingConfig, EvaluationConfig
from rlmm_tf.training.dqn import DqnTraining, Temperature
from rlmm_tf.training.loop import CHECKPOINT_NAME, Divergence, Loop
from rlmm_tf.training.rule import HeldRule, LearnedRule
from tests.training.files import Files

SMALL = DqnTrainingConfig(
    steps=12_000,
    rollout_steps=1_000,
    batch=250,
    hidden=(16,),
    degree=3,
    update=DqnSettings(learning_rate=3e-3, tau=0.05, average_share=0.005),
    evaluation=EvaluationConfig(times=3, episodes=64),
)
REPLAYED = SMALL.model_copy(
    update={"mode": "replay", "replay_rows": 4_000, "first_rows": 2_500, "updates": 8}
)
MODES = {"pqn": SMALL, "replay": REPLAYED}
ACTION = {"kind": "multidiscrete", "offset_choices": 12}
SHORT = resolve_params("P1", {"episode": {"n_steps": 10, "step_ns": 100_000_000}, "action": ACTION})


def trained(files: Files, config: DqnTrainingConfig) -> Any:
    training = DqnTraining(SHORT, config, seed=seed_sequence(5))
    loop = Loop(training, SHORT, config.evaluation, files, seed=seed_sequence(5))
    return loop.run(lambda done, total, label: None)


@pytest.mark.parametrize("mode", MODES)
def test_a_training_taken_up_ends_as_if_never_stopped(mode: str) -> None:
    whole, stopped = Files(), Files(stop_after=2)
    trained(whole, MODES[mode])
    with pytest.raises(KeyboardInterrupt):
        trained(stopped, MODES[mode])
    assert stopped.held[CHECKPOINT_NAME] != whole.held[CHECKPOINT_NAME]
    trained(stopped, MODES[mode])
    assert stopped.held == whole.held


@pytest.mark.parametrize("mode", MODES)
def test_it_learns_to_quote(mode: str) -> None:
    changes: dict[str, Any] = {"steps": 400_000, "rollout_steps": 4_000, "entropy_end": 0.8}
    changes["evaluation"] = EvaluationConfig(times=4, episodes=256)
    if mode == "replay":
        changes |= {"replay_rows": 100_000, "first_rows": 20_000, "updates": 32, "batch": 500}
    result = trained(Files(), MODES[mode].model_copy(update=changes))
    rule = played_rule(LearnedRule(result.spec, result.weights, SHORT), SHORT)
    value = evaluate_stepped(quoting_model(SHORT), rule, SHORT.episode.n_steps).at(0)
    assert value > 5.5  # the middle of the range 4.2, at best 5.9


def test_a_replay_s_training_that_diverges_says_so() -> None:
    training = DqnTraining(SHORT, REPLAYED, seed=seed_sequence(5))
    training.learner.weights.assign(np.full(training.learner.weights.shape, 1e30, np.float32))
    loop = Loop(training, SHORT, SMALL.evaluation, Files(), seed=seed_sequence(5))
    with pytest.raises(Divergence, match="iteration 3: expected a finite loss"):
        loop.run(lambda done, total, label: None)


def test_the_temperature_follows_the_entropy() -> None:
    temperature = Temperature()
    temperature.value = 1.0
    temperature.follow(0.9, 0.5)
    assert temperature.value < 1.0
    cold = temperature.value
    temperature.follow(0.2, 0.5)
    assert temperature.value > cold


def test_held_for_whole_steps() -> None:
    class Told:
        def depths(self, left: Any, lots: Any, regime: Any) -> tuple[Any, Any]:
            return left, -left

    times = np.array([0.0, 0.05, 0.1, 0.100001, 0.3, 0.7 - 1e-12, 0.7 + 1e-12])
    bid, ask = HeldRule(Told(), 0.1).depths(times, times, None)
    np.testing.assert_allclose(bid, [0.0, 0.1, 0.1, 0.2, 0.3, 0.7, 0.7])
    np.testing.assert_allclose(ask, -bid)


def test_choices_that_are_held_have_an_exact_value() -> None:
    """In ever shorter steps the stepped simulator's value tends to that of continuous time."""
    training = DqnTraining(SHORT, SMALL, seed=seed_sequence(5))
    weights = training.weights()
    weights.actor[:] = np.random.default_rng(2).normal(0.0, 1.0, weights.actor.shape)
    learned = LearnedRule(training.spec, weights, SHORT)
    rule, model = played_rule(HeldRule(learned, 0.1), SHORT), quoting_model(SHORT)
    times = np.linspace(0.0, 1.0, 101)
    assert len(np.unique(rule.depths(times, np.zeros(101), None)[0])) > 1  # it jumps
    exact = evaluate(model, rule, tolerance=1e-6, n_steps_min=SHORT.episode.n_steps).at(0)
    stepped = [evaluate_stepped(model, rule, n).at(0) for n in (200, 400)]
    assert 2.0 * stepped[1] - stepped[0] == pytest.approx(exact, abs=2e-3)  # Richardson


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("P1", {}, "action.kind: expected 'discrete' or 'multidiscrete' for DQN, got 'continuous'"),
        ("CARA-0.1", {"action": ACTION}, "reward.utility: expected 'linear' for DQN, got 'cara'"),
        ("P1", {"action": {"kind": "discrete"}}, "degree: expected null where choices are in no"),
        ("P1", {"action": {**ACTION, "withdraw_choice": True}}, "degree: expected null where"),
    ],
)
def test_what_it_cannot_learn_is_refused(
    name: str, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        DqnTraining(resolve_params(name, overrides), SMALL, seed=seed_sequence(5))
