"""Lines of JSON that a stopped command finds again: it goes on where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def rows_with(path: Path | None, keys: set[str]) -> list[Row]:
    """The rows of an earlier session that have these keys; the last line may be torn."""
    if path is None or not path.exists():
        return []
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and keys <= row.keys():
            rows.append(row)
    return rows


def append(path: Path, row: Row) -> None:
    """Adds a row, on a line of its own even after a torn one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        torn = False
        if size > 0:
            file.seek(size - 1)
            torn = file.read(1) != b"\n"
        file.write(("\n" if torn else "").encode() + json.dumps(row).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
