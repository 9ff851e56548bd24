"""A vendor's files as a canonical event table on disk, in one pass and bounded memory.

What a tick and a lot are may only be known after the last row: rows go to a temporary file in units
of the reading first, then to the table.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from calibration.sources.compressed import members_of, with_content
from calibration.sources.plan import Options, Plan
from calibration.sources.problems import DataError
from calibration.sources.registry import FORMATS
from rlmm_tf.events import (
    ARROW_SCHEMA,
    ROW_GROUP_ROWS,
    EventFlag,
    EventMetadata,
    EventTableError,
    arrow_table,
    parquet_writer,
    positive_decimal,
    require_rows,
    session_text,
)
from rlmm_tf.files import new_file
from rlmm_tf.kernels.parse import (
    ROWS_ENOUGH,
    Columns,
    Finding,
    ParseError,
    Reader,
    Units,
    drained,
    findings_of,
)

REPORT_KEY = b"ingest"  # of the table's metadata
HASH_BYTES = 1 << 20

Show = Callable[[float, float, str], None]


@dataclass(frozen=True)
class FoundProblem:
    """A finding with the name of its file."""

    reason: str
    severity: str
    count: int
    file: str
    line: int
    offset: int
    field: str
    expected: str
    got: str
    remedy: str


@dataclass(frozen=True)
class IngestReport:
    """What came of it."""

    format: str
    files: list[str]
    ignored: list[str]
    rows: int
    start_ns: int
    end_ns: int
    tick_size: str
    lot_size: str
    tick_inferred: bool
    lot_inferred: bool
    off_tick_hidden: int  # hidden trades between two ticks, written at the one behind
    problems: list[FoundProblem]
    rejected: dict[str, int]


def ingest(
    format_name: str, paths: Sequence[Path], out: Path, options: Options, *, show: Show
) -> IngestReport:
    """Read the files and write the table.

    Raises:
        DataError: with the place, when the files cannot be read.
        FileExistsError: there is a file at `out`.
    """
    members, empty = with_content(
        [member for path in paths for member in members_of(path)], strict=options.strict
    )
    plan = FORMATS[format_name](members, options)
    plan = replace(plan, ignored=(*plan.ignored, *empty))
    reading = Reading(plan, sum(path.stat().st_size for path in paths), show)
    with new_file(out) as temporary, tempfile.TemporaryFile(dir=out.parent) as rough:
        reading.write_rough(rough)
        ticks = _Ticks.of(plan, reading.reader)
        report = _report(format_name, paths, plan, reading, ticks)
        metadata = EventMetadata(
            venue=plan.venue,
            symbol=plan.symbol or options.symbol or _symbol_of(paths),
            tick_size=ticks.tick_size,
            lot_size=ticks.lot_size,
            session=session_text(report.start_ns, report.end_ns),
            source=f"sha256:{source_hash(paths)}",
            rejected=report.rejected,
        )
        rough.seek(0)
        off_tick = _write_table(temporary, rough, metadata, ticks, report)
    return replace(report, off_tick_hidden=off_tick)


def _symbol_of(paths: Sequence[Path]) -> str:
    return paths[0].name.split(".")[0]


def source_hash(paths: Sequence[Path]) -> str:
    """sha256 of the file, or of the files' sums one after the other."""
    sums = []
    for path in paths:
        with path.open("rb") as raw:
            sums.append(hashlib.file_digest(raw, "sha256").hexdigest())
    if len(sums) == 1:
        return sums[0]
    return hashlib.sha256("".join(sums).encode()).hexdigest()


