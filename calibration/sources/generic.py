"""CSV of any make: its columns, units and clock are said in a mapping (YAML).

    venue: SGX
    symbol: A50
    book:                     # and, or, `trades:`
      files: book             # files whose name has this in it (default: all)
      kind: levels            # levels, changes or trades
      time: {column: ts, unit: ms, zone: UTC}
      bid: [bid]              # a list of columns: level by level
      bid_size: [bid_size]
      ask: [ask]
      ask_size: [ask_size]

Columns are named as in the header, or numbered from 0 with `header: false`. Unit and zone must be
said: nothing is guessed about time. With `block: TimeStamp`, lines that begin with that word hold
the time, and the lines below it one level each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calibration.sources.compressed import Member
from calibration.sources.plan import (
    InputFile,
    Options,
    Plan,
    clock_base_ns,
    day_of,
    require_files,
    zone_offsets,
)
from calibration.sources.problems import DataError
from rlmm_tf.kernels.parse import NO_COLUMNS, Layout, delimited_reader
from rlmm_tf.messages import problem_lines

Column = str | Annotated[int, Field(ge=0, le=8191)]

_UNITS = {"s": 9, "ms": 6, "us": 3, "ns": 0, "iso": -1}
_SINGLE = ("price", "size", "side", "snapshot", "symbol", "suspicious", "id")
_LEVELS = ("bid", "bid_size", "ask", "ask_size")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TimeMapping(_Model):
    """A column with times: where, in which unit, by which clock."""

    column: Column | None = None  # with `block` there is none
    unit: Literal["s", "ms", "us", "ns", "iso"]
    zone: str  # UTC, or one such as Asia/Singapore
    since: Literal["1970", "midnight"] = "1970"
    date: str = ""  # with midnight; or in the request


class TableMapping(_Model):
    """The columns of files with one kind of rows."""

    kind: Literal["levels", "changes", "trades"]
    time: TimeMapping
    files: str = ""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    header: bool = True
    received: Column | None = None
    price: Column | None = None
    size: Column | None = None
    side: Column | None = None
    snapshot: Column | None = None
    symbol: Column | None = None
    suspicious: Column | None = None
    id: Column | None = None
    bid: list[Column] = []
    bid_size: list[Column] = []
    ask: list[Column] = []
    ask_size: list[Column] = []
    bid_words: list[str] = []  # what the side of a resting bid is called
    ask_words: list[str] = []
    one_sided: bool = False  # a side that is 0 or empty is not in the row
    block: str = ""


class CsvMapping(_Model):
    """What a mapping file says."""

    book: TableMapping | None = None
    trades: TableMapping | None = None
    venue: str = "CSV"
    symbol: str = ""
    tick_size: str = ""
    lot_size: str = ""
    may_cross: bool = False  # auctions, or several venues: a locked book is normal


def plan(members: Sequence[Member], options: Options) -> Plan:
    """Files go where the mapping's `files` says."""
    mapping = _mapping(options.mapping)
    book, trades = mapping.book, mapping.trades
    dated = [t for t in (trades, book) if t is not None and t.time.since == "midnight"]
    if options.date and not dated:
        raise DataError("--date", expected="a mapping with `since: midnight`", got="none")
    inputs = tuple(_inputs(members, table, options) for table in (trades, book))
    named = [file.member for files in inputs for file in files]
    require_files(named, "files that the mapping names", members)
    unused = [member.place for member in members if member not in named]
    if unused:
        raise DataError(
            unused[0], reason="unmapped", expected="a file that the mapping names", got="another"
        )
    return Plan(
        reader=partial(
            delimited_reader,
            strict=options.strict,
            trades=NO_COLUMNS if trades is None else _layout(trades, options),
            book=NO_COLUMNS if book is None else _layout(book, options),
            consolidated=mapping.may_cross,
        ),
        inputs=inputs,
        venue=options.venue or mapping.venue,
        symbol=options.symbol or mapping.symbol,
        tick_size=options.tick_size or mapping.tick_size,
        lot_size=options.lot_size or mapping.lot_size,
    )


def _mapping(values: Mapping[str, Any]) -> CsvMapping:
    if not values:
        raise DataError(
            "--mapping", expected="a YAML file with the columns", got="none", reason="no_mapping"
        )
    try:
        mapping = CsvMapping.model_validate(values)
    except ValidationError as error:
        line = problem_lines(error, CsvMapping)[0]
        raise DataError("--mapping", expected="a mapping", got=line, reason="mapping") from None
    if mapping.book is None and mapping.trades is None:
        raise DataError("--mapping", expected="book or trades", got="neither", reason="mapping")
    for name, table in (("book", mapping.book), ("trades", mapping.trades)):
        if table is not None:
            _require_columns(name, table)
    return mapping


def _require_columns(name: str, table: TableMapping) -> None:
    """The kind's columns are there, and belong to it."""
    wanted = {
        "levels": _LEVELS,
        "changes": ("price", "size", "side", "bid_words", "ask_words"),
        "trades": ("price", "size"),
    }[table.kind]
    missing = [role for role in wanted if getattr(table, role) in (None, [])]
    if (table.kind == "trades") != (name == "trades"):
        missing = ["kind: trades belong under `trades`, all else under `book`"]
    elif table.kind == "levels" and len({len(getattr(table, role)) for role in _LEVELS}) > 1:
        missing = ["as many bids, asks and sizes"]
    elif not table.block and table.time.column is None:
        missing = ["time.column"]
    elif table.side is not None and not (table.bid_words and table.ask_words):
        missing = ["bid_words", "ask_words"]
    elif not table.header and any(isinstance(c, str) for c in _columns_said(table)):
        missing = ["numbers of columns, without a header"]
    if missing:
        raise DataError(
            f"--mapping {name}",
            reason="mapping",
            expected=", ".join(missing),
            got="none",
            remedy="see the documentation of the format csv",
        )


def _columns_said(table: TableMapping) -> list[Column]:
    single = [table.time.column, table.received, *(getattr(table, role) for role in _SINGLE)]
    levels = [column for role in _LEVELS for column in getattr(table, role)]
    return [column for column in (*single, *levels) if column is not None]


def _inputs(
    members: Sequence[Member], table: TableMapping | None, options: Options
) -> tuple[InputFile, ...]:
    if table is None:
        return ()
    time = table.time
    base_ns = 0
    if time.since == "midnight":
        place = "--date" if options.date else "--mapping"
        base_ns = clock_base_ns(day_of(options.date or time.date, place), time.zone)
    return tuple(InputFile(m, base_ns) for m in members if table.files in m.name)


def _layout(table: TableMapping, options: Options) -> Layout:
    columns = []
    if table.time.column is not None:
        columns.append(_place("time", table.time.column))
    if table.received is not None:
        columns.append(_place("received", table.received))
    columns += [
        _place(role, getattr(table, role)) for role in _SINGLE if getattr(table, role) is not None
    ]
    columns += [_place(role, column) for role in _LEVELS for column in getattr(table, role)]
    local = table.time.since == "1970" and table.time.zone != "UTC"
    return Layout(
        kind=table.kind,
        columns=columns,
        header="always" if table.header and not table.block else "none",
        delimiter=table.delimiter,
        time_places=_UNITS[table.time.unit],
        zone=zone_offsets(table.time.zone) if local else (),
        symbol=options.symbol if table.symbol is not None else "",
        bid_words=table.bid_words,
        ask_words=table.ask_words,
        one_sided=table.one_sided,
        block_marker=table.block,
    )


def _place(role: str, column: Column) -> tuple[str, str, int]:
    return (role, column, 0) if isinstance(column, str) else (role, "", column)
