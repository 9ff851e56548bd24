"""An agent who sends orders into simulated markets, all of them at once: what trials are made with.

He pays no fees and has no delays: what he gains or loses is the market's doing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env import Batch, engine_params, observation_layout, output_arrays
from rlmm_tf.env.engine import COLUMN_INDEX
from rlmm_tf.env.spaces import actions_from_quotes
from rlmm_tf.fields import NS_PER_S, SIZE_LOTS_MAX
from rlmm_tf.market_model import MarketModel
from rlmm_tf.params import ActionParams, EnvParams, EpisodeParams, LimitParams, ObservationParams
from rlmm_tf.seeding import environment_keys

Floats = NDArray[np.float64]
WARMUP_S = 300
FEATURES = ("imbalance",)


class Sight(NamedTuple):
    """What he sees of each market, and what he has there."""

    step: int
    mid_ticks: Floats
    spread_ticks: Floats
    imbalance: Floats  # scaled as the feature is; the sign is what counts
    inventory_lots: Floats
    cash: Floats  # tick lots


class PlayedMarkets:
    """Markets of one model, stepped together; each keeps to a random number of its own."""

    def __init__(
        self, model: MarketModel, n_envs: int, *, step_s: float, n_steps: int, seed: int
    ) -> None:
        self.reach_ticks = max(8, 2 * model.depth_ticks)
        room = 4 * model.depth_ticks + model.typical.spread_ticks + 1
        self._action = ActionParams(
            kind="continuous",
            sizes=True,
            lots_min=0,
            lots_max=SIZE_LOTS_MAX,
            offset_min_ticks=-self.reach_ticks,
            offset_max_ticks=self.reach_ticks,
        )
        params = EnvParams(
            market=BookMarketParams(
                model=model,
                mid_initial_ticks=max(1_000_000, 100 * room),
                warmup_ns=WARMUP_S * NS_PER_S,
                taker_allowed=True,
            ),
            action=self._action,
            observation=ObservationParams(features=FEATURES),
            limits=LimitParams(inventory_cap_lots=10**9),
            episode=EpisodeParams(n_steps=n_steps + 1, step_ns=round(step_s * NS_PER_S)),
        )
        self._batch = Batch(engine_params(params), seeds=environment_keys(seed, n_envs))
        self._arrays = output_arrays(n_envs, len(observation_layout(params)))
        self._batch.reset(obs=self._arrays["obs"])
        self.n_envs, self.n_steps = n_envs, n_steps
        self._step = 0
        nothing = np.zeros((n_envs, 2))
        self.sight = self.step(nothing, nothing)

    def step(self, offset_ticks: Floats, lots: Floats) -> Sight:
        """A step with these quotes: distance of bid and ask from the mid, below 0 to cross."""
        actions = actions_from_quotes(self._action, offset_ticks, lots)
        self._batch.step(actions, **self._arrays)
        columns = self._arrays["columns"]

        def column(name: str) -> Floats:
            return columns[:, COLUMN_INDEX[name]].astype(np.float64)

        self.sight = Sight(
            self._step,
            column("mid_ticks_x2") / 2.0,
            column("spread_ticks"),
            self._arrays["obs"][:, 0].astype(np.float64),
            column("inventory_lots"),
            column("cash"),
        )
        self._step += 1
        return self.sight


def wealth_ticks(sight: Sight) -> Floats:
    """Cash and inventory, less what it costs to sell it to the best price, tick lots."""
    held = sight.inventory_lots
    return np.asarray(sight.cash + held * sight.mid_ticks - np.abs(held) * sight.spread_ticks / 2.0)
