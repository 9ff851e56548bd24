"""What the scores measure: 21 numbers of message windows and three under a condition.

The definitions are those of LOB-Bench (Nagy, Frey et al., 2025); prices are in ticks and sizes in
lots, which no distance sees. Each function takes windows and gives values, each with its window.
The book of a message is the one after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.fidelity.blocks import Floats, Ints
from calibration.fidelity.distances import Sample
from calibration.fidelity.messages import Bools, Detail, Instrument, MessageKind, Windows
from rlmm_tf.fields import NS_PER_S

OFI_MESSAGES = 100
VOLATILITY_NS = NS_PER_S // 10
DAY_S = 86_400
_NO_TIME = 1e-9  # stands for a time of 0 where logarithms are taken, as in the benchmark
_EDGE_US = 100_000

Score = Callable[[Windows], Sample]
Groups = Literal["values", "deciles", "hours"]


def _chosen(windows: Windows, values: Floats, chosen: Bools) -> Sample:
    return Sample(values[chosen], windows.index[chosen])


def spread(windows: Windows) -> Sample:
    """Best ask less best bid after each message, ticks; NaN where a side is empty."""
    book, both = windows.messages.book, windows.messages.both_sides
    return Sample(np.where(both, book[:, 0] - book[:, 2], np.nan), windows.index)


def orderbook_imbalance(windows: Windows) -> Sample:
    """(q_bid - q_ask) / (q_bid + q_ask) at the touch after each message; NaN: a side is empty."""
    ask, bid = windows.messages.book[:, 1], windows.messages.book[:, 3]
    imbalance = (bid - ask) / np.maximum(bid + ask, 1)
    return Sample(np.where(windows.messages.both_sides, imbalance, np.nan), windows.index)


def log_inter_arrival_time(windows: Windows) -> Sample:
    """Ln of the ms between a message and the one before it in the window; 0 ms count as 1e-9."""
    gaps_ms = np.diff(windows.square(windows.messages.ts_ns), axis=1).ravel() / 1e6
    window = np.repeat(np.arange(len(windows)), windows.length - 1)
    return Sample(np.log(np.where(gaps_ms > 0, gaps_ms, _NO_TIME)), window)


def log_time_to_cancel(windows: Windows) -> Sample:
    """Ln of the seconds from a limit order to the first cancel of it, partial or whole.

    Both lie in the window; 0 s count as 1e-9.
    """
    messages, index = windows.messages, windows.index
    rows = np.flatnonzero((messages.kind != MessageKind.EXECUTION) & (messages.order_id != 0))
    rows = rows[np.lexsort((rows, messages.order_id[rows], index[rows]))]
    window, ids = index[rows], messages.order_id[rows]
    is_new = np.append(True, (window[1:] != window[:-1]) | (ids[1:] != ids[:-1]))[: len(rows)]
    first = is_new & (messages.kind[rows] == MessageKind.LIMIT)
    pair = np.flatnonzero(first[:-1] & ~is_new[1:])
    gaps_s = (messages.ts_ns[rows[pair + 1]] - messages.ts_ns[rows[pair]]) / NS_PER_S
    return Sample(np.log(np.where(gaps_s > 0, gaps_s, _NO_TIME)), window[pair])


def _volume(windows: Windows, column: int, levels: int) -> Sample:
    sizes = windows.messages.book[:, column : 4 * levels : 4]
    return Sample(sizes.sum(axis=1).astype(float), windows.index)


def ask_volume_touch(windows: Windows) -> Sample:
    """Lots at the best ask after each message."""
    return _volume(windows, 1, 1)


def bid_volume_touch(windows: Windows) -> Sample:
    """Lots at the best bid after each message."""
    return _volume(windows, 3, 1)


def ask_volume(windows: Windows) -> Sample:
    """Lots of all ask levels shown (ten at most) after each message."""
    return _volume(windows, 1, windows.messages.instrument.levels)


def bid_volume(windows: Windows) -> Sample:
    """Lots of all bid levels shown (ten at most) after each message."""
    return _volume(windows, 3, windows.messages.instrument.levels)


LIMITS = (MessageKind.LIMIT,)
CANCELS = (MessageKind.PARTIAL_CANCEL, MessageKind.DELETE)


def _depth(windows: Windows, kinds: tuple[MessageKind, ...], side: int) -> Sample:
    messages = windows.messages
    depth = messages.price_ticks - messages.mid_x2_ticks / 2.0
    chosen = np.isin(messages.kind, kinds) & messages.both_sides & (depth * side < 0)
    return _chosen(windows, np.abs(depth), chosen)


def limit_ask_order_depth(windows: Windows) -> Sample:
    """Price less mid after the message, of limit orders above the mid."""
    return _depth(windows, LIMITS, -1)


def limit_bid_order_depth(windows: Windows) -> Sample:
    """Mid after the message less price, of limit orders below the mid."""
    return _depth(windows, LIMITS, 1)


def ask_cancellation_depth(windows: Windows) -> Sample:
    """Price less mid after the message, of cancels above the mid."""
    return _depth(windows, CANCELS, -1)


def bid_cancellation_depth(windows: Windows) -> Sample:
    """Mid after the message less price, of cancels below the mid."""
    return _depth(windows, CANCELS, 1)


def _levels(windows: Windows, kinds: tuple[MessageKind, ...], side: int, *, before: bool) -> Sample:
    messages = windows.messages
    book = windows.square(messages.book)
    if before:  # the window's first message has no book before it
        book = np.concatenate([np.zeros_like(book[:, :1]), book[:, :-1]], axis=1)
    book = book.reshape(-1, book.shape[-1])
    first = 2 if side > 0 else 0
    there = (book[:, first::4] == messages.price_ticks[:, None]) & (book[:, first + 1 :: 4] > 0)
    chosen = np.isin(messages.kind, kinds) & there.any(axis=1)
    return _chosen(windows, there.argmax(axis=1) + 1.0, chosen)


def limit_ask_order_levels(windows: Windows) -> Sample:
    """The ask level (1: best) at which a limit order lies in the book after it."""
    return _levels(windows, LIMITS, -1, before=False)


def limit_bid_order_levels(windows: Windows) -> Sample:
    """The bid level (1: best) at which a limit order lies in the book after it."""
    return _levels(windows, LIMITS, 1, before=False)


def ask_cancellation_levels(windows: Windows) -> Sample:
    """The ask level (1: best) of a cancel's price in the book before it."""
    return _levels(windows, CANCELS, -1, before=True)


