"""What policies did, an episode a row: the table that every number of a report comes from.

Money is in half tick lots (`_x2`), whole numbers: pnl_x2 = pnl_spread_x2 + pnl_inventory_x2 +
pnl_fees_x2 holds exactly. Episode e of every policy in every setting meets the same draws of the
market (common random numbers), so rows with the same `environment` are pairs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

SCHEMA = "rlmm episodes"
SCHEMA_VERSION = 3
UNSTRESSED = ""  # the setting without a shock
_METADATA_KEY = b"rlmm_tf"


@dataclass(frozen=True)
class EpisodeColumn:
    """A column of the table."""

    name: str
    dtype: type[np.int64] | type[np.float64] | type[np.bool_]
    unit: str
    meaning: str


HORIZONS = ("100ms", "1s", "10s", "60s")  # of markouts
# Places in a queue, by the lots ahead as a share of the market's usual touch: at most so many.
QUEUES = ("front", "quarter", "half", "whole", "deeper")
QUEUE_BOUNDS = (0.0, 0.25, 0.5, 1.0)  # those that are deeper have no bound

EPISODE_COLUMNS: tuple[EpisodeColumn, ...] = (
    EpisodeColumn("environment", np.int64, "", "whose draws the episode met; pairs rows"),
    EpisodeColumn("steps", np.int64, "", "decisions"),
    EpisodeColumn("duration_ns", np.int64, "ns", "simulated time"),
    EpisodeColumn("terminated", np.bool_, "", "ended before its horizon, by the loss limit"),
    EpisodeColumn("mid_ticks_x2", np.int64, "half ticks", "at the end"),
    EpisodeColumn("pnl_x2", np.int64, "half tick lots", "gain, marked to the mid"),
    EpisodeColumn("pnl_spread_x2", np.int64, "half tick lots", "distance of the fills to the mid"),
    EpisodeColumn("pnl_inventory_x2", np.int64, "half tick lots", "moves of the mid x position"),
    EpisodeColumn("pnl_fees_x2", np.int64, "half tick lots", "minus the fees paid"),
    EpisodeColumn("drawdown_x2", np.int64, "half tick lots", "largest fall from a peak, at steps"),
    EpisodeColumn("maker_bid_lots", np.int64, "lots", "bought by resting bids"),
    EpisodeColumn("maker_ask_lots", np.int64, "lots", "sold by resting asks"),
    EpisodeColumn("taker_lots", np.int64, "lots", "executed by quotes that crossed"),
    EpisodeColumn("quoted_bid_lots", np.int64, "lots", "asked for, summed over decisions"),
    EpisodeColumn("quoted_ask_lots", np.int64, "lots", "asked for, summed over decisions"),
    EpisodeColumn("two_sided_steps", np.int64, "", "decisions that asked for both sides"),
    EpisodeColumn("quoted_spread_ticks", np.int64, "ticks", "summed over those decisions"),
    EpisodeColumn("market_spread_ticks", np.int64, "ticks", "summed over ends of steps"),
    EpisodeColumn("market_orders", np.int64, "", "that arrived"),
    EpisodeColumn(
        "capturable_x2", np.int64, "half tick lots", "market orders x spread x the largest quote"
    ),
    EpisodeColumn("trades", np.int64, "", "fills of the agent's orders"),
    EpisodeColumn("traded_tick_lots", np.int64, "tick lots", "their price x lots"),
    EpisodeColumn("messages", np.int64, "", "sent to the market"),
    EpisodeColumn("messages_refused", np.int64, "", "held back by the limit"),
    EpisodeColumn("lots_rejected", np.int64, "lots", "refused by the market"),
    EpisodeColumn("events", np.int64, "", "of the market's flow"),
    EpisodeColumn("inventory_end_lots", np.int64, "lots", "at the end"),
    EpisodeColumn("inventory_max_lots", np.int64, "lots", "largest size at ends of steps"),
    EpisodeColumn("inventory_sum", np.int64, "lots", "summed over ends of steps"),
    EpisodeColumn("inventory_squares", np.int64, "lots^2", "summed over ends of steps"),
    EpisodeColumn("inventory_products", np.int64, "lots^2", "of consecutive ends of steps, summed"),
    EpisodeColumn("inventory_lots_s", np.float64, "lots s", "integral of the position's size"),
    EpisodeColumn("inventory_integral_lots_s", np.float64, "lots s", "integral of the position"),
    EpisodeColumn("inventory_squares_s", np.float64, "lots^2 s", "integral of its square"),
    *(
        EpisodeColumn(f"queue_{name}_{what}", np.int64, "", meaning)
        for name in QUEUES
        for what, meaning in (
            ("rested", "orders that a decision left where they were, by the lots ahead"),
            ("filled", "of these, those that traded before the next decision"),
        )
    ),
    *(
        column
        for horizon in HORIZONS
        for column in (
            EpisodeColumn(
                f"markout_{horizon}_x2", np.int64, "half tick lots", f"of fills, {horizon} later"
            ),
            EpisodeColumn(f"markout_lots_{horizon}", np.int64, "lots", "that this is of"),
            EpisodeColumn(
                f"markout_spread_{horizon}_x2", np.int64, "half tick lots", "their distance then"
            ),
        )
    ),
    EpisodeColumn("reward", np.float64, "", "summed"),
)
COLUMN_NAMES = tuple(column.name for column in EPISODE_COLUMNS)

Values = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Episodes:
    """Episodes of one policy in one setting, in the order of their environments."""

    policy: str
    values: Values
    setting: str = UNSTRESSED

    def __post_init__(self) -> None:
        """Check that every column is there, whole, and that the parts of the PnL add up."""
        lengths = set()
        for column in EPISODE_COLUMNS:
            values = self.values.get(column.name)
            if values is None or values.dtype != column.dtype or values.ndim != 1:
                got = None if values is None else f"{values.dtype} of shape {values.shape}"
                raise ValueError(f"{column.name}: expected a row of {column.dtype}, got {got}")
            lengths.add(len(values))
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(f"values: expected columns of one length above 0, got {lengths}")
        for name in (column.name for column in EPISODE_COLUMNS if column.dtype is np.float64):
            if not np.isfinite(self.values[name]).all():
                raise ValueError(f"{name}: expected finite numbers")
        parts = sum(self.values[f"pnl_{part}_x2"] for part in ("spread", "inventory", "fees"))
        off = np.flatnonzero(parts != self.values["pnl_x2"])
        if len(off) > 0:
            raise ValueError(
                f"pnl_x2: expected the sum of its parts, got another in episode {off[0]}"
            )

    def __len__(self) -> int:
        """How many."""
        return len(self.values["environment"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column."""
        return self.values[name]


