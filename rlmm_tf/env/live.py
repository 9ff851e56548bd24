"""The door to what a live client sees: `csrc/market/live_view.h`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlmm_tf.env.engine import engine_params, observation_layout
from rlmm_tf.kernels.aligned import aligned_empty
from rlmm_tf.kernels.extension import _core
from rlmm_tf.params import EnvParams

Level = tuple[int, int]  # price_ticks, lots
Row = Sequence[int]  # ts_ns, kind, side, price_ticks, lots, order_id, flags


class Wish(NamedTuple):
    """A message that the agent's desk wants to send."""

    kind: str  # new, replace or cancel
    side: int
    order: int  # the desk's number of it
    price_ticks: int
    lots: int  # that shall be open
    open_lots: int  # that the desk believes to be open


class LiveView:
    """A book and a step clock that follow market data, and the observation that is made of them.

    The observation is the one that training would make of the same rows, bit for bit.
    """

    def __init__(self, params: EnvParams) -> None:
        """An empty book.

        Raises:
            ValueError: a market without a book, or features that no market shows.
        """
        self.params = params
        self._view = _core.LiveView(engine_params(params))
        self.obs: NDArray[np.float32] = aligned_empty(
            (1, len(observation_layout(params))), np.float32
        )
        """The last observation, as one row."""
        self.obs.fill(0.0)

    def snapshot(self, ts_ns: int, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """The whole book, anew; starts the clock when both sides have somebody."""
        self._view.snapshot(ts_ns=ts_ns, bids=list(bids), asks=list(asks))
        if self._view.started:
            self._view.observe(obs=self.obs[0])

    def feed(self, rows: Sequence[Row]) -> int:
        """Changes of the book, in order; returns how many steps ended.

        Raises:
            ValueError: a row that does not fit the book; something was missed.
        """
        return self._view.feed(rows, obs=self.obs)

    def feed_table(self, columns: dict[str, NDArray[Any]], obs: NDArray[np.float32]) -> int:
        """The same for columns of a table; observations go round the rows of `obs`."""
        return self._view.feed_table(**columns, obs=obs)

    def close_until(self, ts_ns: int) -> int:
        """No row up to then is missing; returns how many steps ended."""
        return self._view.close_until(ts_ns, obs=self.obs)

    def reconcile(self, inventory_lots: int) -> None:
        """The agent has this position, and no order."""
        self._view.reconcile(inventory_lots)

    def on_order(
        self, *, side: int, order_id: int, price_ticks: int, lots: int, ahead_lots: int
    ) -> None:
        """An order of the agent's rests, by its id in the public rows; 0 lots: no longer."""
        self._view.on_order(
            side=side, order_id=order_id, price_ticks=price_ticks, lots=lots, ahead_lots=ahead_lots
        )

    def hear(self, *, side: int, order: int, filled_lots: int = 0, dropped_lots: int = 0) -> None:
        """What became of an order of the desk's."""
        self._view.hear(side=side, order=order, filled_lots=filled_lots, dropped_lots=dropped_lots)

    def decide(self, action: NDArray[Any]) -> list[Wish]:
        """The fewest messages that bring the orders to what the action asks for."""
        return [Wish(*row) for row in self._view.decide(action)]

    def withdraw(self) -> list[Wish]:
        """Those that take the orders off."""
        return [Wish(*row) for row in self._view.withdraw()]

    def take_back(self, side: int) -> None:
        """The side's last message was not sent after all."""
        self._view.take_back(side)

    def levels(self, side: int, most: int) -> list[tuple[int, int, int]]:
        """Price, lots and own lots of each, the best first."""
        return [(row[0], row[1], row[2]) for row in self._view.levels(side, most)]

    def quote(self, side: int) -> tuple[int, int]:
        """Price and lots of the order that the desk believes in; 0 lots: none."""
        return self._view.quote(side)

    @property
    def started(self) -> bool:
        """Whether the clock runs."""
        return self._view.started

    @property
    def has_both(self) -> bool:
        """Whether others quote on both sides: else there is nothing to decide on."""
        return self._view.has_both

    @property
    def mid_ticks_x2(self) -> int:
        """Of the others' orders."""
        return self._view.mid_ticks_x2

    @property
    def inventory_lots(self) -> int:
        """That the desk knows of."""
        return self._view.inventory_lots

    @property
    def steps_done(self) -> int:
        """Since the clock started, or started anew at the horizon."""
        return self._view.steps_done

    @property
    def step_end_ns(self) -> int:
        """When the step under way ends."""
        return self._view.step_end_ns
