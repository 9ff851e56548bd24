"""The page about a recording: what it is, how it behaves, what is odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from reports.page import Bars, Facts, Line, Page, Section, Steps, Table

TITLE = "Data quality: "
BARS_MOST = 12
SHOWN_SHARE = 0.99
ROUNDING = 1e-9


def quality_page(quality: Mapping[str, Any], *, name: str) -> Page:
    """The page of the values that `rlmm inspect --json` prints."""
    metadata = quality["metadata"]
    seconds = (quality["end_ns"] - quality["start_ns"]) / 1e9
    return Page(
        title=f"{TITLE}{name}",
        lead=f"{metadata['venue']} {metadata['symbol']}, {_moment(quality['start_ns'])} to "
        f"{_moment(quality['end_ns'])}",
        note="Synthetic: these events come from a simulator, not from an exchange."
        if quality["synthetic"]
        else "",
        sections=[
            Section("What it is", [Facts(_facts(quality, seconds))]),
            _findings(quality),
            _spread(quality),
            _course(quality),
            _time(quality),
        ],
        footer={"source": metadata["source"], "schema version": metadata["schema_version"]},
    )


def _moment(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _facts(quality: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    metadata = quality["metadata"]
    divisors = {"tick size": quality["price_divisor"], "lot size": quality["size_divisor"]}
    checked = {
        unit: metadata[unit.replace(" ", "_")]
        + ("" if divisor <= 1 else f" (all are multiples of {divisor} of them: too small?)")
        for unit, divisor in divisors.items()
    }
    return {
        "rows": quality["rows"],
        "hours": seconds / 3600,
        "hours without any event for half an hour": quality["closed_ns"] / 3.6e12,
        **checked,
        "events per second": quality["events_per_s"],
        "fills per second": quality["fills_per_s"],
        "market orders per fill": quality["market_orders"] / max(quality["fills"], 1),
        "hidden fills": quality["hidden_fills"],
        "repeated in the source, by its numbers": "not read"
        if quality["repeated"] is None
        else quality["repeated"],
        **{f"rows: {kind}": count for kind, count in quality["rows_by_kind"].items()},
    }


def _name(place: str) -> str:
    """A file, or a file in an archive, without its folders."""
    return place.rsplit("!", 1)[-1].rsplit("/", 1)[-1]


def _findings(quality: Mapping[str, Any]) -> Section:
    odd = [
        (oddity["name"], oddity["count"], oddity["first_row"], oddity["meaning"])
        for oddity in quality["oddities"]
        if oddity["count"]
    ]
    found = [
        (p["reason"], p["severity"], p["count"], p["line"], _name(p["file"]), p["got"], p["remedy"])
        for p in quality["ingest_problems"]
    ]
    parts: list[str | Table] = []
    parts.append(
        Table("In the table", ("what", "rows", "first row", "meaning"), odd)
        if odd
        else "Nothing is odd in the table."
    )
    if found:
        header = ("what", "kind", "count", "first line", "of", "there", "remedy")
        parts.append(Table("In the source, when it was read", header, found))
    else:
        parts.append("Nothing was noted when the source was read.")
    return Section("What was found", parts)


def _spread(quality: Mapping[str, Any]) -> Section:
    widths = {int(ticks): ns for ticks, ns in quality["spread_ns"].items()}
    total = sum(widths.values())
    if not total:
        return Section("Spread", ["There never were a bid and an ask."])
    names, shares = spread_shares(widths, total)
    return Section(
        "Spread",
        [
            Facts(
                {
                    "median, ticks": quality["spread_median_ticks"],
                    "share of time locked": quality["locked_share"],
                    "share of time crossed": quality["crossed_share"],
                    "seconds without a bid or an ask": quality["one_sided_ns"] / 1e9,
                }
            ),
            Bars("Share of time with each spread", "ticks", "share of time", names, shares),
        ],
    )


def spread_shares(widths: Mapping[int, int], total: int) -> tuple[list[str], list[float]]:
    """Of stretches of widths, as long as it takes to show nearly all; what is wider, together."""
    least = most = min(widths)
    past = 0
    for ticks in sorted(widths):
        past += widths[ticks]
        most = ticks
        if past >= SHOWN_SHARE * total:
            break
    step = -(-(most - least + 1) // BARS_MOST)
    names, shares = [], []
    for begin in range(least, most + 1, step):
        end = begin + step - 1
        names.append(str(begin) if step == 1 else f"{begin} to {end}")
        shares.append(sum(ns for ticks, ns in widths.items() if begin <= ticks <= end) / total)
    rest = 1 - sum(shares)
    if rest > ROUNDING:
        names.append("more")
        shares.append(rest)
    return names, shares


def _course(quality: Mapping[str, Any]) -> Section:
    minutes = [i * quality["bucket_ns"] / 6e10 for i in range(len(quality["events"]))]
    return Section(
        "Course",
        [
            Line("Mid price", "minutes", "mid, ticks", minutes, quality["mid_ticks"]),
            Steps("Events", "minutes", "events", minutes, quality["events"]),
        ],
    )


def _time(quality: Mapping[str, Any]) -> Section:
    silences: Sequence[tuple[int, float]] = quality["silences"]
    rows = [(_moment(began), seconds) for began, seconds in silences]
    bounds = quality["latency_ns"].items()
    latency = {f"latency {name.replace('_', ' ')}, ms": ns / 1e6 for name, ns in bounds}
    return Section(
        "Time",
        [
            Facts(latency) if latency else "One clock: there is no latency to see.",
            Table("Longest silences", ("from", "seconds"), rows),
        ],
    )
