"""What passive fills are worth a while later: M(h) = E[side (mid(t + h) - price)], in ticks.

Positive is good for who was filled: at h = 0 it is the half-spread, and it falls as far as fills
come before adverse moves. Fills cluster, and share the moves after them, so standard errors come
from blocks of time (or days): with sums S[b] of n[b] fills, the mean M has the variance

    sum over b of (S[b] - M n[b])^2 / N^2 x B / (B - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate

FILLS_LEAST = 30
BLOCKS_LEAST = 5
NS_PER_S = 1e9

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Markouts:
    """Mean markouts per horizon, of all fills and of each cell."""

    horizons_s: tuple[float, ...]
    overall: Estimate
    cells: tuple[Estimate, ...]  # in the order of the cells' numbers
    deviation: tuple[float, ...]  # of one fill
    converged: bool
    cautions: tuple[Caution, ...] = ()

    def simulate(self, blocks: int, fills: int, rng: np.random.Generator) -> tuple[_Floats, _Ints]:
        """Markouts of fills and their blocks; half of the variance is the block's."""
        mean, deviation = np.asarray(self.overall.value), np.array(self.deviation)
        shared = rng.standard_normal((blocks, len(mean))).repeat(fills, axis=0)
        own = rng.standard_normal((blocks * fills, len(mean)))
        values = mean + deviation * (shared + own) / np.sqrt(2)
        return values, np.arange(blocks, dtype=np.int64).repeat(fills)


def markouts_of(
    fill_ts_ns: _Ints,
    side: NDArray[np.int8],
    price_ticks: _Ints,
    mid_ts_ns: _Ints,
    mid_ticks: _Floats,
    horizons_s: Sequence[float],
    *,
    until_ns: _Ints | None = None,
) -> _Floats:
    """Markouts (fills, horizons) in ticks; NaN where the horizon lies beyond the fill's session.

    Args:
        fill_ts_ns: when each passive order was filled.
        side: of the passive order: 1 a bid, -1 an ask.
        price_ticks: of the fill.
        mid_ts_ns: when the mid changed, not falling.
        mid_ticks: from then on; NaN: there is none.
        horizons_s: from 0 on; at a time the last mid of that time counts.
        until_ns: where each fill's session ends; None: with the last mid.
    """
    if not len(fill_ts_ns) == len(side) == len(price_ticks):
        raise ValueError("fill_ts_ns: expected as many as side and price_ticks")
    if len(mid_ts_ns) == 0 or np.any(np.diff(mid_ts_ns) < 0):
        raise ValueError("mid_ts_ns: expected some times that do not fall")
    until = np.full(len(fill_ts_ns), mid_ts_ns[-1]) if until_ns is None else until_ns
    values = np.empty((len(fill_ts_ns), len(horizons_s)))
    for i, horizon in enumerate(horizons_s):
        at = fill_ts_ns + round(horizon * NS_PER_S)
        last = np.searchsorted(mid_ts_ns, at, side="right") - 1
        mid = np.where(last >= 0, mid_ticks[np.maximum(last, 0)], np.nan)
        values[:, i] = np.where(at <= until, side * (mid - price_ticks), np.nan)
    return values


def fit_markouts(
    values: _Floats,
    horizons_s: Sequence[float],
    block: _Ints,
    *,
    cell: _Ints | None = None,
    cells: int = 0,
) -> Markouts:
    """Mean markouts with block errors.

    Args:
        values: (fills, horizons); NaN is left out.
        horizons_s: of the columns.
        block: of time, of each fill: days, or stretches much longer than the horizons.
        cell: of each fill, from 0: spread bins, regimes, or both.
        cells: how many.

    Raises:
        ValueError: the arrays do not belong together.
    """
    if values.ndim != 2 or values.shape[1] != len(horizons_s) or len(block) != len(values):
        raise ValueError(
            f"values: expected a row for each of {len(block)} fills and a column for each of "
            f"{len(horizons_s)} horizons, got {values.shape}"
        )
    if cell is not None and (len(cell) != len(values) or np.any((cell < 0) | (cell >= cells))):
        raise ValueError(f"cell: expected one from 0 to {cells - 1} for each fill")
    overall = _mean(values, block)
    cautions = []
    n_blocks = len(np.unique(block))
    if n_blocks < BLOCKS_LEAST or overall.n < FILLS_LEAST:
        text = (
            f"expected {FILLS_LEAST} fills in {BLOCKS_LEAST} blocks, got {overall.n} in "
            f"{n_blocks}: the standard errors are guesses"
        )
        cautions.append(Caution("markouts_too_few", "markouts", text))
    parts = tuple(
        _mean(values[cell == c], block[cell == c]) for c in range(cells if cell is not None else 0)
    )
    thin = [str(c) for c, part in enumerate(parts) if part.n < FILLS_LEAST]
    if thin:
        text = f"fewer than {FILLS_LEAST} fills in cells {', '.join(thin)}"
        cautions.append(Caution("markouts_thin_cells", "markouts", text))
    spread = _deviation(values)
    return Markouts(
        tuple(float(h) for h in horizons_s),
        overall,
        parts,
        spread,
        converged=not cautions[:1],
        cautions=tuple(cautions),
    )


def _deviation(values: _Floats) -> tuple[float, ...]:
    known = [column[np.isfinite(column)] for column in values.T]
    return tuple(float(column.std()) if len(column) else float("nan") for column in known)


def _mean(values: _Floats, block: _Ints) -> Estimate:
    """Mean of each column; n is the fills of the first one."""
    _, at = np.unique(block, return_inverse=True)
    means, errors = [], []
    for column in values.T:
        known = np.isfinite(column)
        total, n_all = float(column[known].sum()), int(known.sum())
        mean = total / n_all if n_all else float("nan")
        sums = np.bincount(at[known], weights=column[known])
        counts = np.bincount(at[known])
        sums, counts = sums[counts > 0], counts[counts > 0]
        n_blocks = len(counts)
        squares = float(((sums - mean * counts) ** 2).sum())
        enough = n_blocks > 1
        means.append(mean)
        errors.append(
            np.sqrt(squares * n_blocks / (n_blocks - 1)) / n_all if enough else float("nan")
        )
    n = int(np.isfinite(values[:, 0]).sum()) if values.shape[1] else 0
    return Estimate(tuple(means), tuple(float(error) for error in errors), n)
