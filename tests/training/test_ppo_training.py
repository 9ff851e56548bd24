"""PPO's training: it learns, it can be stopped anywhere, it says where it broke."""

from __future__ import annotations

import json
import signal
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from rlmm_tf.agents.exact.problem import played_rule, quoting_model
from rlmm_tf.agents.exact.stepped import evaluate_stepped
from rlmm_tf.agents.learners.settings import PpoSettings
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training.config import EvaluationConfig, PpoTrainingConfig
from rlmm_tf.training.interrupts import SIGNALS
from rlmm_tf.training.loop import (
    CHECKPOINT_NAME,
    METRICS_NAME,
    POLICY_NAME,
    Divergence,
    Loop,
)
from rlmm_tf.training.policy_file import policy_from
from rlmm_tf.training.ppo import PpoTraining
from rlmm_tf.training.rule import LearnedRule
from rlmm_tf.training.tensor_file import unpacked
from tests.training.files import Files

SMALL = PpoTrainingConfig(
    steps=20_000,
    rollout_steps=2_000,
    hidden=(16,),
    value_hidden=(16,),
    update=PpoSettings(epochs=1, minibatch=500, learning_rate=1e-2, log_std_initial=-1.0),
    evaluation=EvaluationConfig(times=5, episodes=64),
)
# A long step: what a quote earns shows in few of them.
SHORT = resolve_params("P1", {"episode": {"n_steps": 10, "step_ns": 100_000_000}})
ACTIONS = {
    "squashed": SMALL,
    "gaussian": SMALL.model_copy(update={"squashed": False}),
    "categorical": SMALL,
}


def quiet(done: float, total: float, label: str) -> None:
    assert 0.0 < done <= total
    assert label


def trained(files: Files, config: PpoTrainingConfig = SMALL, params: EnvParams = SHORT) -> Any:
    training = PpoTraining(params, config, seed=seed_sequence(5))
    return Loop(training, params, config.evaluation, files, seed=seed_sequence(5)).run(quiet)


def params_for(kind: str) -> EnvParams:
    if kind != "categorical":
        return SHORT
    return resolve_params(SHORT, {"action": {"kind": "multidiscrete", "offset_choices": 6}})


@pytest.mark.parametrize("kind", ACTIONS)
def test_a_training_taken_up_ends_as_if_never_stopped(kind: str) -> None:
    whole = Files()
    trained(whole, ACTIONS[kind], params_for(kind))
    stopped = Files(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        trained(stopped, ACTIONS[kind], params_for(kind))
    assert stopped.held[CHECKPOINT_NAME] != whole.held[CHECKPOINT_NAME]
    stopped.stop_after = 0
    trained(stopped, ACTIONS[kind], params_for(kind))
    assert stopped.held == whole.held
    trained(stopped, ACTIONS[kind], params_for(kind))  # nothing is left to do
    assert stopped.held == whole.held


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [1, 5])  # before the first evaluation, and between two
def test_a_signal_leaves_a_checkpoint_of_the_iteration_under_way(
    number: signal.Signals, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = Files(), Files()
    trained(whole)
    iterate, handlers = PpoTraining.iterate, [signal.getsignal(s) for s in SIGNALS]
    finished = []

    def signalled(self: PpoTraining) -> dict[str, float]:
        if self.iterations == at:
            signal.raise_signal(number)
        metrics = iterate(self)
        finished.append(self.iterations)
        return metrics

    with monkeypatch.context() as patched:
        patched.setattr(PpoTraining, "iterate", signalled)
        with pytest.raises(KeyboardInterrupt):
            trained(stopped)
    assert finished[-1] == at + 1
    assert unpacked(stopped.held[CHECKPOINT_NAME], "c")[1]["iterations"] == str(at + 1)
    assert [signal.getsignal(s) for s in SIGNALS] == handlers
    trained(stopped)
    assert stopped.held == whole.held


def test_what_is_written() -> None:
    files = Files()
    result = trained(files)
    assert sorted(files.held) == [CHECKPOINT_NAME, METRICS_NAME, POLICY_NAME]
    lines = [json.loads(line) for line in files.held[METRICS_NAME].splitlines()]
    iterations = [line["iteration"] for line in lines if "policy_loss" in line]
    assert iterations == list(range(1, 11))
    evaluations = [line for line in lines if "kept" in line]
    assert [line["iteration"] for line in evaluations] == [2, 4, 6, 8, 10]
    assert [line["steps"] for line in evaluations] == [4000, 8000, 12_000, 16_000, 20_000]
    kept = [line["value"] for line in evaluations if line["kept"]]
    assert result.evaluation.value == kept[-1]
    spec, weights = policy_from(files.held[POLICY_NAME], POLICY_NAME)
    assert spec == result.spec
    np.testing.assert_array_equal(weights.actor, result.weights.actor)


@pytest.mark.parametrize("kind", ACTIONS)
def test_the_engine_s_policy_is_the_learner_s(kind: str) -> None:
    """Before its first step an update finds every ratio at 1: also with a normaliser."""
    params = params_for(kind)
    training = PpoTraining(params, ACTIONS[kind], seed=seed_sequence(5))
    for _ in range(3):
        training.iterate()
    batch = training._batch(training._collected(training.weights()))
    actions = batch.actions.astype(np.int64) if kind == "categorical" else batch.actions
    log_prob, _, value = training.learner.evaluate(batch.obs, actions)
    np.testing.assert_allclose(np.exp(log_prob - batch.log_prob), 1.0, atol=1e-5)
    rollout = training._collector.arrays.value
    assert rollout is not None
    np.testing.assert_allclose(value, rollout.reshape(-1), atol=1e-5)


def test_it_learns_to_quote() -> None:
    """From 73 % of what can be had to more than 93 %, in seconds."""
    config = SMALL.model_copy(
        update={
            "steps": 400_000,
            "rollout_steps": 8_000,
            "trace": 0.2,
            "evaluation": EvaluationConfig(times=4, episodes=256),
        }
    )
    model = quoting_model(SHORT)
    result = trained(Files(), config)
    rule = played_rule(LearnedRule(result.spec, result.weights, SHORT), SHORT)
    value = evaluate_stepped(model, rule, SHORT.episode.n_steps).at(0)
    untrained = PpoTraining(SHORT, config, seed=seed_sequence(5))
    start = played_rule(LearnedRule(untrained.spec, untrained.weights(), SHORT), SHORT)
    assert evaluate_stepped(model, start, SHORT.episode.n_steps).at(0) < 4.8
    assert value > 5.8


def test_a_number_that_is_not_finite_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files()
    iterate = PpoTraining.iterate

    def broken(self: PpoTraining) -> dict[str, float]:
        metrics = iterate(self)
        return {**metrics, "value_loss": float("nan")} if self.iterations == 5 else metrics

    monkeypatch.setattr(PpoTraining, "iterate", broken)
    with pytest.raises(Divergence, match=r"^iteration 5: expected a finite value_loss, got nan; l"):
        trained(files)
    (last,) = [json.loads(line) for line in files.held[METRICS_NAME].splitlines()[-1:]]
    assert last["iteration"] == 4
    assert files.held[CHECKPOINT_NAME]
