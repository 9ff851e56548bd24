"""From recordings to a market model: every part estimated, borrowed or fixed, and said which.

The order of things: events and their states; lives of orders; state factors and kernels by turns;
what those leave unexplained over the day (season, regimes); factors and kernels once more; marks;
then the model, checked against the events that it was fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.activity import Minutes, RegimeFit, SeasonFit, fit_regimes_of, fit_seasons
from calibration.book_parts import BookParts, fit_book_parts
from calibration.company import fit_company, with_company
from calibration.depth import shown_levels
from calibration.estimate import Caution, Estimate
from calibration.estimators.cancel_classes import CancelClasses
from calibration.estimators.hawkes import N_GROUPS, HawkesData, effective_radius, stable
from calibration.estimators.informed_flow import InformedFlowFit
from calibration.estimators.state_factors import StateFactors, fit_state_factors
from calibration.flow_events import FlowEvents, Source, read_flow, rows_of
from calibration.flow_states import NO_STATES, StateBins, choose_bins
from calibration.goodness import Goodness, goodness_of
from calibration.lifetimes import choose_classes
from calibration.rates import match_rates
from calibration.refine import fit_hidden_price, with_informed_flow
from calibration.split import Split
from rlmm_tf.kernels.flow import hawkes_exposures
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import GroupParams

Array = NDArray[np.float64]
Progress = Callable[[str], None]

DECAYS_HZ = (20000.0, 2000.0, 100.0, 8.0, 0.5, 0.03)
DECAY_RESOLUTION = 0.2  # a decay is at most this over the clock's resolution
LIMIT_ORDERS_LEAST = 200
ROUNDS = 2  # of season and regimes, each with factors and kernels anew


class TooLittleData(ValueError):
    """A recording that no market model can be fitted to."""


@dataclass(frozen=True)
class Settings:
    """What is chosen, not measured."""

    decays_hz: tuple[float, ...] = ()  # none: by the clock's resolution
    regimes: int | None = None  # None: by BIC
    season: bool = True
    state_factors: bool = True  # False: the state of the book moves nothing
    cluster_ns: int | None = None  # fills of one market order; None: by the recording's flags
    informed: bool = True  # fit the hidden price, by simulations
    match_rates: bool = True  # by simulation, so that the free run is as busy
    seed: int = 0  # of the search for regimes, and of all simulations


@dataclass(frozen=True)
class CalibratedMarket:
    """A market model, and how far each of its numbers is to be believed."""

    model: MarketModel
    estimates: dict[str, Estimate]
    goodness: Goodness
    cautions: tuple[Caution, ...]
    season_origin_s: int  # time of day (UTC) of the first season bin's start
    n_events: tuple[int, ...]  # by group
    seconds: float
    parts: Parts = field(repr=False, compare=False)
    informed: InformedFlowFit | None = None  # None: was not asked for


@dataclass(frozen=True)
class Parts:
    """Results of the estimators, for pages that show them."""

    events: FlowEvents
    bins: StateBins
    states: StateFactors
    season: SeasonFit
    regimes: RegimeFit
    minutes: Minutes
    book: BookParts


def calibrate(
    sources: Sequence[Source],
    split: Callable[[NDArray[np.int64]], Split] | None = None,
    settings: Settings | None = None,
    progress: Progress = lambda text: None,
) -> CalibratedMarket:
    """The model of the market that was recorded.

    Args:
        sources: event tables of one instrument, or their parquet files.
        split: from the times of a table's rows to what counts of it; None: all.
        settings: choices; None: the defaults.
        progress: told what is being done.

    Raises:
        EventTableError: no event tables, or of different instruments.
        TooLittleData: no model can be fitted.
    """
    settings = settings or Settings()
    progress("reading events")
    plain = read_flow(sources, split, cluster_ns=settings.cluster_ns)
    _require_enough(plain)
    decays_hz = settings.decays_hz or decays_for(plain)
    bins = choose_bins(plain) if settings.state_factors else NO_STATES
    progress("sizes, places and lives of orders")

    def reread(classes: CancelClasses) -> FlowEvents:
        return flow_of(sources, split, settings, classes)

    classes, events, of_classes = choose_classes(plain, decays_hz, reread)
    cautions = list(of_classes)
    company = fit_company(events, plain)
    events = with_company(events, plain, company.number)
    book = fit_book_parts(events, bins, plain, classes, company)
    offset = book.known_factors(events, bins)
    minutes = Minutes.of(events)
    season = SeasonFit((), 0, np.ones((3, len(minutes))), ())
    regimes = RegimeFit(None, None, np.ones((3, len(minutes))), ())
    cell = bins.cell(events)

    def fitted(factor: Array) -> StateFactors:
        data = HawkesData.of(events.t_s, events.group, decays_hz, factor, cell, bins.cells.count)
        return fit_state_factors(data, bins.cells)

    progress("kernels and state factors")
    states = fitted(offset)
    for _ in range(ROUNDS):
        progress("season and regimes")
        expected = _expected(
            events, minutes, states, cell, offset * _by_row(regimes.minute_factor, minutes)
        )
        if settings.season:
            season = fit_seasons(minutes, expected)
        expected = _expected(
            events, minutes, states, cell, offset * _by_row(season.minute_factor, minutes)
        )
        regimes = fit_regimes_of(
            events, minutes, expected, regimes=settings.regimes, seed=settings.seed
        )
        progress("kernels and state factors")
        activity = _by_row(season.minute_factor * regimes.minute_factor, minutes)
        states = fitted(offset * activity)
    parts = Parts(events, bins, states, season, regimes, minutes, book)
    market = _assembled(parts, offset, cautions)
    if settings.match_rates:
        progress("the free run")
        market = _as_busy(market, settings.seed)
    if settings.informed:
        progress("informed flow")
        market = _refined(market, sources, settings.seed)
        if settings.match_rates:  # the hidden price changes how often books are which
            progress("the free run")
            market = _as_busy(market, settings.seed)
    return market


def _as_busy(market: CalibratedMarket, seed: int) -> CalibratedMarket:
    """Left to itself, the market has as many events as the recording."""
    parts = market.parts
    rates_hz = np.reshape(market.n_events, (-1, 2)).sum(axis=1) / market.seconds
    before = market.estimates.get("rate_factor", Estimate.fixed((1.0, 1.0, 1.0))).numbers
    matched = match_rates(
        market.model,
        rates_hz.tolist(),
        seed=seed,
        levels=shown_levels(parts.events),
    )
    all_together = np.array(before) * np.array(matched.rate_factor.numbers)
    found = {
        "rate_factor": replace(matched.rate_factor, value=tuple(all_together.tolist())),
        "free_run_rate_ratio": Estimate.fixed(matched.rate_ratio),
    }
    return replace(
        market,
        model=matched.model,
        estimates=market.estimates | found,
        goodness=goodness_of(matched.model, parts.events, parts.minutes),
        cautions=(*(c for c in market.cautions if c.part != "rates"), *matched.cautions),
    )


def _refined(market: CalibratedMarket, sources: Sequence[Source], seed: int) -> CalibratedMarket:
    fit = fit_hidden_price(
        market.model,
        market.parts.events,
        [rows_of(source) for source in sources],
        season_origin_s=market.season_origin_s,
        seed=seed,
    )
    found = {
        "informed.volatility_ticks": fit.volatility_ticks,
        "informed.market_tilt": fit.market_tilt,
        "informed.limit_tilt": fit.limit_tilt,
    }
    return replace(
        market,
        model=with_informed_flow(market.model, fit),
        estimates=market.estimates | found,
        cautions=tuple(dict.fromkeys((*market.cautions, *fit.cautions))),
        informed=fit,
    )


def flow_of(
    sources: Sequence[Source],
    split: Callable[[NDArray[np.int64]], Split] | None,
    settings: Settings,
    classes: CancelClasses | None,
    company_factor: float = 1.0,
) -> FlowEvents:
    """Events with orders at risk by these hazards, as a fitted model wants them."""
    events = read_flow(
        sources,
        split,
        cluster_ns=settings.cluster_ns,
        age_weights=None if classes is None else classes.age_weights(),
        anonymous_weight=1.0 if classes is None else classes.hazards[0],
    )
    if company_factor == 1.0:
        return events
    plain = read_flow(sources, split, cluster_ns=settings.cluster_ns)
    return with_company(events, plain, company_factor)


def decays_for(events: FlowEvents) -> tuple[float, ...]:
    """Those that the recording's clock can tell."""
    kept = tuple(b for b in DECAYS_HZ if b * events.resolution_s <= DECAY_RESOLUTION)
    return kept or DECAYS_HZ[-1:]


