"""Measures of performance, each defined once: what every page and the command line show.

r is a day's PnL as a share of the stated capital, n the number of days, D the calendar's days per
year, E_t = 1 + r_1 + … + r_t the equity as a share of the capital. Returns add up; nothing is
reinvested. None is "undefined": too few days, no variation, or a capital that was lost; it is never
a number that only looks like one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from reports.statistics import tails
from reports.statistics.daily import Calendar, DailyPnl, Floats, checked_returns

# A deviation smaller than this share of the largest value is rounding, not variation.
ROUNDING = 1e-12


def annual_return(returns: ArrayLike, calendar: Calendar) -> float:
    """Additive annual return: D · mean(r)."""
    return calendar.days_per_year * float(checked_returns(returns).mean())


def volatility(returns: ArrayLike, calendar: Calendar) -> float | None:
    """Annual volatility: √D · s with s² = Σ (r − mean(r))² / (n − 1); None of one day."""
    values = checked_returns(returns)
    if len(values) < 2:
        return None
    return math.sqrt(calendar.days_per_year) * _deviation(values)


def sharpe(returns: ArrayLike, calendar: Calendar) -> float | None:
    """Sharpe ratio: √D · mean(r) / s, without a risk-free rate; None where s is 0."""
    values = checked_returns(returns)
    deviation = _deviation(values) if len(values) > 1 else 0.0
    if deviation == 0.0:
        return None
    return math.sqrt(calendar.days_per_year) * float(values.mean()) / deviation


def sortino(returns: ArrayLike, calendar: Calendar) -> float | None:
    """Sortino ratio: √D · mean(r) / √(Σ min(r, 0)² / n); None where no day lost."""
    values = checked_returns(returns)
    downside = math.sqrt(float(np.square(np.minimum(values, 0.0)).mean()))
    if downside == 0.0:
        return None
    return math.sqrt(calendar.days_per_year) * float(values.mean()) / downside


def cagr(returns: ArrayLike, calendar: Calendar) -> float | None:
    """Compound annual growth of the additive equity: E_n^(D/n) − 1; None if E ever fell below 0."""
    values = checked_returns(returns)
    if _is_lost(values):
        return None
    growth = float(values.sum())
    if growth <= -1.0:
        return -1.0
    try:
        return math.expm1(calendar.days_per_year / len(values) * math.log1p(growth))
    except OverflowError:
        return None


def drawdowns(returns: ArrayLike) -> Floats:
    """By day, how far the equity is below its peak, the start included: max E − E_t."""
    equity = np.cumsum(checked_returns(returns))
    return np.maximum.accumulate(np.maximum(equity, 0.0)) - equity


def max_drawdown(returns: ArrayLike) -> float:
    """The largest drawdown, as a share of the capital: max over t of (max_{s ≤ t} E_s − E_t)."""
    return float(drawdowns(returns).max())


def max_drawdown_of_peak(returns: ArrayLike) -> float | None:
    """The same as a share of the peak: max of 1 − E_t / max_{s ≤ t} E_s; None if E fell below 0."""
    values = checked_returns(returns)
    if _is_lost(values):
        return None
    equity = 1.0 + np.cumsum(values)
    return float((1.0 - equity / np.maximum.accumulate(np.maximum(equity, 1.0))).max())


def calmar(returns: ArrayLike, calendar: Calendar) -> float | None:
    """Calmar ratio: `cagr` / `max_drawdown_of_peak`; None if either is missing or E never fell."""
    growth, fall = cagr(returns, calendar), max_drawdown_of_peak(returns)
    if growth is None or fall is None or fall <= ROUNDING:
        return None
    return growth / fall


def value_at_risk(returns: ArrayLike, level: float) -> float | None:
    """Empirical VaR: minus the (1 − level)-quantile of r, interpolated; a loss is positive.

    None with fewer than 1 / (1 − level) days: so far out, there is nothing to see.
    """
    return tails.value_at_risk(checked_returns(returns), level)


def expected_shortfall(returns: ArrayLike, level: float) -> float | None:
    """Empirical ES: minus the mean of the days no better than −VaR; None where VaR is."""
    return tails.expected_shortfall(checked_returns(returns), level)


def omega(returns: ArrayLike) -> float | None:
    """Omega ratio at 0: Σ max(r, 0) / Σ max(−r, 0); None where no day lost."""
    values = checked_returns(returns)
    losses = float(np.maximum(-values, 0.0).sum())
    return float(np.maximum(values, 0.0).sum()) / losses if losses > 0.0 else None


def hit_rate(returns: ArrayLike) -> float | None:
    """Days that gained, as a share of those that gained or lost; None if none did."""
    values = checked_returns(returns)
    moved = int(np.count_nonzero(values))
    return int(np.count_nonzero(values > 0.0)) / moved if moved else None


def skewness(returns: ArrayLike) -> float | None:
    """√(n (n − 1)) / (n − 2) · m₃ / m₂^1.5 of central moments m_k.

    None of fewer than 3 days or where s is 0.
    """
    values = checked_returns(returns)
    n = len(values)
    if n < 3 or _deviation(values) == 0.0:
        return None
    scores = _scores(values)
    return math.sqrt(n * (n - 1.0)) / (n - 2.0) * float((scores**3).mean())


def excess_kurtosis(returns: ArrayLike) -> float | None:
    """(n − 1) / ((n − 2) (n − 3)) · ((n + 1) (m₄ / m₂² − 3) + 6) of central moments m_k.

    None of fewer than 4 days or where s is 0.
    """
    values = checked_returns(returns)
    n = len(values)
    if n < 4 or _deviation(values) == 0.0:
        return None
    excess = float((_scores(values) ** 4).mean()) - 3.0
    return (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0)


@dataclass(frozen=True)
class Performance:
    """All measures of one policy; shares of the capital where a name does not say currency."""

    days: int
    capital: float
    currency: str
    calendar: str
    total_pnl_currency: float
    annual_return: float
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown_currency: float
    max_drawdown: float
    max_drawdown_of_peak: float | None
    var_95: float | None
    var_99: float | None
    es_95: float | None
    es_99: float | None
    omega: float | None
    hit_rate: float | None
    skewness: float | None
    excess_kurtosis: float | None
    best_day: float
    worst_day: float


def performance(daily: DailyPnl, calendar: Calendar) -> Performance:
    """Every measure of this module."""
    returns = daily.returns
    return Performance(
        days=len(returns),
        capital=daily.capital,
        currency=daily.currency,
        calendar=calendar.name,
        total_pnl_currency=float(daily.pnl.sum()),
        annual_return=annual_return(returns, calendar),
        cagr=cagr(returns, calendar),
        volatility=volatility(returns, calendar),
        sharpe=sharpe(returns, calendar),
        sortino=sortino(returns, calendar),
        calmar=calmar(returns, calendar),
        max_drawdown_currency=max_drawdown(returns) * daily.capital,
        max_drawdown=max_drawdown(returns),
        max_drawdown_of_peak=max_drawdown_of_peak(returns),
        var_95=value_at_risk(returns, 0.95),
        var_99=value_at_risk(returns, 0.99),
        es_95=expected_shortfall(returns, 0.95),
        es_99=expected_shortfall(returns, 0.99),
        omega=omega(returns),
        hit_rate=hit_rate(returns),
        skewness=skewness(returns),
        excess_kurtosis=excess_kurtosis(returns),
        best_day=float(returns.max()),
        worst_day=float(returns.min()),
    )


def _deviation(values: Floats) -> float:
    """Of two days or more; 0 where all that varies is the rounding of sums."""
    deviation = float(values.std(ddof=1))
    return deviation if deviation > ROUNDING * float(np.abs(values).max()) else 0.0


def _scores(values: Floats) -> Floats:
    return (values - float(values.mean())) / float(values.std())


def _is_lost(values: Floats) -> bool:
    """Whether the equity ever fell below nothing."""
    return bool((np.cumsum(values) < -1.0).any())
