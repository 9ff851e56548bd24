"""Numbers of a recording that stylized facts are about, each by a name that carries its unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from calibration.fidelity.blocks import Floats, Ints
from calibration.fidelity.markouts import (
    SIGNATURE_S,
    eta,
    market_orders,
    sign_autocorrelation,
    squared_moves,
)
from calibration.fidelity.messages import MessageKind
from calibration.fidelity.segments import Segments, grid_of
from rlmm_tf.fields import NS_PER_S

RATIO_S = (1.0, 5.0, 30.0, 60.0)
FANO_S = (0.1, 1.0, 10.0, 60.0)
KURTOSIS_S = (1.0, 10.0, 60.0)
ABSOLUTE_LAGS = 5  # minutes
SIGN_LAGS = (1, 10)
CELL_S = 300.0
DECILES = 10
_CELLS_LEAST = 10
_PAIRS_LEAST = 20
_GROUPS_MOST = 20

Numbers = dict[str, float]


@dataclass(frozen=True)
class Yardstick:
    """What the real market's numbers are cut at, for it and for simulations alike."""

    limit_lots: int  # most common size of a limit order
    market_lots: int
    imbalance_edges: Floats  # of the deciles
    wide_ticks: float  # ten times the median spread

    @classmethod
    def of(cls, real: Segments) -> Yardstick:
        """That of a recording."""
        messages, orders = real.messages, market_orders(real)
        limit = messages.lots[messages.kind == MessageKind.LIMIT]
        book = messages.book[messages.both_sides]
        edges = np.quantile(_imbalance(book), np.arange(1, DECILES) / DECILES)
        spread = book[:, 0] - book[:, 2]
        return cls(_mode(limit), _mode(orders.lots), edges, 10.0 * float(np.median(spread)))


def _mode(lots: Ints) -> int:
    names, counts = np.unique(lots, return_counts=True)
    return int(names[np.argmax(counts)]) if len(names) else 0


def _imbalance(book: Ints) -> Floats:
    ask, bid = book[:, 1], book[:, 3]
    imbalance: Floats = (bid - ask) / np.maximum(bid + ask, 1)
    return imbalance


def _correlation(one: Floats, two: Floats, least: int = _PAIRS_LEAST) -> float:
    known = np.isfinite(one) & np.isfinite(two)
    one, two = one[known], two[known]
    if len(one) < least or one.std() == 0.0 or two.std() == 0.0:
        return float("nan")
    return float(np.corrcoef(one, two)[0, 1])


def numbers_of(parts: Segments, yardstick: Yardstick) -> Numbers:
    """All of them; NaN: there is too little to tell."""
    numbers: Numbers = {}
    for group in (_returns, _activity, _flow, _book):
        numbers.update(group(parts, yardstick))
    return numbers


def _returns(parts: Segments, _: Yardstick) -> Iterator[tuple[str, float]]:
    minute = grid_of(parts, 60.0).moves()
    yield "return_acf_1min", _lagged(minute, 1)
    yield "eta", eta(parts)
    squares = squared_moves(parts).value
    per_s = dict(zip(SIGNATURE_S, squares.tolist(), strict=True))
    for scale_s in RATIO_S:
        base = per_s[SIGNATURE_S[-1]]
        yield f"variance_ratio_{scale_s:g}s", per_s[scale_s] / base if base > 0 else float("nan")
    yield "volatility_1min_ticks", float(np.sqrt(per_s[60.0] * 60.0))
    for scale_s in KURTOSIS_S:
        yield f"log_kurtosis_{scale_s:g}s", _log_kurtosis(grid_of(parts, scale_s).moves())
    for lag in range(1, ABSOLUTE_LAGS + 1):
        yield f"absolute_acf_{lag}min", _lagged(np.abs(minute), lag)
    tens = grid_of(parts, 10.0).moves()
    yield "leverage_10s", _correlation(tens[:-1], np.abs(tens[1:]))
    yield from _order_flow_regression(parts)


def _lagged(moves: Floats, lag: int) -> float:
    """Autocorrelation; a NaN between segments keeps them apart."""
    gap = np.isnan(moves).cumsum()
    same = gap[lag:] == gap[:-lag]
    return _correlation(np.where(same, moves[:-lag], np.nan), np.where(same, moves[lag:], np.nan))


def _log_kurtosis(moves: Floats) -> float:
    known = moves[np.isfinite(moves)]
    if len(known) < _PAIRS_LEAST or known.std() == 0.0:
        return float("nan")
    excess = float((((known - known.mean()) / known.std()) ** 4).mean() - 3.0)
    return float(np.log(excess)) if excess > 0 else float("nan")


