"""How TensorFlow starts in a process that trains."""

from __future__ import annotations

import contextlib

import tensorflow as tf

LEARNER_THREADS = 2
"""Always as many, whatever the machine has: sums are split by it, and so are their last bits."""


def start_tensorflow() -> None:
    """Sets the threads of an operation and runs a first one; after another's first, nothing."""
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(LEARNER_THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.zeros(())
