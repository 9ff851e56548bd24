"""Self- and cross-excitation of the six groups of events, with decays that all of them share.

The intensity of group g is

    lambda_g(t) = A_g(t) [ f_g(t) mu_g + sum_p sum_h a^p_gh b_p X_ph(t) ]
    X_ph(t) = sum_k exp(-b_p (t - t_k))

over the past events t_k of group h. Both factors are given: A_g, of all of it, is that of season,
regime and orders at risk; f_g, of the baseline alone, that of the state of the book. With
theta_g = (mu_g, a_g) and features phi = (f_g, b_p X_ph) the log-likelihood of group g is

    sum over its events i of [log A_g(t_i) + log(theta_g . phi(t_i-))] - theta_g . c_g,
    c_g = integral of A_g phi dt,

concave in theta_g >= 0, and maximised exactly: some EM steps, then Newton's method on the
coordinates that are not held at 0. Standard errors are from the observed information.

Symmetric fits hold group 2 k + 1 to be the mirror image of group 2 k: half as many parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from rlmm_tf.kernels.flow import hawkes_exposures, hawkes_features, hawkes_residuals
from rlmm_tf.market_model import BRANCHING_RADIUS_MAX
from rlmm_tf.market_parts import GROUPS

N_GROUPS = len(GROUPS)
LEAST_EVENTS = 50  # of a kind; with fewer it only gets a baseline
EM_STEPS, NEWTON_STEPS = 12, 60
TOLERANCE = 1e-9  # of the log-likelihood per event, by Newton's decrement

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HawkesData:
    """Sufficient statistics of rows, computed once.

    They serve any factor of the cells: it multiplies feature 0, the baseline's.
    """

    decays_hz: tuple[float, ...]
    features: tuple[Array, ...]  # by group: [counted event][feature]
    event_cell: tuple[NDArray[np.int32], ...]  # by group: where the event happened
    exposure: Array  # [group][cell][feature]
    log_offset: Array  # by group: sum of log given factor over its counted events

    @classmethod
    def of(
        cls,
        t_s: Array,
        group: NDArray[np.uint8],
        decays_hz: Sequence[float],
        offset: Array,
        cell: NDArray[np.int32],
        cells: int,
    ) -> HawkesData:
        """From rows: events, and others that only change what holds after them.

        Args:
            t_s: times, rising.
            group: of the row; from 6 up: no event.
            decays_hz: shared by all kernels.
            offset: known factors of whole intensities, [group][row], from the row to the next.
            cell: of the time from a row to the next, [group][row]; below 0: does not count.
            cells: how many there are.
        """
        exposure = hawkes_exposures(t_s, group, decays_hz, offset, cell, cells)
        features, places, logs = [], [], []
        for g in range(N_GROUPS):
            before = np.concatenate([[-1], cell[g, :-1]]).astype(np.int32)
            wanted = (group == g) & (before >= 0)
            at = np.flatnonzero(wanted)
            given = offset[g, at - 1]
            possible = given > 0.0  # what cannot happen by its factors says nothing of kernels
            wanted[at[~possible]] = False
            features.append(hawkes_features(t_s, group, decays_hz, wanted))
            places.append(before[wanted])
            logs.append(float(np.log(given[possible]).sum()))
        return cls(tuple(decays_hz), tuple(features), tuple(places), exposure, np.array(logs))

    @property
    def counts(self) -> NDArray[np.int64]:
        """Events of each group."""
        return np.array([len(each) for each in self.features], np.int64)

    def exposure_of(self, factor: Array) -> Array:
        """[group][feature] under factors of the baseline, [group][cell]."""
        summed = self.exposure.sum(axis=1)
        summed[:, 0] = (self.exposure[:, :, 0] * factor).sum(axis=1)
        return np.asarray(summed)

    def excitation(self, theta: Array, group: int) -> Array:
        """What past events add to the bracket at each event of the group."""
        return np.asarray(self.features[group][:, 1:] @ theta[group, 1:])

    def mirror(self) -> NDArray[np.int64]:
        """Where each feature stands when bid and ask are exchanged."""
        width = 1 + len(self.decays_hz) * N_GROUPS
        return np.array([0] + [1 + ((k - 1) ^ 1) for k in range(1, width)], np.int64)

    def log_likelihood(self, theta: Array, factor: Array) -> Array:
        """By group; `factor` is that of the baseline, [group][cell]."""
        expected = np.sum(self.exposure_of(factor) * theta, axis=1)
        logs = []
        for g in range(N_GROUPS):
            baseline = theta[g, 0] * factor[g][self.event_cell[g]]
            logs.append(float(np.log(baseline + self.excitation(theta, g)).sum()))
        return np.asarray(np.array(logs) + self.log_offset - expected)


@dataclass(frozen=True)
class HawkesFit:
    """Baselines and kernels: theta is [group][feature], as in `HawkesData`."""

    decays_hz: tuple[float, ...]
    theta: Array
    theta_se: Array
    counts: tuple[int, ...]
    log_likelihood: float
    poisson_log_likelihood: float
    converged: bool
    cautions: tuple[Caution, ...] = ()

    @property
    def baseline_hz(self) -> Estimate:
        """By group."""
        return Estimate(_tuple(self.theta[:, 0]), _tuple(self.theta_se[:, 0]), sum(self.counts))

    @property
    def excitation(self) -> Estimate:
        """[decay][target][source], row major, as the market model has it."""
        return Estimate(
            _tuple(_excitation(self.theta)), _tuple(_excitation(self.theta_se)), sum(self.counts)
        )

    @property
    def gain_per_event(self) -> float:
        """Nats over homogeneous Poisson flows."""
        gain = self.log_likelihood - self.poisson_log_likelihood
        return gain / max(sum(self.counts), 1)


def fit_hawkes(
    data: HawkesData,
    factor: Array | None = None,
    *,
    symmetric: bool = True,
    start: Array | None = None,
) -> HawkesFit:
    """The parameters of greatest likelihood.

    Args:
        data: from `HawkesData.of`.
        factor: of the baseline in each cell, [group][cell]; None: 1.
        symmetric: the two sides share their parameters.
        start: a guess, [group][feature].
    """
    cells = data.exposure.shape[1]
    factor = np.ones((N_GROUPS, cells)) if factor is None else factor
    exposure = data.exposure_of(factor)
    mirror, width = data.mirror(), data.exposure.shape[2]
    theta, errors = np.zeros((N_GROUPS, width)), np.zeros((N_GROUPS, width))
    cautions: list[Caution] = []
    converged = True
    members: list[tuple[int, ...]] = [(2 * k, 2 * k + 1) for k in range(N_GROUPS // 2)]
    if not symmetric:
        members = [(g,) for g in range(N_GROUPS)]
    for groups in members:
        parts = [
            (data.features[g], exposure[g])
            if g == groups[0]
            else (data.features[g][:, mirror], exposure[g][mirror])
            for g in groups
        ]
        features = np.concatenate([part[0] for part in parts])
        features[:, 0] = np.concatenate([factor[g][data.event_cell[g]] for g in groups])
        summed = np.sum([part[1] for part in parts], axis=0)
        guess = None if start is None else start[groups[0]]
        best = maximise(features, summed, guess)
        name = GROUPS[groups[0]]
        if len(features) < LEAST_EVENTS:
            cautions.append(_few(name, len(features)))
        if not best.converged:
            converged = False
            cautions.append(_not_converged(name))
        for g in groups:
            order = np.arange(width) if g == groups[0] else mirror
            theta[g], errors[g] = best.theta[order], best.standard_error[order]
    counts = data.counts
    return HawkesFit(
        decays_hz=data.decays_hz,
        theta=theta,
        theta_se=errors,
        counts=tuple(int(n) for n in counts),
        log_likelihood=_log_likelihood(data, theta, factor),
        poisson_log_likelihood=poisson_log_likelihood(counts, data.exposure[:, :, 0].sum(axis=1)),
        converged=converged,
        cautions=tuple(cautions),
    )


@dataclass(frozen=True)
class Maximum:
    """Where the likelihood of one group is greatest."""

    theta: Array
    standard_error: Array
    converged: bool


def maximise(features: Array, exposure: Array, start: Array | None = None) -> Maximum:
    """Greatest sum of log(features . theta) - exposure . theta over theta >= 0.

    With fewer than `LEAST_EVENTS` events only the first feature, the baseline, is used. Features
    without exposure are held at 0.
    """
    n, width = features.shape
    usable = exposure > 0.0
    if n < LEAST_EVENTS:
        usable[1:] = False
    theta, errors = np.zeros(width), np.zeros(width)
    at = np.flatnonzero(usable)
    if n == 0 or len(at) == 0:
        return Maximum(theta, errors, converged=True)
    # In expected events: of one size, so that the steps are well scaled.
    scaled = features[:, at] / exposure[at]
    shares = np.full(len(at), n / len(at))
    if start is not None and np.all(start[at] * exposure[at] >= 0.0) and start[0] > 0.0:
        shares = np.maximum(start[at] * exposure[at], 1e-6 * n)
    for _ in range(EM_STEPS):
        shares = shares * (scaled.T @ (1.0 / (scaled @ shares)))
    shares, converged = _newton(scaled, shares)
    theta[at] = shares / exposure[at]
    errors[at] = _standard_errors(scaled, shares) / exposure[at]
    return Maximum(theta, errors, converged)


def _newton(scaled: Array, shares: Array) -> tuple[Array, bool]:
    n = len(scaled)
    intensity = scaled @ shares
    value = float(np.log(intensity).sum() - shares.sum())
    for _ in range(NEWTON_STEPS):
        weighted = scaled / intensity[:, np.newaxis]
        slope = weighted.sum(axis=0) - 1.0
        shares = np.where((shares < 1e-9 * n) & (slope <= 0.0), 0.0, shares)
        free = (shares > 0.0) | (slope > 0.0)
        information = weighted[:, free].T @ weighted[:, free]
        ridge = 1e-12 * np.trace(information) / max(int(free.sum()), 1)
        step = np.zeros_like(shares)
        step[free] = np.linalg.solve(information + ridge * np.eye(int(free.sum())), slope[free])
        if float(slope @ step) < TOLERANCE * n:
            return shares, True
        length = 1.0
        for _halving in range(40):
            tried = np.maximum(shares + length * step, 0.0)
            of_tried = scaled @ tried
            if of_tried.min() > 0.0:
                tried_value = float(np.log(of_tried).sum() - tried.sum())
                if tried_value > value:
                    break
            length *= 0.5
        else:  # flat to the last bit, or against a corner: let EM move on
            tried = shares * (scaled.T @ (1.0 / intensity))
            of_tried = scaled @ tried
            tried_value = float(np.log(of_tried).sum() - tried.sum())
            if tried_value - value < TOLERANCE * n:
                return tried, True
        shares, intensity, value = tried, of_tried, tried_value
    return shares, False


def _standard_errors(scaled: Array, shares: Array) -> Array:
    """Of coordinates at 0: as if they alone were unknown, the distance they could be away."""
    weighted = scaled / (scaled @ shares)[:, np.newaxis]
    information = weighted.T @ weighted
    free = shares > 0.0
    errors = 1.0 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    inverse = np.linalg.pinv(information[np.ix_(free, free)], hermitian=True)
    errors[free] = np.sqrt(np.maximum(np.diag(inverse), 0.0))
    return errors


def poisson_log_likelihood(counts: Sequence[int] | NDArray[np.int64], exposure: Array) -> float:
    """Of homogeneous flows with their own rates; `exposure` is that of each group's rate."""
    n = np.asarray(counts, np.float64)
    some = (n > 0.0) & (exposure > 0.0)
    return float(np.sum(n[some] * np.log(n[some] / exposure[some]) - n[some]))


