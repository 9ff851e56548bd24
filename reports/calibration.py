"""The page about a calibrated market: what was estimated, how well it fits, what is to be doubted.

All numbers come as plain values (`experiments.calibration_values`): an estimate is a mapping with
`value`, `standard_error`, `n`, `origin` and `note`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from reports.calibration_observed import observed_sections
from reports.estimates import bands, entries, interval, short, with_error
from reports.page import (
    Bars,
    Chart,
    Curve,
    Curves,
    Facts,
    Gallery,
    HeatMap,
    Line,
    Page,
    Section,
    Steps,
    Table,
)
from reports.page.curves import Role

Values = Mapping[str, Any]
Gate = tuple[str, str, str, str]  # what, value, must be, verdict

ROLES: tuple[Role, ...] = ("model", "reference", "real")
SHOWN_ENTRIES = 6  # of a list in the table of estimates
SIZES_SHOWN = 12
KERNEL_TIMES_S = [10 ** (k / 4) for k in range(-16, 9)]


def calibration_page(values: Values) -> Page:
    """The page of the values of one calibration."""
    instrument = values["instrument"]
    first, rest = _verdict(values), "Synthetic: these events come from a simulator. "
    return Page(
        title=f"Calibration: {instrument['venue']} {instrument['symbol']}",
        lead=f"{', '.join(values['files'])}; {values['seconds'] / 3600:.2f} hours that count, "
        f"{sum(values['n_events'].values())} events",
        note=(rest if values["synthetic"] else "") + first[0],
        sections=[
            _verdict_section(values, first),
            _estimates(values),
            _states(values),
            _kernels(values),
            _sizes(values),
            _season(values),
            _regimes(values),
            *observed_sections(values),
            _goodness(values),
        ],
        footer={
            "tick size": instrument["tick_size"],
            "lot size": instrument["lot_size"],
            "sources": ", ".join(values["sources"]),
            "market model": values["market_hash"],
        },
    )


def _verdict(values: Values) -> tuple[str, list[Gate]]:
    """A sentence, and what it rests on: rows of what, value, must, verdict."""
    goodness = values["goodness"]
    rows = []
    for group, residual in goodness["residuals"].items():
        most = 0.06
        rows.append(_gate(f"distance of residuals, {group}", residual["ks"], most, at_most=True))
    gain = goodness["gain_over_poisson_per_event"]
    rows.append(_gate("nats per event over Poisson flows", gain, 2.0, at_most=False))
    radius = values["estimates"].get("branching_radius", {}).get("value")
    rows.append(_gate("branching radius", radius, 0.97, at_most=True))
    missed = [row[0] for row in rows if row[3] != "reached"]
    doubts = len(values["cautions"])
    if not missed:
        text = "The model explains the events that it was fitted to."
    else:
        text = f"The model does not explain all of the events: {len(missed)} of {len(rows)} missed."
    noun = "caution says" if doubts == 1 else "cautions say"
    cautions = f" {doubts} {noun} below what is to be doubted." if doubts else ""
    return text + cautions, rows


def _gate(what: str, value: float | None, bound: float, *, at_most: bool) -> Gate:
    sign = "at most" if at_most else "at least"
    if value is None:
        return what, "\N{EN DASH}", f"{sign} {bound:g}", "unknown"
    reached = value <= bound if at_most else value >= bound
    return what, f"{value:.3g}", f"{sign} {bound:g}", "reached" if reached else "MISSED"


def _verdict_section(values: Values, verdict: tuple[str, list[Gate]]) -> Section:
    parts: list[Any] = [
        "That a model fits is no proof that its simulations are like the market: `rlmm fidelity` "
        "measures that.",
        Table("On the events of the fit", ("what", "value", "must be", "verdict"), verdict[1]),
    ]
    cautions = [(c["part"], c["code"], c["text"]) for c in values["cautions"]]
    if cautions:
        parts.append(Table("Cautions, carried into the model", ("part", "code", "what"), cautions))
    else:
        parts.append("There are no cautions.")
    return Section("Verdict", parts)


def _estimates(values: Values) -> Section:
    rows = [(name, *_shown(part)) for name, part in values["estimates"].items()]
    header = ("what", "value", "95 % interval", "of", "origin", "note")
    return Section(
        "What was estimated",
        [
            "Estimated: from these data. Borrowed: a stated stand-in where the data say nothing. "
            f"Fixed: a choice. Lists are shown up to {SHOWN_ENTRIES} entries.",
            Table("Estimates", header, rows),
        ],
    )


def _shown(part: Values) -> tuple[str, str, int, str, str]:
    """Value and interval in short, sample size, origin, note."""
    pairs = entries(part)
    more = ", ..." if len(pairs) > SHOWN_ENTRIES else ""
    shown = ", ".join(short(value) for value, _ in pairs[:SHOWN_ENTRIES]) + more
    ends = ", ".join(interval(*pair) for pair in pairs[:SHOWN_ENTRIES]) + more
    without = part["standard_error"] is None
    return shown, "" if without else ends, part["n"], part["origin"], part["note"]


def _bin_names(lower: Sequence[float]) -> list[str]:
    """Of whole numbers from each edge to the next."""
    names = []
    for low, after in zip(lower, [*lower[1:], None], strict=True):
        if after is None:
            names.append(f"{low:g}+")
        else:
            names.append(f"{low:g}" if after == low + 1 else f"{low:g} to {after - 1:g}")
    return names


def _states(values: Values) -> Section:
    states = values["states"]
    spreads = [f"spread {name}" for name in _bin_names(states["spread_bin_ticks"])]
    edges = [-1.0, *states["imbalance_bin_edges"], 1.0]
    columns = [f"{low:.2g} to {high:.2g}" for low, high in pairwise(edges)]
    charts: list[Chart] = [
        HeatMap(
            name, "imbalance of the touch: (bid - ask) / (bid + ask)", name, columns, spreads, v
        )
        for name, v in states["factor"].items()
        if v is not None
    ]
    if not charts:
        return Section("Intensity by state", ["No group depends on the state of the book."])
    text = (
        "Factors of the baselines by the spread in ticks and the imbalance of the lots at the "
        "touch; the mean over the time is 1. The other side has the mirror's."
    )
    return Section("Intensity by state", [text, Gallery(charts)])


def _kernels(values: Values) -> Section:
    kernels = values["kernels"]
    decays, groups = kernels["decays_hz"], kernels["groups"]
    if not decays:
        return Section("Kernels", ["No event excites another: the flows have no memory."])
    norms = [
        [
            sum(part[target][source] for part in kernels["excitation"])
            for source in range(len(groups))
        ]
        for target in range(len(groups))
    ]
    pairs = sorted(
        ((norms[t][s], t, s) for t in range(0, len(groups), 2) for s in range(len(groups))),
        reverse=True,
    )[: len(ROLES)]
    curves = [
        Curve(f"{groups[t]} after {groups[s]}", role, _begotten(kernels, t, s))
        for role, (_, t, s) in zip(ROLES, pairs, strict=False)
    ]
    return Section(
        "Kernels",
        [
            "Events of a row's group that one event of a column's group begets, on average and "
            "with a factor of 1.",
            HeatMap("Kernel norms", "excited by", "events begotten", groups, groups, norms),
            "How many of them have come so long after it, for the strongest pairs (without their "
            "mirrors).",
            Curves("Begotten by then", "s", "events", KERNEL_TIMES_S, curves, log_x=True),
            Facts({"decays, per second": ", ".join(f"{b:g}" for b in decays)}),
        ],
    )


def _begotten(kernels: Values, target: int, source: int) -> list[float | None]:
    """Sum over decays of a (1 - exp(-b t))."""
    parts = [
        (part[target][source], b)
        for part, b in zip(kernels["excitation"], kernels["decays_hz"], strict=True)
    ]
    return [sum(-a * math.expm1(-b * t) for a, b in parts) for t in KERNEL_TIMES_S]


def _sizes(values: Values) -> Section:
    charts: list[Chart] = []
    for place, law in values["sizes"].items():
        largest = sorted(zip(law["probability"], law["lots"], strict=True), reverse=True)
        shown = sorted((lots, share) for share, lots in largest[:SIZES_SHOWN])
        rest = 1 - sum(share for _, share in shown)
        names = [f"{lots:g}" for lots, _ in shown] + (["other"] if rest > 1e-9 else [])
        shares = [share for _, share in shown] + ([rest] if rest > 1e-9 else [])
        charts.append(Bars(place, "lots", "share of orders", names, shares))
    text = f"The {SIZES_SHOWN} most frequent sizes of each kind of order."
    return Section("Sizes", [text, Gallery(charts)])


def _season(values: Values) -> Section:
    season = values["season"]
    if season is None:
        return Section("Season", ["The model has no season."])
    parts: list[Any] = ["Factors of the intensities over the session; bands are 95 % intervals."]
    for name, part in season["kinds"].items():
        hours = [
            (season["origin_s"] + i * season["bin_s"]) / 3600 for i in range(len(part["value"]))
        ]
        low, high = bands(part)
        curve = Curve(name, "model", part["value"], low, high)
        parts.append(Curves(name, "hours since midnight UTC", "factor", hours, [curve]))
    return Section("Season", parts)


def _regimes(values: Values) -> Section:
    regimes = values["regimes"]
    if regimes is None or regimes["n"] < 2:
        bic = "" if regimes is None else f" {_bic_text(regimes)}"
        return Section("Regimes", [f"The model has one regime.{bic}"])
    rows = []
    for k in range(regimes["n"]):
        factors = [f"{factor[k]:.3g}" for factor in regimes["factors"].values()]
        parts_of = [with_error(*entries(regimes[n])[k]) for n in ("level", "deviation", "dwell_s")]
        rows.append((k + 1, *parts_of, regimes["occupancy"][k], *factors))
    header = ["regime", "level", "deviation", "stay, s", "share of time"]
    header += [f"factor, {name}" for name in regimes["factors"]]
    parts: list[Any] = [
        "Found in the logarithm of realised volatility without its season, calm to wild. "
        + _bic_text(regimes),
        Table("Values and standard errors", header, rows),
        "Filtered probabilities know the past only: features use these. Smoothed ones know the "
        "whole day and are shown here only.",
    ]
    wildest = regimes["n"] - 1
    for day in regimes["path"]:
        parts.append(Line(f"Mid, {day['name']}", "hours", "mid, ticks", day["hours"], day["mid"]))
        curves = [
            Curve("filtered", "model", [row[wildest] for row in day["filtered"]]),
            Curve("smoothed", "floor", [row[wildest] for row in day["smoothed"]]),
        ]
        label = f"probability of the wildest regime, {day['name']}"
        parts.append(Curves(label, "hours", label, day["hours"], curves))
    return Section("Regimes", parts)


def _bic_text(regimes: Values) -> str:
    tried = ", ".join(f"{k}: {bic:.1f}" for k, bic in regimes["bic"])
    return f"Bayesian information criterion by number of regimes (less is better): {tried}."


def _goodness(values: Values) -> Section:
    goodness = values["goodness"]
    rows = [
        (name, r["n"], short(r["ks"]), short(r["acf_1"]), short(r["dispersion"]))
        for name, r in goodness["residuals"].items()
    ]
    header = ("group", "events", "distance from Exp(1)", "autocorrelation", "dispersion")
    parts: list[Any] = [
        "In the model's own time the waits between events are exponential: the largest distance "
        "of the distribution functions, the correlation of one wait with the next (0), and "
        "variance over squared mean (1). With very many events a small p-value is certain, so the "
        "distance itself is what counts.",
        Table("Residuals", header, rows),
        Facts(
            {
                "log-likelihood per event": goodness["log_likelihood_per_event"],
                "gain over Poisson flows, nats per event": goodness["gain_over_poisson_per_event"],
            }
        ),
    ]
    counts = values["n_events"]
    parts.append(Bars("Events", "group", "events", list(counts), list(counts.values())))
    if values["activity"]:
        hours = [hour for hour, _ in values["activity"]]
        parts.append(Steps("Events", "hours", "events", hours, [n for _, n in values["activity"]]))
    return Section("Goodness of fit", parts)
