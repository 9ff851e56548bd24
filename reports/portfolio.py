"""Policies as a portfolio: how their daily PnL moves together, by Riskfolio-Lib.

Riskfolio is loaded where it is used, for that takes seconds. It sees numbers without names.
"""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.page import Bars, Chart, Gallery, HeatMap, Page, Section, Table, crowded, looks
from reports.statistics.daily import DAYS_LEAST, DailyPnl

TITLE = "Portfolio"
TAIL = 0.05
NO_PACKAGE = (
    "There is no portfolio page: it needs Riskfolio-Lib; `make setup-portfolio` installs it."
)
EQUAL = "equal weights"
# Riskfolio's names: mean of the worst days' losses, of the worst drawdowns, standard deviation.
MEASURES = {"CVaR": "CVaR", "drawdown (CDaR)": "CDaR", "deviation": "MV"}
NO_LOSS = (
    "No answer, because the worst days of equal weights still gain, or nothing ever falls, so that "
    "there is no loss to be shared, or no solution was found: "
)
Floats = NDArray[np.float64]


class CannotCombineError(ValueError):
    """These strategies make no portfolio; the message is a sentence for a page."""


@dataclass(frozen=True)
class Portfolio:
    """Strategies on the same days; rows of the mappings are in the order of the names."""

    names: tuple[str, ...]
    days: int
    correlation: Floats
    weights: Mapping[str, Floats]  # by kind of portfolio
    contributions: Mapping[str, Floats]  # to the risk of equal weights, shares that add up to 1


def is_there() -> bool:
    """Whether Riskfolio-Lib is installed."""
    return importlib.util.find_spec("riskfolio") is not None


def combined(strategies: Mapping[str, DailyPnl]) -> Portfolio:
    """What the strategies are as a portfolio.

    Raises:
        CannotCombineError: too few strategies, or days that they share, or one without risk.
    """
    returns = _on_common_days(strategies)
    names = tuple(strategies)
    # What the libraries say about each other and about solvers is not for readers.
    with warnings.catch_warnings(), np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import pandas as pd
        import riskfolio

        frame = pd.DataFrame(returns, columns=[f"s{i}" for i in range(len(names))])
        covariance = frame.cov()
        problem: Any = riskfolio.Portfolio(returns=frame)
        problem.alpha = TAIL
        problem.assets_stats(method_mu="hist", method_cov="hist")
        least = problem.optimization(model="Classic", rm="CVaR", obj="MinRisk", rf=0, hist=True)
        equal = problem.rp_optimization(model="Classic", rm="CVaR", rf=0, hist=True)
        even = problem.rp_optimization(model="Classic", rm="MV", rf=0, hist=True)
        same = pd.DataFrame(np.full((len(names), 1), 1.0 / len(names)), index=frame.columns)
        weights = {
            EQUAL: same,
            "least CVaR": least,
            "equal risk (CVaR)": equal,
            "equal risk (deviation)": even,
        }
        found = {kind: _column(values, len(names)) for kind, values in weights.items()}
        contributions = {}
        for kind, measure in MEASURES.items():
            parts = riskfolio.Risk_Contribution(
                same, frame, covariance, rm=measure, rf=0, alpha=TAIL
            )
            contributions[kind] = _shares(np.ravel(np.asarray(parts, dtype=np.float64)))
    correlation: Floats = np.asarray(np.corrcoef(returns.T), dtype=np.float64)
    return Portfolio(names, len(returns), correlation, found, contributions)


def _column(values: Any, count: int) -> Floats:
    """Weights, rounded to what a solver can promise; NaN where it found none."""
    if values is None:
        return np.full(count, np.nan)
    return np.asarray(np.ravel(np.round(values, 6)), dtype=np.float64)


def _shares(parts: Floats) -> Floats:
    total = float(parts.sum())
    return parts / total if np.isfinite(total) and total > 0.0 else np.full(len(parts), np.nan)