def bid_cancellation_levels(windows: Windows) -> Sample:
    """The bid level (1: best) of a cancel's price in the book before it."""
    return _levels(windows, CANCELS, 1, before=True)


def vol_per_min(windows: Windows, *, published_edges: bool = False) -> Sample:
    """60 times the lots executed in each second of the clock that has executions.

    The window covers its first and last second in part: one covered for less than 0.1 s is left
    out, another counts by what is covered. `published_edges` does with the first and last second
    that has executions as the original benchmark's code does, for comparisons with it.
    """
    messages = windows.messages
    rows = np.flatnonzero(messages.kind == MessageKind.EXECUTION)
    window, second = windows.index[rows], messages.ts_ns[rows] // NS_PER_S
    is_new = np.append(True, (np.diff(window) != 0) | (np.diff(second) != 0))[: len(rows)]
    starts = np.flatnonzero(is_new)
    if len(starts) == 0:
        return Sample(np.empty(0), np.empty(0, np.int64))
    volume = np.add.reduceat(messages.lots[rows], starts).astype(float)
    at, seconds = window[starts], second[starts]
    if published_edges:
        last = np.append(starts[1:], len(rows)) - 1
        factor = _published_edges(at, messages.ts_ns[rows[starts]], messages.ts_ns[rows[last]])
    else:
        ts_ns = windows.square(messages.ts_ns)
        from_ns = np.maximum(ts_ns[at, 0], seconds * NS_PER_S)
        until_ns = np.minimum(ts_ns[at, -1], (seconds + 1) * NS_PER_S)
        covered = (until_ns - from_ns) / NS_PER_S
        factor = np.where(covered >= 0.1, 1.0 / np.maximum(covered, 0.1), np.nan)
    return Sample(60.0 * volume * factor, at).finite()


