"""Every step of a few episodes, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rlmm_tf.env import COLUMNS
from rlmm_tf.evaluation.play import Trace


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
        | {column.name: pa.array(values[:, i]) for i, column in enumerate(COLUMNS)}
    )
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd")
    return bytes(out.getvalue())
