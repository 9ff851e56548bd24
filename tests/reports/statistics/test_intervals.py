"""Intervals and p-values against slow twins, and against what must hold for any of them."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t, trim_mean

from reports.statistics import intervals
from reports.statistics.intervals import (
    BLOCKS_LEAST,
    Bootstrap,
    Estimate,
    adjusted_p_values,
    compare,
    holm,
    interquartile_mean,
    iqm_of_runs,
    iqm_of_seeds,
    mean_estimates,
    paired_differences,
)

SMALL = Bootstrap(seed=3, resamples=399)


def slow_interval(values: list[float], how: Bootstrap) -> tuple[float, float, float]:
    """One resample after the other, from the same draws."""
    n, length = len(values), how.block_length
    blocks = n // length
    mean = sum(values) / n
    around = values + values
    means = [sum(around[i : i + length]) / length for i in range(n)]
    error = math.sqrt(sum((m - mean) ** 2 for m in means) / n / (n / length - 1))
    rng = np.random.default_rng(how.seed)
    drawn = []
    for draws in rng.integers(n, size=(how.resamples, blocks)):
        taken = [means[i] - mean for i in draws]
        centre = sum(taken) / blocks
        spread = math.sqrt(sum((m - centre) ** 2 for m in taken) / (blocks - 1) / blocks)
        drawn.append(centre / spread if how.method == "studentised" else centre)
    drawn.sort()
    first, last = drawn[how.tail], drawn[-1 - how.tail]
    if how.method == "percentile":
        below = sum(mean + d <= 0 for d in drawn)
        above = sum(mean + d >= 0 for d in drawn)
        low, high = mean + first, mean + last
    else:
        below = sum(d <= mean / error for d in drawn)
        above = sum(d >= mean / error for d in drawn)
        wide = t.ppf(0.975, n / length - 1)
        low, high = mean - max(last, wide) * error, mean - min(first, -wide) * error
    p_value = min(2 * (1 + min(below, above)) / (how.resamples + 1), 1.0)
    if how.method == "studentised":
        p_value = max(p_value, 2 * t.sf(abs(mean) / error, n / length - 1))
    return low, high, p_value


@pytest.mark.parametrize("method", ["studentised", "percentile"])
@pytest.mark.parametrize("length", [1, 3, 5])
def test_means_equal_their_slow_twin(method: Any, length: int) -> None:
    values = np.random.default_rng(1).gamma(2.0, 1.0, (2, 52)) - 1.8
    how = replace(SMALL, method=method, block_length=length)
    found = mean_estimates(values, how)
    for row, one in zip(values, found, strict=True):
        low, high, p_value = slow_interval(row.tolist(), how)
        assert one.mean == pytest.approx(row.mean())
        assert (one.low, one.high) == pytest.approx((low, high))
        assert one.p_value == pytest.approx(p_value)
        assert one.count == 52


def test_rows_share_their_draws_and_do_not_depend_on_each_other() -> None:
    values = np.random.default_rng(2).normal(size=(3, 40))
    together = mean_estimates(values, SMALL)
    assert together == [mean_estimates(row[None], SMALL)[0] for row in values]
    assert together == mean_estimates(values, SMALL)
    assert together != mean_estimates(values, replace(SMALL, seed=4))
    twice = mean_estimates(2.0 * values, SMALL)
    assert [one.low for one in twice] == pytest.approx([2.0 * (one.low or 0) for one in together])


def test_many_resamples_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).normal(size=(1, 40))
    (whole,) = mean_estimates(values, replace(SMALL, resamples=3999))
    monkeypatch.setattr(intervals, "CELLS", 1000)
    (parts,) = mean_estimates(values, replace(SMALL, resamples=3999))
    assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), abs=0.05)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(-0.6, 0.6), st.sampled_from(["studentised", "percentile"]))
def test_zero_is_outside_where_the_p_value_is_small(seed: int, shift: float, method: Any) -> None:
    values = np.random.default_rng(seed).standard_t(3, (1, 40)) + shift
    (one,) = mean_estimates(values, replace(SMALL, method=method))
    assert one.low is not None
    assert one.high is not None
    assert one.p_value is not None
    assert one.low <= one.mean <= one.high
    assert (one.p_value <= 0.05) == (not one.low <= 0.0 <= one.high)


def test_what_a_sample_cannot_tell() -> None:
    few = mean_estimates(np.arange(BLOCKS_LEAST - 1.0)[None], SMALL)[0]
    assert (few.mean, few.low, few.high, few.p_value) == (3.0, None, None, None)
    short = mean_estimates(np.ones((1, 40)), replace(SMALL, block_length=6))[0]
    assert short.low is None  # six blocks
    rare = np.zeros((1, 40))
    rare[0, 7] = 1.0  # a third of the resamples never see it
    (one,) = mean_estimates(rare, SMALL)
    assert one.high is None
    assert one.low is not None
    (constant,) = mean_estimates(np.full((1, 40), 0.5), SMALL)
    assert (constant.low, constant.high) == (0.5, 0.5)
    assert constant.p_value == pytest.approx(2 / 400)


def test_a_policy_does_not_differ_from_itself() -> None:
    outcomes = np.random.default_rng(5).normal(size=50)
    same = {"a": outcomes, "b": outcomes.copy(), "c": outcomes * (1.0 + 1e-15)}
    for one in compare(same, "a", SMALL):
        assert one.difference == Estimate(0.0, 0.0, 0.0, 1.0, 50)
        assert (one.p_adjusted, one.significant) == (1.0, False)


def test_pairs_see_what_luck_hides() -> None:
    rng = np.random.default_rng(6)
    luck = 100.0 * rng.normal(size=60)
    better = luck + 1.0 + 0.5 * rng.normal(size=60)
    found = compare({"base": luck, "better": better, "noise": luck + rng.normal(size=60)},
                    "base", SMALL)  # fmt: skip
    assert [(one.policy, one.significant) for one in found] == [("better", True), ("noise", False)]
    assert found[0].difference.mean == pytest.approx(1.0, abs=0.3)
    assert (mean_estimates(better[None], SMALL)[0].p_value or 0) > 0.05
    assert compare({"base": luck}, "base", SMALL) == []


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []
    for bad in ([0.5, math.nan], [-0.1], [1.5], [[0.1]]):
        with pytest.raises(ValueError, match="p_values"):
            holm(bad)


def test_holm_leaves_out_what_is_unknown() -> None:
    unknown = Estimate(0.0, None, None, None, 1)
    known = [Estimate(1.0, 0.5, 1.5, p, 50) for p in (0.02, 0.01)]
    assert adjusted_p_values([known[0], unknown, known[1]], SMALL) == [0.02, None, 0.02]
    with pytest.raises(
        ValueError, match="399 cannot tell 6 comparisons apart; expected at least 480"
    ):
        adjusted_p_values([known[0]] * 6, SMALL)


def test_interquartile_means_equal_trimmed_ones() -> None:
    rng = np.random.default_rng(7)
    for shape in ((1, 1), (1, 2), (1, 3), (2, 2), (5, 7), (10, 20)):
        scores = rng.normal(size=shape)
        assert interquartile_mean(scores) == pytest.approx(trim_mean(scores, 0.25, axis=None))
    assert interquartile_mean([[1.0, 2.0], [3.0, 1000.0]]) == 2.5


def test_intervals_over_runs_equal_their_slow_twin() -> None:
    runs, tasks = 6, 9
    scores = np.random.default_rng(8).gamma(1.0, 1.0, (runs, tasks))
    draws = np.random.default_rng(9).integers(runs, size=(144, runs, tasks))
    means = sorted(
        trim_mean(np.take_along_axis(scores, one, axis=0), 0.25, axis=None) for one in draws
    )
    share = norm.cdf(t.ppf(0.025, tasks * (runs - 1)) * math.sqrt(runs / (runs - 1)))
    tail = int(share * 145) - 1
    found = iqm_of_runs(scores, Bootstrap(seed=9, resamples=144))
    assert found.mean == pytest.approx(trim_mean(scores, 0.25, axis=None))
    assert (found.low, found.high) == pytest.approx((means[tail], means[-1 - tail]))


def test_intervals_over_seeds_of_one_episode_are_students() -> None:
    """Of three seeds no score is left out, so the IQM is the mean and its error the usual one."""
    scores = np.array([[1.0], [2.0], [6.0]])
    found = iqm_of_seeds(scores)
    half = t.ppf(0.975, 2) * scores.std(ddof=1) / math.sqrt(3)
    assert (found.mean, found.low, found.high) == pytest.approx((3.0, 3.0 - half, 3.0 + half))
    narrow = iqm_of_seeds(scores, level=0.5)
    assert narrow.high is not None
    assert narrow.high < 3.0 + half


def test_the_luck_of_a_seed_does_not_average_out_over_episodes() -> None:
    scores = np.random.default_rng(8).normal(size=(5, 1)) + np.zeros((5, 400))
    as_runs, as_seeds = iqm_of_runs(scores, SMALL), iqm_of_seeds(scores)
    assert (as_runs.high or 0) - (as_runs.low or 0) < 0.5
    assert (as_seeds.high or 0) - (as_seeds.low or 0) > 1.0


def test_few_seeds_cannot_tell() -> None:
    scores = np.random.default_rng(8).normal(size=(2, 50))
    assert iqm_of_runs(scores[:1], SMALL).low is None
    assert iqm_of_runs(scores, SMALL).low is None  # the ends lie beyond 399 resamples
    assert iqm_of_runs(scores, replace(SMALL, resamples=1999)).low is not None
    assert iqm_of_seeds(scores).low is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Bootstrap(0, level=95.0), "level"),
        (lambda: Bootstrap(0, block_length=0), "block_length"),
        (lambda: Bootstrap(0, resamples=30), "resamples: expected at least 40"),
        (lambda: paired_differences([1.0, 2.0], [1.0]), "reference's 1 episodes, got 2"),
        (lambda: paired_differences([math.nan], [1.0]), r"outcomes\[0\]"),
        (lambda: paired_differences([], []), "outcomes"),
        (lambda: mean_estimates([[1.0, math.inf]], SMALL), r"values\[0, 1\]"),
        (lambda: mean_estimates([1.0, 2.0], SMALL), "2 dimensions"),
        (lambda: compare({"a": [1.0]}, "b", SMALL), "reference: expected one of a; got b"),
        (lambda: iqm_of_runs([[math.nan]], SMALL), "scores"),
        (lambda: iqm_of_seeds([[math.inf]] * 3), "scores"),
        (lambda: iqm_of_seeds([[0.1]] * 3, level=95.0), "level"),
    ],
)
def test_bad_input_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_memory_does_not_grow_with_the_resamples() -> None:
    """All resamples of 40 rows at once would take 128 megabytes."""
    values = np.random.default_rng(0).normal(size=(40, 12))
    tracemalloc.start()
    mean_estimates(values, Bootstrap(0, resamples=200_000, level=0.999))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6, peak
