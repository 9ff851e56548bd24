"""What makes a market busier at some times than at others: season and regimes, minute by minute.

Both multiply the whole bracket of an intensity, its memory of past events included, so what they
are compared with is the number of events that the model expects without them, not the seconds.
Both sides of a kind of events share their factors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution
from calibration.estimators.regime_factors import RegimeFactors, fit_regime_factors
from calibration.estimators.regimes import STRETCH_LEAST, Regimes, fit_regimes
from calibration.estimators.seasonality import Season, fit_season, log_curve
from calibration.flow_events import N_GROUPS, FlowEvents
from calibration.sessions import alive, mid_ticks, session_end_ns
from rlmm_tf.fields import NS_PER_S

DAY_NS = 86_400 * NS_PER_S
MINUTE_S = 60
SEASON_BINS_S = (300, 600, 900, 1200, 1800, 3600)
SEASON_DAYS_LEAST = 2
WATCHED_LEAST = 0.02  # of a bin of the season, on some day
ALWAYS_OPEN_S = 20 * 3600  # a day watched this long is one of a market that never closes
VOLATILITY_SEASON_S = 1800
SAMPLE_S = 5  # of the mid: oftener, the flicker of quotes would hide the regimes
KINDS = ("market orders", "limit orders", "cancels")

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Minutes:
    """Minutes of the clock in which anything was recorded, table by table."""

    of_row: Ints  # where the time after each row counts
    table: Ints
    number: Ints  # since 1970
    day: Ints  # rank of the UTC day
    since_s: Array  # opening of the day; of a market that never closes, midnight
    seconds: Array  # that count
    whole: NDArray[np.bool_]  # in one session from end to end
    seen: Ints  # [kind][minute]: events that count
    opening_s: int  # of the first day, since midnight UTC; 0 if it never closes
    session_s: float  # the longest day
    periodic: bool

    @classmethod
    def of(cls, events: FlowEvents) -> Minutes:
        """Of all rows."""
        keys = np.stack([events.table, events.ts_ns // (MINUTE_S * NS_PER_S)])
        (table, number), of_row = np.unique(keys, axis=1, return_inverse=True)
        of_row = of_row.ravel()
        day = np.unique(number // 1440, return_inverse=True)[1]
        of_day = number % 1440
        first = np.array([of_day[day == d].min() for d in range(int(day.max()) + 1)])
        last = np.array([of_day[day == d].max() for d in range(int(day.max()) + 1)])
        periodic = bool((last + 1 - first).max() * MINUTE_S >= ALWAYS_OPEN_S)
        opening = np.zeros_like(first) if periodic else first
        seen = np.zeros((len(KINDS), len(number)), np.int64)
        rows = np.flatnonzero(events.counted)  # an event belongs to the time before it
        np.add.at(seen, (events.group[rows] // 2, of_row[rows - 1]), 1)
        return cls(
            of_row=of_row,
            table=table,
            number=number,
            day=day,
            since_s=(of_day - opening[day]) * float(MINUTE_S),
            seconds=np.asarray(
                np.bincount(of_row, weights=events.seconds, minlength=len(number)), np.float64
            ),
            whole=_whole(events, table, number),
            seen=seen,
            opening_s=int(opening[0]) * MINUTE_S,
            session_s=86_400.0 if periodic else float((last + 1 - first).max() * MINUTE_S),
            periodic=periodic,
        )

    def __len__(self) -> int:
        return len(self.number)

    def cell(self, events: FlowEvents) -> NDArray[np.int32]:
        """For exposures by minute: [group][row]."""
        at = np.where(events.counts, self.of_row, -1).astype(np.int32)
        return np.ascontiguousarray(np.broadcast_to(at, (N_GROUPS, len(at))))


def _whole(events: FlowEvents, table: Ints, number: Ints) -> NDArray[np.bool_]:
    """Minutes that begin and end in one session."""
    whole = np.zeros(len(number), np.bool_)
    end_ns, open_ = session_end_ns(events), alive(events)
    for each in np.unique(table):
        rows, mine = np.flatnonzero(events.table == each), np.flatnonzero(table == each)
        begins_ns = number[mine] * (MINUTE_S * NS_PER_S)
        at = rows[np.maximum(np.searchsorted(events.ts_ns[rows], begins_ns, side="right") - 1, 0)]
        known = begins_ns >= events.ts_ns[rows[0]]
        lasts = end_ns[at] >= begins_ns + MINUTE_S * NS_PER_S
        whole[mine] = known & open_[at] & lasts
    return whole


@dataclass(frozen=True)
class SeasonFit:
    """Seasons by kind; none: they cannot be told."""

    seasons: tuple[Season, ...]
    bin_s: int
    minute_factor: Array  # [kind][minute]
    cautions: tuple[Caution, ...]


def fit_seasons(minutes: Minutes, expected: Array) -> SeasonFit:
    """From the events expected without a season, [kind][minute]."""
    days = int(minutes.day.max()) + 1
    if days < SEASON_DAYS_LEAST:
        text = (
            f"expected {SEASON_DAYS_LEAST} days, got {days}: one day cannot tell a season from "
            "what that day did; no season"
        )
        return _no_season(minutes, "season_of_one_day", text)
    for bin_s in SEASON_BINS_S:
        bins = max(1, int(np.ceil(minutes.session_s / bin_s)))
        at = np.minimum((minutes.since_s / bin_s).astype(np.int64), bins - 1)
        watched = _summed(minutes.seconds, minutes.day, at, days, bins)
        if watched.max(axis=0).min() > WATCHED_LEAST * bin_s:
            break
    else:
        bins = 1
    if bins < 2:
        text = "expected each of several bins of the session to be watched on some day; no season"
        return _no_season(minutes, "season_not_watched", text)
    seasons = []
    for k, name in enumerate(KINDS):
        seen = _summed(minutes.seen[k], minutes.day, at, days, bins).astype(np.int64)
        due = _summed(expected[k], minutes.day, at, days, bins)
        usable = seen.sum(axis=1) > 0
        if not usable.any() or due[usable].max(axis=0).min() <= 0.0:
            return _no_season(minutes, "season_few_events", f"{name}: too few for a season")
        seen = np.where(due > 0.0, seen, 0)
        seasons.append(
            fit_season(
                seen[usable], due[usable], periodic=minutes.periodic, part=f"season of {name}"
            )
        )
    factor = np.array([np.array(season.factor.value)[at] for season in seasons])
    cautions = tuple(caution for season in seasons for caution in season.cautions)
    return SeasonFit(tuple(seasons), bin_s, factor, cautions)


def _no_season(minutes: Minutes, code: str, text: str) -> SeasonFit:
    factor = np.ones((len(KINDS), len(minutes)))
    return SeasonFit((), 0, factor, (Caution(code, "season", text),))


def _summed(values: Array | Ints, day: Ints, at: Ints, days: int, bins: int) -> Array:
    sums = np.zeros((days, bins))
    np.add.at(sums, (day, at), values)
    return sums


@dataclass(frozen=True)
class RegimeFit:
    """The chain and its factors by kind; none: there is one regime."""

    regimes: Regimes | None
    factors: RegimeFactors | None
    minute_factor: Array  # [kind][minute]: the mean factor
    cautions: tuple[Caution, ...]


def fit_regimes_of(
    events: FlowEvents, minutes: Minutes, expected: Array, *, regimes: int | None, seed: int
) -> RegimeFit:
    """From realised volatility by the minute, and the events expected without regimes."""
    one = np.ones((len(KINDS), len(minutes)))
    kept, starts = whole_minutes(minutes)
    if regimes == 1 or not kept.any():
        text = f"expected stretches of {STRETCH_LEAST} whole minutes, got none; one regime"
        cautions = () if regimes == 1 else (Caution("one_regime", "regimes", text),)
        return RegimeFit(None, None, one, cautions)
    series = _log_volatility(events, minutes)[kept]
    series -= _volatility_season(series, minutes.since_s[kept], minutes)
    pieces = np.split(series, np.flatnonzero(starts[kept])[1:])
    chain = fit_regimes(pieces, float(MINUTE_S), regimes=regimes, seed=seed)
    if len(chain.stationary) < 2:
        return RegimeFit(chain, None, one, chain.cautions)
    probabilities = np.concatenate(chain.smoothed)
    factors = fit_regime_factors(minutes.seen[:, kept].T, expected[:, kept].T, probabilities)
    values = np.array([factor.value for factor in factors.factors])
    one[:, kept] = values @ probabilities.T
    return RegimeFit(chain, factors, one, (*chain.cautions, *factors.cautions))


def whole_minutes(minutes: Minutes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Minutes in long enough runs of whole ones, and where runs begin."""
    whole = minutes.whole
    follows = np.zeros(len(minutes), np.bool_)
    follows[1:] = (np.diff(minutes.number) == 1) & (np.diff(minutes.table) == 0) & whole[:-1]
    starts = whole & ~follows
    run = np.cumsum(starts) - 1
    lengths = np.bincount(run[whole], minlength=len(minutes))
    kept = whole & (lengths[np.maximum(run, 0)] >= STRETCH_LEAST)
    return kept, starts & kept