def _require_enough(events: FlowEvents) -> None:
    group = events.group[events.counted]
    n = int(np.isin(group, (2, 3)).sum())
    if n < LIMIT_ORDERS_LEAST:
        raise TooLittleData(
            f"recording: expected at least {LIMIT_ORDERS_LEAST} limit orders in a market that is "
            f"open on both sides, got {n} in {events.seconds.sum():.0f} s; take a longer span"
        )


def _by_row(minute_factor: Array, minutes: Minutes) -> Array:
    return np.repeat(minute_factor[:, minutes.of_row], 2, axis=0)


def _expected(
    events: FlowEvents,
    minutes: Minutes,
    states: StateFactors,
    cell: NDArray[np.int32],
    given: Array,
) -> Array:
    """Events of each kind by minute under the fitted factors and kernels, [kind][minute]."""
    hawkes = states.hawkes
    exposure = hawkes_exposures(
        events.t_s, events.group, hawkes.decays_hz, given, minutes.cell(events), len(minutes)
    )
    of_baseline = given * _of_baseline(states, cell) * events.seconds
    exposure[:, :, 0] = [
        np.bincount(minutes.of_row, each, minlength=len(minutes)) for each in of_baseline
    ]
    by_group = np.einsum("gmf,gf->gm", exposure, hawkes.theta)
    return np.asarray(by_group[0::2] + by_group[1::2])


