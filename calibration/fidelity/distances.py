"""How far two samples of a score are apart: total variation and Wasserstein's distance.

Bins and scale are those of the real sample. The original benchmark takes them from both samples
pooled, so that a simulator with outliers lowers its own score; `pooled=True` does as it does, to
compare with its published numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.fidelity.blocks import Floats, Ints

_BINS_MOST = 100_000
_GRID = 512  # points at which a bootstrap compares two distribution functions


@dataclass(frozen=True)
class Sample:
    """Values of a score, each with the window it comes from."""

    values: Floats
    window: Ints

    def __post_init__(self) -> None:
        if len(self.values) != len(self.window):
            raise ValueError(
                f"window: expected one per value ({len(self.values)}), got {len(self.window)}"
            )

    def finite(self) -> Sample:
        """Without what cannot be computed."""
        known = np.isfinite(self.values)
        return self if known.all() else Sample(self.values[known], self.window[known])


@dataclass(frozen=True)
class Bins:
    """Of equal width from low to high; what lies outside goes to one bin below and one above."""

    low: float
    high: float
    width: float  # 0: every value is a bin of its own
    count: int

    def __call__(self, values: Floats) -> Floats:
        """The number of each value's bin; whole numbers, or the values themselves."""
        if self.width == 0.0:
            return values
        places = np.floor((values - self.low) / self.width)
        # The largest value belongs to the last bin, as it would in a histogram.
        places[(places >= self.count) & (values <= self.high)] = self.count - 1.0
        return np.clip(places, -1.0, float(self.count))


def freedman_diaconis(values: Floats) -> Bins:
    """Bins of width 2 IQR n^(-1/3), as many as reach from the least value to the largest.

    Where half of the values are equal there is no such width; then each value is its own bin.
    """
    low, high = float(values.min()), float(values.max())
    quarters = np.percentile(values, [25.0, 75.0])
    width = float(2.0 * (quarters[1] - quarters[0]) * len(values) ** (-1.0 / 3.0))
    if width <= 0.0 or high <= low:
        return Bins(low, high, 0.0, 0)
    count = min(int(np.ceil((high - low) / width)), _BINS_MOST)
    return Bins(low, high, (high - low) / count, count)


def _published_bins(values: Floats) -> tuple[Floats, Floats]:
    """Freedman and Diaconis' edges as numpy has them, and the values' groups."""
    edges = np.histogram_bin_edges(values, bins="fd")
    return edges, np.searchsorted(edges, values, side="right").astype(np.float64)


def l1(real: Floats, other: Floats, *, discrete: bool = False, pooled: bool = False) -> float:
    """Total variation: half the sum of |p - q| over the bins; 1 if a sample is empty.

    Args:
        real: sample that the bins are made for.
        other: sample.
        discrete: each value is a bin of its own.
        pooled: bins of both samples together, as the original benchmark has them.
    """
    if len(real) == 0 or len(other) == 0:
        return 1.0
    one, two = _binned(real, other, discrete=discrete, pooled=pooled)
    names, at = np.unique(np.concatenate([one, two]), return_inverse=True)
    p = np.bincount(at[: len(one)], minlength=len(names)) / len(one)
    q = np.bincount(at[len(one) :], minlength=len(names)) / len(two)
    return float(np.abs(p - q).sum() / 2.0)


def _binned(real: Floats, other: Floats, *, discrete: bool, pooled: bool) -> tuple[Floats, Floats]:
    if discrete:
        return real, other
    if pooled:
        _, groups = _published_bins(np.concatenate([real, other]))
        return groups[: len(real)], groups[len(real) :]
    bins = freedman_diaconis(real)
    return bins(real), bins(other)


def wasserstein(real: Floats, other: Floats, *, pooled: bool = False) -> float:
    """Integral of |F - G| after dividing by the real sample's standard deviation; NaN: no values.

    A real sample without spread is compared in its own units.

    Args:
        real: sample that gives the scale.
        other: sample.
        pooled: scale of both samples together, as the original benchmark has it.
    """
    if len(real) == 0 or len(other) == 0:
        return float("nan")
    scaling = np.concatenate([real, other]) if pooled else real
    scale = float(scaling.std(ddof=1)) if len(scaling) > 1 else 0.0
    points = np.sort(np.concatenate([real, other]))
    f = np.searchsorted(np.sort(real), points[:-1], side="right") / len(real)
    g = np.searchsorted(np.sort(other), points[:-1], side="right") / len(other)
    area = float((np.abs(f - g) * np.diff(points)).sum())
    return area / (scale if scale > 0.0 else 1.0)


def bootstrap_distances(
    real: Sample,
    other: Sample,
    weights: tuple[Floats, Floats],
    *,
    discrete: bool = False,
) -> tuple[Floats, Floats]:
    """L1 and Wasserstein's distance of each resample, with the bins and scale of the real sample.

    Args:
        real: sample that bins and scale are made for.
        other: sample.
        weights: how often each window of the one and the other is drawn (`Blocks.draw`).
        discrete: each value is a bin of its own.
    """
    resamples = len(weights[0])
    if len(real.values) == 0 or len(other.values) == 0:
        return np.ones(resamples), np.full(resamples, np.nan)
    one, two = _binned(real.values, other.values, discrete=discrete, pooled=False)
    p, q = _resampled_laws(one, two, real.window, other.window, weights)
    l1s = np.abs(p - q).sum(axis=1) / 2.0
    both = np.concatenate([real.values, other.values])
    grid = np.unique(np.quantile(both, np.linspace(0.0, 1.0, _GRID), method="lower"))
    places = np.searchsorted(grid, real.values), np.searchsorted(grid, other.values)
    p, q = _resampled_laws(*places, real.window, other.window, weights)
    scale = float(real.values.std(ddof=1)) if len(real.values) > 1 else 0.0
    gaps = np.diff(grid)
    areas = np.abs(np.cumsum(p - q, axis=1))[:, :-1] @ gaps
    return l1s, areas / (scale if scale > 0.0 else 1.0)


def _resampled_laws(
    one: NDArray[np.float64] | Ints,
    two: NDArray[np.float64] | Ints,
    one_window: Ints,
    two_window: Ints,
    weights: tuple[Floats, Floats],
) -> tuple[Floats, Floats]:
    """The shares of each bin in each resample, of both samples."""
    names, at = np.unique(np.concatenate([one, two]), return_inverse=True)
    laws = []
    sides = ((at[: len(one)], one_window, weights[0]), (at[len(one) :], two_window, weights[1]))
    for bins, window, weight in sides:
        windows = weight.shape[1]
        flat = np.bincount(window * len(names) + bins, minlength=windows * len(names))
        counts = weight @ flat.reshape(windows, len(names)).astype(np.float64)
        laws.append(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))
    return laws[0], laws[1]
