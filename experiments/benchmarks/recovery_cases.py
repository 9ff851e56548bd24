"""Models with known parameters, each with the data it gives and the estimator that reads them.

A case draws one replication: data of a size times `scale` from its generator, and what the
estimator makes of them, as (estimate, standard error, truth) by name. Cases of choices give the
number that was chosen and the true one, without a standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from calibration.company import fit_company
from calibration.estimate import Estimate
from calibration.estimators.fill_probability import FillRate, fit_fill_rate
from calibration.estimators.garch import Garch, fit_garch
from calibration.estimators.latency import Latency, fit_latency
from calibration.estimators.markouts import Markouts, fit_markouts
from calibration.estimators.marks import fit_placement, sight_of
from calibration.estimators.queue_fills import QueueFills, fit_queue_fills
from calibration.estimators.refill import Refill, fit_refill
from calibration.estimators.regime_chain import generator_of, stationary_law
from calibration.estimators.regime_factors import RegimeFactors, fit_regime_factors
from calibration.estimators.regimes import Regimes, fit_regimes
from calibration.estimators.seasonality import Season, fit_season, smooth_basis
from calibration.estimators.spread_transitions import (
    SpreadRegime,
    SpreadTransitions,
    fit_spread_transitions,
)
from calibration.estimators.state_factors import fit_state_factors
from calibration.flow_events import read_flow
from experiments.benchmarks.recovery_states import CELLS, simulated_states
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import LimitMarks, RefillParams
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import Session, generator_hash, record
from rlmm_tf.reference_markets import cont_stoikov_talreja

Found = dict[str, tuple[float, float | None, float]]
Case = Callable[[np.random.Generator, int], Found]

BIN_S = 60.0
DAY_BINS = 390


def _known(values: float | tuple[float, ...]) -> Estimate:
    flat = np.ravel(np.asarray(values, dtype=np.float64))
    if np.ndim(values) == 0:
        return Estimate(float(flat[0]), 0.0, 1)
    return Estimate(tuple(flat.tolist()), (0.0,) * len(flat), 1)


def _compared(name: str, found: Estimate, true: Estimate) -> Found:
    """Entry by entry; entries that the truth fixes at 0 are left out."""
    if isinstance(found.value, tuple):
        errors = found.standard_error
        assert isinstance(errors, tuple)
        assert isinstance(true.value, tuple)
        entries = zip(found.value, errors, true.value, strict=True)
        return {f"{name}[{i}]": entry for i, entry in enumerate(entries) if entry[2] != 0.0}
    assert isinstance(found.standard_error, float)
    assert isinstance(true.value, float)
    return {name: (found.value, found.standard_error, true.value)}


def _season(rng: np.random.Generator, days: int, bins: int, busy: int) -> Found:
    """Counts with a speed of their own in each bin, so that they vary more than Poisson's."""
    curve = np.exp(smooth_basis(bins, periodic=False) @ np.array([0.1, 0.5, 0.6]))
    factor = _known(tuple((curve / curve.mean()).tolist()))
    true = Season(factor, "bins", 1.0, converged=True)
    watched = np.full((days, bins), busy * 23_400.0 / bins)
    speed = rng.gamma(200.0 * busy, 1 / (200.0 * busy), (days, bins))
    counts = true.simulate(watched * speed, rng.uniform(0.5, 1.5, days), rng)
    return _compared("factor", fit_season(counts, watched).factor, factor)


def season_bins(rng: np.random.Generator, scale: int) -> Found:
    """Three days, 26 free bins."""
    return _season(rng, 3 * scale, 26, 1)


def season_curve(rng: np.random.Generator, scale: int) -> Found:
    """One day, a smooth curve through 78 bins."""
    return _season(rng, 1, 78, scale)


