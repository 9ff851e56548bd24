"""The tear sheet: our numbers, the same bytes, nothing from outside, no markup from names."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape

import matplotlib as mpl
import numpy as np
import pytest
from markupsafe import escape

from reports import tear_sheet as module
from reports.statistics.daily import ALWAYS_OPEN, DAYS_LEAST, SESSION_6H30, DailyPnl, daily_pnl
from reports.statistics.performance import performance
from reports.tear_sheet import NAMESPACES, tear_sheet
from tests.reports.test_page import HOSTILE, tags_of

HOSTILES = [
    HOSTILE,
    "</title><script>alert(1)</script>",
    "</h1><svg onload=alert(1)>",
    "<h1>Tear sheet </h4>{{metrics}} {{title}} {% raw %}",
    "' onmouseover='alert(1)",
    '" style="background:url(https://example.org/x)',
    "javascript:alert(1)",
    "&lt;script&gt;&#x3c;script&#62;",
    "<!-- --!> <![CDATA[<script>]]>",
    "<base href=//example.org><meta http-equiv=refresh content=0>",
    r"\g<0> \1 $\frac{1}{0}$ %s %(x)s {0} {x!r}",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil\N{ZERO WIDTH SPACE}\x00\x1b[31m\n\t",
    "日本 é \N{PILE OF POO}",
    "x" * 2000,
    "",
]


def pnl_of(values: list[float] | np.ndarray, capital: float = 1e5) -> DailyPnl:
    return daily_pnl(np.arange(len(values)), values, capital=capital, currency="USD")


def played(n: int, seed: int = 1, mean: float = 300.0) -> DailyPnl:
    return pnl_of(np.random.default_rng(seed).normal(mean, 1000.0, n))


@pytest.fixture(scope="module")
def raw() -> str:
    return module._theirs(played(60), played(60, 2, 100.0), ALWAYS_OPEN)


@pytest.fixture
def from_raw(raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of quantstats take seconds: these are all the same one."""
    monkeypatch.setattr(module, "_theirs", lambda *_: raw)


def sheet(title: str = "plain") -> str:
    return tear_sheet(played(60), played(60, 2, 100.0), title=title, calendar=ALWAYS_OPEN)


def rows_of(page: str) -> dict[str, tuple[str, str]]:
    rows = re.findall(r"<tr><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td></tr>", page)
    return {unescape(name): (benchmark, policy) for name, benchmark, policy in rows}


@pytest.mark.usefixtures("from_raw")
def test_its_numbers_are_ours() -> None:
    page = sheet()
    assert "Periods/Year: 365" in page
    rows = rows_of(page)
    for place, pnl in ((1, played(60)), (0, played(60, 2, 100.0))):
        ours = performance(pnl, ALWAYS_OPEN)
        shown = {
            "Sharpe": ours.sharpe,
            "Sortino": ours.sortino,
            "Omega": ours.omega,
            "Calmar": ours.calmar,
            "Skew": ours.skewness,
            "Kurtosis": ours.excess_kurtosis,
        }
        percents = {
            "Total Return": ours.total_pnl_currency / ours.capital,
            "CAGR": ours.cagr,
            "Max Drawdown": -(ours.max_drawdown_of_peak or 0.0),
            "Volatility (ann.)": ours.volatility,
            "Best Day": ours.best_day,
            "Worst Day": ours.worst_day,
            "Win Days": ours.hit_rate,
        }
        for name, value in shown.items():
            assert float(rows[name][place]) == pytest.approx(value, abs=0.00501), name
        for name, value in percents.items():
            found = float(rows[name][place].rstrip("%").replace(",", ""))
            assert found == pytest.approx(100.0 * (value or 0.0), abs=0.00501), name


def test_the_same_bytes_and_nothing_left_behind(raw: str) -> None:
    from matplotlib import pyplot
    from quantstats import stats

    settings, drawn = dict(mpl.rcParams), pyplot.get_fignums()
    kept = stats.comp, stats.compsum, logging.getLogger("matplotlib.font_manager").level
    again = module._theirs(played(60), played(60, 2, 100.0), ALWAYS_OPEN)
    assert module._bare(again) == module._bare(raw)
    assert dict(mpl.rcParams) == settings
    assert pyplot.get_fignums() == drawn
    assert kept == (stats.comp, stats.compsum, logging.getLogger("matplotlib.font_manager").level)


