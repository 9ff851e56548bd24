"""TensorFlow without the lines that it prints before it listens to anybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def start_tensorflow() -> None:
    """Imports it and runs a first operation; commands that train call it before all else."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _no_stderr():
        from rlmm_tf.agents.learners import threads

        threads.start_tensorflow()


@contextmanager
def _no_stderr() -> Iterator[None]:
    """The process's own file 2, which C++ writes to, leads nowhere in the meantime."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
