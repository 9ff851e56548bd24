"""One market against the real one: every score, response, markout and fill probability."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from calibration.fidelity.blocks import (
    RESAMPLES,
    UNKNOWN,
    BlockMeans,
    Blocks,
    Floats,
    Interval,
    interval_of,
)
from calibration.fidelity.conditional import HOURS, Conditioned, conditional_distances
from calibration.fidelity.distances import Sample, bootstrap_distances, l1, wasserstein
from calibration.fidelity.divergence import CHUNK_MESSAGES, divergence
from calibration.fidelity.market import Market
from calibration.fidelity.markouts import markouts, signature, squared_moves
from calibration.fidelity.messages import Windows
from calibration.fidelity.responses import GATE_LAGS, LAGS, by_lag, by_time, touch_events
from calibration.fidelity.scores import CONDITIONAL, UNCONDITIONAL, ConditionalSpec, Score
from calibration.fidelity.segments import Segments


@dataclass(frozen=True)
class Curves:
    """Means with the ends of their 95 % intervals; NaN: unknown."""

    value: Floats
    low: Floats
    high: Floats
    count: Floats

    @classmethod
    def of(cls, means: BlockMeans, rng: np.random.Generator) -> Curves:
        """With intervals by resampling blocks."""
        low, high = means.intervals(rng)
        return cls(means.value, low, high, means.count)


@dataclass(frozen=True)
class Dynamics:
    """What a market does after events, at every time scale, and to orders in its queues."""

    by_lag: Curves  # (6 events, LAGS), of the windows
    at_gates: Curves  # (6 events, GATE_LAGS)
    by_time: Curves | None  # (6 events, seconds), of stretches
    markouts: Curves | None
    signature: Curves | None  # ticks per root second
    fills: Curves | None  # (terciles, seconds)


@dataclass(frozen=True)
class Distance:
    """L1 and Wasserstein's distance from the real market, with intervals."""

    l1: float
    l1_interval: Interval
    wasserstein: float
    wasserstein_interval: Interval


@dataclass(frozen=True)
class Column:
    """What is said of one market: a noise floor, a reference, a model."""

    name: str
    windows: int
    unconditional: dict[str, Distance]
    conditional: dict[str, Distance]
    mean_l1: float
    mean_l1_interval: Interval
    mean_wasserstein: float
    mean_wasserstein_interval: Interval
    divergence: Floats
    dynamics: Dynamics
    missing: dict[str, str] = field(default_factory=dict)  # scores and why

    @property
    def worst(self) -> str:
        """The score with the largest L1."""
        return max(self.unconditional, key=lambda name: self.unconditional[name].l1)

    @property
    def mean_conditional_l1(self) -> float:
        """NaN: none could be computed."""
        values = [distance.l1 for distance in self.conditional.values()]
        return float(np.mean(values)) if values else float("nan")


def dynamics_of(
    market: Market, windows: Windows, edges: Floats | None, rng: np.random.Generator
) -> Dynamics:
    """What does not need the other market.

    Args:
        market: of which stretches are looked at, if it has any.
        windows: of it, as many as are compared.
        edges: of the terciles of the queue ahead; None: nobody's fills are known.
        rng: for intervals.
    """
    short = Segments.of_windows(windows, Blocks.of(windows.stretch).of_part)
    events = touch_events(short)
    lagged = Curves.of(by_lag(events, short.blocks, LAGS), rng)
    gates = Curves.of(by_lag(events, short.blocks, GATE_LAGS), rng)
    parts = market.parts
    if parts is None:
        return Dynamics(lagged, gates, None, None, None, None)
    squares = Curves.of(squared_moves(parts), rng)
    fills = None
    if market.fills is not None and edges is not None:
        fills = Curves.of(market.fills.by_tercile(edges), rng)
    return Dynamics(
        by_lag=lagged,
        at_gates=gates,
        by_time=Curves.of(by_time(parts, touch_events(parts)), rng),
        markouts=Curves.of(markouts(parts), rng),
        signature=Curves(
            signature(squares.value),
            signature(squares.low),
            signature(squares.high),
            squares.count,
        ),
        fills=fills,
    )


