"""Advantages of a rollout: generalised advantage estimation that respects how episodes end.

    delta_t = r_t + gamma (1 - terminated_t) V_next_t - V_t
    A_t     = delta_t + gamma lambda (1 - terminated_t) (1 - truncated_t) A_(t+1)

V_next_t is the value of the state that followed: of the next row, after a truncation of the last
observation of the episode (only the recording ended: the future still has value), after the last
row of the state that the rollout ended in.

With a risk aversion c the values are certainty equivalents, V = -ln E[exp(-c (r + V_next))] / c (no
discount), and delta_t is (1 - exp(-c delta_t)) / c, whose mean is 0 where the values are right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SCORING_STEPS = 8
SCORED_ROWS = 8192
RIDGE = 1e-3  # of the observations that say the same twice
EXPONENT_MAX = 10.0  # a loss that weighs 20 000 times what it costs: values are still far off


def advantages(  # noqa: PLR0913 - one argument per symbol of the formula
    reward: NDArray[np.float64],
    value: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
    final_value: NDArray[np.float32],
    last_value: NDArray[np.float32],
    *,
    gamma: float,
    trace: float,
    risk_aversion: float = 0.0,
) -> NDArray[np.float32]:
    """Of each step, time-major (T, N).

    Args:
        reward: of the step.
        value: of the observation that the step's action was chosen by.
        terminated: the problem ended with the step.
        truncated: only its recording did.
        final_value: of the last observation of an episode that the step truncated.
        last_value: (N,) of the observations after the last step.
        gamma: discount of a step.
        trace: lambda.
        risk_aversion: c, per unit of reward.
    """
    value_next = np.concatenate([value[1:], last_value[None]]).astype(np.float64)
    value_next = np.where(truncated, final_value, value_next)
    goes_on = ~terminated
    delta = reward + gamma * goes_on * value_next - value
    if risk_aversion > 0.0:
        exponent = np.minimum(-risk_aversion * delta, EXPONENT_MAX)
        delta = -np.expm1(exponent) / risk_aversion
    carried = gamma * trace * (goes_on & ~truncated)
    out = np.empty_like(delta)
    ahead = np.zeros(reward.shape[1])
    for t in range(len(reward) - 1, -1, -1):
        ahead = delta[t] + carried[t] * ahead
        out[t] = ahead
    return out.astype(np.float32)


def deviation_by_observation(
    obs: NDArray[np.float32], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    """How large the values are at each row's observation: sqrt(v), v = exp(w . (1, obs, obs^2)).

    w is what makes values of mean 0 and variance v most likely: sum(log v + values^2 / v) is least,
    by Fisher scoring over evenly many of the rows, SCORED_ROWS or a few more.
    """
    features = np.concatenate([np.ones((len(obs), 1), np.float32), obs, obs * obs], axis=1)
    some = features[:: max(1, len(obs) // SCORED_ROWS)].astype(np.float64)
    squares = np.square(values[:: max(1, len(obs) // SCORED_ROWS)], dtype=np.float64)
    information = some.T @ some + RIDGE * len(some) * np.eye(some.shape[1])
    weights = np.zeros(some.shape[1])
    weights[0] = np.log(squares.mean() + 1e-12)
    for _ in range(SCORING_STEPS):
        share = squares * np.exp(np.clip(-some @ weights, -EXPONENT_MAX, 2.0 * EXPONENT_MAX))
        weights += np.linalg.solve(information, some.T @ (share - 1.0))
    exponent = 0.5 * (features @ weights.astype(np.float32))
    deviation: NDArray[np.float32] = np.exp(np.clip(exponent, -EXPONENT_MAX, EXPONENT_MAX))
    return deviation