class Reading:
    """A reader with its files, and what came out of it so far."""

    def __init__(self, plan: Plan, total_bytes: int, show: Show) -> None:
        self.plan = plan
        self.reader: Reader = plan.reader(_units(plan))
        self.rows = 0
        self.start_ns = 0
        self.end_ns = 0
        self._total = total_bytes
        self._show = show

    def columns(self) -> Iterator[Columns]:
        """The rows, a stretch after the other.

        Raises:
            DataError: the files cannot be read further.
        """
        pieces = [self._pieces(number) for number in range(len(self.plan.inputs))]
        try:
            while not self.reader.done:
                needs = self.reader.advance(ROWS_ENOUGH)
                if needs < 0:
                    yield from drained(self.reader)
                elif not next(pieces[needs], False):
                    self.reader.end(needs)
        except ParseError:
            raise self._data_error(findings_of(self.reader)[-1]) from None
        yield from drained(self.reader)

    def _pieces(self, number: int) -> Iterator[bool]:
        """Feeds the input a piece each time that it is asked."""
        for file in self.plan.inputs[number]:
            self.reader.begin_file(number, file.time_base_ns, file.continues)
            waiting: bytes | None = None
            for piece in file.member.pieces():
                if waiting is not None:
                    self.reader.feed(number, waiting, False)
                    self._progress()
                    yield True
                waiting = piece
            self.reader.feed(number, waiting or b"", True)
            yield True

    def _progress(self) -> None:
        files = [file for of_input in self.plan.inputs for file in of_input]
        done = sum(file.member.consumed.bytes for file in files)
        self._show(float(done), float(self._total), f"{self.rows:,} rows".replace(",", " "))

    def _data_error(self, found: Finding) -> DataError:
        problem = self.problem(found)
        return DataError(
            problem.file,
            line=problem.line,
            offset=problem.offset,
            field=problem.field,
            expected=problem.expected,
            got=repr(problem.got),
            reason=problem.reason,
            remedy=problem.remedy,
        )

    def problem(self, found: Finding) -> FoundProblem:
        """The finding with its file's name."""
        files = self.plan.inputs[found.input]
        place = files[min(found.file, len(files) - 1)].member.place if files else "FILE"
        values = {key: value for key, value in asdict(found).items() if key != "input"}
        return FoundProblem(**{**values, "file": place})

    def write_rough(self, rough: Any) -> None:
        """All rows, prices and sizes in units of the reading."""
        with pa.ipc.new_stream(rough, ARROW_SCHEMA) as writer:
            for columns in self.columns():
                if self.rows == 0:
                    self.start_ns = int(columns["ts_recv"][0])
                self.end_ns = int(columns["ts_recv"][-1])
                self.rows += len(columns["kind"])
                writer.write_table(arrow_table(columns, ARROW_SCHEMA))
        if self.rows == 0:
            raise self._no_rows()

    def _no_rows(self) -> DataError:
        """What there was instead."""
        found = {finding.reason: finding for finding in findings_of(self.reader)}
        place = next(file.member.place for files in self.plan.inputs for file in files)
        other = found.get("other_symbol")
        if other is not None:
            return DataError(
                self.problem(other).file,
                reason="no_rows",
                line=other.line,
                field=other.field,
                expected=f"rows of {self.plan.symbol}",
                got=f"only others, such as {other.got!r}",
                remedy="name one that is there with --symbol",
            )
        others = ", ".join(f"{finding.count} x {reason}" for reason, finding in found.items())
        return DataError(
            place,
            reason="no_rows",
            expected="rows that say something about a book",
            got=f"none ({others})" if others else "none",
            remedy="is it the right file, and the right format?",
        )


def _units(plan: Plan) -> Units:
    return Units(
        price_places=plan.price_places,
        size_places=plan.size_places,
        tick=_in_units("--tick-size", plan.tick_size, plan.price_places + plan.price_scale),
        lot=_in_units("--lot-size", plan.lot_size, plan.size_places),
    )


def _in_units(option: str, text: str, places: int) -> int:
    """The tick or lot as so many units of 10^-places; 0 where it is not known."""
    if not text:
        return 0
    try:
        value = positive_decimal(option, text).scaleb(places)
    except EventTableError:
        raise DataError(
            option,
            expected="a positive number with at most 18 places, such as 0.01",
            got=repr(text),
        ) from None
    if value != value.to_integral_value():
        raise DataError(option, expected=f"a multiple of 1e-{places}", got=repr(text))
    return int(value)


