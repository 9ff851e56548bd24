"""The part of the calibration page that is not about the model: fills, markouts, the spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from reports.estimates import NORMAL_95, bands, cells, entries, short, with_error
from reports.page import Chart, Curve, Curves, Facts, Gallery, HeatMap, Section, Table

Values = Mapping[str, Any]


def observed_sections(values: Values) -> list[Section]:
    """Of what was observed beside the model, with the simulated spread beside the real one."""
    observed = values["observed"]
    if observed is None:
        return []
    return [
        _spread(observed["spread"], values["simulated_spread"]),
        _fill_rate(observed["fill_rate"]),
        _queue(observed["queue_fills"]),
        _markouts(observed["markouts"], observed["spread"]),
        _diagnostics(observed["garch"], observed["latency"]),
    ]


def _rows(flat: Sequence[float | None], n: int) -> list[Sequence[float | None]]:
    return [flat[i * n : (i + 1) * n] for i in range(n)]


def _spread(spread: Values, simulated: Values | None) -> Section:
    edges, n = spread["edges_ticks"], len(spread["edges_ticks"])
    names = [f"{low}+" if i == n - 1 else f"{low}" for i, low in enumerate(edges)]
    parts: list[Any] = [
        "The law of the next bin of the spread (columns, by their lower edges in ticks) given the "
        "bin before a jump (rows), and the share of time in each bin"
        + (": as recorded, and as the model simulates it." if simulated else "."),
    ]
    for r, regime in enumerate(spread["regimes"]):
        label = f"regime {r + 1}, " if len(spread["regimes"]) > 1 else ""
        charts: list[Chart] = [
            HeatMap(
                "Jumps",
                f"{label}recorded",
                "from",
                names,
                names,
                _rows(regime["jumps"]["value"], n),
            )
        ]
        if simulated is not None and r < len(simulated["regimes"]):
            other = simulated["regimes"][r]["jumps"]["value"]
            charts.append(
                HeatMap(f"{label}simulated", "next bin", "from", names, names, _rows(other, n))
            )
        parts.append(Gallery(charts))
        parts.append(_shares(names, regime, simulated, r, label))
    by_kind = spread["regimes"][0]["by_kind"]
    kinds: list[Chart] = [
        HeatMap(kind, "next bin", f"from, at events: {kind}", names, names, _rows(part["value"], n))
        for kind, part in zip(spread["kinds"], by_kind, strict=True)
        if part["n"] > 0
    ]
    parts += ["By the kind of event, staying included.", Gallery(kinds)]
    return Section("Spread", parts)


def _shares(
    names: Sequence[str], regime: Values, simulated: Values | None, r: int, label: str
) -> Table:
    other = None
    if simulated is not None and r < len(simulated["regimes"]):
        other = simulated["regimes"][r]
    rows = []
    for i, name in enumerate(names):
        row = [name, short(regime["time_share"][i]), short(regime["implied_share"][i])]
        row += [with_error(*entries(regime["stay_s"])[i])]
        if other is not None:
            row += [short(other["time_share"][i]), short(other["stay_s"]["value"][i])]
        rows.append(row)
    header = ["spread", "share of time", "by jumps and stays", "mean stay, s"]
    if other is not None:
        header += ["simulated: share of time", "simulated: mean stay, s"]
    return Table(f"{label}stays".capitalize(), header, rows)


def _fill_rate(fit: Values) -> Section:
    a, k = fit["a_hz"], fit["k_per_tick"]
    if a["value"] is None or not fit["depth_ticks"]:
        return Section("Fill rate by depth", ["Too few market orders for A exp(-k d)."])
    depths = fit["depth_ticks"]
    observed, errors = fit["observed_hz"], fit["observed_error_hz"]
    low = [v - NORMAL_95 * e for v, e in zip(observed, errors, strict=True)]
    high = [v + NORMAL_95 * e for v, e in zip(observed, errors, strict=True)]
    fitted = [a["value"] * math.exp(-k["value"] * d) for d in depths]
    curves = [Curve("recorded", "real", observed, low, high), Curve("A exp(-k d)", "model", fitted)]
    facts = {
        "A, per second and side": with_error(*entries(a)[0]),
        "k, per tick": with_error(*entries(k)[0]),
        "market orders": fit["n"],
        "fitted from, ticks": fit["low_ticks"],
        "fitted to, ticks": fit["high_ticks"],
        "holds from, ticks": fit["valid_low_ticks"],
        "holds to, ticks": fit["valid_high_ticks"],
        "p of the misfit": fit["misfit_p"],
    }
    return Section(
        "Fill rate by depth",
        [
            "How often market orders reach a depth from the mid. Queues are left out: an order at "
            "a depth that is reached need not be filled.",
            Curves("Rate of market orders by depth", "ticks from the mid", "per s", depths, curves),
            Facts(facts),
        ],
    )


def _queue(fit: Values) -> Section:
    edges, n = fit["edges_lots"], len(fit["probability"])
    rows = []
    for p, part in enumerate(fit["probability"]):
        if not edges:
            name = "any"
        else:
            name = f"up to {edges[p]:g} lots" if p < n - 1 else f"more than {edges[-1]:g} lots"
        rows.append((name, part["n"], *cells(part)))
    header = ("queue ahead", "orders", *(f"within {h:g} s" for h in fit["horizons_s"]))
    return Section(
        "Fills by queue",
        [
            "Orders of one lot that join the best price, by Kaplan and Meier.",
            Table("Fill probability", header, rows),
        ],
    )


def _markouts(fit: Values, spread: Values) -> Section:
    overall = fit["overall"]
    curve = Curve("all fills", "real", overall["value"], *bands(overall))
    rows = []
    edges = spread["edges_ticks"]
    for c, cell in enumerate(fit["cells"]):
        if not cell["n"]:
            continue
        regime, width = divmod(c, len(edges))
        rows.append((regime + 1, f"from {edges[width]}", cell["n"], *cells(cell)))
    header = ("regime", "spread, ticks", "fills", *(f"{h:g} s" for h in fit["horizons_s"]))
    label = "ticks"
    return Section(
        "Markouts",
        [
            "What a passive fill at the best price is worth later: the mid's distance from its "
            "price, positive where the maker gains.",
            Curves("Markouts", "s", label, fit["horizons_s"], [curve], log_x=True),
            Table("By regime and spread", header, rows),
        ],
    )


def _diagnostics(garch: Values, latency: Values) -> Section:
    persistence = garch["persistence"]
    facts: dict[str, Any] = {
        "GARCH: alpha": short(garch["alpha"]["value"]),
        "GARCH: beta": short(garch["beta"]["value"]),
        "GARCH: alpha + beta": with_error(*entries(persistence)[0]),
        "GARCH: half-life, s": garch["half_life_s"],
        "GARCH: degrees of freedom": short(garch["nu"]["value"]),
        "squared returns: p of Ljung and Box": garch["ljung_box_before_p"],
        "squared residuals: p of Ljung and Box": garch["ljung_box_p"],
    }
    for q, ms in zip(latency["quantiles"], latency["quantile_ms"], strict=True):
        if ms is not None and latency["n"] and latency["mu"]["value"] is not None:
            facts[f"latency, {q:.1%} quantile, ms"] = ms
    if latency["mu"]["value"] is None:
        facts["latency"] = "not to be seen: see the cautions"
    else:
        facts["latency: mu of ln ms"] = short(latency["mu"]["value"])
        facts["latency: sigma"] = short(latency["sigma"]["value"])
    return Section("Clustering of volatility, and latency", [Facts(facts)])
