"""What a simulator must and should reach to be believed, and whether it does.

Limits are absolute, except where a noise floor or the real market's own interval says how well the
data can tell: nothing is asked that the real market on other stretches would not reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.fidelity.column import Column, Dynamics
from calibration.fidelity.facts import Numbers
from calibration.fidelity.markouts import HORIZONS_S
from calibration.fidelity.responses import EVENTS, response_error
from calibration.fidelity.stylized import FactRow, count
from calibration.fidelity.trials import Trials
from calibration.goodness import Goodness
from rlmm_tf.market_parts import GROUPS

_MO = (EVENTS.index("MO_0"), EVENTS.index("MO_1"))
_FACTS_LEAST = 10
_NINE_AT_ONCE = 2.77 / 1.96  # normal quantiles: nine differences are looked at together
_RELATIVE = ("volatility_1min_ticks",)
_AT_10S = HORIZONS_S.index(10.0)


@dataclass(frozen=True)
class Gate:
    """One goal; must and target are None where the data cannot tell."""

    name: str
    metric: str
    value: float | None
    must_text: str
    must: bool | None
    target_text: str
    target: bool | None
    reason: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the gates look at."""

    real: Dynamics
    model: Column
    floor: Column | None
    reference: Column | None
    half_spread_ticks: float
    real_numbers: Numbers
    model_numbers: Numbers
    facts: tuple[FactRow, ...]
    trials: Trials | None
    goodness: Goodness | None


def gates(evidence: Evidence) -> tuple[Gate, ...]:
    """All of them, in order."""
    model = evidence.model
    ends = model.divergence
    ratio = float(ends[-1] / ends[0]) if len(ends) and ends[0] > 0 else None
    worst = model.unconditional[model.worst].l1
    conditional = model.mean_conditional_l1 if model.conditional else None
    return (
        _at_most("G1", "mean L1 of the scores", model.mean_l1, 0.20, 0.14),
        _at_most("G2", "mean Wasserstein distance", model.mean_wasserstein, 0.30, 0.19),
        _normalised(evidence),
        _at_most("G4", f"worst L1 ({model.worst})", worst, 0.40, 0.25),
        _at_most("G5", "mean L1 under conditions", conditional, 0.25, 0.19),
        _at_most("G6", "L1 of the last 100 messages over that of the first", ratio, 1.5, 1.2),
        _response(evidence),
        _after_market_orders(evidence),
        _markouts(evidence),
        _fills(evidence),
        _residuals(evidence),
        _gain(evidence),
        _within("G13a", "1-minute volatility", evidence, "volatility_1min_ticks", (0.2, 0.1)),
        _within("G13b", "eta", evidence, "eta", (0.08, 0.05)),
        _within("G13c", "sign autocorrelation C(1)", evidence, "sign_acf_1", (0.15, 0.1)),
        _within("G13d", "sign autocorrelation C(10)", evidence, "sign_acf_10", (0.15, 0.1)),
        _facts(evidence),
        _metaorders(evidence),
        _probes(evidence),
    )


def normalised(model: Column, floor: Column | None, reference: Column | None) -> float | None:
    """S: 0 cannot be told from the market, 1 is as far from it as the reference."""
    if floor is None or reference is None:
        return None
    span = reference.mean_l1 - floor.mean_l1
    return (model.mean_l1 - floor.mean_l1) / span if span > 0 else None


def error_of(real: Dynamics, other: Dynamics) -> float:
    """Response error by message lag, ticks."""
    return response_error(real.by_lag.value, other.by_lag.value)


_NO_FLOOR = "no other stretches of the real recording are left for a noise floor (--blocks)"


def _normalised(evidence: Evidence) -> Gate:
    value = normalised(evidence.model, evidence.floor, evidence.reference)
    reason = "the reference is no further off than the floor"
    if evidence.floor is None:
        reason = _NO_FLOOR
    elif evidence.reference is None:
        reason = "no reference simulation was given (--reference)"
    return _at_most("G3", "S: (L1 - floor) / (reference - floor)", value, 0.35, 0.18, reason)


