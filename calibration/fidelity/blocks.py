"""Sampling errors of numbers that come from stretches of time.

Messages that follow each other are alike, so resampling single ones would make intervals far too
narrow: the bootstrap here draws whole blocks, stretches of time or runs of windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 200
BLOCKS_LEAST = 8


@dataclass(frozen=True)
class Interval:
    """From, until; NaN where there are too few blocks to tell."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


UNKNOWN = Interval(float("nan"), float("nan"))


def interval_of(values: Floats, share: float = 0.95) -> Interval:
    """The middle share of bootstrap values; what cannot be computed is left out."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return UNKNOWN
    low, high = np.quantile(known, [(1.0 - share) / 2.0, (1.0 + share) / 2.0])
    return Interval(float(low), float(high))


@dataclass(frozen=True)
class Blocks:
    """The block that each part (window, stretch) belongs to."""

    of_part: Ints

    @classmethod
    def of(cls, stretch: Ints) -> Blocks:
        """A block for each stretch; of few stretches, each is cut in runs of its parts.

        Args:
            stretch: of each part, in order.
        """
        names, block = np.unique(stretch, return_inverse=True)
        if len(names) < BLOCKS_LEAST:
            run = max(int(np.sqrt(len(stretch))), 1)
            place = np.arange(len(stretch)) - np.searchsorted(block, block)
            pairs = np.stack([block, place // run])
            _, block = np.unique(pairs, axis=1, return_inverse=True)
        return cls(block.astype(np.int64).ravel())

    @property
    def count(self) -> int:
        """Of blocks."""
        return int(self.of_part.max()) + 1

    def draw(self, resamples: int, rng: np.random.Generator) -> Floats:
        """How often each block is drawn with replacement: (resamples, blocks)."""
        even = np.full(self.count, 1.0 / self.count)
        return rng.multinomial(self.count, even, size=resamples).astype(np.float64)


@dataclass(frozen=True)
class BlockMeans:
    """Means of something whose sums and numbers are known for each block: (blocks, ...)."""

    sums: Floats
    counts: Floats

    @property
    def value(self) -> Floats:
        """Over all blocks; NaN: nothing to average."""
        return _ratio(self.sums.sum(axis=0), self.counts.sum(axis=0))

    @property
    def count(self) -> Floats:
        """How many numbers each mean is over."""
        count: Floats = self.counts.sum(axis=0)
        return count

    def resampled(self, weights: Floats) -> Floats:
        """Of each resample: (resamples, ...)."""
        sums = np.tensordot(weights, self.sums, axes=1)
        return _ratio(sums, np.tensordot(weights, self.counts, axes=1))

    def intervals(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Lower and upper ends; NaN with fewer than two blocks."""
        if len(self.sums) < 2:
            unknown = np.full(self.sums.shape[1:], np.nan)
            return unknown, unknown
        drawn = Blocks(np.arange(len(self.sums))).draw(RESAMPLES, rng)
        known = self.resampled(drawn)
        # A mean of few numbers may be missing from some resamples; the others tell.
        known = np.where(np.isfinite(known), known, self.value)
        low, high = np.quantile(known, [0.025, 0.975], axis=0)
        return low, high


def block_means(values: Floats, block: Ints, blocks: int) -> BlockMeans:
    """Of one number: values that are NaN count nowhere."""
    known = np.isfinite(values)
    sums = np.bincount(block[known], values[known], blocks).astype(np.float64)
    return BlockMeans(sums, np.bincount(block[known], minlength=blocks).astype(np.float64))


def stacked(parts: Sequence[BlockMeans], shape: tuple[int, ...]) -> BlockMeans:
    """Several numbers of the same blocks as one: (blocks, *shape)."""
    sums = np.stack([part.sums for part in parts], axis=1)
    counts = np.stack([part.counts for part in parts], axis=1)
    return BlockMeans(sums.reshape(-1, *shape), counts.reshape(-1, *shape))


def _ratio(sums: Floats, counts: Floats) -> Floats:
    return np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan)
