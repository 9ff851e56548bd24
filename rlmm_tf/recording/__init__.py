"""Book markets written down: as canonical events, in LOBSTER's files and in Bybit's."""

from __future__ import annotations

from rlmm_tf.recording.bybit import BybitWriter, bybit_trades_path
from rlmm_tf.recording.canonical import CanonicalWriter
from rlmm_tf.recording.lobster import LobsterWriter, lobster_paths
from rlmm_tf.recording.stream import Chunk, Session, generator_hash, record
from rlmm_tf.recording.windows import Opening, record_windows

__all__ = [
    "BybitWriter",
    "CanonicalWriter",
    "Chunk",
    "LobsterWriter",
    "Opening",
    "Session",
    "bybit_trades_path",
    "generator_hash",
    "lobster_paths",
    "record",
    "record_windows",
]
