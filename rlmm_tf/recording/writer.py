"""What writes chunks to files: new ones, which appear together when all went well."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from rlmm_tf.events import EventTableError
from rlmm_tf.recording.stream import Chunk


class Writer(ABC):
    """Writes a recording's chunks inside its `with` block; an error in there leaves no file."""

    def __init__(self, *paths: Path) -> None:
        self.paths = paths
        self._files = ExitStack()
        self._n_events = 0

    def __enter__(self) -> Self:
        with ExitStack() as files:
            self._open(files)
            self._files = files.pop_all()
        return self

    def write(self, chunk: Chunk) -> None:
        """The next chunk."""
        if chunk.first_seq != self._n_events:
            raise EventTableError(
                f"first_seq: expected {self._n_events} (chunks in order, each once), "
                f"got {chunk.first_seq}"
            )
        self._n_events += len(chunk)
        if len(chunk) > 0:
            self._write(chunk)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                self._finish()
            except BaseException as failure:
                self._files.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._files.__exit__(kind, error, traceback)

    @abstractmethod
    def _open(self, files: ExitStack) -> None:
        """Open the files; each is entered into `files`."""

    @abstractmethod
    def _write(self, chunk: Chunk) -> None:
        """Write a chunk that has events."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what still waits."""
