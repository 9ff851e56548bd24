"""The tear sheet of a policy against another, by quantstats, fit to be read offline.

quantstats thinks of an investor who reinvests, trusts what it is called, and loads a picture from
its makers' site. Here it gets simple returns on stated capital and adds them up, names are never
shown to it, and what it writes is stripped of links, dates and handlers.
"""

from __future__ import annotations

import logging
import math
import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import escape

from reports.page import Page, render
from reports.statistics.daily import DAYS_LEAST, MONDAY, Calendar, DailyPnl

HEADING = "Tear sheet"
STYLE = {
    "axes.facecolor": "white",
    "figure.facecolor": "white",
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "svg.fonttype": "none",  # text, not outlines: small files whose words can be found
    "svg.hashsalt": "rlmm",  # identifiers that are the same each time
    "text.color": "#333333",
    "xtick.color": "#666666",
    "ytick.color": "#666666",
}
CSP = (
    '<meta charset="utf-8">\n    <meta http-equiv="Content-Security-Policy" content="'
    "default-src 'none'; style-src 'unsafe-inline'\">"
)
NARROW = (
    "<style>:root{color-scheme:light}svg{height:auto}#left svg,#monthly_heatmap svg{margin:0}"
    "@media (max-width:1000px)"
    "{#left,#right{float:none;width:auto;margin:0}body{margin:12px}}h1,h4{overflow-wrap:anywhere}"
    # Pictures are drawn for white paper: in the dark, all of the page is turned round.
    "@media screen and (prefers-color-scheme:dark){html{background:#fff;"
    "filter:invert(.9) hue-rotate(180deg)}}</style>\n</head>"
)
# What quantstats' page has, each once, and what ours has instead.
REPLACED = (
    (r"\A.*?<!DOCTYPE html>", "<!doctype html>"),
    (r'<meta charset="utf-8">', CSP),
    (r'\s*<link rel="shortcut icon"[^>]*>', ""),
    (r'<body onload="save\(\)">', "<body>"),
    (r'<a href="[^"]*" target="quantstats">QuantStats</a>', "QuantStats"),
    (r"</head>", NARROW),
)
# What is in each of its pictures: a prologue, and metadata with the date.
DROPPED = (r"<\?xml[^>]*\?>\s*", r"<!DOCTYPE svg[^>]*>\s*", r"<metadata>.*?</metadata>\s*")
# Pictures with nothing in them before half a year has gone by, and one that falls to 0 at weekends.
ROLLING = ("rolling_beta", "rolling_vol", "rolling_sharpe", "rolling_sortino")
WRONG = "daily_returns"
# Rows about the last so many days: of fewer, quantstats shows what all of them gave.
PERIODS = {
    "3M": 90,
    "6M": 181,
    "1Y": 365,
    r"3Y \(ann\.\)": 1095,
    r"5Y \(ann\.\)": 1826,
    r"10Y \(ann\.\)": 3652,
}
BENCHMARK = "#fedd78", "#e69f00"  # a line of theirs that cannot be seen on paper, and ours
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")
OUTSIDE = re.compile(r"https?:|<script|<link|<iframe|<img|\son\w+\s*=|url\((?!#)|@import", re.I)


def tear_sheet(returns: DailyPnl, benchmark: DailyPnl, *, title: str, calendar: Calendar) -> str:
    """The page as HTML; the same bytes each time. Where there is too little to draw, it says so.

    Args:
        returns: of the policy that the page is about.
        benchmark: of another policy, on the same days and capital.
        title: who is compared with whom; any text.
        calendar: how many days make a year.

    Raises:
        ValueError: the two are not of the same days, capital or currency.
    """
    if (returns.capital, returns.currency) != (benchmark.capital, benchmark.currency):
        raise ValueError(
            f"benchmark: expected the policy's capital, {returns.capital:g} {returns.currency}, "
            f"got {benchmark.capital:g} {benchmark.currency}"
        )
    if not np.array_equal(returns.days, benchmark.days):
        raise ValueError(
            f"benchmark: expected the policy's {len(returns.days)} days, got {len(benchmark.days)} "
            "that are not the same; evaluate both on the same days"
        )
    reason = _too_little(returns, "the policy") or _too_little(benchmark, "the benchmark")
    if reason:
        return render(Page(title, f"There is no tear sheet: {reason}."))
    page = _bare(_theirs(returns, benchmark, calendar))
    return _titled(_without_gaps(page, returns, calendar), returns, title)


