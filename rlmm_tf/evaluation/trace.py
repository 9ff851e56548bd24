"""Every step of a few episodes, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rlmm_tf.env import COLUMNS
from rlmm_tf.evaluation.play import Trace

NAMES = tuple(column.name for column in COLUMNS)


def trace_bytes(traces: Sequence[Trace]) -> bytes:
    """A parquet file: a row for each step, with the engine's columns (`rlmm_tf.env.COLUMNS`)."""
    columns: dict[str, list[object]] = {"policy": [], "environment": []}
    rows = []
    for trace in traces:
        for environment, steps in enumerate(trace.columns):
            taken = steps[~np.isnan(steps[:, 0])]
            columns["policy"] += [trace.policy] * len(taken)
            columns["environment"] += [environment] * len(taken)
            rows.append(taken)
    values = np.concatenate(rows) if rows else np.empty((0, len(COLUMNS)))
    table = pa.table(
        {"policy": pa.array(columns["policy"], pa.string())}
        | {"environment": pa.array(columns["environment"], pa.int64())}
        | {name: pa.array(values[:, i]) for i, name in enumerate(NAMES)}
    )
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd")
    return bytes(out.getvalue())


def read_traces(path: Path | str, n_steps: int) -> dict[str, Trace]:
    """What `trace_bytes` wrote, by policy; those without a step are not there.

    Args:
        path: the file.
        n_steps: of an episode that reaches its horizon.

    Raises:
        ValueError: it is something else.
    """
    try:
        table = pq.read_table(path)
        policies = np.array(table.column("policy").to_pylist(), dtype=object)
        environments = table.column("environment").to_numpy()
        values = np.stack([table.column(name).to_numpy() for name in NAMES], axis=1)
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise ValueError(
            f"{path}: expected the steps of episodes, got something else: {error}; write them "
            "again with `rlmm evaluate`"
        ) from None
    traces = {}
    for policy in dict.fromkeys(policies.tolist()):
        own = policies == policy
        columns = np.full((int(environments[own].max()) + 1, n_steps, len(NAMES)), np.nan)
        for environment in range(len(columns)):
            steps = values[own & (environments == environment)]
            columns[environment, : len(steps)] = steps
        traces[policy] = Trace(policy, columns)
    return traces