def _on_common_days(strategies: Mapping[str, DailyPnl]) -> Floats:
    """Returns by day and strategy."""
    if len(strategies) < 2:
        raise CannotCombineError(
            f"There is no portfolio page: it takes two strategies with days, got {len(strategies)}."
        )
    common = np.array(
        sorted(set.intersection(*(set(one.days.tolist()) for one in strategies.values())))
    )
    if len(common) < DAYS_LEAST:
        raise CannotCombineError(
            f"There is no portfolio page: it takes {DAYS_LEAST} days that all strategies share, "
            f"got {len(common)}; evaluate more episodes."
        )
    returns: Floats = np.stack(
        [one.returns[np.isin(one.days, common)] for one in strategies.values()], axis=1
    )
    still = [name for name, row in zip(strategies, returns.T, strict=True) if np.ptp(row) == 0.0]
    if still:
        raise CannotCombineError(
            f"There is no portfolio page: {still[0]} earned the same on every day, which is no "
            "risk to be shared."
        )
    return returns


def portfolio_page(portfolio: Portfolio, market: str, origin: Mapping[str, Any]) -> Page:
    """Weights, who contributes the risk, and correlations."""
    lead = (
        f"{len(portfolio.names)} strategies over {portfolio.days} simulated days they share, by "
        "daily PnL on the capital stated for each. The tail is the worst "
        f"{100 * TAIL:g} % of days. Computed by Riskfolio-Lib; past weights promise nothing."
    )
    names = portfolio.names
    numbers = [str(i + 1) for i in range(len(names))]
    keys = Table("Strategies", ("number", "strategy"), list(zip(numbers, names, strict=True)))
    pictures = {
        f"Share of the {kind} of {EQUAL}": ("share of the risk", shares)
        for kind, shares in portfolio.contributions.items()
    } | {
        f"Weights: {kind}": ("weight", weights)
        for kind, weights in portfolio.weights.items()
        if kind != EQUAL
    }
    known = {title: of for title, of in pictures.items() if not np.isnan(of[1]).any()}
    bars = [_bars(title, unit, names, values) for title, (unit, values) in known.items()]
    unknown = [title for title in pictures if title not in known]
    words = crowded(names)
    if unknown:
        words.append(f"{NO_LOSS}{'; '.join(unknown)}.")
    sections = [
        Section("Who brings the risk, and what would bring least", [*words, keys, Gallery(bars)]),
        Section("In numbers", [_numbers(portfolio)]),
        Section("Correlation of daily PnL", [_correlation(portfolio, numbers)]),
    ]
    return Page(f"{TITLE}: {market}", lead, sections, footer=dict(origin))


def _bars(title: str, unit: str, names: Sequence[str], values: Floats) -> Chart:
    numbers = [str(i + 1) for i in range(len(names))]
    colours = [look.colour for look in looks(names).values()]
    return Bars(title, "strategy, by number", unit, numbers, values.tolist(), colours)


def _numbers(portfolio: Portfolio) -> Table:
    columns = {
        **{f"weight, {kind}": values for kind, values in portfolio.weights.items()},
        **{f"share of {kind}": values for kind, values in portfolio.contributions.items()},
    }
    columns = {name: values for name, values in columns.items() if not np.isnan(values).any()}
    rows = [
        (name, *(float(values[i]) for values in columns.values()))
        for i, name in enumerate(portfolio.names)
    ]
    caption = "Weights add up to 1; shares are of the risk of equal weights"
    return Table(caption, ("strategy", *columns), rows)


def _correlation(portfolio: Portfolio, numbers: Sequence[str]) -> Gallery | Table:
    if len(numbers) <= 12:
        rows = [
            (name, *(float(round(v, 3)) for v in row))
            for name, row in zip(portfolio.names, portfolio.correlation, strict=True)
        ]
        return Table("Pearson's", ("strategy", *numbers), rows)
    values = portfolio.correlation.tolist()
    return Gallery([HeatMap("Pearson's", "strategy", "strategy", numbers, numbers, values)])
