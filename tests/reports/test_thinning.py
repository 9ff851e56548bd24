"""Thinned lines: few points, and nothing that a reader looks for is lost."""

from __future__ import annotations

import numpy as np

from reports.thinning import POINTS_MOST, kept_places, thinned


def test_peaks_and_troughs_and_both_ends_stay() -> None:
    steps = np.ones(2001)
    steps[1001:1003] = -50.0, 50.0
    wealth = np.cumsum(steps)
    falls = wealth - np.maximum.accumulate(wealth)
    at, shown = thinned(np.arange(2001.0), falls)
    assert len(shown) <= POINTS_MOST
    assert min(shown) == falls.min() == -50.0
    assert (at[0], at[-1]) == (0.0, 2000.0)
    _, shown = thinned(np.arange(2001.0), wealth)
    assert (shown[-1], min(shown), max(shown)) == (wealth[-1], wealth.min(), wealth.max())


def test_lines_that_share_their_places_keep_the_extremes_of_each() -> None:
    lines = np.random.default_rng(0).standard_normal((4, 5000))
    places = kept_places(*lines)
    assert len(places) <= POINTS_MOST
    assert (np.diff(places) > 0).all()
    np.testing.assert_array_equal(lines[:, places].min(axis=1), lines.min(axis=1))
    np.testing.assert_array_equal(lines[:, places].max(axis=1), lines.max(axis=1))


def test_short_lines_stay_whole_and_what_is_unknown_goes() -> None:
    at, shown = thinned(np.array([0.0, 1.0, np.nan, 3.0]), np.array([5.0, np.nan, 6.0, 7.0]))
    assert (at, shown) == ([0.0, 3.0], [5.0, 7.0])
    assert thinned(np.array([]), np.array([])) == ([], [])