def response_floors(real: Dynamics, model: Column, floor: Column | None) -> float | None:
    """The model's response error in units of that between the real market's own stretches."""
    if floor is None:
        return None
    unit = error_of(real, floor.dynamics)
    return error_of(real, model.dynamics) / unit if unit > 0 else None


def _response(evidence: Evidence) -> Gate:
    value = response_floors(evidence.real, evidence.model, evidence.floor)
    reason = _NO_FLOOR if evidence.floor is None else "too few events at the touch"
    return _at_most("G7", "response error over the noise floor", value, 3.0, 1.5, reason)


def _at_most(
    name: str, metric: str, value: float | None, must: float, target: float, reason: str = ""
) -> Gate:
    """A value that should be small; the reason says why there may be none."""
    texts = f"at most {must:g}", f"at most {target:g}"
    if value is None or not np.isfinite(value):
        why = reason or "not computable from these tables"
        return Gate(name, metric, None, texts[0], None, texts[1], None, why)
    return Gate(name, metric, value, texts[0], value <= must, texts[1], value <= target)


def _elsewhere(name: str, metric: str, reason: str) -> Gate:
    return Gate(name, metric, None, "", None, "", None, reason)


def _after_market_orders(evidence: Evidence) -> Gate:
    real, got = evidence.real.at_gates, evidence.model.dynamics.at_gates.value
    metric = "response to MO_0 and MO_1 at lags 10, 50, 100: worst ratio to the real one"
    texts = ("sign right, half of it at least", "within 25 %")
    rows = [(real.value[i], real.low[i], real.high[i], got[i]) for i in _MO]
    value, low, high, model = (np.concatenate(part) for part in zip(*rows, strict=True))
    # What the real market's own interval cannot tell from nothing has no ratio.
    told = np.isfinite(value) & np.isfinite(model) & ((low > 0) | (high < 0))
    if not told.any():
        return _elsewhere("G8", metric, "the real responses cannot be told from 0")
    inside = (model >= low) & (model <= high)
    ratio = model / np.where(value != 0, value, 1.0)
    worst = ratio[told][np.argmax(np.abs(ratio[told] - 1.0))]
    must = bool((inside | (ratio >= 0.5))[told].all())
    target = bool((inside | (np.abs(ratio - 1.0) <= 0.25))[told].all())
    return Gate("G8", metric, float(worst), texts[0], must, texts[1], target)


def _markouts(evidence: Evidence) -> Gate:
    metric = "markouts at 0.1, 1, 10, 60 s: worst difference in half-spreads"
    texts = ("signs right, 10 s within 0.5", "each within 0.15")
    real, model = evidence.real.markouts, evidence.model.dynamics.markouts
    half = evidence.half_spread_ticks
    if real is None or model is None:
        return _elsewhere("G9", metric, "windows alone are too short: give a table that runs on")
    if not (half > 0 and np.isfinite(model.value).all() and np.isfinite(real.value).all()):
        return _elsewhere("G9", metric, "too few fills with a minute after them")
    gaps = np.abs(model.value - real.value) / half
    told = (real.low > 0) | (real.high < 0)
    signs = np.sign(model.value) == np.sign(real.value)
    must = bool(signs[told].all() and gaps[_AT_10S] <= 0.5)
    target = bool((gaps <= 0.15).all())
    return Gate("G9", metric, float(gaps.max()), texts[0], must, texts[1], target)


def _fills(evidence: Evidence) -> Gate:
    metric = "fill probability at the touch by queue ahead: worst difference"
    texts = ("within 0.05, or cannot be told apart", "within 0.02, or cannot be told apart")
    real, model = evidence.real.fills, evidence.model.dynamics.fills
    if real is None or model is None:
        return _elsewhere(
            "G10",
            metric,
            "no order could rest for a minute in one of the tables, or it cannot be replayed",
        )
    gaps = np.abs(real.value - model.value)
    if not np.isfinite(gaps).all():
        reason = "a tercile of the queue has no orders in one of the markets"
        return _elsewhere("G10", metric, reason)
    halves = [(part.high - part.low) / 2.0 for part in (real, model)]
    same = gaps <= _NINE_AT_ONCE * np.hypot(*halves)
    must, target = (bool((same | (gaps <= limit)).all()) for limit in (0.05, 0.02))
    return Gate("G10", metric, float(gaps.max()), texts[0], must, texts[1], target)


