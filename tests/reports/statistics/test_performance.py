"""Measures equal quantstats', empyrical's and numbers by hand, at any sampling frequency."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.statistics import performance as measures
from reports.statistics.daily import (
    ALWAYS_OPEN,
    NS_PER_DAY,
    SESSION_6H30,
    SESSION_23H,
    Calendar,
    DailyPnl,
    Floats,
    daily_pnl,
)

CALENDARS = [SESSION_6H30, SESSION_23H, ALWAYS_OPEN]
EXACT = {"rel": 1e-12, "abs": 1e-15}


def normal(n: int = 750, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(4e-4, 0.01, n)


def samples() -> dict[str, Floats]:
    rng = np.random.default_rng(2)
    return {
        "normal": normal(),
        "heavy": 0.004 * rng.standard_t(3, 500),
        "skewed": 0.01 * (rng.gamma(2.0, 1.0, 300) - 1.9),
        "with days of nothing": np.where(rng.random(300) < 0.3, 0.0, normal(300, 3)),
        "short": normal(20, 4),
    }


def dated(returns: Floats) -> pd.Series[float]:
    index = pd.date_range("2020-01-01", periods=len(returns), freq="D")
    return pd.Series(returns, index=index)


def reinvested(returns: Floats) -> Floats:
    """The same equity as returns on what there is: what quantstats compounds."""
    equity = np.concatenate([[1.0], 1.0 + np.cumsum(returns)])
    return equity[1:] / equity[:-1] - 1.0


@pytest.fixture(scope="module")
def stats() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import quantstats

        return quantstats.stats


@pytest.mark.parametrize("calendar", CALENDARS, ids=lambda calendar: calendar.name)
@pytest.mark.parametrize("name", samples())
def test_equal_to_quantstats(name: str, calendar: Calendar, stats: Any) -> None:
    returns, year = samples()[name], calendar.days_per_year
    series, grown = dated(returns), dated(reinvested(returns))
    theirs = {
        "volatility": stats.volatility(series, periods=year),
        "sharpe": stats.sharpe(series, periods=year),
        "sortino": stats.sortino(series, periods=year),
        "cagr": stats.cagr(series, compounded=False, periods=year),
        "max_drawdown_of_peak": -stats.max_drawdown(grown),
        "calmar": stats.calmar(grown, periods=year),
        "omega": stats.omega(series, periods=year),
        "hit_rate": stats.win_rate(series),
        "skewness": stats.skew(series),
        "excess_kurtosis": stats.kurtosis(series),
        "best_day": stats.best(series),
        "worst_day": stats.worst(series),
        "es_95": -stats.conditional_value_at_risk(series, confidence=0.95, method="historical"),
    }
    ours = asdict(measures.performance(pnl_of(returns), calendar))
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, **EXACT)
    assert stats.cagr(grown, periods=year) == pytest.approx(ours["cagr"], **EXACT)


def pnl_of(returns: Floats, capital: float = 1.0) -> DailyPnl:
    return daily_pnl(np.arange(len(returns)), returns * capital, capital=capital, currency="USD")


def empyrical(returns: list[float], year: int) -> dict[str, float]:
    """The formulas of empyrical, written out, day by day: the package is not pinned here."""
    n = len(returns)
    mean = math.fsum(returns) / n
    deviation = math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (n - 1))
    downside = math.sqrt(math.fsum(min(r, 0.0) ** 2 for r in returns) / n)
    losses = math.fsum(-r for r in returns if r < 0)
    in_order = sorted(returns)
    place = 0.05 * (n - 1)
    low = int(place)
    equity, peak, fall = 1.0, 1.0, 0.0
    for r in returns:  # its drawdown of the additive equity
        equity += r
        peak = max(peak, equity)
        fall = max(fall, 1.0 - equity / peak)
    return {
        "annual_return": mean * year,
        "volatility": deviation * math.sqrt(year),
        "sharpe": mean / deviation * math.sqrt(year),
        "sortino": mean * year / (downside * math.sqrt(year)),
        "cagr": equity ** (year / n) - 1.0,
        "max_drawdown_of_peak": fall,
        "calmar": (equity ** (year / n) - 1.0) / fall,
        "omega": math.fsum(r for r in returns if r > 0) / losses,
        "var_95": -(in_order[low] + (place - low) * (in_order[low + 1] - in_order[low])),
        "es_95": -math.fsum(in_order[: low + 1]) / (low + 1),
    }


@pytest.mark.parametrize("calendar", CALENDARS, ids=lambda calendar: calendar.name)
@pytest.mark.parametrize("name", samples())
def test_equal_to_the_formulas_of_empyrical(name: str, calendar: Calendar) -> None:
    returns = samples()[name]
    theirs = empyrical(returns.tolist(), calendar.days_per_year)
    ours = asdict(measures.performance(pnl_of(returns), calendar))
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, **EXACT)


def test_by_hand() -> None:
    found = measures.performance(pnl_of(np.array([0.5, -0.75, 0.25, 0.25]), 200.0), ALWAYS_OPEN)
    assert found.total_pnl_currency == 50.0
    assert found.annual_return == 365 * 0.0625
    assert found.cagr == pytest.approx(1.25 ** (365 / 4) - 1.0)
    assert (found.max_drawdown, found.max_drawdown_currency) == (0.75, 150.0)
    assert found.max_drawdown_of_peak == pytest.approx(0.5)  # from 1.5 to 0.75
    assert found.omega == pytest.approx(1.0 / 0.75)
    assert found.hit_rate == 0.75
    assert (found.best_day, found.worst_day) == (0.5, -0.75)
    deviation = math.sqrt((0.4375**2 + 0.8125**2 + 2 * 0.1875**2) / 3)
    assert found.sharpe == pytest.approx(math.sqrt(365) * 0.0625 / deviation)
    assert found.sortino == pytest.approx(math.sqrt(365) * 0.0625 / math.sqrt(0.75**2 / 4))
    assert (found.var_95, found.es_99) == (None, None)  # four days have no such tail
    hundred = np.arange(-50.0, 50.0) / 100.0
    assert measures.value_at_risk(hundred, 0.95) == pytest.approx(0.4505)
    assert measures.expected_shortfall(hundred, 0.95) == pytest.approx(0.48)
    assert measures.value_at_risk(hundred, 0.99) == pytest.approx(0.4901)
    assert measures.expected_shortfall(hundred, 0.99) == pytest.approx(0.50)
    assert measures.drawdowns([-0.1, 0.3, -0.2]) == pytest.approx([0.1, 0.0, 0.2])


STARTS_NS = {252: 14 * 3600 * 10**9 + 30 * 60 * 10**9, 365: 0}


@pytest.mark.parametrize("calendar", CALENDARS, ids=lambda calendar: calendar.name)
def test_the_sampling_frequency_does_not_matter(calendar: Calendar) -> None:
    """A deterministic path of equity, cut in pieces of a minute to a session, with time stamps."""

    def equity(days: Floats) -> Floats:
        return 1e4 * (0.03 * days + np.sin(days) + 0.4 * np.sin(7.3 * days + 1.0))

    opening = calendar.starts_ns if calendar is not SESSION_6H30 else 29 * NS_PER_DAY // 48
    found = []
    for step_ns in (60 * 10**9, 300 * 10**9, 1800 * 10**9, calendar.session_ns):
        steps = calendar.session_ns // step_ns
        within = np.arange(steps + 1) / steps
        path = equity(np.add.outer(np.arange(90.0), 0.9 * within))
        path[1:, 0] = path[:-1, -1]  # what happens overnight belongs to the next session
        starts = np.add.outer(np.arange(90) * NS_PER_DAY, np.arange(steps) * step_ns) + opening
        days = calendar.days(starts.ravel())
        pnl = np.diff(path, axis=1).ravel()
        found.append(asdict(measures.performance(
            daily_pnl(days, pnl, capital=1e6, currency="USD"), calendar)))  # fmt: skip
        assert found[-1]["days"] == 90
    for other in found[1:]:
        for name in ("sharpe", "volatility", "cagr", "annual_return", "sortino", "calmar"):
            assert other[name] == pytest.approx(found[0][name], rel=1e-9), name


def test_undefined_is_not_a_number() -> None:
    nothing = measures.performance(pnl_of(np.zeros(30)), ALWAYS_OPEN)
    assert (nothing.sharpe, nothing.sortino, nothing.calmar) == (None, None, None)
    assert (nothing.omega, nothing.hit_rate, nothing.skewness) == (None, None, None)
    assert (nothing.volatility, nothing.max_drawdown, nothing.cagr) == (0.0, 0.0, 0.0)
    one = measures.performance(pnl_of(np.array([0.01])), SESSION_6H30)
    assert (one.volatility, one.sharpe, one.var_95) == (None, None, None)
    assert one.cagr == pytest.approx(1.01**252 - 1.0)
    steady = np.full(300, 0.1)
    steady[::2] = 0.1 * 3 - 0.2  # 0.1 but for the last bit
    assert np.ptp(steady) > 0
    assert measures.sharpe(steady, ALWAYS_OPEN) is None
    assert measures.volatility(steady, ALWAYS_OPEN) == 0.0
    assert measures.excess_kurtosis(steady) is None
    assert measures.cagr([1e9], ALWAYS_OPEN) is None  # too large for a float


def test_a_capital_that_is_lost() -> None:
    gone = measures.performance(pnl_of(np.array([0.5, -2.0, 1.0, 1.0])), SESSION_6H30)
    assert (gone.cagr, gone.calmar, gone.max_drawdown_of_peak) == (None, None, None)
    assert gone.max_drawdown == 2.0
    assert gone.annual_return == pytest.approx(252 * 0.125)
    assert measures.cagr([-0.5, -0.5], SESSION_6H30) == -1.0
    assert measures.max_drawdown_of_peak([-0.5, -0.5]) == 1.0


ON_RETURNS: list[Callable[[Any], Any]] = [
    measures.drawdowns,
    measures.max_drawdown,
    measures.max_drawdown_of_peak,
    measures.omega,
    measures.hit_rate,
    measures.skewness,
    measures.excess_kurtosis,
    *(lambda r, f=f: f(r, SESSION_6H30) for f in (measures.annual_return, measures.volatility)),
    *(lambda r, f=f: f(r, SESSION_6H30) for f in (measures.sharpe, measures.sortino)),
    *(lambda r, f=f: f(r, SESSION_6H30) for f in (measures.cagr, measures.calmar)),
    *(lambda r, f=f: f(r, 0.95) for f in (measures.value_at_risk, measures.expected_shortfall)),
]


@pytest.mark.parametrize("measure", ON_RETURNS)
@pytest.mark.parametrize("bad", [[], [math.nan, 0.1], [0.1, math.inf], [[0.1]], [1e300]])
def test_what_are_no_returns_is_refused(measure: Callable[[Any], Any], bad: Any) -> None:
    with pytest.raises(ValueError, match="returns: "):
        measure(bad)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_levels_are_shares(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        measures.value_at_risk([0.1], level)


plain = st.floats(-0.02, 0.02).map(lambda x: round(x, 6))


@settings(max_examples=60, deadline=None)
@given(st.lists(plain, min_size=1, max_size=60), st.sampled_from(CALENDARS))
def test_properties(values: list[float], calendar: Calendar) -> None:
    returns = np.array(values)
    found = measures.performance(pnl_of(returns), calendar)
    numbers = [v for v in asdict(found).values() if isinstance(v, float)]
    assert all(math.isfinite(number) for number in numbers)
    scaled = measures.performance(pnl_of(returns, 1e7), calendar)
    assert scaled.max_drawdown_currency == pytest.approx(1e7 * found.max_drawdown, abs=1e-6)
    assert 0.0 <= found.max_drawdown <= np.maximum(-returns, 0.0).sum() + 1e-12
    if found.sharpe is not None:
        assert scaled.sharpe == pytest.approx(found.sharpe, rel=1e-6)
        opposite = measures.sharpe(-returns, calendar)
        assert opposite == pytest.approx(-found.sharpe)
        assert np.sign(found.sharpe) == np.sign(returns.mean())
    if found.var_95 is not None and found.es_95 is not None:
        assert found.es_95 >= found.var_95
        assert found.es_95 <= -found.worst_day + 1e-15
    if found.omega is not None:
        assert (found.omega > 1) == (found.annual_return > 0) or abs(found.omega - 1) < 1e-9