def _log_volatility(events: FlowEvents, minutes: Minutes) -> Array:
    """Log of the root of summed squared moves over a few seconds each."""
    slots = events.ts_ns // (SAMPLE_S * NS_PER_S)
    last = np.flatnonzero(np.append(np.diff(slots) != 0, True))  # state at the end of a slot
    session = np.cumsum(~alive(events))[last]
    mid = mid_ticks(events)[last]
    moves = np.diff(mid, prepend=np.nan) ** 2
    moves[(np.diff(session, prepend=-1) != 0) | ~np.isfinite(moves)] = 0.0
    variance = np.bincount(minutes.of_row[last], weights=moves, minlength=len(minutes))
    return np.asarray(0.5 * np.log(variance + 0.25))  # finite where nothing moved


def _volatility_season(series: Array, since_s: Array, minutes: Minutes) -> Array:
    bins = max(1, int(np.ceil(minutes.session_s / VOLATILITY_SEASON_S)))
    at = np.minimum((since_s / VOLATILITY_SEASON_S).astype(np.int64), bins - 1)
    seen = np.bincount(at, minlength=bins)
    if (seen > 0).sum() < 8:  # a curve has up to four parameters
        return np.zeros_like(series)
    mean = np.bincount(at, weights=series, minlength=bins) / np.where(seen > 0, seen, np.nan)
    return np.asarray(log_curve(mean[np.newaxis], periodic=minutes.periodic)[at])
