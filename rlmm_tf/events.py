"""The canonical event table: what happened to an order book, one row per event, in any market.

Recordings of every vendor and simulated markets come in this one form; replay and calibration read
nothing else. Times are nanoseconds UTC, prices ticks, sizes lots: integers, never floats. What a
tick and a lot are worth stands in the metadata as decimal text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rlmm_tf.fields import NS_PER_S
from rlmm_tf.files import new_file

SCHEMA_VERSION = 1
SYNTHETIC = "SYNTHETIC"  # how the symbol begins in vendors' files that a simulator wrote
ROW_GROUP_ROWS = 1_000_000


class EventKind(IntEnum):
    """What happened; `qty_lots` means something else with each."""

    ADD = 1  # an order of `qty_lots` came to rest
    CANCEL = 2  # `qty_lots` were taken off an order
    MODIFY = 3  # an order, or without order_id a level, now holds `qty_lots`; 0: none
    TRADE = 4  # `qty_lots` of a resting order were executed
    SNAPSHOT = 5  # an order or level that is there when the recording starts, or starts again
    CLEAR = 6  # the side (side 0: the book) is empty
    STATUS = 7  # `qty_lots`: 0 trading is halted, 1 quoting resumes, 2 trading resumes


class EventFlag(IntFlag):
    """Bits of `flags`."""

    REMAINS = 1  # cancel or trade: part of the order is left
    REACH = 2  # the level came into reach or left it: nobody sent or cancelled the order then
    AGENT = 4  # the resting order is the agent's
    MORE_FILLS = 8  # trade: the same market order goes on filling
    HIDDEN = 16  # trade: of lots that the book did not show; the book stays as it is


ARROW_SCHEMA = pa.schema(
    [
        pa.field("ts_event", pa.int64(), nullable=False),  # of the exchange, ns UTC
        pa.field("ts_recv", pa.int64(), nullable=False),  # of the recorder; one clock: ts_event
        pa.field("seq", pa.uint64(), nullable=False),  # breaks ties of ts_recv
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("side", pa.int8(), nullable=False),  # resting side: +1 bid, -1 ask, 0 unknown
        pa.field("price_ticks", pa.int64(), nullable=False),
        pa.field("qty_lots", pa.int64(), nullable=False),
        pa.field("order_id", pa.uint64(), nullable=False),  # of the resting order; 0: none (L2)
        pa.field("flags", pa.uint8(), nullable=False),
    ]
)

_DECIMAL = re.compile(r"(0|[1-9]\d*)(\.\d+)?")
_SOURCE = re.compile(r"(sha256|generator):[0-9a-f]{64}")
_SIDELESS = (EventKind.TRADE, EventKind.CLEAR, EventKind.STATUS)
_MAY_BE_EMPTY = (EventKind.MODIFY, EventKind.CLEAR, EventKind.STATUS)
_FLAGS_ALL = sum(EventFlag)


class EventTableError(ValueError):
    """Something that is no canonical event table."""


def positive_decimal(name: str, text: str) -> Decimal:
    """The value of a tick or lot size, exactly as written."""
    try:
        value = Decimal(text) if _DECIMAL.fullmatch(text) else Decimal(0)
    except TypeError:  # no text
        value = Decimal(0)
    if value <= 0 or not -18 <= int(value.as_tuple().exponent) <= value.adjusted() <= 9:
        raise EventTableError(
            f"{name}: expected a positive decimal number with at most 18 places, such as '0.01', "
            f"got {text!r}"
        )
    return value


def is_synthetic(symbol: str) -> bool:
    """Did a simulator write the files of this symbol?"""
    return symbol.startswith(SYNTHETIC)


def session_text(start_ns: int, end_ns: int) -> str:
    """`start/end` in ISO 8601, to the nanosecond."""
    return f"{_iso(start_ns)}/{_iso(end_ns)}"


def _iso(ts_ns: int) -> str:
    seconds, rest = divmod(ts_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


@dataclass(frozen=True)
class EventMetadata:
    """What a table's numbers mean and where they come from."""

    venue: str
    symbol: str
    tick_size: str  # decimal text, in the currency
    lot_size: str  # decimal text, in shares, contracts or coins
    session: str  # what is covered: ISO 8601, start/end
    source: str  # "sha256:<of the file>", or "generator:<sha256 of what a simulator was given>"
    rejected: Mapping[str, int] = field(default_factory=dict)  # rows left out, by reason
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        for name in ("venue", "symbol", "session"):
            value = getattr(self, name)
            if not value:
                raise EventTableError(f"{name}: expected text, got {value!r}")
        positive_decimal("tick_size", self.tick_size)
        positive_decimal("lot_size", self.lot_size)
        if not _SOURCE.fullmatch(self.source):
            raise EventTableError(
                "source: expected 'sha256:' or 'generator:' and 64 hexadecimal digits, "
                f"got {self.source!r}"
            )
        if self.schema_version != SCHEMA_VERSION:
            raise EventTableError(
                f"schema_version: expected {SCHEMA_VERSION}, got {self.schema_version!r}; ingest "
                "the source again"
            )
        if any(n < 0 for n in self.rejected.values()):
            raise EventTableError(f"rejected: expected counts by reason, got {self.rejected!r}")

    def schema(self) -> pa.Schema:
        """The table's schema with this metadata."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        values["rejected"] = json.dumps(dict(self.rejected), sort_keys=True)
        return ARROW_SCHEMA.with_metadata({name: str(value) for name, value in values.items()})

    @classmethod
    def of_schema(cls, schema: pa.Schema) -> Self:
        """The metadata in a schema.

        Raises:
            EventTableError: some are missing or cannot be used.
        """
        found = {key.decode(): text.decode() for key, text in (schema.metadata or {}).items()}
        missing = [part.name for part in fields(cls) if part.name not in found]
        if missing:
            raise EventTableError(
                f"metadata: expected {', '.join(part.name for part in fields(cls))}, "
                f"got none of {', '.join(missing)}; is it an event table?"
            )
        values: dict[str, Any] = {part.name: found[part.name] for part in fields(cls)}
        try:
            values["schema_version"] = int(values["schema_version"])
            counts = json.loads(values["rejected"])
            values["rejected"] = {str(reason): int(count) for reason, count in counts.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise EventTableError(f"metadata: expected numbers, got {error}") from None
        return cls(**values)


@dataclass(frozen=True)
class EventTable:
    """A canonical event table in memory, checked: whoever holds one may rely on its rules."""

    table: pa.Table

    def __post_init__(self) -> None:
        _require_schema(self.table.schema)
        EventMetadata.of_schema(self.table.schema)
        require_rows({name: self.column(name) for name in ARROW_SCHEMA.names})

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]], metadata: EventMetadata) -> Self:
        """A table of arrays by column name, each of the column's type."""
        return cls(arrow_table(columns, metadata.schema()))

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """The table of a parquet file.

        Raises:
            EventTableError: not such a table; the message says where.
        """
        try:
            # Not read_table: that would take a folder's name for a column (`kind=1/`).
            table = pq.ParquetFile(path).read()
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise EventTableError(
                f"{path}: expected a parquet file, got {error}; make one with `rlmm ingest` or "
                "`rlmm simulate`"
            ) from None
        try:
            return cls(table)
        except EventTableError as error:
            raise EventTableError(f"{path}: {error}") from None

    def write(self, path: Path | str) -> None:
        """Write a new parquet file, whole or not at all.

        Raises:
            FileExistsError: there is one already.
        """
        with (
            new_file(path) as temporary,
            parquet_writer(temporary, self.table.schema) as writer,
        ):
            writer.write_table(self.table, row_group_size=ROW_GROUP_ROWS)

    @property
    def metadata(self) -> EventMetadata:
        """What the numbers mean."""
        return EventMetadata.of_schema(self.table.schema)

    def column(self, name: str) -> NDArray[Any]:
        """A column as an array."""
        values: NDArray[Any] = self.table.column(name).to_numpy()
        return values

    def __len__(self) -> int:
        return int(self.table.num_rows)


