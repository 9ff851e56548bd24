"""What is known of the hidden efficient price at a time, by the events before it.

A point-mass filter on a grid of prices P: between events P walks, its density is smoothed by

    N(0, volatility_ticks^2 dt),

and an event multiplies it by the factor that the event's intensity has there (the formula of
`calibration.estimators.informed_flow`). That nothing happened says next to nothing, since the
factors of the two sides sum to 2: it is left out. Only the past is used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.flow_events import FlowEvents
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_parts import InformedFlowParams

LOOK_BACK_S = 120.0
CELLS_PER_GAP = 20
START_SD_GAPS = 1.5  # what is known before the first event
EDGE_GAPS = 5.0


def draw_gaps(
    flow: FlowEvents,
    times_ns: NDArray[np.int64],
    informed: InformedFlowParams,
    generator: np.random.Generator,
    *,
    table: int = 0,
) -> NDArray[np.float64]:
    """P less the mid at each time, in ticks: drawn given the events before it."""
    uniform = generator.random(len(times_ns))
    if informed.volatility_ticks == 0.0:
        return np.zeros(len(times_ns))
    rows = np.flatnonzero(flow.table == table)
    ts = flow.ts_ns[rows]
    gaps = np.zeros(len(times_ns))
    for i, time_ns in enumerate(times_ns):
        stop = int(np.searchsorted(ts, time_ns, side="left"))
        start = int(np.searchsorted(ts, time_ns - int(LOOK_BACK_S * NS_PER_S), side="left"))
        closed = np.flatnonzero(~flow.counts[rows[start : max(stop - 1, start)]])
        start += int(closed[-1]) + 1 if len(closed) else 0
        if stop - start < 2:
            continue
        prices, density = posterior(flow, rows[start:stop], int(time_ns), informed)
        mid = 0.5 * float(flow.price_ticks[:, rows[stop - 1]].sum())
        gaps[i] = prices[np.searchsorted(np.cumsum(density), uniform[i] * density.sum())] - mid
    return gaps


def posterior(
    flow: FlowEvents, rows: NDArray[np.int64], time_ns: int, informed: InformedFlowParams
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prices and their probabilities at `time_ns`, after the events of these rows."""
    scale = informed.gap_scale_ticks
    mids = 0.5 * flow.price_ticks[:, rows].sum(axis=0)
    cell = scale / CELLS_PER_GAP
    prices = np.arange(mids.min() - EDGE_GAPS * scale, mids.max() + EDGE_GAPS * scale + cell, cell)
    density = np.exp(-0.5 * ((prices - mids[0]) / (START_SD_GAPS * scale)) ** 2)
    # The walk is made in steps that are wide enough for the grid.
    step_s = max(informed.interval_ns / NS_PER_S, (cell / informed.volatility_ticks) ** 2)
    kernel = _normal(informed.volatility_ticks * np.sqrt(step_s), cell)
    start_ns = int(flow.ts_ns[rows[0]])
    steps = ((flow.ts_ns[rows] - start_ns) / (step_s * NS_PER_S)).astype(np.int64)
    walked = 0
    for i in range(1, len(rows)):
        tilt = _tilt(flow, int(rows[i]), informed)
        if tilt == 0.0:
            continue
        density = _walk(density, kernel, int(steps[i]) - walked)
        walked = int(steps[i])
        x = np.clip((prices - mids[i - 1]) / scale, -informed.gap_clip, informed.gap_clip)
        density = density / (1.0 + np.exp(-2.0 * tilt * x))
        density /= density.sum()
    last = int((time_ns - start_ns) / (step_s * NS_PER_S))
    density = _walk(density, kernel, last - walked)
    return prices, density / density.sum()


def _tilt(flow: FlowEvents, row: int, informed: InformedFlowParams) -> float:
    """Of the row's event towards a higher price; 0: it knows nothing."""
    group = int(flow.group[row])
    if group < 2:  # a market sell, a market buy
        return informed.market_tilt * (2 * group - 1)
    if group < 4 and flow.away_ticks[row] < 0:  # an improving bid, an improving ask
        return informed.limit_tilt * (5 - 2 * group)
    return 0.0


def _walk(
    density: NDArray[np.float64], kernel: NDArray[np.float64], steps: int
) -> NDArray[np.float64]:
    for _ in range(steps):
        density = np.convolve(density, kernel, mode="same")
    return density


def _normal(sd: float, cell: float) -> NDArray[np.float64]:
    """Probabilities of whole cells around 0."""
    reach = int(np.ceil(4.0 * sd / cell))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * cell / sd) ** 2)
    kernel: NDArray[np.float64] = weights / weights.sum()
    return kernel
