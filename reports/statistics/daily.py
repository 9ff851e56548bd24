"""Profit and loss by day, on stated capital: what every measure of performance starts from.

A market maker's PnL is additive: the size of his quotes does not grow with what he has earned. So
a return is a day's PnL as a share of the capital stated beforehand, and returns add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NS_PER_HOUR = 3_600_000_000_000
NS_PER_DAY = 24 * NS_PER_HOUR
MONDAY = np.datetime64("1970-01-05", "D")  # simulated days are dated from here on
DAYS_LEAST = 20  # for a measure of days: a month, and the first day that is the worst 1 in 20
RETURN_MOST = 1e9  # a day's PnL per capital: beyond, the two are not in the same unit


@dataclass(frozen=True)
class Calendar:
    """When there is trading, and how many such days make a year: annualisation is never guessed."""

    name: str
    session_ns: int  # traded time of a day
    days_per_year: int
    starts_ns: int = 0  # when a day begins, after midnight UTC; past noon: of the day before
    weekends: bool = False

    def __post_init__(self) -> None:
        """Refuses calendars without trading."""
        for name, most in (("session_ns", NS_PER_DAY), ("days_per_year", 366)):
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise ValueError(f"calendar {self.name}: {name}: expected 1 to {most}, got {value}")
        if not 0 <= self.starts_ns < NS_PER_DAY:
            raise ValueError(
                f"calendar {self.name}: starts_ns: expected 0 to {NS_PER_DAY - 1}, "
                f"got {self.starts_ns}"
            )

    def days(self, ts_ns: ArrayLike) -> Ints:
        """The trading days, since 1970-01-01, of pieces of PnL by when each began (ns UTC)."""
        late = self.starts_ns > NS_PER_DAY // 2
        shift = NS_PER_DAY - self.starts_ns if late else -self.starts_ns
        return (_whole("ts_ns", ts_ns) + shift) // NS_PER_DAY

    def simulated_days(self, elapsed_ns: ArrayLike) -> Ints:
        """The same by simulated time, which has no nights: session after session from 1970 on."""
        sessions = _whole("elapsed_ns", elapsed_ns) // self.session_ns
        if self.weekends:
            return sessions + MONDAY.astype(np.int64)
        return np.busday_offset(MONDAY, sessions).astype(np.int64)


SESSION_6H30 = Calendar("sessions of 6.5 h", 13 * NS_PER_HOUR // 2, 252)
SESSION_23H = Calendar("sessions of 23 h", 23 * NS_PER_HOUR, 252, starts_ns=22 * NS_PER_HOUR)
ALWAYS_OPEN = Calendar("24/7", NS_PER_DAY, 365, weekends=True)
CALENDARS = {"6.5h": SESSION_6H30, "23h": SESSION_23H, "24/7": ALWAYS_OPEN}


@dataclass(frozen=True)
class DailyPnl:
    """What a policy earned on each day, and on what capital."""

    days: Ints  # since 1970-01-01, increasing
    pnl: Floats  # currency
    capital: float
    currency: str

    def __post_init__(self) -> None:
        """Refuses what no return can be computed of."""
        if self.days.ndim != 1 or self.days.shape != self.pnl.shape:
            raise ValueError(
                "pnl: expected one number for each day, "
                f"got shapes {self.days.shape} and {self.pnl.shape}"
            )
        if not (math.isfinite(self.capital) and self.capital > 0.0):
            raise ValueError(f"capital: expected a positive number, got {self.capital}")
        checked_returns(self.returns)
        if (np.diff(self.days) <= 0).any():
            raise ValueError("days: expected each once and in order; sum to days first")

    @property
    def returns(self) -> Floats:
        """Simple returns on stated capital, PnL / capital: they add up and do not compound."""
        return self.pnl / self.capital

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """The days as dates."""
        return self.days.astype("datetime64[D]")


def daily_pnl(days: ArrayLike, pnl: ArrayLike, *, capital: float, currency: str) -> DailyPnl:
    """Sums pieces of PnL by day.

    A day without a piece is not there (the market was closed or not recorded): a policy that did
    not trade has a piece of nothing. Whole numbers are summed as such.

    Args:
        days: of each piece, in any order; see Calendar.
        pnl: what each piece earned, in the currency of the capital.
        capital: what the PnL is a share of, stated beforehand.
        currency: its name.
    """
    day, piece = _whole("days", days), np.asarray(pnl)
    if piece.ndim != 1 or piece.shape != day.shape:
        raise ValueError(f"pnl: expected {day.shape[0]} numbers, one a day, got {piece.shape}")
    if piece.dtype.kind not in "iuf":
        raise ValueError(f"pnl: expected numbers, got {piece.dtype}")
    if not len(day):
        raise ValueError("pnl: expected at least one day, got none")
    order = np.argsort(day, kind="stable")
    known, first = np.unique(day[order], return_index=True)
    sums = np.add.reduceat(piece[order], first)
    return DailyPnl(known, sums.astype(np.float64), float(capital), currency)


def checked_returns(returns: ArrayLike) -> Floats:
    """Daily returns, if that is what they are.

    Raises:
        ValueError: no day, or a day that is no number or far beyond the capital.
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"returns: expected one number a day, at least one; got {values.shape}")
    wrong = np.flatnonzero(~(np.abs(values) <= RETURN_MOST))
    if len(wrong):
        raise ValueError(
            f"returns: day {wrong[0]}: expected a finite share of the capital, "
            f"got {values[wrong[0]]}; are PnL and capital in the same unit?"
        )
    return values


def _whole(name: str, values: ArrayLike) -> Ints:
    found = np.asarray(values)
    if found.ndim != 1 or (found.dtype.kind not in "iu" and len(found)):
        raise ValueError(
            f"{name}: expected whole numbers in a row, got {found.dtype} {found.shape}"
        )
    return found.astype(np.int64)