def _published_edges(window: Ints, first_ns: Ints, last_ns: Ints) -> Floats:
    """What the original multiplies a window's first and last second with; NaN: left out.

    Args:
        window: of each second.
        first_ns: time of its first execution.
        last_ns: time of its last execution.
    """
    first_us, last_us = (first_ns // 1000) % 1_000_000, (last_ns // 1000) % 1_000_000
    begins = np.append(True, window[1:] != window[:-1])
    ends = np.append(window[1:] != window[:-1], True)
    alone = begins & ends
    between_us = last_us - first_us
    factor = np.ones(len(window))
    cut = begins & ~alone
    late = first_us >= 1_000_000 - _EDGE_US
    factor[cut] = np.where(late, 1.0 / (1.0 - first_us / 1e6), np.nan)[cut]
    cut = ends & ~alone
    factor[cut] = np.where(last_us >= _EDGE_US, 1e6 / np.maximum(last_us, 1), np.nan)[cut]
    cut = alone & (first_ns != last_ns)
    wide = between_us >= _EDGE_US
    factor[cut] = np.where(wide, 1e6 / np.maximum(between_us, 1), np.nan)[cut]
    return factor


def _order_flow(windows: Windows) -> Floats:
    """Order-flow imbalance of each message but the window's first, (windows, length - 1).

    1{b_n >= b_o} q_n - 1{b_n <= b_o} q_o on the bid, less the same on the ask with the
    comparisons turned (Cont, Kukanov and Stoikov, 2014); o: before, n: after the message.
    """
    book = windows.square(windows.messages.book[:, :4])
    ask, ask_lots, bid, bid_lots = np.moveaxis(book, 2, 0)
    ask_move, bid_move = np.diff(ask, axis=1), np.diff(bid, axis=1)
    flow: Floats = (
        (bid_move >= 0) * bid_lots[:, 1:]
        - (bid_move <= 0) * bid_lots[:, :-1]
        - (ask_move <= 0) * ask_lots[:, 1:]
        + (ask_move >= 0) * ask_lots[:, :-1]
    ).astype(float)
    return flow


def _rolling_flow(windows: Windows) -> Floats:
    sums = np.cumsum(_order_flow(windows), axis=1)
    sums = np.concatenate([np.zeros((len(windows), 1)), sums], axis=1)
    return (sums[:, OFI_MESSAGES:] - sums[:, :-OFI_MESSAGES]) / OFI_MESSAGES


def ofi(windows: Windows) -> Sample:
    """Mean order-flow imbalance of the last 100 messages, of each message that has them."""
    rolled = _rolling_flow(windows)
    return Sample(rolled.ravel(), np.repeat(np.arange(len(windows)), rolled.shape[1]))


def _ofi_before(windows: Windows, direction: int) -> Sample:
    rolled = _rolling_flow(windows)[:, :-1]
    mid = windows.square(windows.messages.mid_x2_ticks)
    moves = np.sign(np.diff(mid, axis=1)[:, OFI_MESSAGES:])
    chosen = moves == direction
    return Sample(rolled[chosen], np.nonzero(chosen)[0])


def ofi_up(windows: Windows) -> Sample:
    """`ofi` before messages that raise the mid."""
    return _ofi_before(windows, 1)


def ofi_stay(windows: Windows) -> Sample:
    """`ofi` before messages that leave the mid."""
    return _ofi_before(windows, 0)


def ofi_down(windows: Windows) -> Sample:
    """`ofi` before messages that lower the mid."""
    return _ofi_before(windows, -1)


def time_of_day_s(windows: Windows) -> Sample:
    """Seconds since midnight UTC of the window's first day."""
    ts_ns = windows.square(windows.messages.ts_ns)
    midnight = ts_ns[:, :1] // (DAY_S * NS_PER_S) * (DAY_S * NS_PER_S)
    return Sample(((ts_ns - midnight) / NS_PER_S).ravel(), windows.index)


def window_volatility(windows: Windows) -> Sample:
    """Standard deviation of the window's log mid returns over tenths of a second, of each message.

    Returns are between neighbouring tenths that both have messages; 0 with fewer than two.
    """
    messages, index = windows.messages, windows.index
    tenth = messages.ts_ns // VOLATILITY_NS
    changes = (np.diff(tenth) != 0) | (np.diff(index) != 0)
    last = np.flatnonzero(np.append(changes, True) & messages.both_sides)
    log_mid = np.log(np.maximum(messages.mid_x2_ticks[last], 1) / 2.0)
    near = (np.diff(tenth[last]) == 1) & (np.diff(index[last]) == 0)
    returns, window = np.diff(log_mid)[near], index[last][1:][near]
    count = np.bincount(window, minlength=len(windows))
    mean = np.bincount(window, returns, len(windows)) / np.maximum(count, 1)
    squares = np.bincount(window, (returns - mean[window]) ** 2, len(windows))
    sd = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), 0.0)
    return Sample(np.repeat(sd, windows.length), index)


