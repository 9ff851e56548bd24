"""What the commands print: tables for people, JSON for machines, progress on a terminal.

Results go to stdout, everything else to stderr, so that `rlmm ... --json > file` is clean.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol


class Progress(Protocol):
    """Called by long work: `done` of `total` units are ready (both may be estimates)."""

    def __call__(self, done: float, total: float, label: str = "") -> None:
        """Show it."""


def write_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object; a number that is not finite becomes null."""
    sys.stdout.write(json.dumps(_finite(value), indent=2, allow_nan=False) + "\n")


def write_values(title: str, value: Mapping[str, Any]) -> None:
    """Print a table of names and values; nested mappings get dotted names."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", show_header=False, box=None)
    for name, leaf in _leaves(value, ""):
        table.add_row(Text(name), Text(_shown_value(leaf)))
    Console(highlight=False).print(table)


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """A bar with the time left on a terminal; nothing when stderr goes elsewhere."""
    if not sys.stderr.isatty():
        yield _quiet
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        *Bar.get_default_columns()[:-1],
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[label]}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None, label="")

        def show(done: float, total: float, label: str = "") -> None:
            bar.update(task, completed=done, total=total, label=label)

        yield show


def _quiet(done: float, total: float, label: str = "") -> None:
    del done, total, label


def _leaves(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, part in value.items():
        if isinstance(part, Mapping):
            yield from _leaves(part, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", part


def _shown_value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", "\N{THIN SPACE}")
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown_value, value))
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
