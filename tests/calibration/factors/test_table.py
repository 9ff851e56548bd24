"""Factor tables: a value is known from its release on, and not before."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.factors.table import (
    DAY_NS,
    FactorError,
    FactorSeries,
    daily_table,
    day_ns,
    with_lag,
)


def series(*rows: tuple[int, int, float], name: str = "x") -> FactorSeries:
    observed, released, values = (np.array(part) for part in zip(*rows, strict=True))
    return FactorSeries(name, observed, released, values.astype(float), "by hand")


def test_releases_and_revisions_by_hand() -> None:
    # Day 1 is released at 12 and revised at 30; day 2 at 20.
    x = series((1, 12, 100.0), (2, 20, 200.0), (1, 30, 101.0))
    known = x.known_at(np.array([11, 12, 19, 20, 30, 99]))
    assert np.isnan(known[0])
    assert known[1:].tolist() == [100.0, 100.0, 200.0, 200.0, 200.0]
    revised = series((1, 12, 100.0), (1, 30, 101.0))
    assert revised.known_at(np.array([12, 29, 30])).tolist() == [100.0, 100.0, 101.0]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.floats(-5, 5)), min_size=1, max_size=12
    ),
    st.integers(0, 25),
)
def test_what_is_known_is_what_a_search_through_the_past_finds(
    rows: list[tuple[int, int, float]], now: int
) -> None:
    # Distinct (released, observed): of two values at once nobody could say which one holds.
    distinct = {(day, day + lag): value for day, lag, value in rows}
    kept = [(day, released, value) for (day, released), value in distinct.items()]
    past = [(day, released, value) for day, released, value in kept if released <= now]
    (known,) = series(*kept).known_at(np.array([now]))
    if past:
        assert known == max(past)[2]
    else:
        assert np.isnan(known)


def test_a_later_value_changes_nothing_before_its_release() -> None:
    x = series((1, 12, 100.0), (2, 20, 200.0))
    more = series((1, 12, 100.0), (2, 20, 200.0), (3, 25, 7.0), (2, 26, 8.0))
    at = np.arange(12, 25)
    assert x.known_at(at).tolist() == more.known_at(at).tolist()


def test_a_daily_table_holds_what_was_known_at_the_opening() -> None:
    days = [date(2024, 1, 2), date(2024, 1, 3)]
    # Known 30 hours after the day began: at 6:00 of the next day.
    rates = with_lag("rates", days, np.array([4.0, 4.1]), lag=timedelta(hours=30), source="s")
    early = daily_table([rates], days[0], date(2024, 1, 5), known_by=timedelta(hours=5))
    assert early["rates"].isna().tolist() == [True, True, False, False]
    assert early["rates"].tolist()[2:] == [4.0, 4.1]
    late = daily_table([rates], days[0], date(2024, 1, 5), known_by=timedelta(hours=6))
    assert late["rates"].tolist()[1:] == [4.0, 4.1, 4.1]
    assert list(late.index) == [date(2024, 1, day) for day in range(2, 6)]
    assert rates.observed_ns[1] - rates.observed_ns[0] == DAY_NS
    assert day_ns(date(1970, 1, 2)) == DAY_NS


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(FactorError, match="released before its day begins"):
        series((DAY_NS, 5, 1.0))
    with pytest.raises(FactorError, match="expected finite values"):
        series((1, 5, np.nan))
    with pytest.raises(FactorError, match="got 0, 0 and 0"):
        FactorSeries("x", np.array([]), np.array([]), np.array([]), "s")
    with pytest.raises(FactorError, match="a lag of 0 or more"):
        with_lag("x", [], np.array([]), lag=timedelta(hours=-1), source="s")
    one = series((1, 5, 1.0))
    day = date(2024, 1, 2)
    with pytest.raises(FactorError, match="different names"):
        daily_table([one, one], day, day, known_by=timedelta(0))
    with pytest.raises(FactorError, match="2024-01-02 or later"):
        daily_table([one], day, date(2024, 1, 1), known_by=timedelta(0))
