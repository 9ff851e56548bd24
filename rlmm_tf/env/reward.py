"""A user's own reward, computed over the step columns.

The engine's reward (`RewardParams`) is a weighted sum of terms. Where that is not enough, give the
environment a function of the columns:

    def pnl_per_trade(columns: Columns) -> NDArray[np.float64]:
        traded = columns["fills_maker_lots_bid"] + columns["fills_maker_lots_ask"]
        return columns["term_pnl"] / np.maximum(traded, 1.0)

    gymnasium.make_vec("rlmm/MarketMaking-v0", num_envs=64, reward_function=pnl_per_trade)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env.engine import COLUMN_INDEX


class Columns(Mapping[str, NDArray[np.float64]]):
    """The columns of one step by name; each value is a view of shape (n_envs,)."""

    def __init__(self, table: NDArray[np.float64]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """One column; the error lists the columns there are."""
        try:
            return self._table[:, COLUMN_INDEX[name]]
        except KeyError:
            raise KeyError(f"column {name!r}: expected one of {list(COLUMN_INDEX)}") from None

    def __iter__(self) -> Iterator[str]:
        """Names, in the engine's order."""
        return iter(COLUMN_INDEX)

    def __len__(self) -> int:
        """Number of columns."""
        return len(COLUMN_INDEX)


RewardFunction = Callable[[Columns], NDArray[np.float64]]


def require_callable(function: RewardFunction | None) -> None:
    """Refuses what cannot be a reward function before the first step needs it."""
    if function is not None and not callable(function):
        raise TypeError(f"reward_function: expected a function of the columns, got {function!r}")


def checked_reward(function: RewardFunction, columns: Columns, n_envs: int) -> NDArray[np.float64]:
    """The function's value, which must be one finite number per environment."""
    reward = np.asarray(function(columns))
    if reward.shape != (n_envs,):
        raise ValueError(
            f"reward_function: expected an array of shape ({n_envs},), got {reward.shape}; "
            "return one number per environment"
        )
    if reward.dtype.kind not in "biuf":
        raise TypeError(f"reward_function: expected real numbers, got dtype {reward.dtype}")
    reward = reward.astype(np.float64)
    finite = np.isfinite(reward)
    if not finite.all():
        env = int(np.argmin(finite))
        raise ValueError(
            f"reward_function: expected finite numbers, got {reward[env]} for environment {env}"
        )
    return reward
