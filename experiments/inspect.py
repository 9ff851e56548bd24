"""`rlmm inspect`: what a recording is like and what is odd about it, on a page and in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calibration.quality import inspect
from calibration.sources.problems import DataError
from experiments.console import Progress
from experiments.errors import InputError, Problem, shown_place
from reports.data_quality import TITLE, quality_page
from reports.page import is_page, write_page


def run_inspect(path: Path, page: Path | None, *, progress: Progress) -> dict[str, Any]:
    """Read the table and write the page, if one is wanted; returns the values.

    An older page of a table's quality is replaced, anything else is not.

    Raises:
        InputError: there is no such table, or something else in the page's place.
    """
    problems = []
    if not path.is_file():
        problems.append(Problem("X.parquet", f"expected a file, got {shown_place(path)}"))
    if page is not None and page.exists() and not is_page(page, TITLE):
        message = f"expected no file there, got {shown_place(page)}; remove it or name another"
        problems.append(Problem("--html", message))
    elif page is not None and not page.parent.is_dir():
        folder = shown_place(page.parent)
        problems.append(Problem("--html", f"expected a folder that exists, got {folder}"))
    if problems:
        raise InputError(problems)
    try:
        quality = inspect(path, show=progress)
    except DataError as error:
        raise InputError([Problem(shown_place(error.where), error.message)]) from None
    values = quality.as_json()
    if page is not None:
        made = quality_page(values, name=path.name)
        page.unlink(missing_ok=True)
        write_page(made, page)
    return {**values, "html": None if page is None else str(page)}


def for_people(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that fit on a screen."""
    metadata = values["metadata"]
    odd = {
        oddity["name"]: f"{oddity['count']:,}, first in row {oddity['first_row']:,}"
        for oddity in values["oddities"]
        if oddity["count"]
    }
    source = {
        problem["reason"]: f"{problem['count']:,} {problem['severity']}, first in line "
        f"{problem['line']} of {shown_place(problem['file'])}"
        for problem in values["ingest_problems"]
    }
    names = ("rows", "events_per_s", "fills_per_s", "market_orders", "spread_median_ticks")
    return {
        "instrument": f"{metadata['venue']} {metadata['symbol']}",
        **({"note": "synthetic: from a simulator, not an exchange"} if values["synthetic"] else {}),
        "session": metadata["session"],
        "tick_size": metadata["tick_size"],
        "lot_size": metadata["lot_size"],
        **{name: values[name] for name in names},
        "locked_share": values["locked_share"],
        "crossed_share": values["crossed_share"],
        "longest_silence_s": max((seconds for _, seconds in values["silences"]), default=0.0),
        "latency_ns": values["latency_ns"],
        "repeated": values["repeated"],
        "odd": odd,
        "in_the_source": source,
        "html": values["html"],
    }
