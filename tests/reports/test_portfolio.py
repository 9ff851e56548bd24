"""Policies as a portfolio: Riskfolio's numbers where it is installed, sentences where not."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from reports import portfolio
from reports.page import render
from reports.page.safety import unsafe
from reports.portfolio import CannotCombineError, Portfolio, combined, is_there, portfolio_page
from reports.statistics.daily import DailyPnl
from tests.reports.test_page import HOSTILE, tags_of

DAYS = 60
needs_riskfolio = pytest.mark.skipif(
    not is_there(), reason="Riskfolio-Lib is not installed: make setup-portfolio"
)


def series(scale: float, seed: int, days: int = DAYS, first: int = 4) -> DailyPnl:
    pnl = scale * np.random.default_rng(seed).standard_normal(days)
    return DailyPnl(np.arange(first, first + days), pnl, 1000.0, "currency")


def shortfall(returns: np.ndarray, weights: np.ndarray) -> float:
    """The mean of the worst twentieth."""
    return -float(np.sort(returns @ weights)[: len(returns) // 20].mean())


def made(names: tuple[str, ...] = ("a", "b", "c")) -> Portfolio:
    third = np.full(3, 1.0 / 3.0)
    return Portfolio(
        names, DAYS, np.eye(3), {"equal weights": third, "least CVaR": np.full(3, np.nan)},
        {"CVaR": third},
    )  # fmt: skip


@needs_riskfolio
@pytest.mark.filterwarnings("ignore")  # of the solver's packages about each other, at import
@pytest.mark.global_randomness(reason="packages draw at import")
def test_weights_and_shares_are_those_of_the_definition() -> None:
    strategies = {"calm": series(1.0, 1), "wild": series(5.0, 2), "other": series(2.0, 3)}
    found = combined(strategies)
    returns = np.stack([one.returns for one in strategies.values()], axis=1)
    for weights in found.weights.values():
        assert weights.sum() == pytest.approx(1.0, abs=1e-4)
        assert (weights >= 0.0).all()
    for shares in found.contributions.values():
        assert shares.sum() == pytest.approx(1.0)
    assert found.contributions["CVaR"][1] > found.contributions["CVaR"][0]
    rng = np.random.default_rng(0)
    tried = rng.dirichlet(np.ones(3), 2000)
    best = min(shortfall(returns, weights) for weights in tried)
    assert shortfall(returns, found.weights["least CVaR"]) <= best * 1.001
    assert found.weights["least CVaR"][0] > found.weights["least CVaR"][1]
    np.testing.assert_allclose(found.correlation, np.corrcoef(returns.T))
    again = combined(strategies)
    assert render(portfolio_page(found, "m", {})) == render(portfolio_page(again, "m", {}))


@needs_riskfolio
@pytest.mark.filterwarnings("ignore")
@pytest.mark.global_randomness(reason="packages draw at import")
def test_days_that_only_some_have_do_not_count() -> None:
    found = combined({"a": series(1.0, 1), "b": series(1.0, 2, first=14)})
    assert found.days == DAYS - 10


def test_what_makes_no_portfolio_says_why() -> None:
    one = series(1.0, 1)
    flat = DailyPnl(one.days, np.full(DAYS, 2.0), 1000.0, "currency")
    for strategies, words in (
        ({"a": one}, "it takes two strategies with days, got 1"),
        ({}, "got 0"),
        ({"a": one, "b": series(1.0, 2, first=50)}, "days that all strategies share, got 14"),
        ({"a": one, "idle": flat}, "idle earned the same on every day"),
    ):
        with pytest.raises(CannotCombineError, match=words):
            combined(strategies)


def test_without_the_package_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "riskfolio", None)
    monkeypatch.setattr(portfolio.importlib.util, "find_spec", lambda name: None)
    assert not is_there()
    assert "make setup-portfolio" in portfolio.NO_PACKAGE


def test_the_page() -> None:
    text = render(portfolio_page(made(), "a market", {}))
    assert [tag for tag, _ in tags_of(text).seen].count("svg") == 1
    assert "No answer, because" in text
    assert "Weights: least CVaR." in text
    assert "Pearson" in text
    seen = []
    for names in (("a", "b", "c"), (HOSTILE, HOSTILE + "2", HOSTILE + "3")):
        text = render(portfolio_page(made(names), names[0], {names[0]: names[0]}))
        assert unsafe(text) == ""
        seen.append([tag for tag, _ in tags_of(text).seen])
    assert seen[0] == seen[1]


def test_more_strategies_than_looks_are_shown_with_a_sentence() -> None:
    names = tuple(f"s{i}" for i in range(29))
    even = np.full(29, 1.0 / 29.0)
    found = Portfolio(names, DAYS, np.eye(29), {"equal weights": even}, {"CVaR": even})
    assert "29 lines are more than the 28 looks" in render(portfolio_page(found, "m", {}))