def _order_flow_regression(parts: Segments) -> Iterator[tuple[str, float]]:
    """Mid moves over 10 s on the order-flow imbalance: slope (ticks per lot) and R^2."""
    grid = grid_of(parts, 10.0)
    book = parts.messages.book
    ask, ask_lots, bid, bid_lots = book[:, :4].T
    inside = (parts.segment[1:] == parts.segment[:-1]).astype(np.int64)
    ask_move, bid_move = np.diff(ask), np.diff(bid)
    flow = inside * (
        (bid_move >= 0) * bid_lots[1:]
        - (bid_move <= 0) * bid_lots[:-1]
        - (ask_move <= 0) * ask_lots[1:]
        + (ask_move >= 0) * ask_lots[:-1]
    )
    sums = np.append(0, np.cumsum(flow))  # up to and with each message
    moves, cell = grid.moves(), np.diff(sums[grid.row]).astype(float)
    r = _correlation(cell, moves)
    known = np.isfinite(moves)
    spread = cell[known].std() if known.any() else 0.0
    yield "ofi_beta", r * float(moves[known].std() / spread) if spread > 0 else float("nan")
    yield "ofi_r2", r * r


def _activity(parts: Segments, _: Yardstick) -> Iterator[tuple[str, float]]:
    ts_ns, segment = parts.messages.ts_ns, parts.segment
    gaps_ns = np.diff(ts_ns)[segment[1:] == segment[:-1]]
    for name, limit_ns in (("100us", 100_000), ("1ms", 1_000_000)):
        yield f"share_below_{name}", float((gaps_ns < limit_ns).mean())
    for scale_s in FANO_S:
        counts = np.diff(grid_of(parts, scale_s).row).astype(float)
        counts = counts[np.isfinite(_inside(parts, scale_s))]
        mean = counts.mean() if len(counts) >= _PAIRS_LEAST else 0.0
        yield f"fano_{scale_s:g}s", float(counts.var() / mean) if mean > 0 else float("nan")
    yield from _cells(parts)


def _inside(parts: Segments, step_s: float) -> Floats:
    """NaN for the steps of a grid that lead to another segment."""
    segment = grid_of(parts, step_s).segment
    return np.where(segment[1:] == segment[:-1], 0.0, np.nan)


def _cells(parts: Segments) -> Iterator[tuple[str, float]]:
    """Correlations over cells of five minutes: volume with volatility and with the spread."""
    seconds = grid_of(parts, 1.0)
    place = np.arange(len(seconds.row)) - np.searchsorted(seconds.segment, seconds.segment)
    label = seconds.segment * 10**6 + place // int(CELL_S)
    _, cell = np.unique(label, return_inverse=True)
    executed = np.cumsum(
        parts.messages.lots * (parts.messages.kind == MessageKind.EXECUTION)
    ).astype(float)
    volume = np.bincount(cell[1:], np.diff(executed[seconds.row]) * (cell[1:] == cell[:-1]))
    moves = np.where(cell[1:] == cell[:-1], seconds.moves(), np.nan)
    known = np.isfinite(moves)
    n = np.bincount(cell)
    square = np.bincount(cell[1:][known], moves[known] ** 2, minlength=len(n))
    book = parts.messages.book[seconds.row]
    spread = np.bincount(cell, book[:, 0] - book[:, 2]) / n
    long = n >= CELL_S / 2
    rate, volatility = volume[long] / n[long], np.sqrt(square[long] / n[long])
    yield "volume_volatility_correlation", _correlation(rate, volatility, _CELLS_LEAST)
    yield "volume_spread_correlation", _correlation(rate, spread[long], _CELLS_LEAST)


def _flow(parts: Segments, yardstick: Yardstick) -> Iterator[tuple[str, float]]:
    messages = parts.messages
    for name, kinds in (
        ("market", (MessageKind.EXECUTION,)),
        ("limit", (MessageKind.LIMIT,)),
        ("cancel", (MessageKind.PARTIAL_CANCEL, MessageKind.DELETE)),
    ):
        of_kind = np.isin(messages.kind, kinds)
        for side, word in ((1, "bid"), (-1, "ask")):
            yield f"share_{name}_{word}", float((of_kind & (messages.side == side)).mean())
    orders = market_orders(parts)
    for lag in SIGN_LAGS:
        yield f"sign_acf_{lag}", sign_autocorrelation(orders, lag)
    limit = messages.lots[messages.kind == MessageKind.LIMIT]
    yield "limit_round_share", _share(limit == yardstick.limit_lots)
    yield "market_round_share", _share(orders.lots == yardstick.market_lots)
    before = np.maximum(orders.first_row - 1, 0)
    queue = np.where(orders.sign > 0, messages.book[before, 1], messages.book[before, 3])
    known = parts.segment[before] == orders.segment
    yield "market_whole_queue_share", _share((orders.first_lots == queue)[known])
    yield from _fill_ratios(parts)


