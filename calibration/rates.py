"""Baselines that make the free-running market as busy as the recorded one.

A likelihood compares rates given the recorded book. Left to itself the simulator finds books of its
own, and where nine events in ten are begotten by others a factor that is on average a little off
is multiplied many times. So the market is run, and the baseline of each kind is multiplied by
recorded over simulated rate until the rates agree: all rates are proportional to the baselines
together. Draws are the same in each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import record

Array = NDArray[np.float64]

HOURS, EPISODES = 2, 4
WARMUP_S = 600
EVENTS_MOST = 100_000  # of an episode; more take too long, and the rest of it is left out
ROUNDS = 6
CLOSE_ENOUGH = 0.08
STEP_MOST = 2.0  # factor by which a baseline may change in a round


@dataclass(frozen=True)
class MatchedRates:
    """The model with new baselines, and how its rates compare."""

    model: MarketModel
    baseline_factor: Estimate  # by kind
    rate_ratio: tuple[float, ...]  # simulated over recorded, by kind
    cautions: tuple[Caution, ...]


def match_rates(model: MarketModel, rates_hz: Sequence[float], *, seed: int) -> MatchedRates:
    """Baselines by simulation.

    Args:
        model: as it was fitted.
        rates_hz: of market orders, limit orders and cancels, both sides together.
        seed: of the simulations.
    """
    wanted = np.array(rates_hz)
    start = np.array([group.baseline_hz for group in model.groups]).reshape(3, 2).mean(axis=1)
    baselines = start.copy()
    best: tuple[float, Array, Array] | None = None
    for _ in range(ROUNDS):
        try:
            ratio = _simulated(_with(model, baselines, start), seed) / np.maximum(wanted, 1e-12)
        except ValueError as error:  # it runs away, or its price does
            return _unmatched(model, f"expected a market that runs for {HOURS} h, got: {error}")
        ratio = np.where(wanted > 0.0, ratio, 1.0)
        worst = float(np.abs(ratio - 1.0).max())
        if best is None or worst < best[0]:
            best = (worst, baselines.copy(), ratio)
        if worst < CLOSE_ENOUGH:
            break
        baselines = baselines / np.clip(ratio, 1.0 / STEP_MOST, STEP_MOST)
    assert best is not None
    worst, baselines, ratio = best
    cautions: tuple[Caution, ...] = ()
    if worst >= CLOSE_ENOUGH:
        shown = ", ".join(f"{value:.2f}" for value in ratio)
        text = (
            f"expected rates within {CLOSE_ENOUGH:.0%} of the recorded ones when the market runs "
            f"by itself, got {shown} of them (market orders, limit orders, cancels)"
        )
        cautions = (Caution("free_run_rates", "rates", text),)
    scale = baselines / np.where(start > 0.0, start, 1.0)
    note = "by simulation, so that the free-running market is as busy as the recording"
    return MatchedRates(
        _with(model, baselines, start),
        Estimate.fixed(tuple(scale.tolist()), note),
        tuple(ratio.tolist()),
        cautions,
    )


def _with(model: MarketModel, baselines: Array, start: Array) -> MarketModel:
    groups = tuple(
        group.model_copy(
            update={"baseline_hz": group.baseline_hz * float(baselines[g // 2] / start[g // 2])}
        )
        if start[g // 2] > 0.0
        else group
        for g, group in enumerate(model.groups)
    )
    return model.model_copy(update={"groups": groups})


def _simulated(model: MarketModel, seed: int) -> Array:
    """Events per second of each kind, both sides together."""
    spread = max(model.typical.spread_ticks, 100 * model.depth_ticks)
    market = BookMarketParams(
        model=model,
        mid_initial_ticks=max(1_000_000, 100 * spread),
        warmup_ns=WARMUP_S * NS_PER_S,
    )
    counts, seconds = np.zeros(3), 0.0
    for episode in range(EPISODES):
        events, until_ns = 0, 0
        for chunk in record(
            EnvParams(market=market),
            seed=seed,
            duration_ns=HOURS * 3600 * NS_PER_S,
            episode=episode,
            levels=0,
        ):
            seen = chunk.flags & EventFlag.REACH == 0
            whole = chunk.flags & EventFlag.MORE_FILLS == 0
            counts[0] += ((chunk.kind == EventKind.TRADE) & whole).sum()
            counts[1] += ((chunk.kind == EventKind.ADD) & seen).sum()
            counts[2] += ((chunk.kind == EventKind.CANCEL) & seen).sum()
            events, until_ns = events + len(chunk), chunk.until_ns
            if events > EVENTS_MOST:
                break
        seconds += until_ns / NS_PER_S
    return np.asarray(counts / seconds)


def _unmatched(model: MarketModel, text: str) -> MatchedRates:
    note = "the market could not be run"
    return MatchedRates(
        model,
        Estimate.borrowed((1.0, 1.0, 1.0), note),
        (float("nan"),) * 3,
        (Caution("free_run_fails", "rates", text),),
    )
