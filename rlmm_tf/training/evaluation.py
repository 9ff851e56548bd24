"""What a policy earns in episodes that no training sees, always the same ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env import (
    PolicySpec,
    PolicyWeights,
    RolloutArrays,
    aligned_empty,
    make_batch,
    make_policy,
    roll_out,
)
from rlmm_tf.env.engine import COLUMN_INDEX
from rlmm_tf.params import EnvParams
from rlmm_tf.seeding import environment_keys
from rlmm_tf.training.collection import training_params

ROWS_AT_ONCE = 2**15  # with the columns a few hundred bytes each
PNL = [COLUMN_INDEX[name] for name in ("pnl_spread", "pnl_inventory", "pnl_fees")]
INVENTORY = COLUMN_INDEX["inventory_lots"]
ERRORS_WORSE = 2.0  # standard errors of the paired difference


@dataclass(frozen=True)
class Evaluation:
    """Outcomes of episodes (sums of rewards, or wealth where it has a utility) and their value."""

    outcomes: NDArray[np.float64]
    risk_aversion: float
    pnl: float = math.nan
    """Mean of an episode's change of wealth, currency; NaN of an evaluation out of a checkpoint."""
    inventory_lots: float = math.nan
    """Mean of its absolute value at the ends of steps."""

    @property
    def value(self) -> float:
        """Mean of the outcomes x, or with a risk aversion c their -ln(mean exp(-c x)) / c."""
        if self.risk_aversion == 0.0:
            return float(self.outcomes.mean())
        least = float(self.outcomes.min())
        mean = float(np.exp(-self.risk_aversion * (self.outcomes - least)).mean())
        return least - math.log(mean) / self.risk_aversion

    @property
    def standard_error(self) -> float:
        """Of the value (delta method)."""
        return _error(self._influence(self.value))

    def is_worse_than(self, other: Evaluation) -> bool:
        """By more than luck, in the same episodes: the difference is taken episode by episode."""
        value = other.value
        difference = self._influence(value) - other._influence(value)
        return float(difference.mean()) < -ERRORS_WORSE * _error(difference)

    def _influence(self, value: float) -> NDArray[np.float64]:
        """What each episode adds to the value: x, or the gain in utility over `value`, scaled."""
        if self.risk_aversion == 0.0:
            return self.outcomes
        weights = np.exp(-self.risk_aversion * (self.outcomes - value))
        return np.asarray((1.0 - weights) / self.risk_aversion)


def _error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def evaluate_policy(
    spec: PolicySpec,
    weights: PolicyWeights,
    params: EnvParams,
    *,
    episodes: int,
    seed: np.random.SeedSequence,
    n_threads: int,
) -> Evaluation:
    """One episode of each of `episodes` environments with the policy's mode."""
    keys = environment_keys(seed, episodes)
    batch = make_batch(training_params(params), seeds=keys, n_threads=min(n_threads, episodes))
    batch.reset(obs=aligned_empty((episodes, spec.obs_width), np.float32))
    policy = make_policy(spec, weights)
    total, running = np.zeros(episodes), np.ones(episodes, np.bool_)
    pnl = inventory = counted = 0.0
    done, n_steps = 0, params.episode.n_steps
    at_once = min(n_steps, max(1, ROWS_AT_ONCE // episodes))
    arrays = RolloutArrays.empty(spec, n_steps=at_once, n_envs=episodes, columns=True)
    assert arrays.columns is not None  # asked for
    while done < n_steps and running.any():
        roll_out(batch, policy, arrays, deterministic=True)
        ends = arrays.terminated | arrays.truncated
        for reward, ended, columns in zip(arrays.reward, ends, arrays.columns, strict=True):
            total += np.where(running, reward, 0.0)
            pnl += float(columns[running][:, PNL].sum())
            inventory += float(np.abs(columns[running, INVENTORY]).sum())
            counted += int(running.sum())
            running &= ~ended
        done += at_once
    batch.close()
    return Evaluation(
        total,
        params.reward.risk_aversion,
        pnl=pnl * params.tick_value / episodes,
        inventory_lots=inventory / counted,
    )
