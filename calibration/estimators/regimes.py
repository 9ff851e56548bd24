"""Regimes of a market: a hidden chain behind the volatility (or the number of events) of each bin.

The series y[t], one value per bin, is log realised volatility or log count without its season:

    y[t] = level[k(t)] + deviation[k(t)] e[t],  e[t] ~ N(0, 1),  P(k(t+1) = j | k(t) = i) = P[i, j]

Maximum likelihood by statsmodels (`MarkovRegression`) on y scaled to unit variance, from starts by
quantiles and a seeded search around them. Stretches (days, or what a gap cuts) are joined without
a transition: each starts from the chain's stationary law. Regimes are numbered by rising level.
Their number has the least BIC, of those where every regime lasts and is met often enough; 1 is a
possible answer. Features must use the filtered probabilities: the smoothed ones know the future.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from calibration.estimators.regime_chain import (
    delta_errors,
    generator_of,
    simulate_chain,
    stationary_law,
)

BINS_LEAST = 100
STRETCH_LEAST = 5  # shorter ones say nothing about a chain
DWELL_BINS_LEAST = 3.0
OCCUPANCY_LEAST = 0.05
VARIANCE_LEAST = 1e-3  # of one regime, over the whole series': less is a mass point
REGIMES_MOST = 3
SEARCH_SCALE = 1.0
EM_ITERATIONS = 25

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Regimes:
    """The fitted chain, calm to wild."""

    bin_s: float
    level: Estimate  # of the series, per regime
    deviation: Estimate
    transition: Estimate  # from bin to bin, row by row
    switch_rates_hz: Estimate  # row by row, with a zero diagonal
    dwell_s: Estimate  # mean stay
    stationary: tuple[float, ...]
    occupancy: tuple[float, ...]  # mean smoothed probability
    bic: tuple[tuple[int, float], ...]  # of each number that was tried
    filtered: tuple[_Floats, ...]  # of each stretch, (bins, regimes): for features
    smoothed: tuple[_Floats, ...]  # for the page only
    converged: bool
    cautions: tuple[Caution, ...] = ()

    @property
    def n_regimes(self) -> int:
        """How many."""
        return len(self.stationary)

    def transition_matrix(self) -> _Floats:
        """The transition as a matrix."""
        return np.array(self.transition.value).reshape(self.n_regimes, self.n_regimes)

    def simulate(self, bins: int, rng: np.random.Generator) -> tuple[_Floats, NDArray[np.int64]]:
        """A series of that many bins, and its regimes."""
        states = simulate_chain(self.transition_matrix(), np.array(self.stationary), bins, rng)
        noise = rng.standard_normal(bins)
        level, deviation = np.array(self.level.value), np.array(self.deviation.value)
        return level[states] + deviation[states] * noise, states


def fit_regimes(
    stretches: Sequence[_Floats],
    bin_s: float,
    *,
    regimes: int | None = None,
    seed: int = 0,
    search_reps: int = 10,
) -> Regimes:
    """The regimes of a series without its season.

    Args:
        stretches: bins in order, a stretch for each day; NaN (no value) cuts one in two.
        bin_s: length of a bin.
        regimes: how many; None: chosen by BIC.
        seed: of the search for starts.
        search_reps: starts that are tried around the quantiles'.

    Raises:
        ValueError: no bins at all, or values that are infinite.
    """
    pieces = _pieces(stretches)
    if not pieces:
        raise ValueError(
            f"stretches: expected one of {STRETCH_LEAST} finite bins or more, got none"
        )
    series = np.concatenate(pieces)
    lengths = [len(piece) for piece in pieces]
    one = _single(series, lengths, bin_s)
    if series.std() <= 1e-12 * max(1.0, abs(float(series.mean()))):
        return _doubted(one, "regimes_constant_series", "the series is constant; one regime")
    if len(series) < BINS_LEAST:
        text = f"expected {BINS_LEAST} bins, got {len(series)}; one regime"
        return _doubted(one, "regimes_too_few_bins", text)
    if regimes == 1:
        return one
    tried = range(2, REGIMES_MOST + 1) if regimes is None else [regimes]
    fits: list[tuple[Regimes | None, str | None]] = []
    least = one.bic[0][1]
    for k in tried:
        fit, problem = _fit(series, lengths, bin_s, k, seed, search_reps)
        fits.append((fit, problem))
        if fit is None or fit.bic[0][1] >= least:
            break  # one more would not help either
        least = fit.bic[0][1]
    return _chosen(one, fits, asked=regimes is not None)


def _chosen(one: Regimes, fits: list[tuple[Regimes | None, str | None]], *, asked: bool) -> Regimes:
    """The fit with the least BIC; one regime only is an answer that has to be said."""
    sound = [fit for fit, problem in fits if fit is not None and problem is None]
    best = min([one, *sound], key=lambda fit: fit.bic[0][1])
    if asked:
        best = next((fit for fit, _ in fits if fit is not None), one)
    cautions = [
        Caution("regimes_rejected", "regimes", problem)
        for fit, problem in fits
        if problem is not None and (fit is None or fit is best or fit.bic[0][1] < best.bic[0][1])
    ]
    bics = [one.bic[0], *(fit.bic[0] for fit, _ in fits if fit is not None)]
    if best is one:
        text = "the data do not tell regimes apart; the model has one"
        cautions.append(Caution("regimes_one_only", "regimes", text))
    return _with(best, bic=tuple(sorted(bics)), cautions=(*best.cautions, *cautions))


def _with(fit: Regimes, **changes: Any) -> Regimes:
    return Regimes(**{**vars(fit), **changes})


def _doubted(fit: Regimes, code: str, text: str) -> Regimes:
    return _with(fit, cautions=(*fit.cautions, Caution(code, "regimes", text)))


def _pieces(stretches: Sequence[_Floats]) -> list[_Floats]:
    """Stretches without gaps, long enough to count."""
    pieces: list[_Floats] = []
    for i, stretch in enumerate(stretches):
        values = np.asarray(stretch, dtype=np.float64)
        if np.isinf(values).any():
            raise ValueError(
                f"stretches[{i}]: expected finite values or NaN, got {values[np.isinf(values)][0]}"
            )
        known = np.isfinite(values)
        cuts = np.flatnonzero(np.diff(known)) + 1
        pieces += [part for part in np.split(values, cuts) if np.isfinite(part).all()]
    return [piece for piece in pieces if len(piece) >= STRETCH_LEAST]


def _single(series: _Floats, lengths: list[int], bin_s: float) -> Regimes:
    """One regime: mean and deviation of the series."""
    n = len(series)
    level, deviation = float(series.mean()), float(series.std())
    log_likelihood = -0.5 * n * (math.log(2 * math.pi * max(deviation, 1e-100) ** 2) + 1)
    ones = tuple(np.ones((length, 1)) for length in lengths)
    return Regimes(
        bin_s=bin_s,
        level=Estimate((level,), (deviation / math.sqrt(n),), n),
        deviation=Estimate((deviation,), (deviation / math.sqrt(2 * n),), n),
        transition=Estimate.fixed((1.0,)),
        switch_rates_hz=Estimate.fixed((0.0,)),
        dwell_s=Estimate.fixed((math.inf,)),
        stationary=(1.0,),
        occupancy=(1.0,),
        bic=((1, -2 * log_likelihood + 2 * math.log(n)),),
        filtered=ones,
        smoothed=ones,
        converged=True,
    )


class _Joined(sm.tsa.MarkovRegression):  # type: ignore[misc] # statsmodels has no types
    """Markov regression on stretches: at the start of each, the chain is drawn anew."""

    def __init__(self, series: _Floats, lengths: list[int], k_regimes: int) -> None:
        self.starts = np.cumsum(lengths)[:-1]
        super().__init__(series, k_regimes, trend="c", switching_variance=True)

    def regime_transition_matrix(self, params: Any, exog_tvtp: Any = None) -> Any:
        """Columns are laws of the next regime; at a start all are the stationary law."""
        plain = super().regime_transition_matrix(params, exog_tvtp)
        if not len(self.starts):
            return plain
        law = self.initial_probabilities(params, plain)
        matrices = np.repeat(plain, self.nobs, axis=-1)
        matrices[:, :, self.starts] = law[:, None, None]
        return matrices

    def _em_regime_transition(self, result: Any) -> Any:
        """The expected share of moves from i to j, those into a start left out."""
        joint = result.smoothed_joint_probabilities.copy()  # [to, from, bin]
        joint[:, :, self.starts] = 0.0
        joint[:, :, 0] = 0.0
        moves = joint.sum(axis=2)
        return (moves / np.maximum(moves.sum(axis=0), 1e-12))[:-1].T


def _start(scaled: _Floats, k: int) -> _Floats:
    """Regimes that last 20 bins, with means and variances of the series between its quantiles."""
    parts = np.array_split(np.sort(scaled), k)
    move = 0.05 / (k - 1)
    stay = np.full((k, k), move) + (0.95 - move) * np.eye(k)  # [to, from]
    variances = [max(float(part.var()), 0.05) for part in parts]
    return np.concatenate([stay[:-1].ravel(), [part.mean() for part in parts], variances])


def _fit(
    series: _Floats, lengths: list[int], bin_s: float, k: int, seed: int, search_reps: int
) -> tuple[Regimes | None, str | None]:
    """The fit with k regimes, and what is wrong with it."""
    center, scale = float(series.mean()), float(series.std())
    model = _Joined((series - center) / scale, lengths, k)
    found, error = None, ""
    for em_iterations in (EM_ITERATIONS, 0):  # EM may end where no optimiser can begin
        try:
            found, covariance = _maximum(model, k, seed, search_reps, em_iterations)
            break
        except (np.linalg.LinAlgError, RuntimeError, ValueError, FloatingPointError) as problem:
            error = str(problem)
    if found is None:
        return None, f"the fit with {k} regimes failed ({error})"
    parameters = np.asarray(found.params, dtype=np.float64)
    if not np.isfinite(parameters).all() or not math.isfinite(found.llf):
        return None, f"the fit with {k} regimes ended in values that are not finite"
    fit = _result(found, parameters, covariance, lengths, bin_s, (center, scale), k)
    return fit, _problem(fit, parameters[-k:].min(), k)


def _maximum(
    model: Any, k: int, seed: int, search_reps: int, em_iterations: int
) -> tuple[Any, _Floats]:
    """The maximum of the likelihood, and the covariance of its parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # told by `converged` and by the checks of the fit
        found = model.fit(
            start_params=_start(model.endog, k),
            em_iter=em_iterations,
            search_reps=search_reps,
            search_scale=SEARCH_SCALE,
            rng=np.random.default_rng(seed),
            maxiter=200,
        )
        return found, np.asarray(found.cov_params_approx)