def arrow_table(columns: Mapping[str, NDArray[Any]], schema: pa.Schema) -> pa.Table:
    """The arrays as a table; without checking their values."""
    if set(columns) != set(schema.names):
        raise EventTableError(f"columns: expected {schema.names}, got {sorted(columns)}")
    for name in schema.names:
        wanted = schema.field(name).type.to_pandas_dtype()
        if columns[name].dtype != wanted:
            raise EventTableError(f"{name}: expected {np.dtype(wanted)}, got {columns[name].dtype}")
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer of the canonical encoding: zstd, and no dictionaries for numbers that all differ."""
    few = ["kind", "side", "price_ticks", "qty_lots", "flags"]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=few)


def _require_schema(schema: pa.Schema) -> None:
    if schema.remove_metadata().equals(ARROW_SCHEMA):
        return
    expected = {part.name: str(part.type) for part in ARROW_SCHEMA}
    got = {part.name: str(part.type) for part in schema}
    if got == expected and schema.names == ARROW_SCHEMA.names:
        raise EventTableError("columns: expected none to be nullable, got some that are")
    raise EventTableError(f"columns: expected {expected} in this order, got {got}")


def require_rows(columns: Mapping[str, NDArray[Any]], first_row: int = 0) -> None:
    """Hold rows to the rules of the table.

    Args:
        columns: all columns by name.
        first_row: number of the first row, for messages.

    Raises:
        EventTableError: names the first row that breaks a rule.
    """
    kind, side, lots = columns["kind"], columns["side"], columns["qty_lots"]
    known = np.isin(kind, [int(value) for value in EventKind])
    _require(known, first_row, "kind", f"a value from 1 to {max(EventKind):d}", kind)
    one_side = (side >= -1) & (side <= 1)
    _require(one_side, first_row, "side", "1 (bid), -1 (ask) or 0 (unknown)", side)
    sided = (side != 0) | np.isin(kind, _SIDELESS)
    _require(sided, first_row, "side", "1 or -1 with this kind", side)
    sized = (lots > 0) | ((lots == 0) & np.isin(kind, _MAY_BE_EMPTY))
    _require(sized, first_row, "qty_lots", "above 0 (0 with modify, clear, status)", lots)
    flags = columns["flags"]
    _require(flags <= _FLAGS_ALL, first_row, "flags", f"bits of {_FLAGS_ALL}", flags)
    ts, seq = columns["ts_recv"], columns["seq"]
    later = (ts[1:] > ts[:-1]) | ((ts[1:] == ts[:-1]) & (seq[1:] >= seq[:-1]))
    what = "rows sorted by (ts_recv, seq)"
    _require(later, first_row + 1, "ts_recv", f"{what} (sort them with a stable sort)", ts[1:])


def _require(
    holds: NDArray[np.bool_], first_row: int, name: str, expected: str, values: NDArray[Any]
) -> None:
    if not holds.all():
        row = int(np.argmin(holds))
        raise EventTableError(
            f"row {first_row + row}: {name}: expected {expected}, got {values[row]}"
        )