def _true_regimes(k: int, dwell_bins: float) -> Regimes:
    move = 1 / dwell_bins / max(k - 1, 1)
    matrix = np.full((k, k), move) + (1 - k * move) * np.eye(k) if k > 1 else np.ones((1, 1))
    rates = generator_of(matrix, BIN_S)[0]
    return Regimes(
        bin_s=BIN_S,
        level=_known(tuple(1.5 * i for i in range(k))),
        deviation=_known(tuple(np.linspace(0.4, 0.6, k).tolist())),
        transition=_known(tuple(matrix.ravel().tolist())),
        switch_rates_hz=_known(tuple((rates - np.diag(np.diag(rates))).ravel().tolist())),
        dwell_s=_known((dwell_bins * BIN_S,) * k),
        stationary=tuple(stationary_law(matrix).tolist()),
        occupancy=(1 / k,) * k,
        bic=(),
        filtered=(),
        smoothed=(),
        converged=True,
    )


def _regimes(rng: np.random.Generator, scale: int, k: int) -> Found:
    """Three days of minutes, regimes that last a quarter of an hour."""
    true = _true_regimes(k, 15.0)
    days = [true.simulate(DAY_BINS, rng)[0] for _ in range(3 * scale)]
    fit = fit_regimes(days, BIN_S, regimes=k, search_reps=2)
    if fit.n_regimes != k:
        raise RuntimeError("; ".join(caution.text for caution in fit.cautions))
    found: Found = {}
    for name in ("level", "deviation", "transition", "switch_rates_hz"):
        found |= _compared(name, getattr(fit, name), getattr(true, name))
    return found


def regimes_2(rng: np.random.Generator, scale: int) -> Found:
    """Two regimes."""
    return _regimes(rng, scale, 2)


def regimes_3(rng: np.random.Generator, scale: int) -> Found:
    """Three regimes."""
    return _regimes(rng, scale, 3)


def _number(rng: np.random.Generator, scale: int, k: int) -> Found:
    days = [_true_regimes(k, 15.0).simulate(DAY_BINS, rng)[0] for _ in range(3 * scale)]
    return {"regimes": (float(fit_regimes(days, BIN_S, search_reps=2).n_regimes), None, float(k))}


def regimes_number_1(rng: np.random.Generator, scale: int) -> Found:
    """How often one regime is taken for what it is."""
    return _number(rng, scale, 1)


def regimes_number_2(rng: np.random.Generator, scale: int) -> Found:
    """How often two regimes are found."""
    return _number(rng, scale, 2)


def regimes_number_3(rng: np.random.Generator, scale: int) -> Found:
    """How often three regimes are found."""
    return _number(rng, scale, 3)


def _smoothed(series: NDArray[np.float64], true: Regimes) -> NDArray[np.float64]:
    """P(regime | the whole series) with the true parameters, by the forward-backward recursion."""
    matrix, level = true.transition_matrix(), np.array(true.level.value)
    deviation = np.array(true.deviation.value)
    density = np.exp(-0.5 * ((series[:, None] - level) / deviation) ** 2) / deviation
    ahead, back = np.empty_like(density), np.ones_like(density)
    law = np.array(true.stationary)
    for t in range(len(series)):
        law = law * density[t]
        ahead[t] = law / law.sum()
        law = ahead[t] @ matrix
    for t in range(len(series) - 2, -1, -1):
        back[t] = matrix @ (density[t + 1] * back[t + 1])
        back[t] /= back[t].sum()
    both = ahead * back
    return np.asarray(both / both.sum(axis=1, keepdims=True))


def regime_factors(rng: np.random.Generator, scale: int) -> Found:
    """Two groups in two regimes that are seen through the volatility."""
    bins = 3 * DAY_BINS * scale
    values = ((0.6, 1.4), (0.9, 1.1))
    true = RegimeFactors(tuple(_known(v) for v in values), (2.0, 0.5), converged=True)
    series, states = _true_regimes(2, 15.0).simulate(bins, rng)
    probabilities = _smoothed(series, _true_regimes(2, 15.0))
    exposure = np.full((bins, 2), 60.0)
    fit = fit_regime_factors(true.simulate(states, exposure, rng), exposure, probabilities)
    share = probabilities.mean(axis=0)  # over which the mean factor is 1
    found: Found = {}
    for g, (factor, value) in enumerate(zip(fit.factors, values, strict=True)):
        of_sample = np.array(value) / (share @ np.array(value))
        found |= _compared(f"group {g}", factor, _known(tuple(of_sample.tolist())))
    return found


