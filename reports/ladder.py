"""The page about a ladder of markets: what each ingredient of a model buys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.page import Chart, Curve, Curves, Gallery, Page, Section, Table

Values = Mapping[str, Any]

TITLE = "Ladder: "
GATES = ("G5", "G6", "G8", "G9", "G13a", "G13b", "G13c", "G13d", "G14")
HEADER = ("market", "adds", "mean L1", "95 % interval", "mean W", "worst L1", "score", "response")


def ladder_page(values: Values) -> Page:
    """The page of the values that `rlmm fidelity --ladder --json` prints."""
    real, rungs = values["real"], values["rungs"]
    synthetic = "the real table is synthetic: it comes from a simulator"
    return Page(
        title=f"{TITLE}{real['file']}",
        lead=f"markets fitted to {real['venue']} {real['symbol']} and held against it on "
        f"{values['stretches']} ({values['scored_s'] / 3600:.2f} hours, {rungs[0]['windows']} "
        f"windows of {rungs[0]['window_messages']} messages), which they have not seen",
        note=synthetic if real["synthetic"] else "",
        sections=[_summary(values), _scores(values), _gates(values), _pictures(values)],
        footer={"real": real["source"], "seed": values["seed"]},
    )


def _summary(values: Values) -> Section:
    floor = values["floor"]
    rows: list[tuple[Any, ...]] = [
        (
            "noise floor",
            "the real market, other stretches",
            _short(floor["mean_l1"]),
            _interval(floor["mean_l1_interval"]),
            _short(floor["mean_wasserstein"]),
            _short(floor["worst_l1"]),
            floor["worst_score"],
            "1",
        )
    ]
    rows += [
        (
            rung["name"],
            rung["adds"],
            _short(rung["mean_l1"]),
            _interval(rung["mean_l1_interval"]),
            _short(rung["mean_wasserstein"]),
            _short(rung["worst_l1"]),
            rung["worst_score"],
            _short(rung["response_floors"]),
        )
        for rung in values["rungs"]
    ]
    return Section(
        "What each ingredient buys",
        [
            "L1 is the total variation between the real and the simulated values of a score (0: "
            "equal, 1: apart), W Wasserstein's distance in real standard deviations, response the "
            "error of the price's response to events in units of the noise floor's.",
            Table("Means over the scores", HEADER, rows),
        ],
    )


def _scores(values: Values) -> Section:
    rungs = values["rungs"]
    rows = []
    for group in ("scores", "conditional"):
        for name, first in rungs[0][group].items():
            if "missing" in first:
                continue
            floor = first["floor"] or {}
            found = [_short((rung[group][name].get("model") or {}).get("l1")) for rung in rungs]
            rows.append((name, _short(floor.get("l1")), *found))
    header = ("score", "noise floor", *(rung["name"] for rung in rungs))
    return Section("Scores", [Table("L1", header, rows)])


def _gates(values: Values) -> Section:
    rungs = values["rungs"]
    by_rung = [{gate["name"]: gate for gate in rung["gates"]} for rung in rungs]
    rows = []
    for name in GATES:
        gate = by_rung[0][name]
        found = [_judged(gates[name]) for gates in by_rung]
        rows.append((name, gate["metric"].split(":")[0], gate["must_text"], *found))
    header = ("gate", "what", "must", *(rung["name"] for rung in rungs))
    return Section("Verdicts", [Table("Beyond the scores", header, rows)])


def _judged(gate: Values) -> str:
    if gate["must"] is None:
        return "not computed"
    verdict = "reaches the target" if gate["target"] else "passes" if gate["must"] else "misses"
    value = "" if gate["value"] is None else f"{gate['value']:.3g} "
    return f"{value}{verdict}"


def _pictures(values: Values) -> Section:
    charts: list[Chart] = []
    for rung in values["rungs"]:
        signature = rung["signature"]
        if "real" not in signature or "model" not in signature:
            continue
        curves = [
            Curve(role, role, signature[role]["value"], *_band(signature[role]))
            for role in ("real", "model")
        ]
        name = f"{rung['name']}: signature plot"
        charts.append(
            Curves(name, "s", "ticks per root s", signature["seconds"], curves, log_x=True)
        )
    return Section("Volatility by time scale", [Gallery(charts)] if charts else ["Windows alone."])


def _band(part: Values) -> tuple[list[float | None], list[float | None]]:
    return part["low"], part["high"]


def _interval(ends: list[float | None]) -> str:
    return f"{_short(ends[0])} to {_short(ends[1])}"


def _short(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.3f}"