def _log_likelihood(data: HawkesData, theta: Array, factor: Array) -> float:
    with np.errstate(divide="ignore"):
        return float(data.log_likelihood(theta, factor).sum())


def effective_radius(theta: Array, mean_factor: Array) -> float:
    """Events begotten by one event, under the mean factor of each group's whole intensity."""
    kernels = theta[:, 1:].reshape(N_GROUPS, -1, N_GROUPS).sum(axis=1)
    return float(np.abs(np.linalg.eigvals(kernels * mean_factor[:, np.newaxis])).max())


def stable(theta: Array, mean_factor: Array, expected_share: Array) -> tuple[Array, Caution | None]:
    """Kernels scaled down to the greatest radius allowed, baselines raised to keep the rates.

    Args:
        theta: [group][feature].
        mean_factor: of each group, over the time.
        expected_share: of each group's expected events, [group][feature].
    """
    radius = effective_radius(theta, mean_factor)
    if radius <= BRANCHING_RADIUS_MAX:
        return theta, None
    scale = 0.999 * BRANCHING_RADIUS_MAX / radius
    clipped = theta.copy()
    clipped[:, 1:] *= scale
    lost = (1.0 - scale) * expected_share[:, 1:].sum(axis=1)
    unit = np.where(theta[:, 0] > 0.0, expected_share[:, 0] / np.maximum(theta[:, 0], 1e-300), 0.0)
    clipped[:, 0] += np.where(unit > 0.0, lost / np.maximum(unit, 1e-300), 0.0)
    text = (
        f"expected a branching radius of at most {BRANCHING_RADIUS_MAX}, got {radius:.3f}; kernels "
        f"were scaled by {scale:.3f} and baselines raised"
    )
    return clipped, Caution("explosive_kernels", "hawkes", text)


