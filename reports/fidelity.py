"""The page about a simulated market: how like the recorded one it is, and where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.page import Chart, Curve, Curves, Facts, Gallery, Histograms, Page, Section, Table
from reports.page.curves import Role

Values = Mapping[str, Any]

TITLE = "Fidelity: "

ROLES: tuple[tuple[str, Role], ...] = (
    ("real", "real"),
    ("floor", "floor"),
    ("reference", "reference"),
    ("model", "model"),
)
BANDED = ("real", "model")
LAG_SHOWN = 100  # beyond, a window holds few events
COLUMN_NAMES = {"floor": "noise floor", "reference": "reference", "model": "model"}


def fidelity_page(values: Values) -> Page:
    """The page of the values that `rlmm fidelity --json` prints."""
    real, simulated = values["real"], values["simulated"]
    notes = list(values["cautions"])
    if real["synthetic"]:
        notes.insert(0, "the real table is synthetic: it comes from a simulator")
    return Page(
        title=f"{TITLE}{simulated['file']}",
        lead=f"held against {real['venue']} {real['symbol']}, {real['file']}, "
        f"{values['stretches']} ({values['scored_s'] / 3600:.2f} hours, {values['windows']} "
        f"windows of {values['window_messages']} messages in every column)",
        note="; ".join(notes),
        sections=[
            _verdicts(values),
            _summary(values),
            _scores(values),
            _pictures(values),
            _responses(values),
            _after_fills(values),
            _scales(values),
            *_goodness(values["goodness"]),
            *_trials(values["trials"]),
            _facts(values),
        ],
        footer={
            "real": real["source"],
            "simulated": simulated["source"],
            "seed of the bootstrap": values["seed"],
        },
    )


def _verdicts(values: Values) -> Section:
    rows = []
    for gate in values["gates"]:
        if gate["must"] is None:
            verdict = f"not computed: {gate['reason']}"
        else:
            verdict = (
                "reaches the target"
                if gate["target"]
                else ("passes, misses the target" if gate["must"] else "MISSES what it must reach")
            )
        value = "" if gate["value"] is None else f"{gate['value']:.3g}"
        row = (gate["name"], gate["metric"], value, gate["must_text"], gate["target_text"])
        rows.append((*row, verdict))
    header = ("gate", "what", "value", "must", "target", "verdict")
    return Section("Verdicts", [Table("What a simulator has to reach", header, rows)])


def _summary(values: Values) -> Section:
    rows = []
    for key, column in values["columns"].items():
        low, high = column["mean_l1_interval"]
        rows.append(
            (
                COLUMN_NAMES[key],
                column["name"].rsplit("/", 1)[-1],
                _short(column["mean_l1"]),
                f"{_short(low)} to {_short(high)}",
                _short(column["mean_wasserstein"]),
                _short(column["worst_l1"]),
                column["worst_score"],
                _short(column["mean_conditional_l1"]),
            )
        )
    header = ("column", "of", "mean L1", "95 % interval", "mean W", "worst L1", "score", "cond. L1")
    normalised = "not computed" if values["s"] is None else _short(values["s"])
    return Section(
        "Summary",
        [
            "L1 is the total variation between the real and the other values of a score (0: equal, "
            "1: apart), W Wasserstein's distance in real standard deviations. The noise floor is "
            "the real market against itself on other stretches: no simulator can be asked for "
            "less. Intervals come from resampling whole blocks of windows.",
            Table("Means over the scores", header, rows),
            Facts(
                {
                    "S, 0: like the floor, 1: like the reference": normalised,
                    "levels of the book that are looked at": values["instrument"]["levels"],
                    "what the recordings tell apart": values["instrument"]["detail"],
                    "half-spread of fills, ticks": values["half_spread_ticks"],
                }
            ),
        ],
    )


def _short(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.3f}"


def _scores(values: Values) -> Section:
    keys = list(values["columns"])
    header = ["score", *(f"L1, {COLUMN_NAMES[k]}" for k in keys)]
    header += ["95 % interval, model", *(f"W, {COLUMN_NAMES[k]}" for k in keys)]
    parts: list[Any] = []
    missing = []
    for caption, group in (("Unconditional", "scores"), ("Under a condition", "conditional")):
        rows = []
        for name, row in values[group].items():
            if "missing" in row:
                missing.append((name, row["missing"]))
                continue
            low, high = row["model"]["l1_interval"]
            interval = "" if low is None else f"{low:.3f} to {high:.3f}"
            one = [_short((row[k] or {}).get("l1")) for k in keys]
            two = [_short((row[k] or {}).get("wasserstein")) for k in keys]
            rows.append([name, *one, interval, *two])
        parts.append(Table(caption, header, rows))
    if missing:
        parts.append(Table("Not computed", ("score", "why"), missing))
    return Section("Scores", parts)


def _pictures(values: Values) -> Section:
    charts: list[Chart] = [
        Histograms(name, "value", "share", h["edges"], h["real"], h["model"])
        for name, h in values["histograms"].items()
    ]
    return Section(
        "Distributions",
        [
            "Filled: real; line: model. The first and last bar hold what lies outside. Prices are "
            "in ticks, sizes in lots, times in ln ms (between messages) and ln s (to a cancel).",
            Gallery(charts),
        ],
    )


def _curves_of(part: Values, places: int | None = None) -> list[Curve]:
    """The curves there are, at the first places; bands for the real one and the model."""
    curves = []
    for name, role in ROLES:
        if name in part:
            value, low, high = (part[name][key][:places] for key in ("value", "low", "high"))
            ends = (low, high) if name in BANDED else ((), ())
            curves.append(Curve(name, role, value, *ends))
    return curves


def _responses(values: Values) -> Section:
    responses = values["responses"]
    near = sum(lag <= LAG_SHOWN for lag in responses["lags"])
    charts: list[Chart] = [
        Curves(
            event, "events", "ticks", responses["lags"][:near], _curves_of(part, near), log_x=True
        )
        for event, part in responses["by_lag"].items()
    ]
    seconds = responses["seconds"]
    timed: list[Chart] = [
        Curves(f"{event}, clock time", "s", "ticks", seconds, _curves_of(part), log_x=True)
        for event, part in responses["by_time"].items()
        if "real" in part
    ]
    parts: list[Any] = [
        "How far the mid moves in the direction of an event: MO market orders, LO limit orders, CA "
        "cancels at the best prices; 1 where the event moved a best price, 0 where it did not.",
        Gallery(charts),
    ]
    if timed:
        parts.append(Gallery(timed))
    return Section("Responses", parts)


def _after_fills(values: Values) -> Section:
    markouts, fills = values["markouts"], values["fills"]
    parts: list[Any] = []
    if "real" in markouts and "model" in markouts:
        parts.append("What a passive fill is worth later; bands are 95 % intervals.")
        curves = _curves_of(markouts)
        parts.append(Curves("Markouts", "s", "ticks", markouts["seconds"], curves, log_x=True))
    if "real" in fills and "model" in fills:
        rows = []
        for i, tercile in enumerate(("few", "some", "many")):
            for j, seconds in enumerate(fills["seconds"]):
                row = [fills[k]["value"][i][j] for k in ("real", "model")]
                low, high = fills["real"]["low"][i][j], fills["real"]["high"][i][j]
                rows.append(
                    (tercile, seconds, *map(_short, row), f"{_short(low)} to {_short(high)}")
                )
        header = ("lots ahead", "within, s", "real", "model", "95 % interval, real")
        parts.append(Table("Probability that an order at the touch is filled", header, rows))
    if not parts:
        parts.append("Windows alone are too short for markouts and fill probabilities.")
    return Section("After fills", parts)


def _scales(values: Values) -> Section:
    signature = values["signature"]
    parts: list[Any] = []
    if "real" in signature and "model" in signature:
        parts.append("Volatility by the time scale it is measured at; flat: a martingale.")
        curves, seconds = _curves_of(signature), signature["seconds"]
        label = "ticks per root s"
        parts.append(Curves("Signature plot", "s", label, seconds, curves, log_x=True))
    chunks = {name: part for name, part in values["divergence"].items() if part}
    if chunks:
        places = [100.0 * (k + 1) for k in range(len(next(iter(chunks.values()))))]
        drawn = [Curve(n, role, chunks[n]) for n, role in ROLES if n in chunks]
        parts.append("Mean L1 of each hundred messages of a window: does it grow?")
        parts.append(Curves("Divergence", "messages", "mean L1", places, drawn))
    return Section("Time scales", parts)


def _goodness(goodness: Values | None) -> list[Section]:
    """None of a model that was not calibrated."""
    if goodness is None:
        return []
    rows = [
        (group, part["n"], part["ks"], part["acf_1"], part["dispersion"])
        for group, part in goodness["residuals"].items()
    ]
    header = ("events", "n", "distance (KS)", "autocorrelation", "dispersion")
    return [
        Section(
            "As a point process",
            [
                "How well the model's intensities explain the events of the scored stretches: in "
                "its own time, waits are exponential with mean 1, and independent.",
                Facts(
                    {
                        "events": goodness["events"],
                        "nats per event over Poisson flows": _short(
                            goodness["gain_over_poisson_per_event"]
                        ),
                    }
                ),
                Table("Residuals", header, rows),
            ],
        )
    ]


def _trials(trials: Values | None) -> list[Section]:
    """None without an agent in the market."""
    if trials is None:
        return []
    impact = trials["metaorders"]
    slices = len(impact["path_ticks"][0]) // 2
    seconds = [impact["duration_s"] * (k + 1) / slices for k in range(2 * slices)]
    roles: tuple[Role, ...] = ("reference", "floor", "real", "model")
    curves = [
        Curve(f"{lots} lots", role, path)
        for lots, role, path in zip(impact["lots"], roles, impact["path_ticks"], strict=True)
    ]
    low, high = impact["exponent_interval"]
    back_low, back_high = impact["relaxation_interval"]
    rows = [
        (probe["name"], probe["mean"], probe["standard_error"], "PAYS" if probe["pays"] else "no")
        for probe in trials["probes"]
    ]
    header = ("strategy", "gain, ticks per unit", "standard error", "pays at 99 %")
    return [
        Section(
            "An agent in the market",
            [
                "How far large orders, sent in equal slices, move the mid against the same market "
                "without them, and how much is given back in as much time.",
                Curves("Metaorders", "s", "ticks", seconds, curves),
                Facts(
                    {
                        "exponent of impact in lots": _short(impact["exponent"]),
                        "its 95 % interval": f"{_short(low)} to {_short(high)}",
                        "share given back": _short(impact["relaxation"]),
                        "95 % interval of that": f"{_short(back_low)} to {_short(back_high)}",
                    }
                ),
                Table("Strategies that must not pay, without fees", header, rows),
            ],
        )
    ]


def _facts(values: Values) -> Section:
    rows = []
    for fact in values["facts"]:
        if not fact["numbers"]:
            text = f"{fact['verdict']}: {fact['reason']}"
            rows.append((fact["number"], fact["fact"], fact["criterion"], "", "", "", "", text))
        for i, number in enumerate(fact["numbers"]):
            head = (fact["number"], fact["fact"], fact["criterion"]) if i == 0 else ("", "", "")
            low, high = _short(number["low"]), _short(number["high"])
            interval = f"{low} to {high}" if number["low"] is not None else ""
            shown = (_short(number["real"]), interval, _short(number["simulated"]))
            verdict = number["verdict"]
            if i == 0 and fact["verdict"] == "not computable":
                verdict = f"{verdict}: {fact['reason']}"
            rows.append((*head, number["name"], *shown, verdict))
    header = ("", "fact", "criterion", "number", "real", "95 % interval", "simulated", "verdict")
    return Section("Stylized facts", [Table("Twenty-five facts", header, rows)])
