"""How many threads TensorFlow may use for one operation."""

from __future__ import annotations

import contextlib

import tensorflow as tf

LEARNER_THREADS = 2
"""Always as many, whatever the machine has: sums are split by it, and so are their last bits."""


def use_threads() -> None:
    """Takes effect before TensorFlow's first operation; later, what it has stays."""
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(LEARNER_THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(1)
