"""Stylized facts: 25 rows, each with the real number, its interval, the simulated one, a verdict.

A number passes if it is as near to the real one as its row asks, or if the two cannot be told
apart: what the recordings themselves do not pin down cannot be held against a simulator. A row
passes if all its numbers do; the more it has, the wider each may lie, so that a true model fails a
row one time in twenty. Standard errors are by leaving out blocks of time in turn (jackknife).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal

from calibration.fidelity.facts import (
    ABSOLUTE_LAGS,
    DECILES,
    FANO_S,
    KURTOSIS_S,
    RATIO_S,
    SIGN_LAGS,
    Numbers,
)

Verdict = Literal["pass", "fail", "not computable", "reported"]

_Z95 = 1.959964


@dataclass(frozen=True)
class Criterion:
    """A row: what it is about and how near its numbers have to be."""

    number: int
    fact: str
    text: str
    keys: tuple[str, ...] = ()
    absolute: float = 0.0
    relative: float = 0.0
    around_zero: bool = False  # the number itself is to be near 0
    only_reported: bool = False
    missing: str = ""  # why tables alone cannot say


@dataclass(frozen=True)
class FactNumber:
    """One number of a row."""

    name: str
    real: float
    low: float
    high: float
    simulated: float
    verdict: Verdict


@dataclass(frozen=True)
class FactRow:
    """A row of the table."""

    number: int
    fact: str
    criterion: str
    verdict: Verdict
    reason: str = ""
    numbers: tuple[FactNumber, ...] = field(default=())


def _scales(name: str, scales: tuple[float, ...], unit: str = "s") -> tuple[str, ...]:
    return tuple(f"{name}_{scale:g}{unit}" for scale in scales)


MIX = tuple(
    f"share_{kind}_{side}" for kind in ("market", "limit", "cancel") for side in ("bid", "ask")
)
CLUSTERING = tuple(f"absolute_acf_{lag}min" for lag in range(1, ABSOLUTE_LAGS + 1))
DECILE_KEYS = tuple(f"up_share_decile_{k + 1}" for k in range(DECILES))
EXPERIMENT = "it takes experiments with the simulator, with and without an order; not two tables"

CRITERIA = (
    Criterion(1, "no linear autocorrelation", "|ACF(1)| of 1-minute returns at most .05",
              ("return_acf_1min",), absolute=0.05, around_zero=True),
    Criterion(2, "mean reversion of the mid", "eta within .05", ("eta",), absolute=0.05),
    Criterion(3, "signature plot", "variance at 1, 5, 30, 60 s over that at 300 s within 15 %",
              _scales("variance_ratio", RATIO_S), relative=0.15),
    Criterion(4, "volatility level", "1-minute standard deviation within 15 %",
              ("volatility_1min_ticks",), relative=0.15),
    Criterion(5, "heavy tails, thinner with the horizon", "log excess kurtosis within .3",
              _scales("log_kurtosis", KURTOSIS_S), absolute=0.3),
    Criterion(6, "volatility clustering", "ACF of absolute 1-minute returns within .05",
              CLUSTERING, absolute=0.05),
    Criterion(7, "leverage", "reported only", ("leverage_10s",), only_reported=True),
    Criterion(8, "volume and volatility", "correlation over 5 minutes within .15",
              ("volume_volatility_correlation",), absolute=0.15),
    Criterion(9, "spread", "mean within 5 %, share of one tick within .02",
              ("spread_mean_ticks", "spread_one_tick_share"), absolute=0.02, relative=0.05),
    Criterion(10, "volume and spread", "correlation over 5 minutes within .2",
              ("volume_spread_correlation",), absolute=0.2),
    Criterion(11, "bursts", "shares below 100 us and 1 ms within 20 %",
              ("share_below_100us", "share_below_1ms"), relative=0.2),
    Criterion(12, "dispersion of counts", "Fano factor within 25 %",
              _scales("fano", FANO_S), relative=0.25),
    Criterion(13, "long memory of order signs", "C(1) and C(10) within .1",
              tuple(f"sign_acf_{lag}" for lag in SIGN_LAGS), absolute=0.1),
    Criterion(14, "event mix", "each share within .01 or 5 %", MIX, absolute=0.01, relative=0.05),
    Criterion(15, "sizes", "L1 at most .10; shares of round lots and whole queues within .03",
              ("limit_size_l1", "market_size_l1", "limit_round_share", "market_round_share",
               "market_whole_queue_share"), absolute=0.03),
    Criterion(16, "depth profile", "mean of each level within 15 %", ("depth",), relative=0.15),
    Criterion(17, "lifetimes", "L1 of the time to cancel at most .15",
              ("time_to_cancel_l1",), absolute=0.15),
    Criterion(18, "fill ratio", "filled share at and behind the touch within 10 %",
              ("filled_share_touch", "filled_share_behind"), relative=0.10),
    Criterion(19, "price response of six events", "error at most 1.5 noise floors",
              ("response_floors",), absolute=1.5),
    Criterion(20, "imbalance predicts the next move", "P(up) of each decile within .03",
              DECILE_KEYS, absolute=0.03),
    Criterion(21, "order flow moves the price", "slope over 10 s within 20 %, R^2 within .1",
              ("ofi_beta", "ofi_r2"), relative=0.2),
    Criterion(22, "metaorders", "exponent .4 to .7, relaxation 40 to 80 %", missing=EXPERIMENT),
    Criterion(23, "course of the day", "correlation of 15-minute bins at least .9",
              missing="a mean course of the day takes at least five days of both"),
    Criterion(24, "regimes last", "ratios of volatilities within 15 %, dwell times within 30 %",
              missing="regimes are fitted by `rlmm calibrate`; its page compares them"),
    Criterion(25, "a free run stays put", "no empty side, spread above 10 medians below 1e-4",
              ("one_sided_share", "spread_wide_share"), absolute=1e-4, around_zero=True),
)  # fmt: skip

# Distances from the real sample: their real value is 0, each with its own limit.
LIMITS = {"limit_size_l1": 0.10, "market_size_l1": 0.10}
ABSOLUTE = {"ofi_r2": 0.1}
FREE_RUN_S = 4 * 3600.0


@dataclass(frozen=True)
class Measured:
    """Numbers by name, with their standard errors; NaN: not known."""

    values: Numbers
    errors: Numbers


def facts_table(
    real: Measured, simulated: Measured, *, why_missing: Mapping[str, str]
) -> tuple[FactRow, ...]:
    """The 25 rows.

    Args:
        real: numbers of the recording; of distances, 0.
        simulated: the same numbers of the simulation.
        why_missing: the reason for numbers that cannot be computed, by name.
    """
    return tuple(_row(criterion, real, simulated, why_missing) for criterion in CRITERIA)


def _row(
    criterion: Criterion, real: Measured, simulated: Measured, why_missing: Mapping[str, str]
) -> FactRow:
    keys = criterion.keys
    if keys == ("depth",):
        keys = tuple(name for name in real.values if name.startswith("depth_"))
    keys = tuple(key for key in keys if key in real.values)
    z = NormalDist().inv_cdf(1.0 - 0.025 / max(len(keys), 1))
    numbers = tuple(_number(criterion, key, real, simulated, z) for key in keys)
    verdicts = {number.verdict for number in numbers} - {"not computable"}
    reason = criterion.missing
    if not verdicts:
        reasons = [why_missing[key] for key in criterion.keys if why_missing.get(key)]
        reason = reason or (reasons[0] if reasons else "too little data to tell")
    verdict: Verdict = "pass"
    if reason:
        verdict = "not computable"
    elif criterion.only_reported:
        verdict = "reported"
    elif "fail" in verdicts:
        verdict = "fail"
    return FactRow(criterion.number, criterion.fact, criterion.text, verdict, reason, numbers)


def _number(
    criterion: Criterion, key: str, real: Measured, simulated: Measured, z: float
) -> FactNumber:
    value, got = real.values[key], simulated.values.get(key, math.nan)
    error, other = (part.errors.get(key, math.nan) for part in (real, simulated))
    low, high = value - _Z95 * error, value + _Z95 * error
    if not (math.isfinite(value) and math.isfinite(got)):
        return FactNumber(key, value, low, high, got, "not computable")
    if criterion.only_reported:
        return FactNumber(key, value, low, high, got, "reported")
    target = 0.0 if criterion.around_zero else value
    absolute = LIMITS.get(key, ABSOLUTE.get(key, criterion.absolute))
    near = abs(got - target) <= max(absolute, criterion.relative * abs(target))
    same = abs(got - value) <= z * math.hypot(error, other)  # false with an error that is NaN
    return FactNumber(key, value, low, high, got, "pass" if near or same else "fail")


def count(rows: tuple[FactRow, ...], verdict: Verdict) -> int:
    """How many rows have it."""
    return sum(row.verdict == verdict for row in rows)
