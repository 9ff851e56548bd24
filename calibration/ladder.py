"""What each ingredient of a market model buys: six markets fitted to the same time, scored alike.

From flows that know only rates to the whole model; each rung is fitted to the stretches that are
not scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calibration.continuations import Starts
from calibration.fidelity.market import Market
from calibration.fidelity.of_model import (
    Simulator,
    market_going_on,
    market_of_model,
    span_of,
    table_like,
)
from calibration.fit import Settings, calibrate
from calibration.flow_events import read_flow, rows_of
from calibration.split import Split
from calibration.state_bootstrap import StateBootstrap
from calibration.zero_intelligence import PoissonFlows
from rlmm_tf.events import EventTable
from rlmm_tf.market_model import MarketModel
from rlmm_tf.recording import Chunk
from rlmm_tf.seeding import seed_sequence

_SESSION, _WINDOWS = range(2)  # what the bootstrap's seed is spent on


@dataclass(frozen=True)
class Rung:
    """One market of the ladder, beside the real one."""

    name: str
    adds: str  # to the rung before
    market: Market
    model: MarketModel | None  # None: it is resampled, not modelled


@dataclass(frozen=True)
class Ladder:
    """What all rungs are fitted to and held against."""

    real_table: EventTable
    real: Market  # the scored stretches
    scored: Split
    fitted: Split
    seed: int

    def rungs(self, progress: Callable[[str], None] = lambda text: None) -> Iterator[Rung]:
        """From the ground up.

        Raises:
            ValueError: too little is left to fit to.
        """
        progress("Poisson flows")
        flow = read_flow([self.real_table], self._fitted)
        flows = PoissonFlows.of(flow)
        yield self._rung("Poisson", "rates", flows.evenly.market)
        name = "Cont-Stoikov-Talreja"
        yield self._rung(name, "where limit orders go", flows.market)
        progress("state bootstrap")
        bootstrap = StateBootstrap.of(flow)
        market = self._resampled(bootstrap, flows.market)
        yield Rung("state bootstrap", "the state of the book, sizes (resampled)", market, None)
        plain = Settings(season=False, regimes=1, informed=False, seed=self.seed)
        for name, adds, settings in (
            ("Hawkes", "memory, sizes; no state", replace(plain, state_factors=False)),
            ("QRH", "memory and state, seasons, regimes", Settings(informed=False, seed=self.seed)),
            ("QRH + latent", "a hidden efficient price", Settings(seed=self.seed)),
        ):
            progress(name)
            fit = calibrate([self.real_table], self._fitted, settings)
            yield self._rung(name, adds, fit.model, fit.season_origin_s)

    def _fitted(self, ts_ns: NDArray[np.int64]) -> Split:
        return self.fitted

    def _rung(self, name: str, adds: str, model: MarketModel, season_origin_s: int = 0) -> Rung:
        simulator = Simulator.of(
            model, self.real_table, season_origin_s=season_origin_s, seed=self.seed
        )
        market = market_of_model(simulator, name, self.real_table, self.real, self.scored)
        return Rung(name, adds, market, model)

    def _resampled(self, bootstrap: StateBootstrap, model: MarketModel) -> Market:
        """Its session and windows; `model` draws what the recording does not show of a book."""
        flow, rows = read_flow([self.real_table]), rows_of(self.real_table)

        def books(times_ns: NDArray[np.int64]) -> Starts:
            return Starts.of(rows, flow, times_ns, model, season_origin_s=0, seed=self.seed)

        def go_on(times_ns: NDArray[np.int64], messages: int) -> list[Chunk]:
            generator = np.random.Generator(np.random.Philox(seed_sequence(self.seed, _WINDOWS)))
            openings = books(times_ns).openings
            return [
                bootstrap.window(opening, 0, generator, messages=messages) for opening in openings
            ]

        begins_ns = self.real.windows.messages.ts_ns[:1]
        generator = np.random.Generator(np.random.Philox(seed_sequence(self.seed, _SESSION)))
        _, duration_ns = span_of(self.real_table)
        opening = books(begins_ns).openings[0]
        whole = bootstrap.window(opening, 0, generator, duration_ns=duration_ns)
        named = hashlib.sha256(f"state bootstrap {self.seed}".encode()).hexdigest()
        session = table_like(self.real_table, [whole], named)
        return market_going_on("state bootstrap", [session], go_on, self.real, self.scored)
