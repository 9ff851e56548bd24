"""A simulated market against the real one, beside a noise floor and a reference simulation.

Three columns, all of equally many windows: real messages of other stretches (the floor: no
simulator can be asked to be nearer), a reference simulation (one that knows only rates, such as
Cont, Stoikov and Talreja's) and the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from calibration.fidelity.column import Column, Dynamics, column_of, dynamics_of
from calibration.fidelity.distances import freedman_diaconis, l1
from calibration.fidelity.facts import Numbers, Yardstick, jackknife, seconds_of
from calibration.fidelity.gates import Evidence, Gate, gates, normalised, response_floors
from calibration.fidelity.market import Market
from calibration.fidelity.markouts import half_spread_ticks, market_orders
from calibration.fidelity.messages import FidelityError, Instrument, MessageKind, Windows
from calibration.fidelity.scores import UNCONDITIONAL
from calibration.fidelity.segments import Segments
from calibration.fidelity.stylized import FREE_RUN_S, FactRow, Measured, facts_table
from calibration.fidelity.trials import Trials
from calibration.goodness import Goodness

WINDOWS_LEAST = 4
WINDOWS_FEW = 60
_BARS, _BARS_LEAST = 40, 8
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Histogram:
    """Shares of a score's values in bins of equal width, for a picture."""

    edges: Floats
    real: Floats
    model: Floats


@dataclass(frozen=True)
class FidelityResult:
    """Everything that a page or a table says."""

    instrument: Instrument
    windows: int
    window_messages: int
    real: Dynamics
    half_spread_ticks: float
    model: Column
    floor: Column | None
    reference: Column | None
    s: float | None
    response_floors: float | None
    facts: tuple[FactRow, ...]
    gates: tuple[Gate, ...]
    trials: Trials | None
    goodness: Goodness | None
    histograms: dict[str, Histogram]
    cautions: tuple[str, ...] = field(default=())


def compare(
    real: Market,
    model: Market,
    *,
    floor: Market | None = None,
    reference: Market | None = None,
    trials: Trials | None = None,
    goodness: Goodness | None = None,
    rng: np.random.Generator,
) -> FidelityResult:
    """Score the model.

    Args:
        real: what it is held against.
        model: a simulation, as a table that runs on or as windows.
        floor: other stretches of the real recording.
        reference: a simulation of a model that knows little.
        trials: of an agent in the simulated market.
        goodness: of the model on the scored stretches.
        rng: draws bootstrap resamples.

    Raises:
        FidelityError: too few windows, or markets of different instruments.
    """
    others = [market for market in (model, floor, reference) if market is not None]
    _require_alike(real, others)
    n = min(len(market.windows) for market in (real, *others))
    if n < WINDOWS_LEAST:
        fewest = min((real, *others), key=lambda market: len(market.windows))
        raise FidelityError(
            f"{fewest.name}: expected {WINDOWS_LEAST} windows of {real.windows.length} messages at "
            f"least, got {n}; take longer stretches or simulate longer"
        )
    edges = real.fills.tercile_edges() if real.fills is not None else None
    shown = real.windows.evenly(n)
    real_dynamics = dynamics_of(real, shown, edges, rng)
    columns = [
        _column(market, shown, edges, rng) if market is not None else None
        for market in (model, floor, reference)
    ]
    column, floor_column, reference_column = columns
    if column is None or not column.unconditional:
        raise FidelityError(f"{model.name}: expected values of one score at least, got none")
    floors = response_floors(real_dynamics, column, floor_column)
    real_numbers, model_numbers, facts = _facts(real, model, column, floors)
    half = half_spread_ticks(real.parts or Segments.of_windows(shown, shown.stretch * 0))
    evidence = Evidence(
        real=real_dynamics,
        model=column,
        floor=floor_column,
        reference=reference_column,
        half_spread_ticks=half,
        real_numbers=real_numbers,
        model_numbers=model_numbers,
        facts=facts,
        trials=trials,
        goodness=goodness,
    )
    return FidelityResult(
        instrument=real.windows.messages.instrument,
        windows=n,
        window_messages=real.windows.length,
        real=real_dynamics,
        half_spread_ticks=half,
        model=column,
        floor=floor_column,
        reference=reference_column,
        s=normalised(column, floor_column, reference_column),
        response_floors=floors,
        facts=facts,
        gates=gates(evidence),
        trials=trials,
        goodness=goodness,
        histograms=_histograms(shown, model.windows.evenly(n), column),
        cautions=_cautions(real, model, n),
    )