def _within(
    name: str, metric: str, evidence: Evidence, key: str, limits: tuple[float, float]
) -> Gate:
    relative = key in _RELATIVE
    real = evidence.real_numbers.get(key, float("nan"))
    gap = abs(evidence.model_numbers.get(key, float("nan")) - real)
    gap = gap / abs(real) if relative and real != 0 else gap
    what = "relative difference" if relative else "difference"
    reason = "windows alone are too short, or there are too few trades"
    return _at_most(name, f"{metric}: {what}", gap, *limits, reason)


def _facts(evidence: Evidence) -> Gate:
    passed, failed = (count(evidence.facts, verdict) for verdict in ("pass", "fail"))
    known = passed + failed
    metric = f"stylized facts that pass, of {known} that can be computed"
    texts = ("18 of 25, or that share", "22 of 25, or that share")
    if known < _FACTS_LEAST:
        reason = f"fewer than {_FACTS_LEAST} can be computed: windows alone are too short"
        return Gate("G14", metric, None, texts[0], None, texts[1], None, reason)
    share = passed / known
    must, target = share >= 18 / 25, share >= 22 / 25
    return Gate("G14", metric, float(passed), texts[0], must, texts[1], target)


_NOT_CALIBRATED = "it takes a market.json that was calibrated"
_MARKET_ORDERS = GROUPS[:2]


def _residuals(evidence: Evidence) -> Gate:
    metric = "residuals of the point process: worst distance from the exponential law"
    texts = ("at most 0.06", "at most 0.03, market orders 0.05")
    if evidence.goodness is None:
        return Gate("G11", metric, None, texts[0], None, texts[1], None, _NOT_CALIBRATED)
    found = [each for each in evidence.goodness.residuals if each.n > 0]
    worst = max(each.ks for each in found)
    target = all(each.ks <= (0.05 if each.group in _MARKET_ORDERS else 0.03) for each in found)
    return Gate("G11", metric, worst, texts[0], worst <= 0.06, texts[1], target)


def _gain(evidence: Evidence) -> Gate:
    metric = "log-likelihood over Poisson flows, nats per event"
    texts = ("at least 2", "at least 2.9")
    if evidence.goodness is None:
        return Gate("G12", metric, None, texts[0], None, texts[1], None, _NOT_CALIBRATED)
    gain = evidence.goodness.gain_per_event
    if not np.isfinite(gain):
        reason = "the model takes what happened for impossible"
        return Gate("G12", metric, None, texts[0], False, texts[1], False, reason)
    return Gate("G12", metric, gain, texts[0], gain >= 2.0, texts[1], gain >= 2.9)


_NO_TRIALS = "no agent was let into the simulator: give a market.json"


def _metaorders(evidence: Evidence) -> Gate:
    metric = "exponent of metaorder impact"
    texts = ("0.3 to 0.8, and some is given back", "0.4 to 0.6, and 30 to 70 % are given back")
    if evidence.trials is None:
        return Gate("G16", metric, None, texts[0], None, texts[1], None, _NO_TRIALS)
    found = evidence.trials.metaorders
    exponent, relaxation = found.exponent, found.relaxation
    if not np.isfinite(exponent):
        reason = "large orders do not move the mean price in their direction"
        return Gate("G16", metric, None, texts[0], False, texts[1], False, reason)
    must = 0.3 <= exponent <= 0.8 and relaxation > 0.0
    target = 0.4 <= exponent <= 0.6 and 0.3 <= relaxation <= 0.7
    return Gate("G16", metric, exponent, texts[0], must, texts[1], target)


def _probes(evidence: Evidence) -> Gate:
    metric = "strategies that must not pay, and do at 99 %"
    if evidence.trials is None:
        return Gate("G17", metric, None, "none", None, "none", None, _NO_TRIALS)
    paying = sum(probe.pays for probe in evidence.trials.probes)
    return Gate("G17", metric, float(paying), "none", paying == 0, "none", paying == 0)
