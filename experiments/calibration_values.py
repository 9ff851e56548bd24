"""A calibrated market as plain values: what its page shows, and what a machine would read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.activity import KINDS, whole_minutes
from calibration.estimate import Caution, Estimate
from calibration.fit import CalibratedMarket
from calibration.flow_events import read_flow
from calibration.observed import Observed, spread_transitions_of
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.events import EventTable
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.market_parts import GROUPS
from rlmm_tf.params import EnvParams
from rlmm_tf.recording import Session, generator_hash, record

SIMULATED_NS = 3600 * NS_PER_S  # of each regime
WARMUP_NS = 60 * NS_PER_S
ACTIVITY_S = 300


def plain(value: Any) -> Any:
    """Numbers, texts, lists and mappings only; what is not finite becomes None."""
    if isinstance(value, Estimate | Caution):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def regime_of_rows(market: CalibratedMarket) -> tuple[NDArray[np.int64], int]:
    """The likeliest regime of each row, in hindsight, and how many there are.

    Minutes without one (cut short, or in too short a run) have that of the minute before.
    """
    chain, minutes = market.parts.regimes.regimes, market.parts.minutes
    if chain is None or chain.n_regimes < 2:
        return np.zeros(len(market.parts.events), np.int64), 1
    kept, _ = whole_minutes(minutes)
    likeliest = np.concatenate(chain.smoothed).argmax(axis=1)
    known = np.maximum(np.cumsum(kept) - 1, 0)
    return np.asarray(likeliest[known][minutes.of_row], np.int64), chain.n_regimes


def with_observed(market: CalibratedMarket, observed: Observed) -> CalibratedMarket:
    """The market, with what was observed among its estimates and cautions."""
    cautions = tuple(dict.fromkeys((*market.cautions, *observed.cautions)))
    estimates = {**market.estimates, **observed.estimates}
    return replace(market, estimates=estimates, cautions=cautions)


def calibration_values(
    market: CalibratedMarket,
    files: Sequence[str],
    observed: Observed | None = None,
    simulated: Any = None,
) -> dict[str, Any]:
    """All that the page of a calibration says.

    Args:
        market: the calibrated one.
        files: names of its recordings.
        observed: what they say beside the model.
        simulated: transitions of the spread that the model simulates (`simulated_spread`).
    """
    events, model = market.parts.events, market.model
    first = events.metadata[0]
    return {
        "instrument": {
            name: getattr(first, name) for name in ("venue", "symbol", "tick_size", "lot_size")
        },
        "files": list(files),
        "sources": [metadata.source for metadata in events.metadata],
        "synthetic": any(m.source.startswith("generator:") for m in events.metadata),
        "market_hash": model.market_hash(),
        "seconds": market.seconds,
        "n_events": dict(zip(GROUPS, market.n_events, strict=True)),
        "estimates": {name: plain(estimate) for name, estimate in market.estimates.items()},
        "cautions": [caution.to_json() for caution in market.cautions],
        "goodness": market.goodness.to_json(),
        "states": _states(model),
        "kernels": _kernels(model),
        "sizes": _sizes(model),
        "season": _season(market),
        "regimes": _regimes(market),
        "activity": _activity(market),
        "observed": plain(observed),
        "simulated_spread": plain(simulated),
    }


def _states(model: MarketModel) -> dict[str, Any]:
    columns = len(model.imbalance_bin_edges) + 1
    factor = {}
    for name, group in list(zip(GROUPS, model.groups, strict=True))[::2]:
        values = list(group.state_factor)
        rows = [values[i : i + columns] for i in range(0, len(values), columns)]
        factor[name] = rows or None
    return {
        "spread_bin_ticks": list(model.spread_bin_ticks),
        "imbalance_bin_edges": list(model.imbalance_bin_edges),
        "factor": factor,
    }


def _kernels(model: MarketModel) -> dict[str, Any]:
    n = len(GROUPS)
    table = np.reshape(model.excitation, (len(model.decays_hz), n, n))
    return {
        "decays_hz": list(model.decays_hz),
        "groups": list(GROUPS),
        "excitation": table.tolist(),
    }


def _sizes(model: MarketModel) -> dict[str, Any]:
    laws = {
        "limit orders that improve": model.improving.sizes,
        "limit orders that join": model.joining.sizes,
        "deeper limit orders": model.deeper.sizes,
        "market orders": model.market_orders.sizes,
    }
    return {
        name: {"lots": list(law.lots), "probability": list(law.probability)}
        for name, law in laws.items()
    }


def _season(market: CalibratedMarket) -> dict[str, Any] | None:
    season = market.parts.season
    if not season.seasons:
        return None
    kinds = {name: plain(part.factor) for name, part in zip(KINDS, season.seasons, strict=True)}
    return {"bin_s": season.bin_s, "origin_s": market.season_origin_s, "kinds": kinds}


def _regimes(market: CalibratedMarket) -> dict[str, Any] | None:
    chain, factors = market.parts.regimes.regimes, market.parts.regimes.factors
    if chain is None:
        return None
    values = {name: plain(getattr(chain, name)) for name in ("level", "deviation", "dwell_s")}
    by_kind = (
        {}
        if factors is None
        else {
            name: list(np.ravel(factor.value))
            for name, factor in zip(KINDS, factors.factors, strict=True)
        }
    )
    return {
        "n": chain.n_regimes,
        **values,
        "occupancy": list(chain.occupancy),
        "bic": plain(chain.bic),
        "factors": by_kind,
        "path": _path(market) if chain.n_regimes > 1 else [],
    }


def _path(market: CalibratedMarket) -> list[dict[str, Any]]:
    """The mid and the probabilities, minute by minute, day by day."""
    events, minutes = market.parts.events, market.parts.minutes
    chain = market.parts.regimes.regimes
    assert chain is not None
    kept, _ = whole_minutes(minutes)
    filtered, smoothed = np.concatenate(chain.filtered), np.concatenate(chain.smoothed)
    open_rows = np.flatnonzero(events.counts)
    last = np.full(len(minutes), -1)
    last[minutes.of_row[open_rows]] = open_rows  # the last one of each minute stays
    mid = 0.5 * events.price_ticks[:, np.maximum(last, 0)].sum(axis=0)
    days = []
    at = np.cumsum(kept) - 1
    for day in range(int(minutes.day.max()) + 1):
        mine = np.flatnonzero(kept & (minutes.day == day))
        if len(mine) == 0:
            continue
        number = minutes.number[mine]
        days.append(
            {
                "name": str(np.datetime64(int(number[0]) * 60, "s").astype("datetime64[D]")),
                "hours": plain((number % 1440) / 60),
                "mid": plain(np.where(last[mine] >= 0, mid[mine], np.nan)),
                "filtered": plain(filtered[at[mine]]),
                "smoothed": plain(smoothed[at[mine]]),
            }
        )
    return days


def _activity(market: CalibratedMarket) -> list[tuple[float, int]]:
    """Events of each five minutes that count, hours after the first."""
    minutes = market.parts.minutes
    bins = (minutes.number - minutes.number[0]) * 60 // ACTIVITY_S
    counts = np.bincount(bins, weights=minutes.seen.sum(axis=0))
    return [(i * ACTIVITY_S / 3600, int(n)) for i, n in enumerate(counts) if n]


def simulated_spread(
    model: MarketModel, edges_ticks: tuple[int, ...], *, seed: int, duration_ns: int = SIMULATED_NS
) -> Any:
    """How the spread moves when the model runs by itself, each regime held for as long."""
    n = model.n_regimes
    parts = []
    for regime in range(n):
        held = model.model_copy(
            update={
                "switch_rates_hz": ((0.0,) * n,) * n,
                "initial_regime_probabilities": tuple(float(k == regime) for k in range(n)),
            }
        )
        book = BookMarketParams.model_validate({"model": held, "warmup_ns": WARMUP_NS})
        params = EnvParams(market=book)
        chunks = list(record(params, seed=seed, duration_ns=duration_ns, levels=1))
        names = chunks[0].columns(0)
        columns = {
            name: np.concatenate([chunk.columns(0)[name] for chunk in chunks]) for name in names
        }
        generator = generator_hash(params, seed=seed, duration_ns=duration_ns)
        table = EventTable.from_columns(columns, Session(duration_ns).metadata(generator))
        events = read_flow([table])
        one = np.zeros(len(events), np.int64)
        parts.append(spread_transitions_of(events, edges_ticks, one, 1))
    return {
        "edges_ticks": list(edges_ticks),
        "kinds": list(parts[0].kinds),
        "regimes": [plain(part.regimes[0]) for part in parts],
    }