def column_of(
    name: str, real: Windows, other: Windows, dynamics: Dynamics, rng: np.random.Generator
) -> Column:
    """The other windows against the real ones, of which there are as many."""
    blocks = tuple(Blocks.of(windows.stretch) for windows in (real, other))
    weights = (
        blocks[0].draw(RESAMPLES, rng)[:, blocks[0].of_part],
        blocks[1].draw(RESAMPLES, rng)[:, blocks[1].of_part],
    )
    unconditional: dict[str, Distance] = {}
    missing: dict[str, str] = {}
    drawn: list[tuple[Floats, Floats]] = []
    for spec in UNCONDITIONAL:
        why = spec.missing(real.messages.instrument)
        one, two = _both(spec.score, real, other)
        if why is None and min(len(one.values), len(two.values)) == 0:
            which = "real" if len(one.values) == 0 else "other"
            why = f"the {which} windows have no value of it"
        if why is not None:
            missing[spec.name] = why
            continue
        resampled = bootstrap_distances(one, two, weights, discrete=spec.discrete)
        drawn.append(resampled)
        unconditional[spec.name] = _distance(
            l1(one.values, two.values, discrete=spec.discrete),
            wasserstein(one.values, two.values),
            resampled,
        )
    conditional = _conditional(real, other, missing)
    means = tuple(np.mean([pair[i] for pair in drawn], axis=0) for i in (0, 1))
    mean_l1 = float(np.mean([d.l1 for d in unconditional.values()]))
    mean_w = float(np.mean([d.wasserstein for d in unconditional.values()]))
    chunked = real.length % CHUNK_MESSAGES == 0 and real.length > CHUNK_MESSAGES
    return Column(
        name=name,
        windows=len(other),
        unconditional=unconditional,
        conditional=conditional,
        mean_l1=mean_l1,
        mean_l1_interval=_centred(mean_l1, means[0]),
        mean_wasserstein=mean_w,
        mean_wasserstein_interval=_centred(mean_w, means[1]),
        divergence=divergence(real, other) if chunked else np.empty(0),
        dynamics=dynamics,
        missing=missing,
    )


def _both(score: Score, real: Windows, other: Windows) -> tuple[Sample, Sample]:
    return score(real).finite(), score(other).finite()


def _distance(l1_value: float, w_value: float, drawn: tuple[Floats, Floats]) -> Distance:
    return Distance(l1_value, _centred(l1_value, drawn[0]), w_value, _centred(w_value, drawn[1]))


def _centred(value: float, drawn: Floats) -> Interval:
    """Resampled distances lie above the distance, as noise adds to it: only their spread tells."""
    spread = interval_of(drawn - drawn.mean())
    return Interval(max(value + spread.low, 0.0), value + spread.high)


def _conditional(real: Windows, other: Windows, missing: dict[str, str]) -> dict[str, Distance]:
    found = {}
    for spec in CONDITIONAL:
        one, two = (_conditioned(spec, windows) for windows in (real, other))
        if spec.groups == "hours":
            one, two = _in_common_hours(one, two)
        if min(len(one.values), len(two.values)) == 0:
            missing[spec.name] = (
                "the markets have no hour of the day in common; `rlmm simulate --start` sets it"
            )
            continue
        distances = conditional_distances(one, two, spec.groups, discrete=spec.discrete)
        found[spec.name] = Distance(distances[0], UNKNOWN, distances[1], UNKNOWN)
    return found


def _conditioned(spec: ConditionalSpec, windows: Windows) -> Conditioned:
    return Conditioned.of(spec.score(windows), spec.condition(windows))


def _in_common_hours(one: Conditioned, two: Conditioned) -> tuple[Conditioned, Conditioned]:
    """An hour that one of them was closed in, or not recorded, says nothing of the other."""
    hours = [np.searchsorted(HOURS, part.condition, side="right") for part in (one, two)]
    common = np.intersect1d(hours[0], hours[1])
    kept = [np.isin(hour, common) for hour in hours]
    return (
        Conditioned(one.values[kept[0]], one.condition[kept[0]]),
        Conditioned(two.values[kept[1]], two.condition[kept[1]]),
    )
