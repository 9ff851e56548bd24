"""What a format makes of the files it is given: which reader, which files on which input."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calibration.sources.compressed import Member, head_of
from calibration.sources.problems import DataError
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.kernels.parse import Layout, Reader, Units

NEW_YORK = "America/New_York"
SIMULATOR = "SIM"  # the venue of files that a simulator wrote
TRADES, BOOK = 0, 1


@dataclass(frozen=True)
class Options:
    """What the user says about the files; empty: let the files speak."""

    symbol: str = ""
    venue: str = ""
    tick_size: str = ""
    lot_size: str = ""
    date: str = ""  # of csv files that only have the time of day: YYYY-MM-DD
    zone: str = ""  # of the exchange's clock, where the files have its time of day
    all_hours: bool = False  # keep what is outside the regular session
    strict: bool = True
    mapping: dict[str, Any] = field(default_factory=dict)  # of generic CSV


@dataclass(frozen=True)
class InputFile:
    """A file, what its times count from (ns UTC) and whether it goes on from the one before."""

    member: Member
    time_base_ns: int = 0
    continues: bool = False  # it begins where the file before it ends, by what they are called


@dataclass(frozen=True)
class Plan:
    """How to read a recording."""

    reader: Callable[[Units], Reader]
    inputs: tuple[tuple[InputFile, ...], ...]
    venue: str
    symbol: str
    price_places: int = 9
    size_places: int = 8
    price_scale: int = 0  # the files' prices are x 10^price_scale
    tick_size: str = ""  # where the format or the user says it
    lot_size: str = ""
    ignored: tuple[str, ...] = ()  # members of archives that belong to no input


def is_json(member: Member) -> bool:
    """Does the text begin like JSON?"""
    return head_of(member, 4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))


def first_line(member: Member) -> str:
    """The text up to the first line's end."""
    head = head_of(member).lstrip(b"\xef\xbb\xbf\r\n")
    return head.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "replace")


_JSON_SYMBOL = re.compile(rb'"(?:s|symbol)"\s*:\s*"([^"\\]{1,40})"')


def symbol_of_json(members: Sequence[Member]) -> str:
    """The symbol that the first messages name, or nothing."""
    for member in members:
        match = _JSON_SYMBOL.search(head_of(member))
        if match is not None:
            return match[1].decode("utf-8", "replace")
    return ""


def symbol_of_table(member: Member, column: str) -> str:
    """The symbol in the first row, or nothing."""
    lines = head_of(member).decode("utf-8", "replace").lstrip("\ufeff").splitlines()[:2]
    names = columns_of(lines[0]) if lines else []
    fields = columns_of(lines[1]) if len(lines) > 1 else []
    return dict(zip(names, fields, strict=False)).get(column, "")


def columns_of(line: str, delimiter: str = ",") -> list[str]:
    """The names of a header."""
    return [name.strip('"') for name in line.split(delimiter)]


def clock_base_ns(day: date, zone: str) -> int:
    """What a clock of that zone shows as 00:00, ns UTC, by its offset at noon.

    The clock changes at night: by noon it shows what it shows while markets are open.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone_of(zone))
    midnight = noon.astimezone(UTC) - timedelta(hours=12)
    return int(midnight.timestamp()) * NS_PER_S


def zone_of(name: str) -> ZoneInfo:
    """The time zone.

    Raises:
        DataError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DataError(
            "--zone", expected="a time zone such as America/New_York", got=repr(name)
        ) from None


def zone_offsets(name: str) -> list[tuple[int, int]]:
    """From which moment of the zone's own clock which offset from UTC holds, in ns, to 2100."""
    zone = zone_of(name)
    step = timedelta(days=7)
    moment, last = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    offsets = [(-(2**62), _offset_s(moment, zone) * NS_PER_S)]
    while moment < last:
        before, after = _offset_s(moment, zone), _offset_s(moment + step, zone)
        if before != after:
            change_s = _change_s(moment, moment + step, zone)
            offsets.append(((change_s + max(before, after)) * NS_PER_S, after * NS_PER_S))
        moment += step
    return offsets


def _offset_s(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None  # the moment knows its zone
    return int(offset.total_seconds())


def _change_s(low: datetime, high: datetime, zone: ZoneInfo) -> int:
    """The second at which the offset changes between the two."""
    first, end = int(low.timestamp()), int(high.timestamp())
    old = _offset_s(low, zone)
    while end - first > 1:
        middle = (first + end) // 2
        if _offset_s(datetime.fromtimestamp(middle, UTC), zone) == old:
            first = middle
        else:
            end = middle
    return end


def day_of(text: str, place: str) -> date:
    """The date in YYYY-MM-DD or YYYYMMDD.

    Raises:
        DataError: it is none.
    """
    digits = text.replace("-", "")
    try:
        if not re.fullmatch(r"\d{8}", digits):
            raise ValueError(text)
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise DataError(
            place, field="date", expected="a date such as 2025-01-31", got=repr(text)
        ) from None


NAMED_MOST = 3  # files in a message


def require_files(members: Sequence[Member], what: str, given: Sequence[Member]) -> None:
    """Refuse to go on without any; `given` are the files that there are."""
    if not members:
        names = [member.place for member in given[:NAMED_MOST]]
        more = f" and {len(given) - len(names)} more" if len(given) > len(names) else ""
        raise DataError(
            "FILE",
            expected=what,
            got=f"{', '.join(names)}{more}" if names else "none",
            reason="no_file",
            remedy="add it, or name the format that these have",
        )


# Columns of trades as the vendors call them: role, names that are known.
_TRADE_ROLES = (
    ("time", ("ts", "timestamp", "time", "transact_time", "T")),
    ("price", ("price", "p", "rate")),
    ("size", ("size", "qty", "quantity", "volume", "q", "amount")),
    ("side", ("side", "isBuyerMaker", "is_buyer_maker", "m")),
    ("id", ("trdMatchID", "id", "agg_trade_id", "trade_id", "a")),
    ("symbol", ("symbol",)),
)
_TAKER_BOUGHT = ("Buy", "buy", "BUY", "B", "b")
_TAKER_SOLD = ("Sell", "sell", "SELL", "S", "s")
_TRUE = ("true", "True", "TRUE", "1")
_FALSE = ("false", "False", "FALSE", "0")


def trade_layout(member: Member, symbol: str, *, bare: Sequence[str] = ()) -> Layout:
    """The layout of a file of trades, by its header; `bare` names the columns without one.

    The same layout serves all files of the input: those of one vendor.
    """
    line = first_line(member)
    has_header = not line[:1].isdigit()
    names = columns_of(line) if has_header else list(bare)
    found = {}
    for role, known in _TRADE_ROLES:
        name = next((name for name in known if name in names), None)
        if name is not None:
            found[role] = name
    missing = [role for role in ("time", "price", "size", "side") if role not in found]
    if missing:
        raise DataError(
            member.place,
            line=1,
            reason="not_this_format",
            expected=f"columns for {', '.join(missing)}",
            got=repr(line[:80]),
            remedy="is it a file of trades of this vendor?",
        )
    maker_flag = found["side"] in {"isBuyerMaker", "is_buyer_maker", "m"}
    return Layout(
        kind="trades",
        columns=[(role, name, names.index(name)) for role, name in found.items()],
        header="maybe" if bare else "always",
        time_places=-2,
        symbol=symbol,
        bid_words=_TRUE if maker_flag else _TAKER_SOLD,
        ask_words=_FALSE if maker_flag else _TAKER_BOUGHT,
    )
