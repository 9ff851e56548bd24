"""A batch that owns its arrays, and small markets whose results can be worked by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.analytic_params import AnalyticMarketParams, RegimeParams
from rlmm_tf.env import (
    COLUMNS,
    Batch,
    actions_from_quotes,
    engine_params,
    observation_layout,
    output_arrays,
)
from rlmm_tf.params import (
    ActionParams,
    EnvParams,
    EpisodeParams,
    LimitParams,
)
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys

NS_PER_S = 1_000_000_000

# Nobody trades and nothing moves: whatever happens was done by the quotes. A decay this small fills
# every quote that a market order meets.
STILL_REGIME = {
    "market_sell_rate_hz": 0.0,
    "market_buy_rate_hz": 0.0,
    "fill_decay_per_tick": 1e-15,
    "volatility_ticks": 0.0,
    "inventory_penalty_scale": 1.0,
}
STILL = EnvParams(
    market=AnalyticMarketParams(regimes=(RegimeParams(**STILL_REGIME),), mid_initial_ticks=10_000),
    limits=LimitParams(inventory_cap_lots=100),
    episode=EpisodeParams(n_steps=10, step_ns=NS_PER_S),
    action=ActionParams(offset_min_ticks=-20, offset_max_ticks=80),
    tick_value=0.5,
)


class Simulation:
    """A batch with arrays of its own, stepped by hand."""

    def __init__(
        self,
        params: EnvParams,
        *,
        n_envs: int = 1,
        seed: int = 0,
        keys: NDArray[np.uint64] | None = None,
        n_threads: int = 1,
    ) -> None:
        keys = environment_keys(seed, n_envs) if keys is None else keys
        n, width = len(keys), len(observation_layout(params))
        self.params = params
        self.layout = observation_layout(params)
        self.batch = Batch(engine_params(params), seeds=keys, n_threads=n_threads)
        self.arrays = output_arrays(n, width)
        for array in self.arrays.values():
            if array.dtype != np.bool_:
                array.fill(np.nan)  # what the engine does not write stands out
        self.obs = self.arrays.pop("obs")

    def reset(self, mask: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        self.batch.reset(obs=self.obs, mask=mask)
        return self.obs.copy()

    def step(self, actions: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
        """Columns by name, plus what the step returned as `returned_*`."""
        self.batch.step(actions, obs=self.obs, **self.arrays)
        done = {c.name: self.arrays["columns"][:, i].copy() for i, c in enumerate(COLUMNS)}
        returned = {"obs": self.obs, **self.arrays}
        done |= {f"returned_{name}": array.copy() for name, array in returned.items()}
        return done

    def quote(
        self, bid_ticks: float, ask_ticks: float, lots: tuple[int, int] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """One step with the same quotes everywhere."""
        rows = (len(self.obs), 1)
        sizes = None if lots is None else np.tile(np.array(lots, np.float64), rows)
        offsets = np.tile(np.array([bid_ticks, ask_ticks], np.float64), rows)
        return self.step(actions_from_quotes(self.params.action, offsets, sizes))

    def quote_steps(
        self, n_steps: int, bid_ticks: float, ask_ticks: float, lots: tuple[int, int] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Columns of several steps, each of shape (n_steps, N, ...)."""
        steps = [self.quote(bid_ticks, ask_ticks, lots) for _ in range(n_steps)]
        return {name: np.stack([step[name] for step in steps]) for name in steps[0]}

    def digest(self) -> str:
        """Hash of all arrays of the last call."""
        digest = hashlib.sha256(self.obs.tobytes())
        for array in self.arrays.values():
            digest.update(array.tobytes())
        return digest.hexdigest()


@pytest.fixture(scope="session")
def simulate() -> type[Simulation]:
    return Simulation


@pytest.fixture(scope="session")
def still() -> Callable[..., EnvParams]:
    """`still(regime={...}, **overrides)`: the still market with something changed."""

    def make(regime: dict[str, float] | None = None, **overrides: Any) -> EnvParams:
        market = {**overrides.pop("market", {})}
        market.setdefault("regimes", ({**STILL_REGIME, **(regime or {})},))
        return resolve_params(STILL, {"market": market, **overrides})

    return make


@pytest.fixture(scope="session")
def regime_of() -> Callable[..., dict[str, float]]:
    """`regime_of(**changes)`: the still market's regime with something changed."""
    return lambda **changes: {**STILL_REGIME, **changes}
