"""The page about how policies make markets: what they quoted, were filled at, and kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.evaluation_values import Evaluation
from reports.page import (
    Bars,
    Chart,
    Curve,
    Curves,
    Gallery,
    HeatMap,
    Histograms,
    Page,
    PolicyLines,
    QuoteChart,
    Section,
    cautions_note,
    crowded,
    looks,
)
from reports.statistics.intervals import Estimate, mean_estimates
from reports.statistics.market_making import fill_ratio, markout, pnl
from reports.thinning import kept_places, thinned
from reports.traces import (
    VOLATILITY_STEPS,
    busiest_stretch,
    distances,
    fills_by_queue,
    offset_shares,
)
from rlmm_tf.evaluation.episodes import HORIZONS, Episodes
from rlmm_tf.evaluation.play import Trace

TITLE = "Market making"
HORIZONS_S = (0.1, 1.0, 10.0, 60.0)  # those of `HORIZONS`
STRETCH = 120  # steps of a picture of quotes
BINS = 30
PARTS = {"spread": "model", "inventory": "reference", "fees": "floor"}  # with the roles they have
HOUR_NS = 3.6e12

Part = str | Chart | Gallery


def market_making_page(evaluation: Evaluation) -> Page:
    """All policies together, then each by itself."""
    table = evaluation.table
    traces = {trace.policy: trace for trace in evaluation.traces if len(trace.columns) > 0}
    kept = max((len(trace.columns) for trace in traces.values()), default=0)
    lead = (
        f"How {len(table.policies)} policies quoted and were filled in "
        f"{len(table.blocks[0])} episodes of {table.metadata.market}. Money is in account "
        f"currency. What needs every step is of the first {kept} episodes of each."
    )
    intervals = markout_estimates(evaluation)
    sections = [
        Section("Equity and drawdown", _equity(evaluation)),
        Section("Inventory", [_inventory(evaluation, traces)]),
    ]
    sections += [
        Section(name, _of_policy(evaluation, name, traces.get(name), intervals[name]))
        for name in table.policies
    ]
    return Page(
        f"{TITLE}: {table.metadata.market}",
        lead,
        sections,
        note=cautions_note(evaluation.cautions),
        footer=dict(evaluation.origin),
    )


def _equity(evaluation: Evaluation) -> Sequence[Part]:
    if not evaluation.independent:
        return ["None: the episodes are overlapping pieces of one recording and do not add up."]
    table, colours = evaluation.table, looks(evaluation.table.policies)
    hours = _hours(evaluation)
    equity, falls = {}, {}
    for name in table.policies:
        wealth = np.concatenate([[0.0], np.cumsum(pnl(table.of(name), table.metadata))])
        equity[name] = thinned(hours, wealth)
        falls[name] = thinned(hours, wealth - np.maximum.accumulate(wealth))
    x = "simulated hours, one episode after the other"
    return [
        *crowded(table.policies),
        PolicyLines("Equity", x, "gain, account currency", equity, colours, zero=True),
        PolicyLines("Drawdown", x, "below the peak, account currency", falls, colours, zero=True),
    ]


def _hours(evaluation: Evaluation) -> NDArray[np.float64]:
    metadata, count = evaluation.table.metadata, len(evaluation.table.blocks[0])
    episode_hours = metadata.steps * metadata.step_ns / HOUR_NS
    return np.arange(count + 1, dtype=np.float64) * np.float64(episode_hours)


def _inventory(evaluation: Evaluation, traces: Mapping[str, Trace]) -> Part:
    if not traces:
        return "No steps were kept; evaluate with --set traced=3."
    cap = float(evaluation.table.metadata.inventory_cap_lots)
    lines = {
        name: thinned(trace["ts_ns"][0] / 1e9, trace["inventory_lots"][0])
        for name, trace in traces.items()
    }
    return PolicyLines(
        "Inventory",
        "seconds of the first episode",
        f"lots; limits: {cap:g} either way",
        lines,
        looks(evaluation.table.policies),
        stepped=True,
        zero=True,
        limit=cap,
    )


def markout_estimates(evaluation: Evaluation) -> dict[str, list[Estimate | None]]:
    """By policy and horizon, ticks a lot, with the interval of a ratio of sums over episodes.

    Its ends are those of the mean of (markout - ratio x lots), divided by the mean of lots.
    """
    table = evaluation.table
    ratios, rows, lots = {}, [], []
    for name in table.policies:
        block = table.of(name)
        for horizon in HORIZONS:
            ratio = markout(horizon)(block, table.metadata)
            ratios[name, horizon] = ratio
            if ratio is not None:
                weights = block[f"markout_lots_{horizon}"].astype(np.float64)
                rows.append(0.5 * block[f"markout_{horizon}_x2"] - ratio * weights)
                lots.append(float(weights.mean()))
    bootstrap = evaluation.bootstrap
    fewer = max(1999, math.ceil(4.0 / (1.0 - bootstrap.level)))
    bootstrap = replace(bootstrap, resamples=fewer)
    if not evaluation.independent:
        bootstrap = replace(bootstrap, block_length=len(table.blocks[0]))
    found = iter(zip(mean_estimates(np.stack(rows), bootstrap), lots, strict=True) if rows else ())
    estimates: dict[str, list[Estimate | None]] = {name: [] for name in table.policies}
    for (name, _), ratio in ratios.items():
        if ratio is None:
            estimates[name].append(None)
            continue
        off, weight = next(found)
        low = None if off.low is None else ratio + off.low / weight
        high = None if off.high is None else ratio + off.high / weight
        estimates[name].append(Estimate(ratio, low, high, None, off.count))
    return estimates


def _of_policy(
    evaluation: Evaluation, name: str, trace: Trace | None, intervals: Sequence[Estimate | None]
) -> Sequence[Part]:
    block = evaluation.table.of(name)
    small: list[Chart] = [_attribution(evaluation, block)]
    words = []
    if any(intervals):
        small.insert(0, _markouts(evaluation, intervals))
    else:
        words.append("No markouts: nothing was filled, or this market does not measure them.")
    ratio = fill_ratio(block, evaluation.table.metadata)
    if ratio is not None:
        words.append(f"{ratio:.3g} of the lots asked for were filled as a maker.")
    if trace is None:
        return [*words, "No steps were kept; evaluate with --set traced=3.", Gallery(small)]
    picture = _quotes(trace)
    for make in (_queue, *(_map_of(side) for side in ("bid", "ask")), _offsets):
        chart = make(trace)
        if isinstance(chart, str):
            words.append(chart)
        else:
            small.append(chart)
    return [*words, picture, Gallery(small)]


def _quotes(trace: Trace) -> QuoteChart:
    stretch = busiest_stretch(trace, STRETCH)
    return QuoteChart(
        f"Quotes and fills: the {STRETCH} steps of the first episode with most fills",
        "seconds of the first episode",
        "price, ticks",
        stretch.seconds,
        stretch.mids,
        stretch.bids,
        stretch.asks,
        stretch.fills,
    )


def _markouts(evaluation: Evaluation, intervals: Sequence[Estimate | None]) -> Curves:
    bps = 2e4 / evaluation.table.metadata.mid_ticks_x2
    curve = Curve(
        "mean of all fills",
        "model",
        [None if one is None else one.mean for one in intervals],
        [None if one is None else one.low for one in intervals],
        [None if one is None else one.high for one in intervals],
    )
    level = 100.0 * evaluation.bootstrap.level
    return Curves(
        f"Markout, with {level:.4g} % intervals",
        "seconds after the fill, log scale",
        f"ticks a lot (1 tick is {bps:.3g} bps)",
        HORIZONS_S,
        [curve],
        log_x=True,
        zero=True,
    )


def _attribution(evaluation: Evaluation, block: Episodes) -> Curves:
    """Cumulated over all episodes; by themselves where these overlap."""
    metadata, hours = evaluation.table.metadata, _hours(evaluation)
    roles: Mapping[str, Any] = {"": "real", **PARTS}
    paths = []
    for part in roles:
        money = 0.5 * metadata.tick_value * block[f"pnl_{part}_x2" if part else "pnl_x2"]
        paths.append(np.concatenate([[0.0], np.cumsum(money)]))
    shown = kept_places(*paths)
    curves = [
        Curve(part or "PnL", role, path[shown].tolist())
        for (part, role), path in zip(roles.items(), paths, strict=True)
    ]
    return Curves(
        "PnL by where it comes from",
        "simulated hours, one episode after the other",
        "account currency, summed",
        hours[shown].tolist(),
        curves,
        zero=True,
    )


def _queue(trace: Trace) -> Chart | str:
    places = fills_by_queue(trace)
    if not places:
        return "No fills by queue: no quote stayed in a queue."
    return Bars(
        f"Filled within a step, of {sum(p.steps for p in places)} quotes that stayed",
        "lots ahead in the queue",
        "share",
        [f"{p.least}" if p.least == p.most else f"{p.least} to {p.most}" for p in places],
        [p.filled / p.steps for p in places],
    )


def _map_of(side: str) -> Callable[[Trace], Chart | str]:
    def chart(trace: Trace) -> Chart | str:
        found = distances(trace, side)
        if found is None:
            return f"No map of {side}s: none was quoted after {VOLATILITY_STEPS} steps."
        return HeatMap(
            f"Mean distance of {side}s from the mid, ticks",
            f"volatility of the last {VOLATILITY_STEPS} steps, ticks a step",
            "inventory, lots",
            found.levels,
            found.inventories,
            found.ticks,
        )

    return chart


def _offsets(trace: Trace) -> Chart | str:
    edges, bids, asks = offset_shares(trace, BINS)
    if not edges:
        return "No quotes."
    return Histograms(
        "Actions: distances asked for",
        "distance from the mid, ticks",
        "share of quotes",
        edges,
        bids,
        asks,
        names=("bid", "ask"),
    )