def _too_little(pnl: DailyPnl, who: str) -> str:
    """Why there is nothing to draw; empty if there is."""
    largest = float(np.abs(pnl.returns).max())
    if len(pnl.days) < DAYS_LEAST:
        return f"it takes at least {DAYS_LEAST} days, and there are {len(pnl.days)}"
    if np.ptp(pnl.returns) == 0.0:
        return f"{who} earned the same on every day, so there is no risk to be measured"
    if largest >= 1.0:
        return f"{who} moved by {largest:.3g} times the stated capital in a day: state a larger one"
    if (1.0 + np.cumsum(pnl.returns) <= 0.0).any():
        return f"{who} lost all of the stated capital"
    return ""


def _theirs(returns: DailyPnl, benchmark: DailyPnl, calendar: Calendar) -> str:
    """The page of quantstats about a policy and a benchmark without names."""
    with _silence():
        import matplotlib as mpl
        import pandas as pd
        import quantstats
        import seaborn
        from matplotlib import pyplot

        index = pd.DatetimeIndex(returns.dates.astype("datetime64[ns]"))
        earlier = set(pyplot.get_fignums())
        with (
            mpl.rc_context(),
            _additive(quantstats.stats),
            tempfile.TemporaryDirectory() as folder,
        ):
            mpl.rcdefaults()
            seaborn.set_theme(font_scale=1.1, rc=STYLE)
            path = Path(folder, "sheet.html")
            html: Any = quantstats.reports.html
            html(
                pd.Series(returns.returns, index),
                pd.Series(benchmark.returns, index),
                title=HEADING,
                output=str(path),
                compounded=False,
                periods_per_year=calendar.days_per_year,
                match_dates=False,
                strategy_title="Policy",
                benchmark_title="Benchmark",
            )
            for number in set(pyplot.get_fignums()) - earlier:
                pyplot.close(number)
            return path.read_text("utf-8")


def _bare(page: str) -> str:
    """The page without anything from outside."""
    for pattern, text in REPLACED:
        page, count = re.subn(pattern, text.replace("\\", r"\\"), page, flags=re.DOTALL)
        if count != 1:
            raise RuntimeError(
                f"quantstats: expected {pattern!r} once in its page, found {count}; "
                "reports/tear_sheet.py was written for 0.0.86"
            )
    for pattern in DROPPED:
        page = re.sub(pattern, "", page, flags=re.DOTALL)
    page = page.replace(*BENCHMARK)
    bare = page
    for name in NAMESPACES:
        bare = bare.replace(name, "")
    found = OUTSIDE.search(bare)
    if found:
        raise RuntimeError(f"quantstats: its page has {bare[found.start() :][:60]!r}")
    return page


def _without_gaps(page: str, pnl: DailyPnl, calendar: Calendar) -> str:
    """The page without what so few days cannot show."""
    rolling = ROLLING if len(pnl.days) <= math.ceil(calendar.days_per_year / 2) else ()
    for name in (WRONG, *rolling):
        page = re.sub(rf'<div id="{name}">.*?</div>\s*', "", page, flags=re.DOTALL)
    span = int(pnl.days[-1] - pnl.days[0]) + 1
    for label, days in PERIODS.items():
        if span < days:
            page = re.sub(rf"<tr><td>{label}</td>.*?</tr>\s*", "", page)
    return page.replace("CAGR\N{SMALL PERCENT SIGN}", "CAGR")


def _titled(page: str, pnl: DailyPnl, title: str) -> str:
    """The page under our title, with a note on what its numbers are."""
    note = (
        f"Returns are the PnL of a day as a share of {pnl.capital:,.6g} {pnl.currency}, the stated "
        "capital: they are added up, not compounded. Drawdowns are shares of the equity's peak. "
        "VaR and shortfall are those of a normal distribution."
    )
    if pnl.days[0] == MONDAY.astype(np.int64):
        note += " The days are simulated ones, dated from January 1970 on."
    page = re.sub(r"<title>.*?</title>", lambda _: f"<title>{escape(title)}</title>", page, count=1)
    page = page.replace(f"<h1>{HEADING} ", f"<h1>{escape(title)} ", 1)
    return page.replace("</h4>", f"</h4>\n        <p>{escape(note)}</p>", 1)


@contextmanager
def _additive(stats: Any) -> Iterator[None]:
    """Drawdowns and two ratios of quantstats compound returns, whatever it is asked for."""
    kept = stats.comp, stats.compsum

    def total(returns: Any) -> Any:
        return returns.sum()

    def path(returns: Any) -> Any:
        return returns.cumsum()

    stats.comp, stats.compsum = total, path
    try:
        yield
    finally:
        stats.comp, stats.compsum = kept


@contextmanager
def _silence() -> Iterator[None]:
    """Warnings of libraries about each other are not for those who read the page."""
    fonts = logging.getLogger("matplotlib.font_manager")
    level = fonts.level
    fonts.setLevel(logging.ERROR + 1)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        fonts.setLevel(level)
