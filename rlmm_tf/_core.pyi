"""
The compiled engine. Use it through rlmm_tf.env and rlmm_tf.kernels.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "AGENT_EVENTS",
    "AGE_BINS",
    "Batch",
    "BookFill",
    "BookOrder",
    "BookOutcome",
    "BookPass",
    "COLUMNS",
    "EVENT_FLAGS",
    "EVENT_KINDS",
    "EnvParams",
    "FEATURES",
    "FILL_COLUMNS",
    "FlowPass",
    "InvariantError",
    "LiveView",
    "OrderBook",
    "ParseError",
    "Policy",
    "Priorities",
    "RISK_REASONS",
    "RangeError",
    "Reader",
    "Recorder",
    "RiskGate",
    "TRACE_COLUMNS",
    "Tape",
    "TransitionRing",
    "Venue",
    "age_bins",
    "available_isas",
    "build_info",
    "databento_reader",
    "delimited_reader",
    "depth_reader",
    "draw",
    "draw_names",
    "hawkes_exposures",
    "hawkes_features",
    "hawkes_residuals",
    "lobster_reader",
    "measure_clock_hz",
    "observation_columns",
    "philox",
    "record_windows",
    "resting_fills",
    "rollout",
    "share_ahead",
]

class InvariantError(RuntimeError):
    pass

class RangeError(ValueError):
    pass

class EnvParams:
    """
    The parameters of one market-making problem, from nested keyword arguments; fields as in rlmm_tf.params.EnvParams. Read-only.
    """
    def __init__(self, **kwargs) -> None: ...
    def to_dict(self) -> dict:
        """
        All fields as nested dicts and tuples.
        """
    @property
    def fingerprint(self) -> int: ...

class Tape:
    """
    A recorded session as the engine plays it: made once, never changed, shared by all batches.
    """
    def __init__(
        self,
        *,
        ts_ns: numpy.typing.NDArray[numpy.int64],
        kind: numpy.typing.NDArray[numpy.uint8],
        side: numpy.typing.NDArray[numpy.int8],
        price_ticks: numpy.typing.NDArray[numpy.int64],
        qty_lots: numpy.typing.NDArray[numpy.int64],
        order_id: numpy.typing.NDArray[numpy.uint64],
        flags: numpy.typing.NDArray[numpy.uint8],
        checkpoint_events: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    @property
    def by_order(self) -> bool: ...
    @property
    def checkpoint_bytes(self) -> int: ...
    @property
    def checksum(self) -> int: ...
    @property
    def events(self) -> int: ...
    @property
    def first_ns(self) -> int: ...
    @property
    def last_ns(self) -> int: ...
    @property
    def mended(self) -> dict:
        """
        By reason: how many rows did not fit the book before them, and the first such row.
        """
    @property
    def rows(self) -> int: ...

class Batch:
    """
    N environments stepped together. The caller owns every array; nothing is cast or copied; an ended episode restarts in the same step.
    """
    def __init__(
        self,
        params: EnvParams,
        *,
        seeds: numpy.typing.NDArray[numpy.uint64],
        n_threads: typing.SupportsInt | typing.SupportsIndex = 1,
        tape: Tape | None = None,
    ) -> None: ...
    def close(self) -> None:
        """
        Ends the threads and frees the markets.
        """
    def log_fills(self, on: bool) -> None:
        """
        Keeps every fill of the agents for take_fills from now on, or no longer, which forgets what there is. Restarts of episodes and states keep them.
        """
    def observe(self, *, obs: numpy.typing.NDArray[numpy.float32]) -> None:
        """
        Writes the present observation of every environment.
        """
    def reseed(self, *, seeds: numpy.typing.NDArray[numpy.uint64]) -> None:
        """
        New streams; the next reset starts episode 0.
        """
    def reset(
        self,
        *,
        obs: numpy.typing.NDArray[numpy.float32],
        mask: numpy.typing.NDArray[numpy.bool] | None = None,
    ) -> None:
        """
        Starts the next episode of all environments, or of those where mask is True.
        """
    def set_state(self, state: bytes) -> None: ...
    def state(self) -> bytes:
        """
        Everything needed to go on from here, as bytes.
        """
    def step(
        self,
        actions: typing.Any,
        *,
        obs: numpy.typing.NDArray[numpy.float32],
        final_obs: numpy.typing.NDArray[numpy.float32],
        reward: numpy.typing.NDArray[numpy.float64],
        terminated: numpy.typing.NDArray[numpy.bool],
        truncated: numpy.typing.NDArray[numpy.bool],
        columns: numpy.typing.NDArray[numpy.float64] | None = None,
    ) -> None:
        """
        One decision step of every environment.
        """
    def take_fills(self) -> dict:
        """
        The complete fills that were not taken before, by environment, then time, as int64 arrays by the names of FILL_COLUMNS: those whose last horizon has passed or whose episode has ended.
        """
    def take_trace(self, environment: typing.SupportsInt | typing.SupportsIndex) -> dict:
        """
        What was written of an environment since the last call: arrays of the book's events, none in a replay, and of the agent's, by the names of TRACE_COLUMNS.
        """
    def trace(self, *, levels: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        From now to the end of their present episodes all that happens in the markets is written down for take_trace, with so many levels of the book after each event.
        """
    @property
    def action_width(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    @property
    def n_envs(self) -> int: ...
    @property
    def n_threads(self) -> int: ...

class Policy:
    """
    A stochastic policy: normaliser, actor, head, and perhaps a value network. Copies the weights it is made from and never changes.
    """
    def __init__(
        self,
        spec: dict,
        *,
        actor: numpy.typing.NDArray[numpy.float32],
        log_std: numpy.typing.NDArray[numpy.float32] | None = None,
        value: numpy.typing.NDArray[numpy.float32] | None = None,
        obs_mean: numpy.typing.NDArray[numpy.float64] | None = None,
        obs_variance: numpy.typing.NDArray[numpy.float64] | None = None,
        isa: str = "auto",
    ) -> None:
        """
        From the fields of a rlmm_tf.env.PolicySpec by name, and its weights.
        """
    def act(
        self,
        obs: numpy.typing.NDArray[numpy.float32],
        *,
        actions: typing.Any,
        draws: numpy.typing.NDArray[numpy.uint64] | None = None,
        log_prob: numpy.typing.NDArray[numpy.float32] | None = None,
        value: numpy.typing.NDArray[numpy.float32] | None = None,
        pre_squash: numpy.typing.NDArray[numpy.float32] | None = None,
        entropy: numpy.typing.NDArray[numpy.float32] | None = None,
    ) -> None:
        """
        One action for each row of obs; without draws (see draw_names) the mode.
        """
    def time_act(
        self,
        *,
        obs: numpy.typing.NDArray[numpy.float32],
        seconds: numpy.typing.NDArray[numpy.float64],
    ) -> None:
        """
        Times single-row calls, as many as there is room for, going round the rows of obs.
        """
    @property
    def has_value(self) -> bool: ...
    @property
    def isa(self) -> str: ...

class TransitionRing:
    """
    The last transitions of all environments.
    """
    def __init__(
        self,
        *,
        capacity: typing.SupportsInt | typing.SupportsIndex,
        obs_width: typing.SupportsInt | typing.SupportsIndex,
        n_actions: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def __len__(self) -> int: ...
    def add(
        self,
        *,
        obs: numpy.typing.NDArray[numpy.float32],
        actions: typing.Any,
        reward: numpy.typing.NDArray[numpy.float64],
        counts: numpy.typing.NDArray[numpy.float64],
        terminated: numpy.typing.NDArray[numpy.bool],
        truncated: numpy.typing.NDArray[numpy.bool],
        final_obs: numpy.typing.NDArray[numpy.float32],
        last_obs: numpy.typing.NDArray[numpy.float32],
        horizon: typing.SupportsInt | typing.SupportsIndex,
        gamma: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None:
        """
        Takes in a row for each step of a rollout, in the place of the oldest.
        """
    def draw(
        self,
        draws: numpy.typing.NDArray[numpy.float64],
        *,
        places: numpy.typing.NDArray[numpy.int64],
    ) -> None:
        """
        Writes places of rows that are all equally likely.
        """
    def gather(
        self,
        places: numpy.typing.NDArray[numpy.int64],
        *,
        obs: numpy.typing.NDArray[numpy.float32],
        actions: numpy.typing.NDArray[numpy.float32],
        reward: numpy.typing.NDArray[numpy.float64],
        counts: numpy.typing.NDArray[numpy.float64],
        next_obs: numpy.typing.NDArray[numpy.float32],
        discount: numpy.typing.NDArray[numpy.float32],
    ) -> None:
        """
        Writes the rows at these places.
        """
    def restore(
        self,
        *,
        rows: numpy.typing.NDArray[numpy.uint8],
        added: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    @property
    def added(self) -> int: ...
    @property
    def rows(self) -> numpy.typing.NDArray[numpy.uint8]: ...

class Priorities:
    """
    Chances of a ring's rows by what was last wrong about them.
    """
    def __init__(
        self,
        *,
        capacity: typing.SupportsInt | typing.SupportsIndex,
        exponent: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None: ...
    def add(self, count: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        As many rows are new.
        """
    def draw(
        self,
        draws: numpy.typing.NDArray[numpy.float64],
        *,
        places: numpy.typing.NDArray[numpy.int64],
        weights: numpy.typing.NDArray[numpy.float32],
        block: typing.SupportsInt | typing.SupportsIndex,
        correction: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None:
        """
        Writes places and weights: one row of each of as many strata as a block has rows.
        """
    def restore(
        self,
        *,
        powers: numpy.typing.NDArray[numpy.float64],
        most: typing.SupportsFloat | typing.SupportsIndex,
        added: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def set(
        self, places: numpy.typing.NDArray[numpy.int64], errors: numpy.typing.NDArray[numpy.float32]
    ) -> None:
        """
        How wrong was what these rows were thought to be worth.
        """
    @property
    def added(self) -> int: ...
    @property
    def most(self) -> float: ...
    @property
    def powers(self) -> numpy.typing.NDArray[numpy.float64]: ...

class BookOrder:
    """
    An order that rests in an OrderBook.
    """
    @property
    def lots(self) -> int: ...
    @property
    def order_id(self) -> int: ...
    @property
    def owner(self) -> int: ...
    @property
    def pool(self) -> int: ...
    @property
    def price_ticks(self) -> int: ...
    @property
    def side(self) -> int: ...

class BookFill:
    """
    Lots of a resting order that traded; all but `lots` is its.
    """
    @property
    def left_lots(self) -> int: ...
    @property
    def lots(self) -> int: ...
    @property
    def order_id(self) -> int: ...
    @property
    def owner(self) -> int: ...
    @property
    def price_ticks(self) -> int: ...
    @property
    def side(self) -> int: ...

class BookOutcome:
    """
    What became of an order at once.
    """
    @property
    def dropped_lots(self) -> int:
        """
        Neither filled nor resting.
        """
    @property
    def filled_lots(self) -> int: ...
    @property
    def fills(self) -> list[BookFill]:
        """
        In the order in which they happened.
        """
    @property
    def order_id(self) -> int | None:
        """
        Of what rests; None if nothing does.
        """
    @property
    def refused(self) -> bool:
        """
        Post-only that would trade, or fill-or-kill that would not fill.
        """

class OrderBook:
    """
    A limit order book with every order in it: price-time priority, integer ticks and lots. Sides are 1 (bid) and -1 (ask); owner 0 is the crowd, orders of another owner do not trade with each other. An order goes by a number that is never used twice until `clear`.
    """
    def __init__(self) -> None: ...
    def amend(
        self,
        order_id: typing.SupportsInt | typing.SupportsIndex,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        *,
        time_in_force: str = "good_till_cancel",
        self_trade: str = "cancel_resting",
    ) -> BookOutcome:
        """
        A new price or size. No more lots at the same price keep priority and number; anything else leaves the queue and is submitted anew.
        """
    def best(self, side: typing.SupportsInt | typing.SupportsIndex) -> int | None:
        """
        The best price; None on an empty side.
        """
    def cancel(self, order_id: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def check_invariants(self) -> None:
        """
        Walks everything; InvariantError at the first contradiction.
        """
    def clear(self) -> None:
        """
        Forgets every order.
        """
    def execute(
        self,
        resting_side: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        limit_ticks: typing.SupportsInt | typing.SupportsIndex,
    ) -> list[BookFill]:
        """
        A market order of the crowd, not beyond limit_ticks; returns its fills.
        """
    def levels(
        self,
        side: typing.SupportsInt | typing.SupportsIndex,
        count: typing.SupportsInt | typing.SupportsIndex = 9223372036854775807,
    ) -> list[tuple[int, int]]:
        """
        (price, lots) of the occupied levels, the best first.
        """
    def order(self, order_id: typing.SupportsInt | typing.SupportsIndex) -> BookOrder | None:
        """
        None if it is not live.
        """
    def queue(self, price_ticks: typing.SupportsInt | typing.SupportsIndex) -> list[BookOrder]:
        """
        The orders at a price, the first to trade first.
        """
    def queue_ahead(self, order_id: typing.SupportsInt | typing.SupportsIndex) -> int:
        """
        Lots with priority over this order at its price.
        """
    def reduce(
        self,
        order_id: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
    ) -> None:
        """
        Takes lots, fewer than it has, off an order that keeps its priority.
        """
    def set_state(self, state: bytes) -> None: ...
    def state(self) -> bytes:
        """
        Everything needed to go on from here, as bytes.
        """
    def submit(
        self,
        side: typing.SupportsInt | typing.SupportsIndex,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        *,
        time_in_force: str = "good_till_cancel",
        self_trade: str = "cancel_resting",
        owner: typing.SupportsInt | typing.SupportsIndex = 0,
        pool: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> BookOutcome:
        """
        Matches, then rests what is left as time_in_force says: good_till_cancel, post_only, immediate_or_cancel, fill_or_kill. self_trade, on meeting an order of the same owner: cancel_resting, cancel_incoming, cancel_both.
        """
    def track(self, order_id: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        From now on queue_ahead of this order takes constant time.
        """
    @property
    def live_orders(self) -> int: ...

class Recorder:
    """
    A book market without an agent, written down event by event.
    """
    def __init__(
        self,
        params: EnvParams,
        seed: numpy.typing.NDArray[numpy.uint64],
        episode: typing.SupportsInt | typing.SupportsIndex = 0,
        levels: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    def count(self, until_ns: typing.SupportsInt | typing.SupportsIndex) -> int:
        """
        Goes on to this time and returns how many events there were, writing none down.
        """
    def run(self, until_ns: typing.SupportsInt | typing.SupportsIndex) -> dict:
        """
        The events up to this time as arrays by name; the first call begins with a snapshot.
        """

class Venue:
    """
    A market that several accounts trade in. An order goes by its owner, above 0, and a number that he has not used before.
    """
    def __init__(
        self, params: EnvParams, seed: numpy.typing.NDArray[numpy.uint64], tape: Tape | None = None
    ) -> None: ...
    def advance(self, until_ns: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def amend(
        self,
        owner: typing.SupportsInt | typing.SupportsIndex,
        order: typing.SupportsInt | typing.SupportsIndex,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        post_only: bool,
    ) -> tuple[str, int, int, int]:
        """
        `lots` are to be open; as `submit` otherwise.
        """
    def cancel(
        self,
        owner: typing.SupportsInt | typing.SupportsIndex,
        order: typing.SupportsInt | typing.SupportsIndex,
    ) -> tuple[str, int, int, int]: ...
    def check_invariants(self) -> None:
        """
        Walks everything; InvariantError at the first contradiction.
        """
    def levels(self, side: str) -> list[tuple[int, int]]:
        """
        (price, lots), the best first.
        """
    def set_state(self, state: bytes) -> None: ...
    def state(self) -> bytes:
        """
        Everything needed to go on from here, as bytes; nothing may wait to be taken.
        """
    def submit(
        self,
        owner: typing.SupportsInt | typing.SupportsIndex,
        order: typing.SupportsInt | typing.SupportsIndex,
        side: str,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        kind: str,
    ) -> tuple[str, int, int, int]:
        """
        (refusal or '', filled, open and dropped lots); kinds: limit, post_only, ioc, fok.
        """
    def take(
        self,
    ) -> tuple[int, int, str, list[tuple[int, int, int, int, int, int, int, int, int, bool]]]:
        """
        What has happened since the last call: the number of the first row, how many rows, the rows as JSON, and notes (event, ts_ns, order, book_order_id, price_ticks, lots, left_lots, owner, kind, maker); kinds: 0 rested (left: lots ahead of it), 1 filled, 2 taken off against trading with oneself.
        """
    @property
    def ended(self) -> bool:
        """
        Of a recording: nothing is to come.
        """
    @property
    def events(self) -> int:
        """
        How many rows there have been.
        """
    @property
    def halted(self) -> bool: ...
    @property
    def now_ns(self) -> int: ...
    @property
    def open_orders(self) -> int: ...

class ParseError(ValueError):
    pass

class Reader:
    """
    A recording that is being read; fed piece by piece.
    """
    def advance(self, rows_enough: typing.SupportsInt | typing.SupportsIndex) -> int: ...
    def begin_file(
        self,
        input: typing.SupportsInt | typing.SupportsIndex,
        time_base: typing.SupportsInt | typing.SupportsIndex,
        continues: bool,
    ) -> None: ...
    def end(self, input: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def feed(
        self, input: typing.SupportsInt | typing.SupportsIndex, bytes: bytes, last_of_file: bool
    ) -> None: ...
    def findings(self) -> list: ...
    def take(self) -> dict: ...
    @property
    def done(self) -> bool: ...
    @property
    def price_divisor(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def size_divisor(self) -> int: ...

class BookPass:
    """
    The book that an event table describes, row by row.
    """
    def __init__(self, levels: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def run(
        self,
        kind: numpy.typing.NDArray[numpy.uint8],
        side: numpy.typing.NDArray[numpy.int8],
        price_ticks: numpy.typing.NDArray[numpy.int64],
        qty_lots: numpy.typing.NDArray[numpy.int64],
        order_id: numpy.typing.NDArray[numpy.uint64],
        flags: numpy.typing.NDArray[numpy.uint8],
    ) -> numpy.typing.NDArray[numpy.int64]:
        """
        The book after each row: ask price, ask lots, bid price, bid lots, level by level.
        """
    @property
    def first_missing_row(self) -> int: ...
    @property
    def missing_lots(self) -> int: ...
    @property
    def missing_rows(self) -> int: ...

class FlowPass:
    """
    The events of a market model in an event table.
    """
    def __init__(
        self,
        cluster_ns: typing.SupportsInt | typing.SupportsIndex,
        reach_ticks: typing.SupportsInt | typing.SupportsIndex,
        order_lots: typing.SupportsFloat | typing.SupportsIndex,
        distance_edges: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        age_weights: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
        anonymous_weight: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None: ...
    def finish(self) -> None: ...
    def run(
        self,
        ts_ns: numpy.typing.NDArray[numpy.int64],
        kind: numpy.typing.NDArray[numpy.uint8],
        side: numpy.typing.NDArray[numpy.int8],
        price_ticks: numpy.typing.NDArray[numpy.int64],
        qty_lots: numpy.typing.NDArray[numpy.int64],
        order_id: numpy.typing.NDArray[numpy.uint64],
        flags: numpy.typing.NDArray[numpy.uint8],
    ) -> None: ...
    def take(self) -> dict: ...
    def take_lives(self) -> dict: ...
    @property
    def missing_lots(self) -> int: ...

class LiveView:
    """
    A book and a step clock that follow market data, the agent's orders in it, and the observations that training would make.
    """
    def __init__(self, params: EnvParams) -> None: ...
    def close_until(
        self,
        ts_ns: typing.SupportsInt | typing.SupportsIndex,
        *,
        obs: numpy.typing.NDArray[numpy.float32],
    ) -> int:
        """
        No row up to then is missing: ends the steps that are over.
        """
    def decide(self, action: typing.Any) -> list[tuple[str, int, int, int, int, int]]:
        """
        The fewest messages that bring his orders to what the action asks for: what to do, side, order, price, lots, and lots believed to be open.
        """
    def feed(
        self,
        rows: collections.abc.Sequence[
            typing.Annotated[
                collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(7)"
            ]
        ],
        *,
        obs: numpy.typing.NDArray[numpy.float32],
    ) -> int:
        """
        Rows of ts_ns, kind, side, price_ticks, lots, order_id and flags. Returns how many steps ended, the observations of which go round the rows of obs.
        """
    def feed_table(
        self,
        *,
        ts_ns: numpy.typing.NDArray[numpy.int64],
        kind: numpy.typing.NDArray[numpy.uint8],
        side: numpy.typing.NDArray[numpy.int8],
        price_ticks: numpy.typing.NDArray[numpy.int64],
        qty_lots: numpy.typing.NDArray[numpy.int64],
        order_id: numpy.typing.NDArray[numpy.uint64],
        flags: numpy.typing.NDArray[numpy.uint8],
        obs: numpy.typing.NDArray[numpy.float32],
    ) -> int:
        """
        The same for a table.
        """
    def hear(
        self,
        *,
        side: typing.SupportsInt | typing.SupportsIndex,
        order: typing.SupportsInt | typing.SupportsIndex,
        filled_lots: typing.SupportsInt | typing.SupportsIndex,
        dropped_lots: typing.SupportsInt | typing.SupportsIndex,
    ) -> None:
        """
        What became of an order of the desk's.
        """
    def levels(
        self,
        side: typing.SupportsInt | typing.SupportsIndex,
        most: typing.SupportsInt | typing.SupportsIndex,
    ) -> list[typing.Annotated[list[int], "FixedSize(3)"]]:
        """
        Price, lots and own lots of each, the best first.
        """
    def observe(self, *, obs: numpy.typing.NDArray[numpy.float32]) -> None: ...
    def on_order(
        self,
        *,
        side: typing.SupportsInt | typing.SupportsIndex,
        order_id: typing.SupportsInt | typing.SupportsIndex,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        ahead_lots: typing.SupportsInt | typing.SupportsIndex,
    ) -> None:
        """
        His order as it is in the public rows.
        """
    def quote(self, side: typing.SupportsInt | typing.SupportsIndex) -> tuple[int, int]:
        """
        Price and lots of the order that the desk believes in.
        """
    def reconcile(self, inventory_lots: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        He has this position, and no order.
        """
    def snapshot(
        self,
        *,
        ts_ns: typing.SupportsInt | typing.SupportsIndex,
        bids: collections.abc.Sequence[
            tuple[
                typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex
            ]
        ],
        asks: collections.abc.Sequence[
            tuple[
                typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex
            ]
        ],
    ) -> None:
        """
        A new book: levels of price and lots.
        """
    def take_back(self, side: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        The last message of that side was not sent.
        """
    def withdraw(self) -> list[tuple[str, int, int, int, int, int]]:
        """
        The messages that take his orders off.
        """
    @property
    def has_both(self) -> bool: ...
    @property
    def inventory_lots(self) -> int: ...
    @property
    def mid_ticks_x2(self) -> int: ...
    @property
    def started(self) -> bool: ...
    @property
    def step_end_ns(self) -> int: ...
    @property
    def steps_done(self) -> int: ...

class RiskGate:
    """
    What every live message passes before it leaves.
    """
    def __init__(self, *, limits: dict) -> None: ...
    def amend(
        self,
        *,
        id: typing.SupportsInt | typing.SupportsIndex,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        now_ns: typing.SupportsInt | typing.SupportsIndex,
    ) -> int: ...
    def cancel(
        self,
        *,
        id: typing.SupportsInt | typing.SupportsIndex,
        now_ns: typing.SupportsInt | typing.SupportsIndex,
    ) -> int: ...
    def clear(self) -> None: ...
    def halt(self, reason: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def on_amended(
        self,
        *,
        id: typing.SupportsInt | typing.SupportsIndex,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def on_closed(self, id: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def on_feed_lost(self) -> None: ...
    def on_fill(
        self,
        *,
        id: typing.SupportsInt | typing.SupportsIndex,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        fee_e9: typing.SupportsInt | typing.SupportsIndex,
        now_ns: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def on_market(
        self,
        *,
        mid_ticks_x2: typing.SupportsInt | typing.SupportsIndex,
        now_ns: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def on_reconciled(
        self,
        *,
        position_lots: typing.SupportsInt | typing.SupportsIndex,
        open: collections.abc.Sequence[
            tuple[
                typing.SupportsInt | typing.SupportsIndex,
                typing.SupportsInt | typing.SupportsIndex,
                typing.SupportsInt | typing.SupportsIndex,
                typing.SupportsInt | typing.SupportsIndex,
            ]
        ],
    ) -> None:
        """
        `open`: rows of id, side, price and lots.
        """
    def reduce(self, reason: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def submit(
        self,
        *,
        id: typing.SupportsInt | typing.SupportsIndex,
        side: typing.SupportsInt | typing.SupportsIndex,
        price_ticks: typing.SupportsInt | typing.SupportsIndex,
        lots: typing.SupportsInt | typing.SupportsIndex,
        now_ns: typing.SupportsInt | typing.SupportsIndex,
    ) -> int:
        """
        The code of what is wrong with it; 0: it may be sent.
        """
    def worst_lots(self, side: typing.SupportsInt | typing.SupportsIndex) -> int: ...
    @property
    def day_pnl(self) -> int: ...
    @property
    def drawdown(self) -> int: ...
    @property
    def open(self) -> list[tuple[int, int, int, int]]: ...
    @property
    def pnl(self) -> int: ...
    @property
    def position_lots(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def why(self) -> int: ...

def age_bins(age_ns: numpy.typing.NDArray[numpy.int64]) -> numpy.typing.NDArray[numpy.int64]: ...
def available_isas() -> tuple:
    """
    Instruction sets a policy can use on this processor, slowest first.
    """

def build_info() -> dict:
    """
    How this extension was built.
    """

def databento_reader(
    strict: bool,
    price_places: typing.SupportsInt | typing.SupportsIndex,
    size_places: typing.SupportsInt | typing.SupportsIndex,
    tick: typing.SupportsInt | typing.SupportsIndex,
    lot: typing.SupportsInt | typing.SupportsIndex,
    binary: bool,
    instrument: typing.SupportsInt | typing.SupportsIndex,
) -> Reader: ...
def delimited_reader(
    strict: bool,
    price_places: typing.SupportsInt | typing.SupportsIndex,
    size_places: typing.SupportsInt | typing.SupportsIndex,
    tick: typing.SupportsInt | typing.SupportsIndex,
    lot: typing.SupportsInt | typing.SupportsIndex,
    trades: dict,
    book: dict,
    consolidated: bool,
) -> Reader: ...
def depth_reader(
    strict: bool,
    price_places: typing.SupportsInt | typing.SupportsIndex,
    size_places: typing.SupportsInt | typing.SupportsIndex,
    tick: typing.SupportsInt | typing.SupportsIndex,
    lot: typing.SupportsInt | typing.SupportsIndex,
    vendor: str,
    symbol: str,
    trades: dict | None,
) -> Reader: ...
def draw(
    key: tuple[
        typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex
    ],
    episode: typing.SupportsInt | typing.SupportsIndex,
    purpose: typing.SupportsInt | typing.SupportsIndex,
    law: str,
    n: typing.SupportsInt | typing.SupportsIndex,
    parameter: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    The first n draws of the stream (key, episode, purpose): the engine's own generator.
    """

def draw_names(batch: Batch, *, out: numpy.typing.NDArray[numpy.uint64]) -> None:
    """
    Writes (N, 3) words: what Policy.act needs to draw for the next step as rollout would.
    """

def hawkes_exposures(
    t_s: numpy.typing.NDArray[numpy.float64],
    group: numpy.typing.NDArray[numpy.uint8],
    decays_hz: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
    factor: numpy.typing.NDArray[numpy.float64],
    cell: numpy.typing.NDArray[numpy.int32],
    cells: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]: ...
def hawkes_features(
    t_s: numpy.typing.NDArray[numpy.float64],
    group: numpy.typing.NDArray[numpy.uint8],
    decays_hz: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
    wanted: numpy.typing.NDArray[numpy.uint8],
) -> numpy.typing.NDArray[numpy.float64]: ...
def hawkes_residuals(
    t_s: numpy.typing.NDArray[numpy.float64],
    group: numpy.typing.NDArray[numpy.uint8],
    decays_hz: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
    factor: numpy.typing.NDArray[numpy.float64],
    of_baseline: numpy.typing.NDArray[numpy.float64],
    cell: numpy.typing.NDArray[numpy.int32],
    parameters: numpy.typing.NDArray[numpy.float64],
) -> numpy.typing.NDArray[numpy.float64]: ...
def lobster_reader(
    strict: bool,
    price_places: typing.SupportsInt | typing.SupportsIndex,
    size_places: typing.SupportsInt | typing.SupportsIndex,
    tick: typing.SupportsInt | typing.SupportsIndex,
    lot: typing.SupportsInt | typing.SupportsIndex,
    with_book: bool,
) -> Reader: ...
def measure_clock_hz(additions: typing.SupportsInt | typing.SupportsIndex = 20000000) -> float:
    """
    Core clock now, from a chain of dependent additions.
    """

def observation_columns(params: EnvParams) -> tuple:
    """
    (name, unit, scale, low, high) of each column: normalised = natural / scale.
    """

def philox(
    counter: typing.Annotated[
        collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(4)"
    ],
    key: tuple[
        typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex
    ],
) -> typing.Annotated[list[int], "FixedSize(4)"]:
    """
    Philox4x64-10, as numpy.random.Philox.
    """

def record_windows(
    params: EnvParams,
    seeds: numpy.typing.NDArray[numpy.uint64],
    openings: dict,
    messages: typing.SupportsInt | typing.SupportsIndex,
    until_ns: typing.SupportsInt | typing.SupportsIndex,
    levels: typing.SupportsInt | typing.SupportsIndex,
) -> dict:
    """
    Short recordings, each from an opening: arrays by name; window i begins at first_row[i].
    """

def resting_fills(
    tape: Tape,
    *,
    queue: dict,
    start_ns: numpy.typing.NDArray[numpy.int64],
    end_ns: numpy.typing.NDArray[numpy.int64],
    side: numpy.typing.NDArray[numpy.int8],
    price_ticks: numpy.typing.NDArray[numpy.int64],
    lots: numpy.typing.NDArray[numpy.int64],
) -> tuple:
    """
    When orders would have been filled, each alone with the record: which came to rest at all, and of each fill the order, the time and the lots.
    """

def rollout(
    batch: Batch,
    policy: Policy,
    *,
    obs: numpy.typing.NDArray[numpy.float32],
    actions: typing.Any,
    log_prob: numpy.typing.NDArray[numpy.float32],
    reward: numpy.typing.NDArray[numpy.float64],
    terminated: numpy.typing.NDArray[numpy.bool],
    truncated: numpy.typing.NDArray[numpy.bool],
    last_obs: numpy.typing.NDArray[numpy.float32],
    pre_squash: numpy.typing.NDArray[numpy.float32] | None = None,
    value: numpy.typing.NDArray[numpy.float32] | None = None,
    final_value: numpy.typing.NDArray[numpy.float32] | None = None,
    last_value: numpy.typing.NDArray[numpy.float32] | None = None,
    final_obs: numpy.typing.NDArray[numpy.float32] | None = None,
    columns: numpy.typing.NDArray[numpy.float64] | None = None,
    deterministic: bool = False,
) -> None:
    """
    Steps the batch with the policy as many times as obs has room for.
    """

def share_ahead(
    queue: dict,
    ahead_lots: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
    behind_lots: typing.Annotated[numpy.typing.ArrayLike, numpy.float64],
) -> typing.Any:
    """
    The share of a cancelled lot that a queue law takes from the queue ahead.
    """

AGENT_EVENTS: tuple
AGE_BINS: int
COLUMNS: tuple
EVENT_FLAGS: dict
EVENT_KINDS: dict
FEATURES: tuple
FILL_COLUMNS: tuple
RISK_REASONS: tuple
TRACE_COLUMNS: tuple
