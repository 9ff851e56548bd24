"""The environments' door to the compiled engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rlmm_tf.features import ObservationColumn, ObservationLayout
from rlmm_tf.kernels.aligned import aligned_empty
from rlmm_tf.kernels.extension import _core
from rlmm_tf.market_parts import TypicalParams
from rlmm_tf.messages import require_type
from rlmm_tf.params import EnvParams
from rlmm_tf.replay_params import ReplayMarketParams

Batch = _core.Batch
Recorder = _core.Recorder
Venue = _core.Venue
record_windows_from_arrays = _core.record_windows
Tape = _core.Tape
share_ahead_by_fields = _core.share_ahead
resting_fills_by_fields = _core.resting_fills
draw = _core.draw
InvariantError = _core.InvariantError
RangeError = _core.RangeError


@dataclass(frozen=True)
class Feature:
    """A row of the engine's feature table."""

    name: str
    unit: str
    meaning: str
    normalisation: str
    repeat: str  # once, or one column for each regime, level or horizon
    needs_book: bool


@dataclass(frozen=True)
class Column:
    """A row of the engine's table of step columns, or of that of fills."""

    name: str
    unit: str
    meaning: str


FEATURES: tuple[Feature, ...] = tuple(Feature(*row) for row in _core.FEATURES)
# Those of a replay market: a recording does not say what regime it was in.
REPLAY_FEATURES = tuple(f for f in FEATURES if f.name not in ("regime", "regime_probability"))
COLUMNS: tuple[Column, ...] = tuple(Column(*row) for row in _core.COLUMNS)
# Of the table of fills that `Batch.take_fills` returns.
FILL_COLUMNS: tuple[Column, ...] = tuple(Column(*row) for row in _core.FILL_COLUMNS)
# Of the agent's part of `Batch.take_trace`; its `what` is a place in AGENT_EVENTS.
TRACE_COLUMNS: tuple[Column, ...] = tuple(Column(*row) for row in _core.TRACE_COLUMNS)
AGENT_EVENTS: tuple[str, ...] = tuple(_core.AGENT_EVENTS)
EVENT_KINDS: dict[str, int] = dict(_core.EVENT_KINDS)
EVENT_FLAGS: dict[str, int] = dict(_core.EVENT_FLAGS)
COLUMN_INDEX: dict[str, int] = {column.name: i for i, column in enumerate(COLUMNS)}


def engine_params(params: EnvParams) -> _core.EnvParams:
    """The engine's own copy of the parameters.

    Typical values that a replay market leaves out are 1; environments measure them before.
    """
    require_type("params", params, EnvParams, "rlmm_tf.presets.resolve_params makes one")
    values = params.model_dump()
    if isinstance(params.market, ReplayMarketParams) and params.market.typical is None:
        values["market"]["typical"] = TypicalParams().model_dump()
    return _core.EnvParams(**values)


def observation_layout(params: EnvParams) -> ObservationLayout:
    """The columns that `params.observation.features` asks for."""
    rows = _core.observation_columns(engine_params(params))
    return ObservationLayout(tuple(ObservationColumn(*row) for row in rows))


def build_info() -> dict[str, Any]:
    """Compiler, build type and threads of the engine."""
    return dict(_core.build_info())


def measure_clock_hz(additions: int = 20_000_000) -> float:
    """Core clock now, from so many additions in a chain (about a cycle each).

    Shared machines drift, so benchmarks quote cycles beside seconds.
    """
    return _core.measure_clock_hz(additions)


def output_arrays(n_envs: int, width: int, *, columns: bool = True) -> dict[str, NDArray[Any]]:
    """All that a `Batch.step` writes, as zeros on cache lines; `width` is the observation's."""
    shapes: dict[str, tuple[int | tuple[int, ...], DTypeLike]] = {
        "obs": ((n_envs, width), np.float32),
        "final_obs": ((n_envs, width), np.float32),
        "reward": (n_envs, np.float64),
        "terminated": (n_envs, np.bool_),
        "truncated": (n_envs, np.bool_),
    }
    if columns:
        shapes["columns"] = ((n_envs, len(COLUMNS)), np.float64)
    arrays = {name: aligned_empty(*shape) for name, shape in shapes.items()}
    for array in arrays.values():
        array.fill(0)
    return arrays
