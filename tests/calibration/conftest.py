"""Small recordings written by hand or simulated, and the table that an ingest makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.sources.ingest import IngestReport, ingest
from calibration.sources.plan import Options
from rlmm_tf.events import EventKind, EventTable


@dataclass(frozen=True)
class Ingested:
    """A table and the account of how it came about."""

    table: EventTable
    report: IngestReport

    def column(self, name: str) -> NDArray[Any]:
        return self.table.column(name)

    @property
    def found(self) -> dict[str, int]:
        return {problem.reason: problem.count for problem in self.report.problems}

    def rows(self) -> list[tuple[str, int, int, int]]:
        """Kind, side, ticks, lots."""
        columns = [self.column(name).tolist() for name in ("kind", "side", "price_ticks")]
        kinds = [EventKind(kind).name.lower() for kind in columns[0]]
        return list(
            zip(kinds, columns[1], columns[2], self.column("qty_lots").tolist(), strict=True)
        )

    def times(self) -> list[int]:
        return list(map(int, self.column("ts_event")))


Ingest = Callable[..., Ingested]


@pytest.fixture
def ingest_files(tmp_path: Path) -> Ingest:
    """Writes files (text or bytes by name) and reads them in the order of the mapping."""
    count = 0

    def run(format_name: str, files: Mapping[str, str | bytes], **options: Any) -> Ingested:
        nonlocal count
        count += 1
        folder = tmp_path / f"files-{count}"
        folder.mkdir()
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(data)
        out = tmp_path / f"{count}.parquet"
        paths = [folder / name for name in files]
        report = ingest(format_name, paths, out, Options(**options), show=lambda *_: None)
        return Ingested(EventTable.read(out), report)

    return run


@pytest.fixture
def ingest_paths(tmp_path: Path) -> Callable[..., Ingested]:
    """Reads files that are there."""

    def run(format_name: str, paths: list[Path], **options: Any) -> Ingested:
        out = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        report = ingest(format_name, paths, out, Options(**options), show=lambda *_: None)
        return Ingested(EventTable.read(out), report)

    return run


def equal_tables(a: EventTable, b: EventTable) -> bool:
    """All columns equal."""
    names = a.table.schema.names
    return all(np.array_equal(a.column(name), b.column(name)) for name in names)


@pytest.fixture
def configs() -> Path:
    return Path(__file__).parents[2] / "experiments" / "configs"