def state_factors(rng: np.random.Generator, scale: int) -> Found:
    """Factors of baselines by state of the book and by gap, of flows that excite one another."""
    data, factors, of_gap = simulated_states(rng, scale)
    fit = fit_state_factors(data, CELLS)
    found = _compared("gap", fit.hit_gap, _known(tuple(of_gap.tolist())))
    for k, factor in enumerate(factors):
        found |= _compared(f"kind {k}", fit.factor[2 * k], _known(tuple(factor.tolist())))
    return found


def garch(rng: np.random.Generator, scale: int) -> Found:
    """GARCH(1,1) with t innovations, eight days of minutes."""
    true = Garch(
        omega=_known(0.04),
        alpha=_known(0.08),
        gamma=_known(0.0),
        beta=_known(0.88),
        nu=_known(6.0),
        persistence=_known(0.96),
        half_life_s=math.nan,
        scale=1.0,
        ljung_box_p=math.nan,
        ljung_box_before_p=math.nan,
        converged=True,
    )
    fit = fit_garch([true.simulate(8 * DAY_BINS * scale, rng)], BIN_S)
    found: Found = {}
    for name in ("alpha", "beta", "nu", "persistence"):
        found |= _compared(name, getattr(fit, name), getattr(true, name))
    return found


def spread_transitions(rng: np.random.Generator, scale: int) -> Found:
    """Jumps and stays of three bins."""
    jumps, stay = _known((0.0, 0.7, 0.3, 0.6, 0.0, 0.4, 0.5, 0.5, 0.0)), _known((2.0, 0.5, 1.0))
    part = SpreadRegime((), jumps, stay, (), ())
    true = SpreadTransitions((1, 2, 3), ("any",), (part,), 0, converged=True)
    ts_ns, states = true.simulate(0, 2000 * scale, rng)
    fit = fit_spread_transitions(
        ts_ns, states + 1, np.zeros_like(states), edges_ticks=(1, 2, 3), kinds=("any",)
    ).regimes[0]
    return _compared("jumps", fit.jumps, jumps) | _compared("stay_s", fit.stay_s, stay)


def _fill_rate(speeds: NDArray[np.float64], rng: np.random.Generator, *, blocks: bool) -> Found:
    true = FillRate(
        _known(0.5), _known(0.2), 1.0, 30.0, 1.0, 30.0, (), (), (), math.nan, 0, converged=True
    )
    seconds = (30.0, 20.0)
    parts = [true.simulate((s * seconds[0], s * seconds[1]), rng) for s in speeds]
    block = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    whole = (seconds[0] * len(parts), seconds[1] * len(parts))
    fit = fit_fill_rate(
        np.concatenate(parts), whole, low_x2=2, high_x2=60, block=block if blocks else None
    )
    return _compared("a_hz", fit.a_hz, true.a_hz) | _compared(
        "k_per_tick", fit.k_per_tick, true.k_per_tick
    )


def fill_rate(rng: np.random.Generator, scale: int) -> Found:
    """A exp(-k d), Poisson orders."""
    return _fill_rate(np.ones(60 * scale), rng, blocks=False)


def fill_rate_bursts(rng: np.random.Generator, scale: int) -> Found:
    """A exp(-k d), orders that come in bursts."""
    return _fill_rate(rng.gamma(4.0, 0.25, 60 * scale), rng, blocks=True)


def queue_fills(rng: np.random.Generator, scale: int) -> Found:
    """Fill probabilities at three horizons, some orders lost before."""
    value = _known((0.1, 0.4, 0.7))
    horizons = (1.0, 10.0, 60.0)
    true = QueueFills(horizons, (), (value,), 0, converged=True)
    n = 300 * scale
    waited, filled = true.simulate(n, rng)
    watched = rng.uniform(5.0, 120.0, n)
    fit = fit_queue_fills(
        np.ones(n, dtype=np.int64),
        np.minimum(waited, watched),
        filled & (waited <= watched),
        horizons_s=horizons,
        parts=1,
    )
    return _compared("probability", fit.probability[0], value)