@dataclass(frozen=True)
class _Ticks:
    """The tick and the lot in units of the reading and as text."""

    tick: int
    lot: int
    tick_size: str
    lot_size: str
    tick_inferred: bool
    lot_inferred: bool

    @classmethod
    def of(cls, plan: Plan, reader: Reader) -> _Ticks:
        units = _units(plan)
        tick = units.tick or max(reader.price_divisor, 1)
        lot = units.lot or max(reader.size_divisor, 1)
        return cls(
            tick=tick,
            lot=lot,
            tick_size=_decimal_text(tick, plan.price_places + plan.price_scale),
            lot_size=_decimal_text(lot, plan.size_places),
            tick_inferred=units.tick == 0,
            lot_inferred=units.lot == 0,
        )


def _decimal_text(count: int, places: int) -> str:
    text = f"{Decimal(count).scaleb(-places):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _report(
    format_name: str, paths: Sequence[Path], plan: Plan, reading: Reading, ticks: _Ticks
) -> IngestReport:
    found = findings_of(reading.reader)
    return IngestReport(
        format=format_name,
        files=[str(path) for path in paths],
        ignored=list(plan.ignored),
        rows=reading.rows,
        start_ns=reading.start_ns,
        end_ns=reading.end_ns,
        tick_size=ticks.tick_size,
        lot_size=ticks.lot_size,
        tick_inferred=ticks.tick_inferred,
        lot_inferred=ticks.lot_inferred,
        off_tick_hidden=0,
        problems=[reading.problem(finding) for finding in found],
        rejected={f.reason: f.count for f in found if f.severity in {"filter", "defect"}},
    )


def _write_table(
    path: Path, rough: Any, metadata: EventMetadata, ticks: _Ticks, report: IngestReport
) -> int:
    """The rows in ticks and lots; returns how many hidden trades lay between two ticks."""
    schema = metadata.schema()
    text = json.dumps(asdict(report), sort_keys=True)
    schema = schema.with_metadata({**schema.metadata, REPORT_KEY: text.encode()})
    off_tick = first_row = 0
    waiting: list[pa.Table] = []
    with parquet_writer(path, schema) as writer, pa.ipc.open_stream(rough) as stream:
        for batch in stream:
            columns = {name: batch.column(name).to_numpy() for name in ARROW_SCHEMA.names}
            off_tick += _to_ticks(columns, ticks)
            require_rows(columns, first_row)
            first_row += len(columns["kind"])
            waiting.append(arrow_table(columns, schema))
            if sum(map(len, waiting)) >= ROW_GROUP_ROWS:
                table = pa.concat_tables(waiting)
                writer.write_table(table.slice(0, ROW_GROUP_ROWS), ROW_GROUP_ROWS)
                waiting = [table.slice(ROW_GROUP_ROWS)]
        rest = pa.concat_tables(waiting)
        if len(rest) > 0:
            writer.write_table(rest, ROW_GROUP_ROWS)
    return off_tick


def _to_ticks(columns: Columns, ticks: _Ticks) -> int:
    """Change prices and sizes in place; a hidden trade off the grid goes to the tick behind it."""
    price = columns["price_ticks"]
    whole, rest = np.divmod(price, ticks.tick)
    off = rest != 0
    behind = off & (columns["side"] < 0)
    columns["price_ticks"] = whole + behind
    hidden = (columns["flags"] & EventFlag.HIDDEN) != 0
    assert not (off & ~hidden).any()  # the reader has refused those
    sized = columns["kind"] != 7  # a status is no size
    columns["qty_lots"] = np.where(sized, columns["qty_lots"] // ticks.lot, columns["qty_lots"])
    return int(off.sum())
