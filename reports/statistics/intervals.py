"""How sure a comparison is: paired bootstrap intervals, p-values for many comparisons, seeds' IQM.

Policies meet the same episodes (common random numbers), so they are compared episode by episode.
Independent episodes are drawn one by one; days of one recording resemble their neighbours and are
drawn in blocks. How often these intervals cover is measured by
`experiments.benchmarks.bootstrap_coverage`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm as normal
from scipy.stats import t as student

from reports.statistics.daily import Floats

BLOCKS_LEAST = 8  # of fewer, an interval would say more about luck than about a policy
SEEDS_LEAST = 3
CELLS = 1 << 13  # of the table of draws that is in memory at a time: of a cache's size
COLUMNS_AT_ONCE = 1 << 11  # resamples that wait until their ends are looked for
ROUNDING = 1e-12  # of the largest outcome: a smaller difference is none


@dataclass(frozen=True)
class Bootstrap:
    """How to resample. The studentised method is the default for its measured coverage.

    Its ends are those of the bootstrap-t, which knows how skewed outcomes are, or Student's where
    these are further out: resamples of heavy tails trust the few outliers that there are.
    """

    seed: int
    resamples: int = 10_000
    block_length: int = 1  # 1: independent episodes; else how many days resemble each other
    level: float = 0.95
    method: Literal["studentised", "percentile"] = "studentised"

    def __post_init__(self) -> None:
        """Refuses what gives no interval."""
        if not 0.0 < self.level < 1.0:
            raise ValueError(f"level: expected a share between 0 and 1, got {self.level}")
        if self.block_length < 1:
            raise ValueError(f"block_length: expected at least 1, got {self.block_length}")
        if self.tail < 0:
            least = int(np.ceil(2.0 / (1.0 - self.level)))
            raise ValueError(f"resamples: expected at least {least}, got {self.resamples}")

    @property
    def tail(self) -> int:
        """Resamples beyond each end of an interval: a p-value is small if no more are beyond 0."""
        return int((1.0 - self.level) / 2.0 * (self.resamples + 1) + 1e-9) - 1


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval; None where the sample cannot tell."""

    mean: float
    low: float | None
    high: float | None
    p_value: float | None  # of a mean of 0, two-sided: below 1 - level where 0 is outside
    count: int


@dataclass(frozen=True)
class Comparison:
    """A policy's outcomes minus the reference's, episode by episode."""

    policy: str
    reference: str
    difference: Estimate
    p_adjusted: float | None  # by Holm, over all comparisons made at once
    significant: bool


def paired_differences(outcomes: ArrayLike, reference: ArrayLike) -> Floats:
    """Outcome minus reference of each episode; differences that are rounding are 0."""
    ours, theirs = _checked("outcomes", outcomes, 1), _checked("reference", reference, 1)
    if ours.shape != theirs.shape:
        raise ValueError(
            f"outcomes: expected the reference's {len(theirs)} episodes, got {len(ours)}; "
            "evaluate both with the same seeds"
        )
    differences = ours - theirs
    largest = max(np.abs(ours).max(), np.abs(theirs).max())
    return np.where(np.abs(differences) <= ROUNDING * largest, 0.0, differences)


def mean_estimates(values: ArrayLike, bootstrap: Bootstrap) -> list[Estimate]:
    """The mean of each row with its interval, by the circular block bootstrap.

    All rows meet the same draws, so their estimates may be compared.

    Args:
        values: (rows, episodes or days in order).
        bootstrap: how to resample.
    """
    rows = _checked("values", values, 2)
    count = rows.shape[1]
    blocks = count // bootstrap.block_length
    means = rows.mean(axis=1)
    if blocks < BLOCKS_LEAST:
        return [Estimate(float(mean), None, None, None, count) for mean in means]
    off = _block_means(rows, bootstrap.block_length) - means[:, None]
    # Overlapping blocks scatter by this much, around a mean that is their own.
    freedom = count / bootstrap.block_length - 1.0
    error = np.sqrt(np.square(off).mean(axis=1) / freedom)
    studentised = bootstrap.method == "studentised"
    scale = -error if studentised else np.ones(len(rows))
    at_zero = _ratio(means, error) if studentised else -means
    ends_of = _Ends(at_zero, bootstrap.tail)
    for drawn, its_error in _resampled(off, blocks, bootstrap):
        ends_of.add(_ratio(drawn, its_error) if studentised else drawn)
    first, last, beyond = ends_of.found()
    p_values = np.minimum(2.0 * (1.0 + beyond) / (bootstrap.resamples + 1.0), 1.0)
    if studentised:
        wide = student.isf((1.0 - bootstrap.level) / 2.0, freedom)
        first, last = np.minimum(first, -wide), np.maximum(last, wide)
        p_values = np.maximum(p_values, 2.0 * student.sf(np.abs(at_zero), freedom))
    with np.errstate(invalid="ignore"):  # 0 x infinity: no error, but no end either
        ends = np.sort(means + scale * np.stack([first, last]), axis=0)
    return [
        Estimate(float(mean), _finite(low), _finite(high), float(p_value), count)
        for mean, low, high, p_value in zip(means, *ends, p_values, strict=True)
    ]