@dataclass(frozen=True)
class EpisodeMetadata:
    """What the rows were played in."""

    market: str  # as the user named it
    problem_sha256: str
    seed: int
    tick_value: float  # account currency per tick and lot
    step_ns: int
    steps: int  # of an episode that reaches its horizon
    inventory_cap_lots: int
    mid_ticks_x2: int  # the market's before anybody plays: what a lot costs
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        """Refuse what no number could be computed of."""
        if not (math.isfinite(self.tick_value) and self.tick_value > 0.0):
            raise ValueError(f"tick_value: expected a positive number, got {self.tick_value}")
        for name in ("step_ns", "steps", "inventory_cap_lots"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")

    @property
    def capital(self) -> float:
        """Account currency that pays for the largest position allowed, without a loan."""
        return 0.5 * self.mid_ticks_x2 * self.inventory_cap_lots * self.tick_value


@dataclass(frozen=True)
class EpisodeTable:
    """All that was played, one block of rows for each policy and setting."""

    metadata: EpisodeMetadata
    blocks: tuple[Episodes, ...]

    def __post_init__(self) -> None:
        """Check that blocks differ in what they are of, and are of the same episodes."""
        names = [(block.policy, block.setting) for block in self.blocks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not names:
            raise ValueError(
                f"blocks: expected one for each policy and setting, got {twice or 'none'}"
            )
        for block in self.blocks:
            if not np.array_equal(block["environment"], self.blocks[0]["environment"]):
                raise ValueError(
                    "environment: expected the same episodes of everybody, got others of "
                    f"{block.policy!r} in {block.setting!r}"
                )

    def __iter__(self) -> Iterator[Episodes]:
        """The blocks, in their order."""
        return iter(self.blocks)

    @property
    def policies(self) -> tuple[str, ...]:
        """Names, in their order."""
        return tuple(dict.fromkeys(block.policy for block in self.blocks))

    @property
    def settings(self) -> tuple[str, ...]:
        """Names, in their order."""
        return tuple(dict.fromkeys(block.setting for block in self.blocks))

    def of(self, policy: str, setting: str = UNSTRESSED) -> Episodes:
        """One block; the error lists what there is."""
        for block in self.blocks:
            if (block.policy, block.setting) == (policy, setting):
                return block
        raise KeyError(
            f"expected one of the policies {list(self.policies)} in one of the settings "
            f"{list(self.settings)}, got {policy!r} in {setting!r}"
        )

    def to_bytes(self) -> bytes:
        """As a parquet file; the same table gives the same bytes."""
        about = {"schema": SCHEMA, **asdict(self.metadata)}
        columns: dict[str, Any] = {
            name: pa.array(
                [getattr(block, name) for block in self.blocks for _ in range(len(block))],
                pa.string(),
            )
            for name in ("policy", "setting")
        }
        for name in COLUMN_NAMES:
            columns[name] = pa.array(np.concatenate([block[name] for block in self.blocks]))
        metadata = {_METADATA_KEY: json.dumps(about, sort_keys=True).encode()}
        table = pa.table(columns).replace_schema_metadata(metadata)
        out = pa.BufferOutputStream()
        pq.write_table(table, out, compression="zstd")
        return bytes(out.getvalue())

    @classmethod
    def read(cls, path: Path | str) -> EpisodeTable:
        """A file of what `to_bytes` gives.

        Raises:
            ValueError: it is something else, or of another version.
        """
        try:
            table = pq.read_table(path)
            about = json.loads((table.schema.metadata or {})[_METADATA_KEY])
            if (about.pop("schema"), about["schema_version"]) != (SCHEMA, SCHEMA_VERSION):
                raise ValueError("another schema")
            metadata = EpisodeMetadata(**about)
            names = table.select(["policy", "setting"]).to_pylist()
            values = {name: table.column(name).to_numpy() for name in COLUMN_NAMES}
            return cls(metadata, tuple(_blocks(names, values)))
        except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path}: expected a table of episodes ({SCHEMA} {SCHEMA_VERSION}), got something "
                f"else: {error}; write it again with `rlmm evaluate`"
            ) from None


def _blocks(names: Sequence[Mapping[str, str]], values: Values) -> Iterator[Episodes]:
    """Rows of the same policy and setting, one after the other."""
    starts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    for start, stop in zip(starts, [*starts[1:], len(names)], strict=True):
        columns = {name: column[start:stop] for name, column in values.items()}
        yield Episodes(names[start]["policy"], columns, names[start]["setting"])
