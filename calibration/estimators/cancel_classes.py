"""Orders that flicker and orders that wait: two cancel hazards, from how long orders live.

An order is of the flickering class with probability q_place, where it came (better than the own
best price, at it, behind it), and is cancelled at the constant rate r_f or r_p of its class. A life
of u seconds contributes

    cancelled:            q r_f exp(-r_f u) + (1 - q) r_p exp(-r_p u)
    filled or lost sight: q exp(-r_f u) + (1 - q) exp(-r_p u)         (censored)

to the likelihood, which EM maximises; standard errors are from the observed information. What the
market model needs of it is the ratio of the hazards: their level is that of the group's intensity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.estimate import Caution, Estimate
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.flow import AGE_BINS, PLACES

Array = NDArray[np.float64]

LEAST_CANCELS = 200
LEAST_OF_PLACE = 20
EM_STEPS = 2000
TOLERANCE = 1e-8  # of the log-likelihood per life
# Closer than this, two hazards are one.
RATIO_LEAST = 1.5


@dataclass(frozen=True)
class CancelClasses:
    """Rates per second of the two classes, and the flickering share by place."""

    flickering_hz: Estimate
    patient_hz: Estimate
    flickering_share: Estimate  # by place, as in PLACES
    log_likelihood: float
    converged: bool
    cautions: tuple[Caution, ...] = ()

    @property
    def hazards(self) -> tuple[float, float]:
        """Patient and flickering, relative to the mean over the orders that are there at a time.

        That mean is the harmonic one over the orders that come: a class is there for 1 / rate.
        """
        flickering, patient = self.flickering_hz.number, self.patient_hz.number
        mean = self.mean_hz
        return patient / mean, flickering / mean

    @property
    def mean_hz(self) -> float:
        """Cancels per second and order that is there; orders of all places alike."""
        share = float(np.mean(self.flickering_share.numbers))
        flickering, patient = self.flickering_hz.number, self.patient_hz.number
        return 1.0 / (share / flickering + (1.0 - share) / patient)

    def age_weights(self) -> Array:
        """Relative hazard to be expected of an order by place and bin of its age."""
        octave, eighth = np.divmod(np.arange(AGE_BINS), 8)
        age_s = np.exp2(octave.astype(np.float64)) * (1.0 + (eighth + 0.5) / 8.0) / NS_PER_S
        patient, flickering = self.hazards
        faster_hz = self.flickering_hz.number - self.patient_hz.number
        weights = []
        for share in self.flickering_share.numbers:
            left = share * np.exp(-faster_hz * age_s)  # of flickering orders, for each patient one
            odds = left / np.maximum(left + (1.0 - share), 1e-300)
            weights.append(odds * flickering + (1.0 - odds) * patient)
        return np.array(weights)

    def simulate(
        self, place: NDArray[np.int64], censored_s: Array, rng: np.random.Generator
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Lives of orders that came to these places, and whether they ended by a cancel."""
        share = np.array(self.flickering_share.numbers)[place]
        flickers = rng.random(len(place)) < share
        rate = np.where(flickers, self.flickering_hz.number, self.patient_hz.number)
        lives = rng.exponential(1.0, len(place)) / rate
        return np.minimum(lives, censored_s), lives <= censored_s


def fit_cancel_classes(
    seconds: Array,
    cancelled: NDArray[np.bool_],
    away_ticks: NDArray[np.int64],
    *,
    flickering_hz: float | None = None,
) -> CancelClasses:
    """Two hazards from lives that ended in a cancel or are censored.

    Args:
        seconds: how long each order lived.
        cancelled: by a cancel; else something else came first.
        away_ticks: behind the own best price when it came.
        flickering_hz: held at this rate; None: estimated.
    """
    place = np.sign(away_ticks).astype(np.int64) + 1
    n, total_s = int(cancelled.sum()), float(seconds.sum())
    if n < LEAST_CANCELS or total_s <= 0.0:
        return _one_class(n, total_s, f"expected {LEAST_CANCELS} cancels of known age, got {n}")
    u = np.maximum(seconds, 1e-9)
    rates, share, value, converged = _em(u, cancelled, place, flickering_hz)
    if rates[0] < RATIO_LEAST * rates[1]:
        return _one_class(n, total_s, f"hazards {rates[0]:.3g} and {rates[1]:.3g}/s are alike")
    errors = _standard_errors(rates, share, u, cancelled, place)
    cautions = [
        Caution(
            "few_orders", "cancels", f"{name}: expected {LEAST_OF_PLACE} orders, got {seen}; mean"
        )
        for name, seen in zip(PLACES, np.bincount(place, minlength=3), strict=True)
        if seen < LEAST_OF_PLACE
    ]
    if not converged:
        text = f"lifetimes: expected convergence in {EM_STEPS} EM steps, got none"
        cautions.append(Caution("not_converged", "cancels", text))
    return CancelClasses(
        flickering_hz=Estimate(float(rates[0]), float(errors[0]), n),
        patient_hz=Estimate(float(rates[1]), float(errors[1]), n),
        flickering_share=Estimate(
            tuple(float(q) for q in share), tuple(float(e) for e in errors[2:]), len(u)
        ),
        log_likelihood=value,
        converged=converged,
        cautions=tuple(cautions),
    )