def _problem(fit: Regimes, variance_least: float, k: int) -> str | None:
    """What speaks against so many regimes."""
    dwell_bins = min(np.array(fit.dwell_s.value) / fit.bin_s)
    if variance_least < VARIANCE_LEAST:
        return f"one of {k} regimes holds a single value; are there bins without any move?"
    if dwell_bins < DWELL_BINS_LEAST:
        return f"one of {k} regimes lasts {dwell_bins:.2g} bins, expected {DWELL_BINS_LEAST:g}"
    if min(fit.occupancy) < OCCUPANCY_LEAST:
        return (
            f"one of {k} regimes holds {min(fit.occupancy):.1%} of the time, "
            f"expected {OCCUPANCY_LEAST:.0%}"
        )
    return None


def _matrix(transitions: _Floats, k: int, order: NDArray[np.int64]) -> _Floats:
    """Rows sum to 1, regimes in `order`, from statsmodels' [to, from] without its last row."""
    columns = transitions.reshape(k - 1, k)
    full = np.concatenate([columns, 1 - columns.sum(axis=0, keepdims=True)]).T
    return np.asarray(full[np.ix_(order, order)])


def _result(
    found: Any,
    parameters: _Floats,
    covariance: _Floats,
    lengths: list[int],
    bin_s: float,
    unit: tuple[float, float],
    k: int,
) -> Regimes:
    """Values in the series' unit, numbered by level, with standard errors by the delta method."""
    n_moves = k * (k - 1)
    order = np.argsort(parameters[n_moves : n_moves + k], kind="stable")
    center, scale = unit

    def levels(at: _Floats) -> _Floats:
        return np.asarray(center + scale * at[n_moves : n_moves + k][order])

    def deviations(at: _Floats) -> _Floats:
        return np.asarray(scale * np.sqrt(np.maximum(at[-k:], 0.0))[order])

    def transitions(at: _Floats) -> _Floats:
        return _matrix(at[:n_moves], k, order)

    by_log = generator_of(transitions(parameters), bin_s)[1]

    def rates(at: _Floats) -> _Floats:
        matrix = transitions(at)
        all_rates = generator_of(matrix, bin_s)[0] if by_log else (matrix - np.eye(k)) / bin_s
        return np.asarray(np.where(np.eye(k) == 1, 0.0, all_rates))

    def dwells(at: _Floats) -> _Floats:
        return bin_s / np.maximum(1 - np.diag(transitions(at)), 1e-12)

    n = sum(lengths)

    def estimate(function: Any) -> Estimate:
        value = function(parameters).ravel()
        errors = delta_errors(lambda at: function(at).ravel(), parameters, covariance)
        return Estimate(tuple(value.tolist()), tuple(errors.tolist()), n)

    converged = bool(found.mle_retvals["converged"])
    smoothed = np.asarray(found.smoothed_marginal_probabilities)[:, order]
    filtered = np.asarray(found.filtered_marginal_probabilities)[:, order]
    fit = Regimes(
        bin_s=bin_s,
        level=estimate(levels),
        deviation=estimate(deviations),
        transition=estimate(transitions),
        switch_rates_hz=estimate(rates),
        dwell_s=estimate(dwells),
        stationary=tuple(stationary_law(transitions(parameters)).tolist()),
        occupancy=tuple(smoothed.mean(axis=0).tolist()),
        bic=((k, 2 * n * math.log(scale) - 2 * float(found.llf) + len(parameters) * math.log(n)),),
        filtered=tuple(np.split(filtered, np.cumsum(lengths)[:-1])),
        smoothed=tuple(np.split(smoothed, np.cumsum(lengths)[:-1])),
        converged=converged,
    )
    return _cautioned(fit, by_log=by_log)


def _cautioned(fit: Regimes, *, by_log: bool) -> Regimes:
    if not fit.converged:
        fit = _doubted(fit, "regimes_not_converged", "the likelihood's maximum was not reached")
    if not by_log:
        text = "the transition matrix has no generator; rates are its first order, (P - I) / bin"
        fit = _doubted(fit, "regimes_no_generator", text)
    errors = (fit.level.standard_error, fit.transition.standard_error)
    if not all(math.isfinite(each) for error in errors for each in (error or ())):  # type: ignore[union-attr]
        text = "a transition lies at the edge of what is possible: no standard errors there"
        fit = _doubted(fit, "regimes_no_errors", text)
    return fit
