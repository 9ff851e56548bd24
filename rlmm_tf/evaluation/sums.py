"""What the first episodes of some environments add up to, block of steps by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env.engine import COLUMN_INDEX
from rlmm_tf.evaluation.episodes import HORIZONS, QUEUE_BOUNDS, QUEUES
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.params import EnvParams
from rlmm_tf.replay_params import ReplayMarketParams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Block:
    """Consecutive steps of environments; time is the first axis."""

    columns: Floats  # (T, N, len(COLUMNS))
    terminated: Bools  # (T, N)
    truncated: Bools  # (T, N)


_SUMMED = {
    "pnl_spread_x2": ("pnl_spread", 2.0),
    "pnl_inventory_x2": ("pnl_inventory", 2.0),
    "pnl_fees_x2": ("pnl_fees", 2.0),
    "maker_bid_lots": ("fills_maker_lots_bid", 1.0),
    "maker_ask_lots": ("fills_maker_lots_ask", 1.0),
    "taker_lots": ("fills_taker_lots", 1.0),
    "quoted_bid_lots": ("bid_lots", 1.0),
    "quoted_ask_lots": ("ask_lots", 1.0),
    "market_spread_ticks": ("spread_ticks", 1.0),
    "messages": ("messages", 1.0),
    "messages_refused": ("messages_refused", 1.0),
    "lots_rejected": ("lots_rejected", 1.0),
    "events": ("events", 1.0),
    "inventory_sum": ("inventory_lots", 1.0),
    "inventory_lots_s": ("term_inventory_linear", 1.0),
    "reward": ("reward", 1.0),
    **{f"markout_{horizon}_x2": (f"markout_{horizon}", 2.0) for horizon in HORIZONS},
    **{f"markout_lots_{horizon}": (f"markout_lots_{horizon}", 1.0) for horizon in HORIZONS},
}
_LAST = {
    "duration_ns": "ts_ns",
    "mid_ticks_x2": "mid_ticks_x2",
    "inventory_end_lots": "inventory_lots",
}
_PNL = [COLUMN_INDEX[name] for name in ("pnl_spread", "pnl_inventory", "pnl_fees")]


class Sums:
    """What the episodes of some environments add up to, block by block."""

    def __init__(self, n_envs: int, params: EnvParams) -> None:
        self.running = np.ones(n_envs, np.bool_)
        self._lots_most = params.action.lots_max
        self._queues = [_Queue(side, n_envs, _usual_touch_lots(params)) for side in ("bid", "ask")]
        self._path = _Path(n_envs)
        counted = (
            "steps", "terminated", "two_sided_steps", "quoted_spread_ticks", "market_orders",
            "capturable_x2", "trades", "traded_tick_lots",
        )  # fmt: skip
        held = ("inventory_max_lots", "inventory_squares", "inventory_products", "drawdown_x2")
        of_fills = (f"markout_spread_{horizon}_x2" for horizon in HORIZONS)
        names = (*_SUMMED, *_LAST, *counted, *held, *of_fills)
        self._values = {name: np.zeros(n_envs) for name in names}
        self._equity_x2, self._peak_x2 = np.zeros(n_envs), np.zeros(n_envs)
        self._inventory = np.full(n_envs, np.nan)  # at the end of the step before

    def add(self, block: Block, fills: Mapping[str, Ints]) -> Bools:
        """Takes the block in; which of its steps are of the environments' first episodes.

        Args:
            block: the next steps.
            fills: those that have become complete (`Batch.take_fills`).
        """
        ended = block.terminated | block.truncated
        before = np.zeros_like(ended)
        before[1:] = np.logical_or.accumulate(ended, axis=0)[:-1]
        alive = self.running & ~before
        values = self._values
        columns = np.where(alive[:, :, None], block.columns, 0.0)
        sums = columns.sum(axis=0)
        for name, (column, scale) in _SUMMED.items():
            values[name] += scale * sums[:, COLUMN_INDEX[column]]
        steps = alive.sum(axis=0)
        values["steps"] += steps
        values["terminated"] += (block.terminated & alive).any(axis=0)
        last = np.maximum(steps - 1, 0)
        for name, column in _LAST.items():
            at_end = columns[last, np.arange(len(steps)), COLUMN_INDEX[column]]
            values[name] = np.where(steps > 0, at_end, values[name])
        orders = _orders(columns)
        values["market_orders"] += orders.sum(axis=0)
        spread = columns[:, :, COLUMN_INDEX["spread_ticks"]]
        values["capturable_x2"] += self._lots_most * (orders * spread).sum(axis=0)
        self._add_fills(fills)
        for queue in self._queues:
            queue.add(columns, alive)
        self._add_quotes(columns)
        self._add_inventory(columns, alive)
        self._add_equity(columns)
        self.running &= ~ended.any(axis=0)
        return alive

    def values(self) -> dict[str, Floats]:
        """One number for each environment."""
        values = self._values
        parts = ("pnl_spread_x2", "pnl_inventory_x2", "pnl_fees_x2")
        pnl_x2 = sum((values[part] for part in parts), np.zeros(1))
        first, second = self._path.integrals(
            values["inventory_end_lots"], values["duration_ns"] / NS_PER_S
        )
        found = values | {
            "pnl_x2": pnl_x2, "inventory_integral_lots_s": first, "inventory_squares_s": second
        }  # fmt: skip
        for queue in self._queues:
            for name, counts in queue.counts.items():
                found[name] = found.get(name, 0.0) + counts
        return found

    def _add_fills(self, fills: Mapping[str, Ints]) -> None:
        first = fills["episode_index"] == 0
        environment, lots = fills["environment"][first], fills["qty_lots"][first]
        n_envs, values = len(self.running), self._values
        values["trades"] += np.bincount(environment, minlength=n_envs)
        worth = (fills["price_ticks"][first] * lots).astype(np.float64)
        values["traded_tick_lots"] += np.bincount(environment, worth, n_envs)
        moves = (fills["side"][first] * lots).astype(np.float64)
        gains_x2 = moves * (fills["mid_ticks_x2"][first] - 2 * fills["price_ticks"][first])
        for horizon in HORIZONS:
            old_enough = fills[f"mid_ticks_x2_{horizon}"][first] > 0
            values[f"markout_spread_{horizon}_x2"] += np.bincount(
                environment[old_enough], gains_x2[old_enough], n_envs
            )
        self._path.add(environment, moves, fills["ts_ns"][first] / NS_PER_S)

    def _add_quotes(self, columns: Floats) -> None:
        both = (
            np.minimum(
                columns[:, :, COLUMN_INDEX["bid_lots"]], columns[:, :, COLUMN_INDEX["ask_lots"]]
            )
            > 0
        )
        width = (
            columns[:, :, COLUMN_INDEX["bid_offset_ticks"]]
            + columns[:, :, COLUMN_INDEX["ask_offset_ticks"]]
        )
        self._values["two_sided_steps"] += both.sum(axis=0)
        self._values["quoted_spread_ticks"] += np.where(both, width, 0.0).sum(axis=0)

    def _add_inventory(self, columns: Floats, alive: Bools) -> None:
        inventory = columns[:, :, COLUMN_INDEX["inventory_lots"]]
        values = self._values
        values["inventory_squares"] += (inventory * inventory).sum(axis=0)
        largest = np.abs(inventory).max(axis=0)
        values["inventory_max_lots"] = np.maximum(values["inventory_max_lots"], largest)
        earlier = np.concatenate([self._inventory[None], inventory[:-1]])
        products = np.where(alive & ~np.isnan(earlier), inventory * earlier, 0.0)
        values["inventory_products"] += products.sum(axis=0)
        self._inventory = inventory[-1].copy()

    def _add_equity(self, columns: Floats) -> None:
        gains_x2 = 2.0 * columns[:, :, _PNL].sum(axis=2)
        equity_x2 = self._equity_x2 + np.cumsum(gains_x2, axis=0)
        peaks_x2 = np.maximum(np.maximum.accumulate(equity_x2, axis=0), self._peak_x2)
        values = self._values
        falls_x2 = (peaks_x2 - equity_x2).max(axis=0)
        values["drawdown_x2"] = np.maximum(values["drawdown_x2"], falls_x2)
        self._equity_x2, self._peak_x2 = equity_x2[-1], peaks_x2[-1]


class _Path:
    """Integrals over time of the position and of its square, exactly between the fills."""

    def __init__(self, n_envs: int) -> None:
        self._moved = np.zeros(n_envs)  # lots since the start
        self._first, self._second = np.zeros((2, n_envs))

    def add(self, environment: Ints, moves: Floats, at_s: Floats) -> None:
        """Takes fills in, sorted by environment, then time."""
        if not len(moves):
            return
        n_envs = len(self._moved)
        total = np.cumsum(moves)
        starts = np.searchsorted(environment, np.arange(n_envs))
        before_all = np.concatenate([[0.0], total])[starts]
        after = total - (before_all - self._moved)[environment]
        before = after - moves
        self._first += np.bincount(environment, moves * at_s, n_envs)
        self._second += np.bincount(environment, (after**2 - before**2) * at_s, n_envs)
        self._moved += np.bincount(environment, moves, n_envs)

    def integrals(self, end_lots: Floats, end_s: Floats) -> tuple[Floats, Floats]:
        """The last value all the time, less what each fill did to it for the time before it."""
        start = end_lots - self._moved
        return (
            end_lots * end_s - self._first,
            end_lots**2 * end_s - self._second - 2.0 * start * self._first,
        )


class _Queue:
    """Orders of one side that rest from one decision to the next, by the lots ahead of them."""

    def __init__(self, side: str, n_envs: int, touch_lots: float) -> None:
        self._side, self._sign = side, 1 if side == "bid" else -1
        self._bounds_lots = touch_lots * np.array(QUEUE_BOUNDS)
        # The last step of the block before: its mid, and the order that rests after it.
        self._mid_x2, self._price = np.full((2, n_envs), np.nan)
        self._rests, self._ahead = np.zeros(n_envs, np.bool_), np.zeros(n_envs)
        self.counts = {
            f"queue_{name}_{what}": np.zeros(n_envs)
            for name in QUEUES
            for what in ("rested", "filled")
        }

    def add(self, columns: Floats, alive: Bools) -> None:
        """Takes steps in. An order counts if the next decision leaves it at its price."""
        if not self._bounds_lots.any():  # no book, no queue
            return
        mid_x2 = columns[:, :, COLUMN_INDEX["mid_ticks_x2"]]
        lots = columns[:, :, COLUMN_INDEX[f"{self._side}_lots"]]
        offset = columns[:, :, COLUMN_INDEX[f"{self._side}_offset_ticks"]]
        filled = columns[:, :, COLUMN_INDEX[f"fills_maker_lots_{self._side}"]] > 0
        ahead = columns[:, :, COLUMN_INDEX[f"queue_ahead_{self._side}_lots"]]
        seen_x2 = np.concatenate([self._mid_x2[None], mid_x2[:-1]])
        # A bid rounds down, an ask up.
        price = np.floor((self._sign * seen_x2 - 2.0 * offset) / 2.0)
        rests = alive & (lots > 0) & ~filled
        before = [
            np.concatenate([last[None], now[:-1]])
            for last, now in ((self._price, price), (self._rests, rests), (self._ahead, ahead))
        ]
        kept = alive & (lots > 0) & (price == before[0]) & before[1]
        place = np.searchsorted(self._bounds_lots, before[2])  # 0: nobody ahead
        for i, name in enumerate(QUEUES):
            here = kept & (place == i)
            self.counts[f"queue_{name}_rested"] += here.sum(axis=0)
            self.counts[f"queue_{name}_filled"] += (here & filled).sum(axis=0)
        self._mid_x2, self._price = mid_x2[-1].copy(), price[-1].copy()
        self._rests, self._ahead = rests[-1].copy(), ahead[-1].copy()


def _orders(columns: Floats) -> Floats:
    """Market orders of both sides by step."""
    sells, buys = (COLUMN_INDEX[f"market_{side}"] for side in ("sells", "buys"))
    orders: Floats = columns[:, :, sells] + columns[:, :, buys]
    return orders


def _usual_touch_lots(params: EnvParams) -> float:
    """Of the market's best price; 0 without a book."""
    market = params.market
    if isinstance(market, BookMarketParams):
        return float(market.model.typical.touch_lots)
    typical = market.typical if isinstance(market, ReplayMarketParams) else None
    return 0.0 if typical is None else float(typical.touch_lots)


def typed(dtype: type, values: Floats, name: str) -> NDArray[np.generic]:
    """Doubles as what the table holds; whole numbers are exact in a double up to 2^53."""
    if dtype is np.int64 and (np.abs(values) > 2.0**53).any():
        raise OverflowError(
            f"{name}: expected whole numbers up to 2^53, got {np.abs(values).max()}"
        )
    if dtype is np.int64:
        return np.rint(values).astype(np.int64)
    return values.astype(dtype)