def markouts(rng: np.random.Generator, scale: int) -> Found:
    """Mean markouts of fills that share their blocks' moves."""
    value = _known((0.5, -1.0))
    true = Markouts((1.0, 10.0), value, (), (2.0, 6.0), converged=True)
    values, block = true.simulate(40 * scale, 20, rng)
    return _compared("markout", fit_markouts(values, true.horizons_s, block).overall, value)


def latency(rng: np.random.Generator, scale: int) -> Found:
    """Shifted log-normal."""
    true = Latency(_known(1.5), _known(0.6), _known((2.0,)), (), (), 0, converged=True)
    fit = fit_latency([true.simulate(2000 * scale, rng)])
    found: Found = {}
    for name in ("mu", "sigma", "shift_ms"):
        found |= _compared(name, getattr(fit, name), getattr(true, name))
    return found


def refill(rng: np.random.Generator, scale: int) -> Found:
    """Orders right after the best price has gone, in two spreads."""
    share, back_share = _known(0.5), _known(0.4)
    true = Refill(RefillParams(share=0.5, back_share=0.4), share, back_share)
    marks = (LimitMarks(resting=(1.0,)), LimitMarks(improving=(0.1, 0.1), resting=(0.8,)))
    lost, spread_bin = rng.integers(1, 5, 1000 * scale), rng.integers(0, 2, 1000 * scale)
    fit = fit_refill(true.simulate(lost, spread_bin, marks, rng), lost, spread_bin, marks)
    return _compared("share", fit.share, share) | _compared(
        "back_share", fit.back_share, back_share
    )


def placement_in_sight(rng: np.random.Generator, scale: int) -> Found:
    """Where limit orders go, of which those far behind the best price are seen now and then."""
    n, law = 2000 * scale, np.array([0.1, 0.1, 0.3] + [0.5 / 9.0] * 9)
    away, shown = rng.choice(np.arange(-2, 10), n, p=law), rng.integers(2, 14, n)
    seen = away <= shown
    sight = sight_of(away[seen], shown[seen])
    fit = fit_placement(away[seen], np.zeros(int(seen.sum()), np.int64), (4,), sight)
    return _compared("improving_share", fit.improving_share, _known((0.2,)))


def company_factor(rng: np.random.Generator, scale: int) -> Found:
    """Few orders to a level; at the best price those in company are cancelled less often."""
    thin = cont_stoikov_talreja((1.0, 1.0, 1.0, 1.0), theta=0.8, mu=0.2)
    cancels = thin.cancels.model_copy(update={"company_factor": 0.4})
    model = thin.model_copy(update={"cancels": cancels})
    events = read_flow([_recorded(model, 2000 * scale, int(rng.integers(2**31)))])
    return _compared("company_factor", fit_company(events, events), _known(0.4))


def _recorded(model: MarketModel, seconds: int, seed: int) -> EventTable:
    market = BookMarketParams(model=model, warmup_ns=60 * NS_PER_S)
    params, duration_ns = EnvParams(market=market), seconds * NS_PER_S
    chunks = record(params, seed=seed, duration_ns=duration_ns, levels=0)
    parts = [chunk.columns(0) for chunk in chunks]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    generator = generator_hash(params, seed=seed, duration_ns=duration_ns)
    return EventTable.from_columns(columns, Session(duration_ns).metadata(generator))


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        season_bins,
        season_curve,
        regimes_2,
        regimes_3,
        regimes_number_1,
        regimes_number_2,
        regimes_number_3,
        regime_factors,
        state_factors,
        garch,
        spread_transitions,
        fill_rate,
        fill_rate_bursts,
        queue_fills,
        markouts,
        latency,
        refill,
        placement_in_sight,
        company_factor,
    )
}