def _column(
    market: Market, real: Windows, edges: Floats | None, rng: np.random.Generator
) -> Column:
    windows = market.windows.evenly(len(real))
    dynamics = dynamics_of(market, windows, edges, rng)
    return column_of(market.name, real, windows, dynamics, rng)


def _require_alike(real: Market, others: list[Market]) -> None:
    expected = real.windows.messages.instrument
    for market in others:
        got = market.windows.messages.instrument
        if got != expected or market.windows.length != real.windows.length:
            raise FidelityError(
                f"{market.name}: expected windows of {real.windows.length} messages of "
                f"{expected}, got {market.windows.length} of {got}"
            )


def _facts(
    real: Market, model: Market, column: Column, floors: float | None
) -> tuple[Numbers, Numbers, tuple[FactRow, ...]]:
    distances = {"response_floors": math.nan if floors is None else floors}
    cancels = column.unconditional.get("log_time_to_cancel")
    distances["time_to_cancel_l1"] = cancels.l1 if cancels is not None else math.nan
    why = {
        "time_to_cancel_l1": column.missing.get("log_time_to_cancel", ""),
        "response_floors": "no other real stretches are left for a noise floor",
    }
    if real.parts is None or model.parts is None:
        zeros = Measured(dict.fromkeys(distances, 0.0), {})
        return {}, {}, facts_table(zeros, Measured(distances, {}), why_missing=why)
    yardstick = Yardstick.of(real.parts)
    numbers, errors = jackknife(real.parts, yardstick)
    got, got_errors = jackknife(model.parts, yardstick)
    if seconds_of(model.parts) < FREE_RUN_S:
        for key in ("one_sided_share", "spread_wide_share"):
            got[key] = math.nan
            why[key] = f"the simulation runs on for less than {FREE_RUN_S / 3600:g} hours"
    if real.windows.messages.instrument.detail != "orders":
        for key in ("filled_share_touch", "filled_share_behind"):
            why[key] = "orders carry no numbers, so nobody knows which were filled"
    distances |= _size_distances(real.parts, model.parts)
    rows = facts_table(
        Measured(numbers | dict.fromkeys(distances, 0.0), errors),
        Measured(got | distances, got_errors),
        why_missing=why,
    )
    return numbers, got, rows


def _size_distances(real: Segments, model: Segments) -> Numbers:
    limits, markets = (
        [part.messages.lots[part.messages.kind == MessageKind.LIMIT] for part in (real, model)],
        [market_orders(part).lots for part in (real, model)],
    )
    pairs = {"limit_size_l1": limits, "market_size_l1": markets}
    return {name: l1(pair[0].astype(float), pair[1].astype(float)) for name, pair in pairs.items()}


def _histograms(real: Windows, model: Windows, column: Column) -> dict[str, Histogram]:
    """Between the real values' 0.5 % and 99.5 % points; the ends hold what lies outside."""
    found = {}
    for spec in UNCONDITIONAL:
        if spec.name not in column.unconditional:
            continue
        one, two = (spec.score(windows).finite().values for windows in (real, model))
        edges = _edges(one)
        shares = [
            np.histogram(np.clip(x, edges[0], edges[-1]), edges)[0] / len(x) for x in (one, two)
        ]
        found[spec.name] = Histogram(edges, shares[0], shares[1])
    return found


def _edges(values: Floats) -> Floats:
    """Bins for a picture; of whole or half numbers, each bin holds equally many of them."""
    low, high = (float(end) for end in np.quantile(values, [0.005, 0.995]))
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    inside = values[(values >= low) & (values <= high)]
    bins = min(max(freedman_diaconis(inside).count, _BARS_LEAST), _BARS)
    for grain in (1.0, 0.5):
        if (values / grain == np.round(values / grain)).all():
            width = max(np.ceil((high - low) / grain / bins), 1.0) * grain
            return np.arange(low - grain / 2.0, high + width, width)
    return np.linspace(low, high, bins + 1)


def _cautions(real: Market, model: Market, n: int) -> tuple[str, ...]:
    found = []
    if n < WINDOWS_FEW:
        found.append(
            f"only {n} windows are compared: the noise floor is high, and small differences do "
            "not show"
        )
    if real.parts is None or model.parts is None:
        found.append(
            "windows alone are compared: what takes longer stretches (markouts, volatility, fill "
            "probabilities, most facts) is not computed"
        )
    if real.windows.messages.instrument.detail != "orders":
        found.append(
            "the recordings tell no orders apart: what a message is depends on how often the feed "
            "reports, so the simulation has to come through the same kind of feed (such as "
            "`rlmm simulate --bybit`, then `rlmm ingest bybit`)"
        )
    return tuple(found)
