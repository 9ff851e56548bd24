"""A comparison as plain values: what `rlmm fidelity --json` prints and the page shows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from calibration.fidelity.blocks import Interval
from calibration.fidelity.column import Column, Curves, Distance, Dynamics
from calibration.fidelity.compare import FidelityResult
from calibration.fidelity.fill_by_queue import HORIZONS_S as FILL_S
from calibration.fidelity.markouts import HORIZONS_S as MARKOUT_S
from calibration.fidelity.markouts import SIGNATURE_S
from calibration.fidelity.responses import EVENTS, GATE_LAGS, HORIZONS_S, LAGS
from calibration.fidelity.scores import CONDITIONAL, UNCONDITIONAL
from calibration.fidelity.trials import Trials

Values = dict[str, Any]


def result_as_json(result: FidelityResult) -> Values:
    """All of it; what is not known is null."""
    model = result.model
    columns = {
        name: column
        for name, column in (
            ("floor", result.floor),
            ("reference", result.reference),
            ("model", model),
        )
        if column is not None
    }
    dynamics = {"real": result.real} | {name: c.dynamics for name, c in columns.items()}
    worst = model.worst
    values: Values = {
        "mean_l1": model.mean_l1,
        "mean_l1_interval": _interval(model.mean_l1_interval),
        "mean_wasserstein": model.mean_wasserstein,
        "s": result.s,
        "worst_l1": model.unconditional[worst].l1,
        "worst_score": worst,
        "response_floors": result.response_floors,
        "windows": result.windows,
        "window_messages": result.window_messages,
        "half_spread_ticks": result.half_spread_ticks,
        "instrument": vars(result.instrument),
        "cautions": list(result.cautions),
        "columns": {name: _summary(column) for name, column in columns.items()},
        "scores": {spec.name: _scores(spec.name, columns) for spec in UNCONDITIONAL},
        "conditional": {spec.name: _scores(spec.name, columns) for spec in CONDITIONAL},
        "divergence": {name: c.divergence.tolist() for name, c in columns.items()},
        "responses": _responses(dynamics),
        "markouts": _curves("seconds", MARKOUT_S, {n: d.markouts for n, d in dynamics.items()}),
        "signature": _curves("seconds", SIGNATURE_S, {n: d.signature for n, d in dynamics.items()}),
        "fills": _curves("seconds", FILL_S, {n: d.fills for n, d in dynamics.items()}),
        "facts": [
            {**vars(row), "numbers": [vars(number) for number in row.numbers]}
            for row in result.facts
        ],
        "gates": [vars(gate) for gate in result.gates],
        "goodness": None if result.goodness is None else result.goodness.to_json(),
        "trials": None if result.trials is None else _trials(result.trials),
        "histograms": {
            name: {key: part.tolist() for key, part in vars(histogram).items()}
            for name, histogram in result.histograms.items()
        },
    }
    plain: Values = _finite(values)
    return plain


def _trials(trials: Trials) -> Values:
    impact = trials.metaorders
    return {
        "metaorders": {
            **vars(impact),
            "path_ticks": impact.path_ticks.tolist(),
            "standard_error_ticks": impact.standard_error_ticks.tolist(),
        },
        "probes": [{**vars(probe), "pays": probe.pays} for probe in trials.probes],
    }


def _interval(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _summary(column: Column) -> Values:
    return {
        "name": column.name,
        "windows": column.windows,
        "scores": len(column.unconditional),
        "mean_l1": column.mean_l1,
        "mean_l1_interval": _interval(column.mean_l1_interval),
        "mean_wasserstein": column.mean_wasserstein,
        "mean_wasserstein_interval": _interval(column.mean_wasserstein_interval),
        "worst_score": column.worst,
        "worst_l1": column.unconditional[column.worst].l1,
        "mean_conditional_l1": column.mean_conditional_l1,
    }


def _scores(name: str, columns: dict[str, Column]) -> Values:
    missing = columns["model"].missing.get(name)
    if missing is not None:
        return {"missing": missing}
    found = {}
    for key, column in columns.items():
        distance = column.unconditional.get(name) or column.conditional.get(name)
        found[key] = _distance(distance) if distance is not None else None
    return found


def _distance(distance: Distance) -> Values:
    return {
        "l1": distance.l1,
        "l1_interval": _interval(distance.l1_interval),
        "wasserstein": distance.wasserstein,
        "wasserstein_interval": _interval(distance.wasserstein_interval),
    }


def _responses(dynamics: dict[str, Dynamics]) -> Values:
    return {
        "lags": list(LAGS),
        "gate_lags": list(GATE_LAGS),
        "seconds": list(HORIZONS_S),
        "by_lag": _by_event({name: d.by_lag for name, d in dynamics.items()}),
        "at_gates": _by_event({name: d.at_gates for name, d in dynamics.items()}),
        "by_time": _by_event({name: d.by_time for name, d in dynamics.items()}),
    }


def _by_event(curves: dict[str, Curves | None]) -> Values:
    return {
        event: {name: _part(curve, i) for name, curve in curves.items() if curve is not None}
        for i, event in enumerate(EVENTS)
    }


def _part(curve: Curves, i: int) -> Values:
    return {name: part[i].tolist() for name, part in vars(curve).items()}


def _curves(unit: str, places: tuple[float, ...], curves: dict[str, Curves | None]) -> Values:
    found: Values = {unit: list(places)}
    for name, curve in curves.items():
        if curve is not None:
            found[name] = {key: part.tolist() for key, part in vars(curve).items()}
    return found


def _finite(value: Any) -> Any:
    """Numbers that are not finite as None, numpy's as Python's."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