def _share(holds: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    return float(holds.mean()) if len(holds) else float("nan")


def _fill_ratios(parts: Segments) -> Iterator[tuple[str, float]]:
    """Share of the limit orders that are executed at least in part, at the touch and behind it."""
    messages = parts.messages
    numbered = messages.order_id != 0
    limit = np.flatnonzero((messages.kind == MessageKind.LIMIT) & numbered)
    filled = np.unique(messages.order_id[(messages.kind == MessageKind.EXECUTION) & numbered])
    was_filled = np.isin(messages.order_id[limit], filled)
    book = messages.book[limit]
    best = np.where(messages.side[limit] > 0, book[:, 2], book[:, 0])
    at_touch = messages.price_ticks[limit] == best
    yield "filled_share_touch", _share(was_filled[at_touch])
    yield "filled_share_behind", _share(was_filled[~at_touch])


def _book(parts: Segments, yardstick: Yardstick) -> Iterator[tuple[str, float]]:
    messages = parts.messages
    seconds = grid_of(parts, 1.0)
    known = np.isfinite(seconds.mid_ticks)
    book = messages.book[seconds.row[known]]
    spread = book[:, 0] - book[:, 2]
    yield "spread_mean_ticks", float(spread.mean()) if len(spread) else float("nan")
    yield "spread_one_tick_share", _share(spread == 1)
    yield "one_sided_share", _share(~known)
    yield "spread_wide_share", _share(spread > yardstick.wide_ticks)
    for level in range(messages.instrument.levels):
        sides = book[:, 4 * level + 1] + book[:, 4 * level + 3]
        yield f"depth_{level + 1}_lots", float(sides.mean() / 2.0) if len(sides) else float("nan")
    yield from _next_moves(parts, yardstick)


def _next_moves(parts: Segments, yardstick: Yardstick) -> Iterator[tuple[str, float]]:
    """P(the mid's next move is up | decile of the imbalance)."""
    both = parts.messages.both_sides
    mid, segment = parts.messages.mid_x2_ticks[both], parts.segment[both]
    step = np.where(segment[1:] == segment[:-1], np.diff(mid), 0)
    moved = np.flatnonzero(step)
    following = np.searchsorted(moved, np.arange(len(mid)))
    has_next = following < len(moved)
    target = moved[np.minimum(following, max(len(moved) - 1, 0))] if len(moved) else moved
    if len(moved) == 0:
        has_next = np.zeros(len(mid), np.bool_)
        target = np.zeros(len(mid), np.int64)
    has_next &= segment[target] == segment
    up = step[np.minimum(target, max(len(step) - 1, 0))] > 0 if len(step) else has_next
    decile = np.searchsorted(
        yardstick.imbalance_edges, _imbalance(parts.messages.book[both]), side="right"
    )
    for k in range(DECILES):
        mine = has_next & (decile == k)
        least = mine.sum() >= _PAIRS_LEAST
        yield f"up_share_decile_{k + 1}", _share(up[mine]) if least else float("nan")


def jackknife(parts: Segments, yardstick: Yardstick) -> tuple[Numbers, Numbers]:
    """The numbers and their standard errors, from leaving out each block of time in turn.

    Of many blocks, neighbours are left out together: what counts is the time between them.
    """
    whole = numbers_of(parts, yardstick)
    names = list(whole)
    parts = parts.with_blocks(_GROUPS_MOST)
    n = parts.blocks
    if n < 3:
        return whole, dict.fromkeys(names, float("nan"))
    left = np.array([list(numbers_of(parts.without(b), yardstick).values()) for b in range(n)])
    # A number that some of the blocks are needed for has no error.
    errors = np.sqrt((n - 1) * left.var(axis=0))
    return whole, dict(zip(names, errors.tolist(), strict=True))


def seconds_of(parts: Segments) -> float:
    """Of the longest segment."""
    starts, ts_ns = parts.starts, parts.messages.ts_ns
    ends = np.append(starts[1:], len(ts_ns)) - 1
    return float((ts_ns[ends] - ts_ns[starts]).max()) / NS_PER_S