@dataclass(frozen=True)
class ScoreSpec:
    """A score by name: how it is computed, and which recordings carry it."""

    name: str
    score: Score
    discrete: bool = False
    needs: Detail = "touch"
    levels: int = 1  # fewer say the same as another score, or nothing

    def missing(self, instrument: Instrument) -> str | None:
        """Why recordings of this instrument do not carry the score; None: they do."""
        if self.needs == "orders" and instrument.detail != "orders":
            return "orders carry no numbers, so nobody knows which order a cancel took away"
        if self.needs == "levels" and instrument.detail == "touch":
            return "only the best bid and ask are recorded; orders behind them are not seen"
        if instrument.levels < self.levels:
            return f"the recordings show one level of a side, and it takes {self.levels}"
        return None


UNCONDITIONAL = (
    ScoreSpec("spread", spread, discrete=True),
    ScoreSpec("orderbook_imbalance", orderbook_imbalance),
    ScoreSpec("log_inter_arrival_time", log_inter_arrival_time),
    ScoreSpec("log_time_to_cancel", log_time_to_cancel, needs="orders"),
    ScoreSpec("ask_volume_touch", ask_volume_touch),
    ScoreSpec("bid_volume_touch", bid_volume_touch),
    ScoreSpec("ask_volume", ask_volume, needs="levels", levels=2),
    ScoreSpec("bid_volume", bid_volume, needs="levels", levels=2),
    ScoreSpec("limit_ask_order_depth", limit_ask_order_depth, needs="levels"),
    ScoreSpec("limit_bid_order_depth", limit_bid_order_depth, needs="levels"),
    ScoreSpec("ask_cancellation_depth", ask_cancellation_depth, needs="levels"),
    ScoreSpec("bid_cancellation_depth", bid_cancellation_depth, needs="levels"),
    ScoreSpec("limit_ask_order_levels", limit_ask_order_levels, True, "levels", 2),
    ScoreSpec("limit_bid_order_levels", limit_bid_order_levels, True, "levels", 2),
    ScoreSpec("ask_cancellation_levels", ask_cancellation_levels, True, "levels", 2),
    ScoreSpec("bid_cancellation_levels", bid_cancellation_levels, True, "levels", 2),
    ScoreSpec("vol_per_min", vol_per_min),
    ScoreSpec("ofi", ofi),
    ScoreSpec("ofi_up", ofi_up),
    ScoreSpec("ofi_stay", ofi_stay),
    ScoreSpec("ofi_down", ofi_down),
)


@dataclass(frozen=True)
class ConditionalSpec:
    """A score given another one; groups of the condition by value, decile or hour."""

    name: str
    score: Score
    condition: Score
    groups: Groups
    discrete: bool = False


CONDITIONAL = (
    ConditionalSpec("ask_volume | spread", ask_volume_touch, spread, "values"),
    ConditionalSpec("spread | time", spread, time_of_day_s, "hours"),
    ConditionalSpec("spread | volatility", spread, window_volatility, "deciles", discrete=True),
)
