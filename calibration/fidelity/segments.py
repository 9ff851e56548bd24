"""Messages cut in segments of time that nothing looks across, and the mid inside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from calibration.fidelity.blocks import BLOCKS_LEAST, Floats, Ints
from calibration.fidelity.messages import Messages, Windows
from rlmm_tf.fields import NS_PER_S

BLOCK_S = 600.0  # of a bootstrap over time, where there is time enough for several
_BLOCK_S_LEAST = 30.0


@dataclass(frozen=True)
class Segments:
    """Messages with the segment (window or stretch) and the bootstrap's block of each."""

    messages: Messages
    segment: Ints  # rises
    block: Ints  # from 0; rises

    @classmethod
    def of_windows(cls, windows: Windows, block: Ints) -> Segments:
        """Each window is a segment.

        Args:
            windows: of messages.
            block: of each window.
        """
        return cls(windows.messages, windows.index, block[windows.index])

    @classmethod
    def of_stretches(cls, messages: Messages) -> Segments:
        """Each stretch is a segment; blocks are stretches, or parts of ten minutes of long ones."""
        changes = np.diff(messages.stretch, prepend=messages.stretch[:1]) != 0
        segment = np.cumsum(changes)
        first = messages.ts_ns[np.flatnonzero(np.append(True, changes[1:]))]
        since_s = (messages.ts_ns - first[segment]) / NS_PER_S
        longest_s = np.maximum.reduceat(since_s, np.searchsorted(segment, np.arange(len(first))))
        block_s = max(min(BLOCK_S, longest_s.sum() / (2 * BLOCKS_LEAST)), _BLOCK_S_LEAST)
        # The rest of a stretch that is too short for a block belongs to its last one.
        most = np.maximum(np.floor(longest_s / block_s + 0.01), 1.0) - 1.0
        part = np.minimum(np.floor(since_s / block_s), most[segment])
        fresh = changes | (np.diff(part, prepend=part[:1]) != 0)
        return cls(messages, segment, np.cumsum(fresh))

    @property
    def blocks(self) -> int:
        """How many."""
        return int(self.block.max()) + 1

    def with_blocks(self, most: int) -> Segments:
        """With neighbouring blocks taken together, so that there are no more than that."""
        n = self.blocks
        return self if n <= most else replace(self, block=self.block * most // n)

    @property
    def starts(self) -> Ints:
        """The first message of each segment."""
        return np.flatnonzero(np.append(True, self.segment[1:] != self.segment[:-1]))

    def without(self, block: int) -> Segments:
        """Without a block; what it was in the middle of falls in two segments."""
        kept = self.block != block
        segment = self.segment + (self.block > block)
        return Segments(self.messages.take(kept), segment[kept], self.block[kept])

    @property
    def seconds(self) -> float:
        """From the first to the last message of each segment, together."""
        starts, ts_ns = self.starts, self.messages.ts_ns
        ends = np.append(starts[1:], len(ts_ns)) - 1
        return float((ts_ns[ends] - ts_ns[starts]).sum()) / NS_PER_S


def mid_x2_after(parts: Segments, rows: Ints, horizon_s: float) -> Floats:
    """Twice the mid so long after each of the messages.

    NaN where the segment has ended by then, or a side is empty.
    """
    messages, segment = parts.messages, parts.segment
    wanted = messages.ts_ns[rows] + round(horizon_s * 1e9)
    starts = parts.starts
    ends = np.append(starts[1:], len(segment))[np.searchsorted(starts, rows, side="right") - 1]
    at = searched(messages.ts_ns, starts, rows, wanted)
    known = (messages.ts_ns[ends - 1] >= wanted) & messages.both_sides[at]
    return np.where(known, messages.mid_x2_ticks[at], np.nan)


def searched(ts_ns: Ints, starts: Ints, rows: Ints, wanted: Ints) -> Ints:
    """The last message of each row's segment that is not later than wanted.

    Args:
        ts_ns: sorted within each segment.
        starts: of the segments.
        rows: messages.
        wanted: a time for each, not before it.
    """
    found = np.empty(len(rows), np.int64)
    bounds = np.append(starts, len(ts_ns))
    which = np.searchsorted(starts, rows, side="right") - 1
    order = np.argsort(which, kind="stable")
    cuts = np.searchsorted(which[order], np.arange(len(starts) + 1))
    for i in range(len(starts)):
        mine = order[cuts[i] : cuts[i + 1]]
        if len(mine):
            part = ts_ns[bounds[i] : bounds[i + 1]]
            found[mine] = bounds[i] + np.searchsorted(part, wanted[mine], side="right") - 1
    return found


@dataclass(frozen=True)
class Grid:
    """The market at equally spaced times, from the first message of each segment to its last."""

    row: Ints  # the last message by then
    segment: Ints
    mid_ticks: Floats  # NaN: a side is empty

    def moves(self) -> Floats:
        """Of the mid from each time to the next; NaN where a segment ends or a side is empty."""
        step = np.diff(self.mid_ticks)
        return np.where(self.segment[1:] == self.segment[:-1], step, np.nan)


def grid_of(parts: Segments, step_s: float) -> Grid:
    """The messages' last state at each multiple of a step since their segment's start."""
    ts_ns, starts = parts.messages.ts_ns, parts.starts
    bounds = np.append(starts, len(ts_ns))
    step_ns = round(step_s * NS_PER_S)
    rows, segments = [], []
    for i, (start, end) in enumerate(pairwise(bounds.tolist())):
        times = np.arange(ts_ns[start], ts_ns[end - 1] + 1, step_ns)
        rows.append(start + np.searchsorted(ts_ns[start:end], times, side="right") - 1)
        segments.append(np.full(len(times), i))
    row = np.concatenate(rows)
    mid = np.where(parts.messages.both_sides[row], parts.messages.mid_x2_ticks[row] / 2.0, np.nan)
    return Grid(row, np.concatenate(segments), mid)
