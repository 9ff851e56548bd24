"""Factors that make the free-running market as busy as the recorded one.

A likelihood compares rates given the recorded book. Left to itself the simulator finds books of its
own, and where nine events in ten are begotten by others a factor that is on average a little off
is multiplied many times. So the market is run, and the intensity of each kind is multiplied by a
small power of recorded over simulated rate until the rates agree: a factor of all of it, baseline
and kernels, for what is begotten has to stay the same share of what comes. Kernels that would beget
too much by it are scaled down together, to the greatest radius that a model may have; then regimes
and the season are kept from being explosive (`steadiness`). Draws are the same in each run. Of a
recording that shows few levels, the rates are those of the events that would be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from calibration.estimators.hawkes import N_GROUPS
from calibration.steadiness import CEILING, Steadied, steadied
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import EventFlag, EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import BRANCHING_RADIUS_MAX, MarketModel
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import Chunk, record

Array = NDArray[np.float64]

HOURS, EPISODES = 2, 4
WARMUP_S = 600
EVENTS_MOST = 100_000  # of an episode; more take too long, and the rest of it is left out
ROUNDS = 10
CLOSE_ENOUGH = 0.08
POWER = 0.35  # of the ratio of rates, by which a factor changes; halved where it went too far
RATIO_MOST = 2.0  # that a step is taken for


@dataclass(frozen=True)
class MatchedRates:
    """The model with new factors, and how its rates compare."""

    model: MarketModel
    rate_factor: Estimate  # of intensities, by kind
    rate_ratio: tuple[float, ...]  # simulated over recorded, by kind
    cautions: tuple[Caution, ...]


def match_rates(
    model: MarketModel,
    rates_hz: Sequence[float],
    *,
    seed: int,
    levels: int = 0,
) -> MatchedRates:
    """Factors by simulation.

    Args:
        model: as it was fitted.
        rates_hz: of market orders, limit orders and cancels, both sides together.
        seed: of the simulations.
        levels: that the recording shows of a side; 0: all.
    """
    wanted = np.array(rates_hz)
    factor, power, before = np.ones(3), np.full(3, POWER), np.zeros(3)
    best: tuple[float, Array, Array] | None = None
    for _ in range(ROUNDS):
        try:
            rates_now = _simulated(with_rates(model, factor).model, seed, levels)
        except ValueError as error:  # it runs away, or its price does
            if best is None:
                return _unmatched(model, f"expected a market that runs for {HOURS} h, got: {error}")
            power, factor = power / 2.0, np.sqrt(factor * best[1])
            continue
        ratio = np.where(wanted > 0.0, rates_now / np.maximum(wanted, 1e-12), 1.0)
        worst = float(np.abs(ratio - 1.0).max())
        if best is None or worst < best[0]:
            best = (worst, factor, ratio)
        if worst < CLOSE_ENOUGH:
            break
        away = np.log(np.clip(ratio, 1.0 / RATIO_MOST, RATIO_MOST))
        power = np.where(away * before < 0.0, power / 2.0, power)
        factor, before = factor * np.exp(-power * away), away
    assert best is not None
    worst, factor, ratio = best
    cautions: tuple[Caution, ...] = ()
    if worst >= CLOSE_ENOUGH:
        shown = ", ".join(f"{value:.2f}" for value in ratio)
        text = (
            f"expected rates within {CLOSE_ENOUGH:.0%} of the recorded ones when the market runs "
            f"by itself, got {shown} of them (market orders, limit orders, cancels)"
        )
        cautions = (Caution("free_run_rates", "rates", text),)
    found = with_rates(model, factor)
    note = "by simulation, so that the free-running market is as busy as the recording"
    return MatchedRates(
        found.model,
        Estimate.fixed(tuple(factor.tolist()), note),
        tuple(ratio.tolist()),
        (*cautions, *_steadied_cautions(found)),
    )


def with_rates(model: MarketModel, factor: Array) -> Steadied:
    """The model with baselines and kernels multiplied, by kind of what they beget."""
    by_group = np.repeat(factor, 2)
    kernels = np.array(model.excitation).reshape(-1, N_GROUPS, N_GROUPS)
    kernels = kernels * by_group[:, np.newaxis]
    radius = float(np.abs(np.linalg.eigvals(kernels.sum(axis=0))).max())
    kernels *= min(1.0, 0.999 * BRANCHING_RADIUS_MAX / max(radius, 1e-300))
    groups = tuple(
        group.model_copy(update={"baseline_hz": group.baseline_hz * float(by_group[g])})
        for g, group in enumerate(model.groups)
    )
    update = {"groups": groups, "excitation": tuple(kernels.ravel().tolist())}
    return steadied(model.model_copy(update=update))


def _steadied_cautions(found: Steadied) -> tuple[Caution, ...]:
    if not found.activities:
        return ()
    text = (
        f"{found.activities} regimes or bins of the season would beget more than {CEILING:g} "
        "events an event, if the market stayed there; their factors are drawn towards the mean"
    )
    return (Caution("explosive_activity", "rates", text),)


def _simulated(model: MarketModel, seed: int, levels: int) -> Array:
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
            levels=levels,
        ):
            seen = (chunk.flags & EventFlag.REACH == 0) & _shown(chunk)
            whole = chunk.flags & EventFlag.MORE_FILLS == 0
            counts[0] += ((chunk.kind == EventKind.TRADE) & whole).sum()
            counts[1] += ((chunk.kind == EventKind.ADD) & seen).sum()
            counts[2] += ((chunk.kind == EventKind.CANCEL) & seen).sum()
            events, until_ns = events + len(chunk), chunk.until_ns
            if events > EVENTS_MOST:
                break
        seconds += until_ns / NS_PER_S
    return np.asarray(counts / seconds)


def _shown(chunk: Chunk) -> NDArray[np.bool_]:
    """Not behind the last level shown, before or after; where there are fewer, all are shown."""
    shown = np.ones(len(chunk), np.bool_)
    if chunk.depth.shape[1] == 0:
        return shown
    after = chunk.depth[:, -4:]
    before = np.concatenate([after[:1], after[:-1]])
    within = np.zeros_like(shown)
    for ask, ask_lots, bid, bid_lots in (after.T, before.T):
        is_near = np.where(chunk.side > 0, chunk.price_ticks >= bid, chunk.price_ticks <= ask)
        within |= is_near | (np.where(chunk.side > 0, bid_lots, ask_lots) == 0)
    return within


def _unmatched(model: MarketModel, text: str) -> MatchedRates:
    note = "the market could not be run"
    return MatchedRates(
        model,
        Estimate.borrowed((1.0, 1.0, 1.0), note),
        (float("nan"),) * 3,
        (Caution("free_run_fails", "rates", text),),
    )
