"""Factor values with the time at which each came to be known, and tables without look-ahead.

A value describes one time (a day's close, a month) and is known at another: its release. Whoever
looks at time t sees, of each series, the value with the latest described time among those released
by t. A revision is a later release of the same described time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DAY_NS = 86_400_000_000_000


class FactorError(RuntimeError):
    """A factor could not be fetched or used; the message says what to do."""


@dataclass(frozen=True)
class FactorSeries:
    """Values of one factor; rows in any order."""

    name: str
    observed_ns: NDArray[np.int64]  # what the value describes: the start of that day, UTC
    released_ns: NDArray[np.int64]  # when it became known
    values: NDArray[np.float64]
    source: str  # where it came from, for footers

    def __post_init__(self) -> None:
        lengths = {len(self.observed_ns), len(self.released_ns), len(self.values)}
        if len(lengths) != 1 or lengths == {0}:
            raise FactorError(
                f"{self.name}: expected a time and a release for each of some values, got "
                f"{len(self.observed_ns)}, {len(self.released_ns)} and {len(self.values)}"
            )
        if not np.isfinite(self.values).all():
            raise FactorError(f"{self.name}: expected finite values; leave out days without one")
        early = self.released_ns < self.observed_ns
        if early.any():
            day = day_text(int(self.observed_ns[early][0]))
            raise FactorError(f"{self.name}: the value of {day} is released before its day begins")

    def known_at(self, ts_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The value in force at each time; NaN before the first release."""
        order = np.lexsort((self.observed_ns, self.released_ns))
        observed, released = self.observed_ns[order], self.released_ns[order]
        # Of the rows released so far, the one that describes the latest day; a revision is later.
        latest = np.maximum.accumulate(observed)
        holds = np.where(observed >= latest, np.arange(len(order)), -1)
        in_force = np.maximum.accumulate(holds)
        last = np.searchsorted(released, ts_ns, side="right") - 1
        values = self.values[order][in_force[np.maximum(last, 0)]]
        return np.where(last >= 0, values, np.nan)


def with_lag(
    name: str, days: Sequence[date], values: NDArray[np.float64], *, lag: timedelta, source: str
) -> FactorSeries:
    """A series whose release times nobody tells: each day's value is known `lag` after it began.

    A close of the day, published the next morning, has a lag of a day and some hours: state a long
    one. Later revisions of such a source replace what was first published, so that its past is
    better known than it was.
    """
    if lag < timedelta(0):
        raise FactorError(f"{name}: expected a lag of 0 or more, got {lag}")
    observed = np.array([day_ns(day) for day in days], dtype=np.int64)
    lag_ns = (lag.days * 86_400 + lag.seconds) * 10**9 + lag.microseconds * 1000
    return FactorSeries(name, observed, observed + lag_ns, values, source)


def day_ns(day: date) -> int:
    """When a day begins, ns UTC."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(begin.timestamp()) * 10**9


def day_text(ns: int) -> str:
    """The UTC day of a time."""
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d}"


def daily_table(
    series: Sequence[FactorSeries], start: date, end: date, *, known_by: timedelta
) -> pd.DataFrame:
    """One row a day (end included): what was known `known_by` after each day began, UTC.

    `known_by` is the opening of the session the factors are used in; nothing released later in
    the day is in its row.
    """
    names = [each.name for each in series]
    if len(set(names)) != len(names) or not names:
        raise FactorError(f"series: expected different names, got {names}")
    if end < start:
        raise FactorError(f"end: expected {start} or later, got {end}")
    days = [start + timedelta(days=i) for i in range((end - start).days + 1)]
    by_ns = int(known_by.total_seconds()) * 10**9
    at = np.array([day_ns(day) + by_ns for day in days], dtype=np.int64)
    index = pd.Index(days, name="day")
    return pd.DataFrame({each.name: each.known_at(at) for each in series}, index=index)
