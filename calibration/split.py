"""Which stretches of a recording count: what a model is fitted to, and what it is scored on.

`--span A,B` takes what lies between two times, `--blocks even:600s` every second block of ten
minutes. What two splits of one recording leave to each other never overlaps.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.fields import NS_PER_S

DAY_NS = 86_400 * NS_PER_S
CLOSED_NS = 1_800 * NS_PER_S  # a silence this long is no market

Stretch = tuple[int, int]  # from, until (not included), ns UTC

_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d{1,9})?)([smhd])")
_BLOCKS = re.compile(r"(even|odd):(.+)")
_SPAN_WANTED = (
    "two of: times since the first row (90s, 30m, 16h, 2d) or UTC times (2024-07-18, "
    "2024-07-18T09:30:00), either side empty for the recording's own end, such as '0h,16h'"
)
_BLOCKS_WANTED = "even or odd and a length, such as 'even:600s'"


class SplitError(ValueError):
    """Text that names no stretches, or none of this recording."""


@dataclass(frozen=True)
class Split:
    """Stretches of time, ns UTC, half-open, sorted and disjoint; neighbours may touch."""

    stretches: tuple[Stretch, ...]

    def __post_init__(self) -> None:
        past = None
        for start_ns, end_ns in self.stretches:
            if start_ns >= end_ns or (past is not None and start_ns < past):
                raise SplitError(
                    "stretches: expected sorted, disjoint stretches that are not empty, got "
                    f"{start_ns} to {end_ns}"
                )
            past = end_ns
        if past is None:
            raise SplitError("stretches: expected one at least, got none")

    @classmethod
    def of(cls, span: str | None, blocks: str | None, start_ns: int, end_ns: int) -> Self:
        """The stretches of a market that is always open.

        Args:
            span: text of `--span`; None: all.
            blocks: text of `--blocks`; None: all of the span. Counted from the start of the span,
                and anew from each UTC midnight.
            start_ns: time of the first row.
            end_ns: time just after the last row.

        Raises:
            SplitError: says which text cannot be used.
        """
        span_ns = _span(span, start_ns, end_ns)
        return cls(_blocks(blocks, [span_ns], [span_ns[0], *_midnights(*span_ns)]))

    @classmethod
    def of_rows(cls, span: str | None, blocks: str | None, ts_ns: NDArray[np.int64]) -> Self:
        """The stretches of a recording with these (sorted) times.

        Silences of half an hour and more are left out. Blocks are counted from the first row of
        each UTC day, so that several days are each cut from their own opening.

        Raises:
            SplitError: says which text cannot be used.
        """
        if len(ts_ns) == 0:
            raise SplitError("recording: expected rows, got none")
        start_ns, end_ns = _span(span, int(ts_ns[0]), int(ts_ns[-1]) + 1)
        inside = ts_ns[np.searchsorted(ts_ns, start_ns) : np.searchsorted(ts_ns, end_ns)]
        if len(inside) == 0:
            raise SplitError(f"--span: expected rows in the span, got none in {span!r}")
        ends = np.flatnonzero(np.diff(inside) >= CLOSED_NS)
        opens = inside[np.concatenate([[0], ends + 1])]
        closes = inside[np.append(ends, len(inside) - 1)] + 1
        is_open = list(zip(opens.tolist(), closes.tolist(), strict=True))
        days = np.flatnonzero(np.diff(inside // DAY_NS, prepend=-1) != 0)
        return cls(_blocks(blocks, is_open, inside[days].tolist()))

    def within(self, ts_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of the stretch that each time lies in; -1: none."""
        starts, ends = np.array(self.stretches, np.int64).T
        at = np.searchsorted(starts, ts_ns, side="right") - 1
        return np.where((at >= 0) & (ts_ns < ends[at]), at, -1)

    def without(self, other: Split) -> Split:
        """What is left of these stretches outside the others.

        Raises:
            SplitError: nothing is.
        """
        left: list[Stretch] = []
        for start_ns, end_ns in self.stretches:
            at = start_ns
            for cut_start, cut_end in other.stretches:
                if cut_end > at and cut_start < end_ns:
                    left.append((at, cut_start))
                    at = cut_end
            left.append((at, end_ns))
        return Split(tuple((start, end) for start, end in left if start < end))

    @property
    def seconds(self) -> float:
        """Of all stretches together."""
        return sum(end_ns - start_ns for start_ns, end_ns in self.stretches) / NS_PER_S


def duration_ns(text: str) -> int | None:
    """`90s`, `1.5h`; None if the text is no duration."""
    found = _DURATION.fullmatch(text)
    return int(Decimal(found[1]) * _UNIT_S[found[2]] * NS_PER_S) if found else None


def _span(text: str | None, start_ns: int, end_ns: int) -> Stretch:
    if text is None:
        return start_ns, end_ns
    sides = text.split(",")
    if len(sides) != 2:
        raise SplitError(f"--span: expected {_SPAN_WANTED}, got {text!r}")
    ends = [start_ns, end_ns]
    for i, side in enumerate(sides):
        if side.strip():
            ends[i] = _time_ns(side.strip(), start_ns)
    first, last = max(ends[0], start_ns), min(ends[1], end_ns)
    if first >= last:
        raise SplitError(
            f"--span: expected a part of the recording, which lasts "
            f"{(end_ns - start_ns) / NS_PER_S:.0f}s from {_iso(start_ns)} UTC, got {text!r}"
        )
    return first, last


def _time_ns(text: str, start_ns: int) -> int:
    since = duration_ns(text)
    if since is not None:
        return start_ns + since
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SplitError(f"--span: expected {_SPAN_WANTED}, got {text!r}") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    whole = int(at.replace(microsecond=0).timestamp())
    return whole * NS_PER_S + at.microsecond * 1000


def _iso(ts_ns: int) -> str:
    return f"{datetime.fromtimestamp(ts_ns // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%S}"


def _midnights(start_ns: int, end_ns: int) -> range:
    return range((start_ns // DAY_NS + 1) * DAY_NS, end_ns, DAY_NS)


def _blocks(
    text: str | None, is_open: Sequence[Stretch], days: Sequence[int]
) -> tuple[Stretch, ...]:
    """The open time, or of it every second block since the opening of its day."""
    if text is None:
        return tuple(is_open)
    found = _BLOCKS.fullmatch(text)
    length_ns = duration_ns(found[2]) if found else None
    if found is None or not length_ns:
        raise SplitError(f"--blocks: expected {_BLOCKS_WANTED}, got {text!r}")
    chosen: list[Stretch] = []
    day_ends = [*days[1:], max(end for _, end in is_open)]
    for day_start, day_end in zip(days, day_ends, strict=True):
        first = day_start + (length_ns if found[1] == "odd" else 0)
        for start in range(first, day_end, 2 * length_ns):
            end = min(start + length_ns, day_end)
            chosen += [(max(start, a), min(end, b)) for a, b in is_open if a < end and start < b]
    if not chosen:
        raise SplitError(f"--blocks: expected a block inside the recording, got none of {text!r}")
    return tuple(chosen)
