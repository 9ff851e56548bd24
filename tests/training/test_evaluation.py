"""Evaluations: their episodes, their value, and what is worse than luck."""

from __future__ import annotations

import numpy as np
import pytest

from rlmm_tf.env import MarketMakingVectorEnv, PolicySpec, PolicyWeights
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training import evaluation
from rlmm_tf.training.evaluation import Evaluation, evaluate_policy


@pytest.mark.parametrize("rows", [2**20, 64])
def test_outcomes_are_sums_of_whole_episodes(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they are cut off early, and where they do not fit into one rollout."""
    monkeypatch.setattr(evaluation, "ROWS_AT_ONCE", rows)
    params = resolve_params("P1", {"limits": {"loss_limit": 0.5}, "episode": {"n_steps": 50}})
    spec = PolicySpec.for_params(params, hidden=(4,))
    weights = PolicyWeights.zeros(spec)  # the middle of the range of offsets
    seed = seed_sequence(3)
    got = evaluate_policy(spec, weights, params, episodes=20, seed=seed, n_threads=1)
    envs = MarketMakingVectorEnv(20, params, n_threads=1, info_columns=True)
    envs.reset(seed=seed_sequence(3))
    total, running = np.zeros(20), np.ones(20, np.bool_)
    pnl, lots = 0.0, []
    for _ in range(50):
        _, reward, terminated, truncated, info = envs.step(np.zeros((20, 2), np.float32))
        total += np.where(running, reward, 0.0)
        pnl += info["term_pnl"][running].sum()
        lots += np.abs(info["inventory_lots"][running]).tolist()
        running &= ~(terminated | truncated)
    assert got.pnl == pytest.approx(pnl / 20)
    assert got.inventory_lots == pytest.approx(np.mean(lots))
    np.testing.assert_allclose(got.outcomes, total, rtol=1e-12)


def test_a_utility_is_of_wealth() -> None:
    params = resolve_params("CARA-0.1", {"episode": {"n_steps": 20}})
    spec = PolicySpec.for_params(params, hidden=(4,))
    weights = PolicyWeights.zeros(spec)
    weights.actor[-2:] = -0.9
    got = evaluate_policy(spec, weights, params, episodes=200, seed=seed_sequence(3), n_threads=1)
    expected = -np.log(np.exp(-0.1 * got.outcomes).mean()) / 0.1
    assert got.value == pytest.approx(expected)
    assert got.value < got.outcomes.mean() - 0.01


@pytest.mark.parametrize("risk_aversion", [0.0, 0.5])
def test_errors_and_what_is_worse(risk_aversion: float) -> None:
    generator = np.random.default_rng(1)
    values, errors = [], []
    for _ in range(300):
        one = Evaluation(generator.normal(0.0, 1.0, size=400), risk_aversion)
        values.append(one.value)
        errors.append(one.standard_error)
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.15)
    base = Evaluation(generator.normal(0.0, 1.0, size=400), risk_aversion)
    # The same episodes: what all lose is no luck, however little it is beside their spread.
    assert Evaluation(base.outcomes - 0.01, risk_aversion).is_worse_than(base)
    assert not Evaluation(base.outcomes + 0.01, risk_aversion).is_worse_than(base)
    other = Evaluation(generator.permutation(base.outcomes) - 1e-3, risk_aversion)
    assert not other.is_worse_than(base)