def _em(
    u: Array, cancelled: NDArray[np.bool_], place: NDArray[np.int64], flickering_hz: float | None
) -> tuple[Array, Array, float, bool]:
    orders = np.bincount(place, minlength=3)
    of_cancels = np.sort(u[cancelled])
    fast = of_cancels[: max(1, len(of_cancels) // 2)]
    mean_rate = cancelled.sum() / u.sum()
    rates = np.array([1.0 / max(float(fast.mean()), 1e-9), 0.3 * mean_rate])
    rates[0] = max(rates[0], 10.0 * rates[1])
    if flickering_hz is not None:
        rates[0] = flickering_hz
    share, value = np.full(3, 0.5), -math.inf
    for _ in range(EM_STEPS):
        flickers, log_sum = _responsibility(rates, share, u, cancelled, place)
        gained, value = log_sum - value, log_sum
        if gained < TOLERANCE * len(u):
            return rates, share, value, True
        both = np.stack([flickers, 1.0 - flickers])
        rates = (both @ cancelled) / np.maximum(both @ u, 1e-300)
        rates = np.maximum(rates, 1e-9)
        if flickering_hz is not None:
            rates[0] = flickering_hz
        mean = float(flickers.mean())
        seen = np.bincount(place, weights=flickers, minlength=3) / np.maximum(orders, 1)
        share = np.where(orders >= LEAST_OF_PLACE, seen, mean)
    return rates, share, value, False


def _responsibility(
    rates: Array, share: Array, u: Array, cancelled: NDArray[np.bool_], place: NDArray[np.int64]
) -> tuple[Array, float]:
    """Probability of each order to be flickering, and the log-likelihood."""
    with np.errstate(divide="ignore"):
        logs = [
            np.log(weight)[place] + np.where(cancelled, np.log(rate), 0.0) - rate * u
            for weight, rate in zip((share, 1.0 - share), rates, strict=True)
        ]
    total = np.logaddexp(logs[0], logs[1])
    return np.exp(logs[0] - total), float(total.sum())


def _standard_errors(
    rates: Array, share: Array, u: Array, cancelled: NDArray[np.bool_], place: NDArray[np.int64]
) -> Array:
    """By the scores of single lives in (log rates, logit shares): their outer product."""
    q = np.clip(share, 1e-9, 1.0 - 1e-9)
    flickers, _ = _responsibility(rates, q, u, cancelled, place)
    scores = np.zeros((len(u), 5))
    scores[:, 0] = flickers * (cancelled - rates[0] * u)
    scores[:, 1] = (1.0 - flickers) * (cancelled - rates[1] * u)
    for k in range(3):
        scores[:, 2 + k] = np.where(place == k, flickers - q[k], 0.0)
    covariance = np.linalg.pinv(scores.T @ scores, hermitian=True)
    slopes = np.concatenate([rates, q * (1.0 - q)])
    return np.asarray(np.sqrt(np.maximum(np.diag(covariance), 0.0)) * slopes)


def _one_class(n: int, total_s: float, why: str) -> CancelClasses:
    rate = n / total_s if n and total_s > 0.0 else 1.0
    error = rate / math.sqrt(n) if n else rate
    estimate = Estimate(rate, error, n) if n else Estimate.borrowed(1.0, why)
    caution = Caution("one_cancel_class", "cancels", f"{why}; one class of orders instead of two")
    share: Any = Estimate.borrowed((0.0, 0.0, 0.0), why)
    return CancelClasses(estimate, estimate, share, float("nan"), True, (caution,))