class _Ends:
    """What an interval needs of all resamples: those at its ends, and how many lie beyond 0.

    So memory depends on the ends and not on how many resamples there are.
    """

    def __init__(self, at_zero: Floats, tail: int) -> None:
        self._at_zero, self._keep = at_zero[:, None], tail + 1
        self._lowest = self._highest = np.empty((len(at_zero), 0))
        self._below = self._above = np.zeros(len(at_zero), np.int64)
        self._waiting: list[Floats] = []
        self._columns = 0

    def add(self, drawn: Floats) -> None:
        """Take in some resamples, (rows, some)."""
        self._waiting.append(drawn)
        self._columns += drawn.shape[1]
        if self._columns >= max(COLUMNS_AT_ONCE, self._keep):
            self._merge()

    def found(self) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """The two ends by row, and resamples beyond 0 on the side where there are fewer."""
        self._merge()
        beyond = np.minimum(self._below, self._above)
        return self._lowest.max(axis=1), self._highest.min(axis=1), beyond

    def _merge(self) -> None:
        if not self._waiting:
            return
        drawn = np.concatenate(self._waiting, axis=1)
        self._below = self._below + (drawn <= self._at_zero).sum(axis=1)
        self._above = self._above + (drawn >= self._at_zero).sum(axis=1)
        low = np.concatenate([self._lowest, drawn], axis=1)
        high = np.concatenate([self._highest, drawn], axis=1)
        keep = min(self._keep, low.shape[1])
        self._lowest = np.partition(low, keep - 1, axis=1)[:, :keep].copy()
        self._highest = np.partition(high, -keep, axis=1)[:, -keep:].copy()
        self._waiting, self._columns = [], 0


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down p-values: max over j ≤ i of (m − j + 1) · p_(j), at most 1.

    Calling those up to α significant is wrong anywhere with a chance of at most α.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError("p_values: expected shares between 0 and 1 in a row")
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def compare(
    outcomes: Mapping[str, ArrayLike], reference: str, bootstrap: Bootstrap
) -> list[Comparison]:
    """Each of the other policies against the reference, with Holm's control over all of them.

    Args:
        outcomes: by policy, of the same episodes in the same order.
        reference: whom they are compared with.
        bootstrap: how to resample.
    """
    if reference not in outcomes:
        raise ValueError(f"reference: expected one of {', '.join(outcomes)}; got {reference}")
    names = [name for name in outcomes if name != reference]
    if not names:
        return []
    rows = [paired_differences(outcomes[name], outcomes[reference]) for name in names]
    differences = mean_estimates(np.stack(rows), bootstrap)
    return [
        Comparison(name, reference, one, p, p is not None and p <= 1.0 - bootstrap.level)
        for name, one, p in zip(
            names, differences, adjusted_p_values(differences, bootstrap), strict=True
        )
    ]


def adjusted_p_values(estimates: Sequence[Estimate], bootstrap: Bootstrap) -> list[float | None]:
    """Holm's p-values over all of these estimates; those without a p-value do not count."""
    known = [one.p_value for one in estimates if one.p_value is not None]
    if len(known) > (bootstrap.tail + 1) / 2.0:
        raise ValueError(
            f"resamples: {bootstrap.resamples} cannot tell {len(known)} comparisons apart; "
            f"expected at least {int(np.ceil(4.0 * len(known) / (1.0 - bootstrap.level)))}"
        )
    steps = iter(holm(known).tolist())
    return [None if one.p_value is None else next(steps) for one in estimates]


def interquartile_mean(scores: ArrayLike) -> float:
    """IQM: the mean of the middle half of all scores; ⌊n / 4⌋ are left out at either end."""
    values = np.sort(_checked("scores", np.ravel(scores), 1))
    quarter = len(values) // 4
    return float(values[quarter : len(values) - quarter].mean())


