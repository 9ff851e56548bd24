"""From pieces of PnL to days: calendars, sums, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reports.statistics.daily import (
    ALWAYS_OPEN,
    CALENDARS,
    NS_PER_DAY,
    SESSION_6H30,
    SESSION_23H,
    DailyPnl,
    checked_returns,
    daily_pnl,
)

HOUR_NS = NS_PER_DAY // 24


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))


def test_days_of_a_session_that_runs_over_midnight() -> None:
    summer = [ns("2024-07-01T22:00"), ns("2024-07-01T23:59"), ns("2024-07-02T20:59:59")]
    winter = [ns("2024-01-01T23:00"), ns("2024-01-02T21:59:59"), ns("2024-01-02T23:00")]
    assert SESSION_23H.days(summer).tolist() == [day("2024-07-02")] * 3
    assert SESSION_23H.days(winter).tolist() == [day("2024-01-02")] * 2 + [day("2024-01-03")]
    night = replace(ALWAYS_OPEN, starts_ns=8 * HOUR_NS)  # a day that begins in the morning
    assert night.days([ns("2024-01-02T07:59"), ns("2024-01-02T08:00")]).tolist() == [
        day("2024-01-01"),
        day("2024-01-02"),
    ]
    assert ALWAYS_OPEN.days([-1, 0, NS_PER_DAY - 1, NS_PER_DAY]).tolist() == [-1, 0, 0, 1]


def test_simulated_sessions_follow_each_other() -> None:
    starts = np.arange(11) * SESSION_6H30.session_ns
    both = np.concatenate([starts, starts + SESSION_6H30.session_ns - 1])
    days = SESSION_6H30.simulated_days(both)
    assert (days[:11] == days[11:]).all()
    weekdays = (days[:11].astype("datetime64[D]").astype(np.int64) + 3) % 7
    assert weekdays.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0]
    assert np.diff(ALWAYS_OPEN.simulated_days(np.arange(11) * NS_PER_DAY)).tolist() == [1] * 10


def test_pieces_are_summed_in_any_order() -> None:
    pieces = daily_pnl([7, 5, 7, 5, 9], [1, 2, 3, 4, 0], capital=10.0, currency="USD")
    assert pieces.days.tolist() == [5, 7, 9]
    assert pieces.pnl.tolist() == [6.0, 4.0, 0.0]
    assert pieces.returns.tolist() == [0.6, 0.4, 0.0]
    assert pieces.dates[0] == np.datetime64("1970-01-06")


def test_whole_numbers_are_summed_as_such() -> None:
    pieces = np.array([1, 2**53, 1, -(2**53)], dtype=np.int64)
    assert daily_pnl([1] * 4, pieces, capital=1.0, currency="USD").pnl.tolist() == [2.0]
    assert daily_pnl([1] * 4, pieces * 1.0, capital=1.0, currency="USD").pnl.tolist() != [2.0]


@pytest.mark.parametrize(
    ("days", "pnl", "capital", "message"),
    [
        ([], [], 1.0, "at least one day"),
        ([1, 2], [1.0], 1.0, "expected 2 numbers"),
        ([1], [float("nan")], 1.0, "day 0"),
        ([1, 2], [0.0, float("-inf")], 1.0, "day 1"),
        ([1], [1e12], 1.0, "same unit"),
        ([1], [1.0], 0.0, "capital"),
        ([1], [1.0], -5.0, "capital"),
        ([1], [1.0], float("nan"), "capital"),
        ([1], [1.0], float("inf"), "capital"),
        ([1.5], [1.0], 1.0, "whole numbers"),
        ([1], ["x"], 1.0, "expected numbers"),
    ],
)
def test_what_is_no_pnl_is_refused(days: Any, pnl: Any, capital: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        daily_pnl(days, pnl, capital=capital, currency="USD")


def test_days_must_be_in_order_and_calendars_real() -> None:
    with pytest.raises(ValueError, match="sum to days first"):
        DailyPnl(np.array([2, 2]), np.array([1.0, 1.0]), 1.0, "USD")
    with pytest.raises(ValueError, match="one number for each day"):
        DailyPnl(np.array([1, 2]), np.array([1.0]), 1.0, "USD")
    with pytest.raises(ValueError, match="at least one"):
        checked_returns([])
    for name, value in (("days_per_year", 0), ("session_ns", 0), ("starts_ns", NS_PER_DAY)):
        with pytest.raises(ValueError, match=name):
            replace(SESSION_23H, **{name: value})
    years = {name: calendar.days_per_year for name, calendar in CALENDARS.items()}
    assert years == {"6.5h": 252, "23h": 252, "24/7": 365}
