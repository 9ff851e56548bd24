"""LOBSTER: message files with the book files beside them, named after ticker, date and session."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from calibration.sources.compressed import Member
from calibration.sources.plan import (
    NEW_YORK,
    SIMULATOR,
    InputFile,
    Options,
    Plan,
    clock_base_ns,
    day_of,
    require_files,
)
from calibration.sources.problems import DataError
from rlmm_tf.events import is_synthetic
from rlmm_tf.kernels.parse import lobster_reader

_NAME = re.compile(
    r"(?P<symbol>.+?)_(?P<date>\d{4}-\d\d-\d\d)_(?P<start>\d+)_(?P<end>\d+)_"
    r"(?P<kind>message|orderbook)_(?P<levels>\d+)\.csv"
)
_MS_NS = 1_000_000


@dataclass(frozen=True)
class _Named:
    member: Member
    symbol: str
    date: str
    start_ms: int
    end_ms: int
    kind: str


def plan(members: Sequence[Member], options: Options) -> Plan:
    """Pairs of files by their names; what an archive holds besides is left alone."""
    named, ignored = [], []
    for member in members:
        match = _NAME.fullmatch(member.name)
        if match is not None:
            span = int(match["start"]), int(match["end"])
            named.append(_Named(member, match["symbol"], match["date"], *span, match["kind"]))
        elif member.inner:
            ignored.append(member.place)
        else:
            raise DataError(
                member.place,
                reason="file_name",
                expected="a name like AMZN_2012-06-21_34200000_57600000_message_5.csv",
                got=repr(member.name),
                remedy="give the file the name that LOBSTER gave it: the date is nowhere else",
            )
    wanted = [file for file in named if options.symbol in {"", file.symbol}]
    ignored += [file.member.place for file in named if file not in wanted]
    what = "LOBSTER's message files" + (f" of {options.symbol}" if options.symbol else "")
    require_files([file.member for file in wanted], what, members)
    symbols = sorted({file.symbol for file in wanted})
    if len(symbols) > 1:
        raise DataError(
            "FILE",
            reason="mixed_symbols",
            expected="files of one ticker",
            got=", ".join(symbols),
            remedy="name one with --symbol",
        )
    sessions = _sessions(wanted)
    with_book = "orderbook" in next(iter(sessions.values()))
    made_up = is_synthetic(symbols[0])  # whose clock is UTC
    zone = options.zone or ("UTC" if made_up else NEW_YORK)
    messages, books = [], []
    ended: tuple[str, int] | None = None
    for (date, start_ms), files in sorted(sessions.items()):
        midnight_ns = clock_base_ns(day_of(date, "FILE"), zone)
        goes_on = ended == (date, start_ms)
        messages.append(InputFile(files["message"].member, midnight_ns, goes_on))
        if with_book:
            start_ns = midnight_ns + start_ms * _MS_NS
            books.append(InputFile(files["orderbook"].member, start_ns, goes_on))
        ended = date, files["message"].end_ms
    return Plan(
        reader=partial(lobster_reader, strict=options.strict, with_book=with_book),
        inputs=(tuple(messages), tuple(books)) if with_book else (tuple(messages),),
        venue=options.venue or (SIMULATOR if made_up else "NASDAQ"),
        symbol=symbols[0],
        price_places=0,
        size_places=0,
        price_scale=4,
        tick_size=options.tick_size,
        lot_size=options.lot_size or "1",
        ignored=tuple(ignored),
    )


def _sessions(files: Sequence[_Named]) -> dict[tuple[str, int], dict[str, _Named]]:
    """Message and book file of each session; all have one of each, or no book file at all."""
    sessions: dict[tuple[str, int], dict[str, _Named]] = defaultdict(dict)
    for file in files:
        of_session = sessions[file.date, file.start_ms]
        if file.kind in of_session:
            raise DataError(
                file.member.place,
                reason="duplicate_file",
                expected=f"one {file.kind} file of the session",
                got="two",
            )
        of_session[file.kind] = file
    kinds = {frozenset(of_session) for of_session in sessions.values()}
    if len(kinds) > 1 or kinds == {frozenset({"orderbook"})}:
        lone = next(s for s in sessions.values() if len(s) < 2 or "message" not in s)
        file = next(iter(lone.values()))
        raise DataError(
            file.member.place,
            reason="missing_file",
            expected="a message file and a book file of each session, or message files alone",
            got=f"only the {file.kind} file",
        )
    return dict(sessions)
