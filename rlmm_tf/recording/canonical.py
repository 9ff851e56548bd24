"""The canonical event table of a recording, written while it goes on.

It opens with a clear and the orders that are there, a snapshot row each; then come adds, cancels,
trades, and a status when trading is halted or resumes. There are no hidden orders: every trade
takes lots off the book that is shown.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

from rlmm_tf.events import ROW_GROUP_ROWS, arrow_table, parquet_writer, require_rows
from rlmm_tf.files import new_file
from rlmm_tf.recording.stream import Chunk, Session
from rlmm_tf.recording.writer import Writer


class CanonicalWriter(Writer):
    """Writes a parquet file that `EventTable.read` takes; `generator` is from `generator_hash`."""

    def __init__(self, path: Path | str, session: Session, generator: str) -> None:
        super().__init__(Path(path))
        self._start_ns = session.start_ns
        self._schema = session.metadata(generator).schema()
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0

    def _open(self, files: ExitStack) -> None:
        temporary = files.enter_context(new_file(self.paths[0]))
        self._parquet = files.enter_context(parquet_writer(temporary, self._schema))

    def _write(self, chunk: Chunk) -> None:
        columns = chunk.columns(self._start_ns)
        require_rows(columns, chunk.first_seq)
        self._waiting.append(arrow_table(columns, self._schema))
        self._n_waiting += len(chunk)
        if self._n_waiting >= ROW_GROUP_ROWS:
            self._write_groups(least_rows=ROW_GROUP_ROWS)

    def _finish(self) -> None:
        if self._n_waiting > 0:
            self._write_groups(least_rows=1)

    def _write_groups(self, least_rows: int) -> None:
        """Write row groups until fewer than `least_rows` wait."""
        table = pa.concat_tables(self._waiting)
        while len(table) >= least_rows:
            self._parquet.write_table(table.slice(0, ROW_GROUP_ROWS), ROW_GROUP_ROWS)
            table = table.slice(ROW_GROUP_ROWS)
        self._waiting, self._n_waiting = [table], len(table)