# --- the model ----------------------------------------------------------------------------------


def _assembled(parts: Parts, offset: Array, cautions: list[Caution]) -> CalibratedMarket:
    events, states, book = parts.events, parts.states, parts.book
    hawkes = states.hawkes
    activity = _by_row(parts.season.minute_factor * parts.regimes.minute_factor, parts.minutes)
    mean = np.asarray(offset * activity @ events.seconds / events.seconds.sum())
    expected = hawkes_share(parts, offset * activity)
    theta, clipped = stable(hawkes.theta, mean, expected)
    radius = effective_radius(theta, mean)
    # Of limit orders, those that are not shown come too, though they excite nothing.
    every = np.where(np.isin(np.arange(N_GROUPS), (2, 3)), 1.0 / book.shown, 1.0)[:, np.newaxis]
    theta, beyond = stable(theta * every, np.ones(N_GROUPS), expected * every)
    kernels = theta[:, 1:].reshape(N_GROUPS, -1, N_GROUPS)
    regime_values, chain = _regime_values(parts)
    model = MarketModel(
        spread_bin_ticks=parts.bins.spread_bin_ticks,
        imbalance_bin_edges=parts.bins.imbalance_edges,
        groups=_groups(parts, theta, regime_values),
        decays_hz=hawkes.decays_hz,
        excitation=tuple(kernels.transpose(1, 0, 2).ravel().tolist()),
        **book.model_fields(),
        exciting_levels=shown_levels(events),
        **_gap_fields(parts),
        **chain,
        season_bin_s=float(parts.season.bin_s),
    )
    told = [
        *cautions,
        *states.cautions,
        *parts.season.cautions,
        *parts.regimes.cautions,
        *book.cautions,
        *(each for each in (clipped, beyond) if each),
    ]
    estimates = _estimates(parts, radius)
    counts = np.bincount(events.group[events.counted], minlength=N_GROUPS)[:N_GROUPS]
    goodness = goodness_of(model, events, parts.minutes)
    return CalibratedMarket(
        model=model,
        estimates=estimates,
        goodness=goodness,
        cautions=tuple(dict.fromkeys(told)),
        season_origin_s=parts.minutes.opening_s,
        n_events=tuple(int(n) for n in counts),
        seconds=float(events.seconds.sum()),
        parts=parts,
    )


