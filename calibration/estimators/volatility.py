"""Realised volatility of bins: what regimes are sought in.

The variance of a bin is the sum of squared changes of the mid between points on a clock inside it.
Its logarithm needs a move in every bin: bins without one get half the smallest variance there is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


def realised_variance(
    ts_ns: NDArray[np.int64],
    mid_ticks: _Floats,
    *,
    start_ns: int,
    bins: int,
    bin_ns: int,
    sample_ns: int,
) -> _Floats:
    """Squared ticks per bin; NaN where the bin begins before the first mid, or has a gap (NaN).

    Args:
        ts_ns: when the mid changed, not falling.
        mid_ticks: the mid from then on; NaN: there is none.
        start_ns: of the first bin.
        bins: how many.
        bin_ns: their length, a multiple of sample_ns.
        sample_ns: between the points.
    """
    if len(ts_ns) != len(mid_ticks) or np.any(np.diff(ts_ns) < 0):
        raise ValueError("ts_ns: expected times that do not fall, one for each mid")
    per_bin, rest = divmod(bin_ns, sample_ns)
    if rest or per_bin < 1 or bins < 1:
        raise ValueError(
            f"bin_ns: expected a multiple of sample_ns ({sample_ns}), got {bin_ns}; {bins} bins"
        )
    points = start_ns + sample_ns * np.arange(bins * per_bin + 1, dtype=np.int64)
    last = np.searchsorted(ts_ns, points, side="right") - 1
    known = (
        np.where(last >= 0, mid_ticks[np.maximum(last, 0)], np.nan)
        if len(ts_ns)
        else (np.full(len(points), np.nan))
    )
    squares = np.diff(known) ** 2
    return np.asarray(squares.reshape(bins, per_bin).sum(axis=1))


def log_variance(variance: _Floats) -> tuple[_Floats, float]:
    """The logarithm, and the share of bins without a move, which have half the least variance."""
    known = np.isfinite(variance)
    moved = known & (variance > 0)
    if not moved.any():
        return np.where(known, 0.0, np.nan), float(known.any())
    floor = 0.5 * variance[moved].min()
    logs = np.log(np.where(moved, variance, floor))
    return np.where(known, logs, np.nan), float(1 - moved.sum() / known.sum())
