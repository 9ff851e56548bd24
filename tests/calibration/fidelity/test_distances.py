from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from calibration.fidelity.blocks import BlockMeans, Blocks, block_means, interval_of
from calibration.fidelity.distances import (
    Sample,
    bootstrap_distances,
    freedman_diaconis,
    l1,
    wasserstein,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_total_variation_by_hand() -> None:
    one, two = np.array([1.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0, 4.0])
    # shares 1/2 1/4 1/4 0 against 1/4 1/2 0 1/4: half of 1/4 four times
    assert l1(one, two, discrete=True) == 0.5
    assert l1(one, one) == 0.0
    assert l1(one, two + 100.0) == 1.0
    assert l1(one, np.empty(0)) == 1.0


def test_bins_and_scale_are_the_real_sets_so_outliers_do_not_lower_the_distance() -> None:
    real = rng().normal(size=5000)
    shifted = np.append(rng(1).normal(0.5, size=4990), np.full(10, 1e4))
    plain = l1(real, shifted[:-10])
    assert l1(real, shifted) == pytest.approx(plain, abs=0.005)
    assert wasserstein(real, shifted[:-10]) == pytest.approx(0.5, abs=0.05)
    assert wasserstein(real, shifted, pooled=True) < 0.1 < wasserstein(real, shifted)


def test_bins_have_the_width_of_the_rule() -> None:
    values = rng().normal(size=8000)
    bins = freedman_diaconis(values)
    quarters = np.percentile(values, [25, 75])
    assert bins.width == pytest.approx(2 * (quarters[1] - quarters[0]) / 20, rel=0.05)
    assert set(bins(np.array([values.min() - 1, values.max() + 1]))) == {-1.0, float(bins.count)}
    mostly_one = np.append(np.ones(90), np.arange(10.0))
    assert freedman_diaconis(mostly_one)(mostly_one) is mostly_one


def test_wasserstein_is_that_of_scipy() -> None:
    real, other = rng().gamma(2.0, size=300), rng(1).gamma(3.0, size=200)
    expected = scipy.stats.wasserstein_distance(real, other) / real.std(ddof=1)
    assert wasserstein(real, other) == pytest.approx(expected, rel=1e-12)
    assert wasserstein(np.ones(5), np.full(3, 4.0)) == 3.0
    assert np.isnan(wasserstein(real, np.empty(0)))


def test_few_stretches_are_cut_in_runs_and_many_are_blocks_themselves() -> None:
    assert Blocks.of(np.repeat(np.arange(9), 2)).of_part.tolist() == sorted([*range(9)] * 2)
    runs = Blocks.of(np.repeat([0, 1], [10, 6])).of_part
    assert runs.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4]
    weights = Blocks(runs).draw(100, rng())
    assert weights.shape == (100, 5)
    assert (weights.sum(axis=1) == 5).all()


def test_the_bootstrap_counts_blocks_not_messages() -> None:
    """Windows that are all alike inside have as many facts as there are windows."""
    levels = rng().normal(size=60)
    values = np.repeat(levels, 200)
    block = np.repeat(np.arange(60), 200)
    means = block_means(values, block, 60)
    low, high = means.intervals(rng(1))
    half = 1.96 * levels.std(ddof=1) / np.sqrt(60)
    assert high - low == pytest.approx(2 * half, rel=0.25)
    assert means.value == pytest.approx(levels.mean())


def test_resampled_distances_are_those_of_the_resampled_values() -> None:
    real = Sample(rng().normal(size=900), np.repeat(np.arange(9), 100))
    other = Sample(rng(1).normal(0.3, 1.2, size=600), np.repeat(np.arange(6), 100))
    drawn = Blocks(np.arange(9)).draw(5, rng(2)), Blocks(np.arange(6)).draw(5, rng(3))
    l1s, areas = bootstrap_distances(real, other, drawn)
    bins = freedman_diaconis(real.values)
    scale = real.values.std(ddof=1)
    for i in range(5):
        one = np.repeat(real.values, drawn[0][i].astype(int)[real.window])
        two = np.repeat(other.values, drawn[1][i].astype(int)[other.window])
        assert l1s[i] == pytest.approx(l1(bins(one), bins(two), discrete=True))
        area = scipy.stats.wasserstein_distance(one, two) / scale
        assert areas[i] == pytest.approx(area, abs=0.01)


def test_means_without_values_are_unknown() -> None:
    means = block_means(np.array([np.nan, 1.0, 3.0]), np.array([0, 1, 1]), 3)
    assert means.value == 2.0
    assert means.count == 2.0
    assert np.isnan(BlockMeans(np.zeros((2, 1)), np.zeros((2, 1))).value).all()
    low, _ = BlockMeans(np.ones((1, 2)), np.ones((1, 2))).intervals(rng())
    assert np.isnan(low).all()
    assert np.isnan(interval_of(np.array([np.nan, 1.0])).low)