# --- goodness of fit ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Residuals:
    """Time-rescaled waits of one group: Exp(1) and independent if the model is right."""

    group: str
    n: int
    ks: float  # greatest distance from the exponential law; a p-value would always be 0
    acf_1: float
    dispersion: float  # variance


def residuals_of(
    t_s: Array,
    group: NDArray[np.uint8],
    decays_hz: Sequence[float],
    factor: Array,
    of_baseline: Array,
    cell: NDArray[np.int32],
    theta: Array,
    counted: NDArray[np.bool_],
) -> tuple[Residuals, ...]:
    """By group; `factor` is that of each row's whole intensity, `of_baseline` of its baseline."""
    waits = hawkes_residuals(t_s, group, decays_hz, factor, of_baseline, cell, theta)
    return tuple(_residuals(GROUPS[g], waits[counted & (group == g)][1:]) for g in range(N_GROUPS))


def _residuals(name: str, waits: Array) -> Residuals:
    n = len(waits)
    if n < 2:
        return Residuals(name, n, float("nan"), float("nan"), float("nan"))
    law = -np.expm1(-np.sort(waits))
    steps = np.arange(n + 1) / n
    ks = float(max((law - steps[:-1]).max(), (steps[1:] - law).max()))
    uniform = -np.expm1(-waits)
    centred = uniform - uniform.mean()
    spread = float(centred @ centred)
    acf = float(centred[1:] @ centred[:-1]) / spread if spread > 0.0 else float("nan")
    return Residuals(name, n, ks, acf, float(waits.var()))


def _excitation(theta: Array) -> Array:
    kernels = theta[:, 1:].reshape(N_GROUPS, -1, N_GROUPS)
    return kernels.transpose(1, 0, 2).ravel()


def _tuple(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _few(name: str, n: int) -> Caution:
    text = f"{name} and its mirror: expected at least {LEAST_EVENTS} events, got {n}; no kernels"
    return Caution("few_events", "hawkes", text)


def _not_converged(name: str) -> Caution:
    text = f"{name}: expected a maximum within {NEWTON_STEPS} steps, got none; the last is used"
    return Caution("not_converged", "hawkes", text)