def _of_baseline(states: StateFactors, cell: NDArray[np.int32]) -> Array:
    """[group][row]; where the time does not count, anything."""
    return np.take_along_axis(states.cell_factor, np.maximum(cell, 0), axis=1)


def hawkes_share(parts: Parts, given: Array) -> Array:
    """Events expected of each group by feature, [group][feature]."""
    events, hawkes = parts.events, parts.states.hawkes
    cell = parts.bins.cell(events)
    one = np.where(cell >= 0, 0, -1).astype(np.int32)
    exposure = hawkes_exposures(events.t_s, events.group, hawkes.decays_hz, given, one, 1)
    exposure[:, 0, 0] = (given * _of_baseline(parts.states, cell)) @ events.seconds
    return np.asarray(exposure[:, 0] * hawkes.theta)


def _groups(parts: Parts, theta: Array, regime_values: Array | None) -> tuple[GroupParams, ...]:
    seasons = parts.season.seasons
    return tuple(
        GroupParams(
            baseline_hz=float(theta[g, 0]),
            state_factor=parts.states.factor[g].numbers,
            regime_factor=() if regime_values is None else tuple(regime_values[g // 2].tolist()),
            season_factor=seasons[g // 2].factor.numbers if seasons else (),
        )
        for g in range(N_GROUPS)
    )


def _regime_values(parts: Parts) -> tuple[Array | None, dict[str, Any]]:
    chain, factors = parts.regimes.regimes, parts.regimes.factors
    if chain is None or factors is None:
        return None, {}
    k = len(chain.stationary)
    rates = np.reshape(chain.switch_rates_hz.value, (k, k)).copy()
    np.fill_diagonal(rates, 0.0)
    stationary = np.array(chain.stationary)
    fields: dict[str, Any] = {
        "switch_rates_hz": tuple(tuple(row) for row in np.maximum(rates, 0.0).tolist()),
        "initial_regime_probabilities": tuple((stationary / stationary.sum()).tolist()),
    }
    return np.array([factor.value for factor in factors.factors]), fields


def _gap_fields(parts: Parts) -> dict[str, Any]:
    if len(parts.bins.gap_bin_ticks) < 2:
        return {}
    return {
        "hit_gap_bin_ticks": parts.bins.gap_bin_ticks,
        "hit_gap_factor": parts.states.hit_gap.value,
    }


def _estimates(parts: Parts, radius: float) -> dict[str, Estimate]:
    states = parts.states
    n = sum(states.hawkes.counts)
    found = {
        "baseline_hz": states.hawkes.baseline_hz,
        "excitation": states.hawkes.excitation,
        "branching_radius": Estimate.fixed(radius, "under the mean factors of the recording"),
        "hit_gap_factor": states.hit_gap,
        "decays_hz": Estimate.fixed(states.hawkes.decays_hz, f"of {n} events"),
        **{f"state_factor[{g}]": states.factor[g] for g in range(0, N_GROUPS, 2)},
        **parts.book.estimates,
    }
    for k, season in enumerate(parts.season.seasons):
        found[f"season_factor[{2 * k}]"] = season.factor
    chain, factors = parts.regimes.regimes, parts.regimes.factors
    if chain is not None and factors is not None:
        found["switch_rates_hz"] = chain.switch_rates_hz
        for k, factor in enumerate(factors.factors):
            found[f"regime_factor[{2 * k}]"] = factor
    return found