@pytest.mark.usefixtures("from_raw")
def test_nothing_comes_from_outside() -> None:
    page = sheet()
    bare = page
    for name in NAMESPACES:
        bare = bare.replace(name, "")
    assert "http:" not in bare
    assert "https:" not in bare
    assert "default-src 'none'" in page
    tags = tags_of(page).seen
    names = {tag for tag, _ in tags}
    assert not names & {"script", "link", "img", "iframe", "object", "a", "base", "form"}
    assert not [key for _, attributes in tags for key in attributes if key.startswith("on")]
    links = [value for _, all_ in tags for key, value in all_.items() if key.endswith("href")]
    assert all(value is not None and value.startswith("#") for value in links)
    assert page.startswith("<!doctype html>")
    assert "dc:date" not in page


@pytest.mark.usefixtures("from_raw")
@pytest.mark.parametrize("title", HOSTILES)
def test_titles_never_become_markup(title: str) -> None:
    page = sheet(title)
    tags = tags_of(page).seen
    assert tags == tags_of(sheet()).seen
    assert f"<title>{escape(title)}</title>" in page
    assert f"<h1>{escape(title)} <" in page
    short = tear_sheet(played(3), played(3), title=title, calendar=ALWAYS_OPEN)
    plain = tear_sheet(played(3), played(3), title="plain", calendar=ALWAYS_OPEN)
    assert tags_of(short).seen == tags_of(plain).seen


@pytest.mark.usefixtures("from_raw")
def test_what_few_days_cannot_show_is_left_out(raw: str) -> None:
    page = sheet()
    assert not {"3Y (ann.)", "10Y (ann.)", "1Y", "3M"} & rows_of(page).keys()
    assert "All-time (ann.)" in rows_of(page)
    assert "simulated" not in page
    assert 'id="rolling_sharpe"' not in page
    year = module._without_gaps(raw, played(370), ALWAYS_OPEN)
    assert {"1Y", "3M"} <= rows_of(year).keys()
    assert "3Y (ann.)" not in rows_of(year)
    assert 'id="rolling_sharpe"' in year


def test_simulated_days_are_told(raw: str) -> None:
    days = SESSION_6H30.simulated_days(np.arange(60) * SESSION_6H30.session_ns)
    assert "simulated ones" in module._titled(raw, replace(played(60), days=days), "t")


@pytest.mark.parametrize(
    ("pnl", "sentence"),
    [
        (played(DAYS_LEAST - 1), f"at least {DAYS_LEAST} days, and there are {DAYS_LEAST - 1}"),
        (pnl_of(np.zeros(30)), "the policy earned the same on every day"),
        (pnl_of([-2e4] * 20 + [1.0] * 20), "the policy lost all of the stated capital"),
        (pnl_of([1e5] + [1.0] * 30), "moved by 1 times the stated capital in a day"),
    ],
)
def test_too_little_is_said_in_a_sentence(pnl: DailyPnl, sentence: str) -> None:
    other = played(len(pnl.days))
    page = tear_sheet(pnl, other, title="a & b", calendar=SESSION_6H30)
    assert sentence in page
    assert "<svg" not in page
    assert "<title>a &amp; b</title>" in page
    if "policy" in sentence:
        swapped = tear_sheet(other, pnl, title="t", calendar=SESSION_6H30)
        assert sentence.replace("policy", "benchmark") in swapped


def test_what_cannot_be_compared_is_refused() -> None:
    pnl = played(30)
    for other in (replace(pnl, capital=1.0), replace(pnl, currency="EUR")):
        with pytest.raises(ValueError, match="expected the policy's capital"):
            tear_sheet(pnl, other, title="t", calendar=SESSION_6H30)
    for other in (played(31), replace(pnl, days=pnl.days + 1)):
        with pytest.raises(ValueError, match="the same days"):
            tear_sheet(pnl, other, title="t", calendar=SESSION_6H30)


def test_another_page_of_quantstats_is_noticed(raw: str) -> None:
    with pytest.raises(RuntimeError, match=r"written for 0\.0\.86"):
        module._bare(raw.replace('onload="save()"', ""))
    for added in ("<script>", '<p onclick="x">', "https://example.org", "<img src=x>"):
        with pytest.raises(RuntimeError, match="its page has"):
            module._bare(raw.replace("<h3>", f"{added}<h3>", 1))


def test_quantstats_waits_until_it_is_needed() -> None:
    code = "import sys, reports.tear_sheet; print({'quantstats', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