def iqm_of_runs(scores: ArrayLike, bootstrap: Bootstrap) -> Estimate:
    """The IQM of all scores with its interval, by the stratified bootstrap of rliable.

    Right where each column is a task and its runs were trained for it alone: they are drawn by
    themselves. The ends are percentiles, further out than the level says, since resamples of S runs
    scatter too little by √(1 − 1/S). No p-value: policies are compared by paired differences.

    Args:
        scores: (runs, tasks).
        bootstrap: how to resample; blocks and method do not matter.
    """
    table = _checked("scores", scores, 2)
    runs, tasks = table.shape
    value = interquartile_mean(table)
    tail = _tail(runs, tasks, bootstrap)
    if tail < 0:
        return Estimate(value, None, None, None, table.size)
    order = np.argsort(table.ravel(), kind="stable")
    values, quarter = table.ravel()[order], table.size // 4
    rng = np.random.default_rng(bootstrap.seed)
    found = []
    for rows in _chunks(bootstrap.resamples, table.size):
        draws = rng.integers(runs, size=(rows, runs, tasks)) * tasks + np.arange(tasks)
        taken = _counts(draws.reshape(rows, -1), table.size)[:, order]
        until = np.clip(np.cumsum(taken, axis=1), quarter, table.size - quarter)
        kept = np.diff(until, axis=1, prepend=quarter)
        found.append(np.einsum("rn,n->r", kept.astype(np.float64), values))
    means = np.sort(np.concatenate(found)) / (table.size - 2 * quarter)
    return Estimate(value, float(means[tail]), float(means[-1 - tail]), None, table.size)


def iqm_of_seeds(scores: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The IQM of all scores where a row is one policy that has met all columns (episodes).

    The scores of a row share the luck of its seed, so rows are what varies: the interval is
    Student's with the jackknife's error, IQM ± t · √((S − 1) / S · Σ (IQM₋ᵢ − mean)²). Of a few
    seeds, resamples could never reach beyond the best and the worst one.

    Args:
        scores: (seeds, episodes).
        level: of the interval.
    """
    table = _checked("scores", scores, 2)
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: expected a share between 0 and 1, got {level}")
    seeds, value = len(table), interquartile_mean(table)
    if seeds < SEEDS_LEAST:
        return Estimate(value, None, None, None, table.size)
    without = np.array([interquartile_mean(np.delete(table, i, axis=0)) for i in range(seeds)])
    error = np.sqrt((seeds - 1.0) / seeds * np.square(without - without.mean()).sum())
    half = float(student.isf((1.0 - level) / 2.0, seeds - 1.0) * error)
    return Estimate(value, value - half, value + half, None, table.size)


def _tail(runs: int, tasks: int, bootstrap: Bootstrap) -> int:
    """Resamples beyond each end; -1 where there are too few runs, or resamples, to say."""
    if runs < 2:
        return -1
    wide = student.ppf((1.0 - bootstrap.level) / 2.0, tasks * (runs - 1))
    share = normal.cdf(wide * np.sqrt(runs / (runs - 1.0)))
    return int(share * (bootstrap.resamples + 1)) - 1


def _block_means(rows: Floats, length: int) -> Floats:
    """The mean of the block that begins at each place; the last ones go on at the start."""
    if length == 1:
        return rows
    around = np.concatenate([rows, rows[:, : length - 1]], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(around, length, axis=1)
    means: Floats = windows.mean(axis=2)
    return means


def _resampled(off: Floats, blocks: int, bootstrap: Bootstrap) -> Iterator[tuple[Floats, Floats]]:
    """Means of the resamples and their standard errors, some at a time: (rows, some)."""
    rng = np.random.default_rng(bootstrap.seed)
    count, squared = off.shape[1], np.square(off)
    for rows in _chunks(bootstrap.resamples, count):
        times = _counts(rng.integers(count, size=(rows, blocks)), count).astype(np.float64)
        # einsum, not a matrix product: sums in one order whatever the number of threads
        mean = np.einsum("rn,kn->kr", times, off) / blocks
        square = np.einsum("rn,kn->kr", times, squared) / blocks
        variance = square - np.square(mean)
        variance[variance <= ROUNDING * square] = 0.0
        yield mean, np.sqrt(variance / (blocks - 1.0))


def _counts(draws: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How often each was drawn: (resamples, count)."""
    rows = len(draws)
    places = draws + count * np.arange(rows)[:, None]
    return np.bincount(places.ravel(), minlength=rows * count).reshape(rows, count)


def _chunks(resamples: int, count: int) -> Iterator[int]:
    """Numbers of resamples that add up, each of a table that fits in memory."""
    most = max(CELLS // count, 1)
    for done in range(0, resamples, most):
        yield min(most, resamples - done)


def _ratio(numerator: Floats, error: Floats) -> Floats:
    """In standard errors; infinite where there is no error, 0 where there is no distance either."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(numerator == 0.0, 0.0, numerator / error)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _checked(name: str, values: ArrayLike, dimensions: int) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != dimensions or not found.size:
        raise ValueError(f"{name}: expected {dimensions} dimensions and values, got {found.shape}")
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        place = ", ".join(str(i) for i in wrong[0])
        raise ValueError(f"{name}[{place}]: expected a number, got {found[tuple(wrong[0])]}")
    return found
