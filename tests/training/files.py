"""A run's files in memory, for trainings that are stopped."""

from __future__ import annotations

from rlmm_tf.training.loop import CHECKPOINT_NAME


class Files:
    """After `stop_after` checkpoints the process is killed; 0: never."""

    def __init__(self, stop_after: int = 0) -> None:
        self.held: dict[str, bytes] = {}
        self.stop_after = stop_after

    def read(self, name: str) -> bytes | None:
        return self.held.get(name)

    def write(self, name: str, data: bytes) -> None:
        self.held[name] = data
        self.stop_after -= name == CHECKPOINT_NAME
        if name == CHECKPOINT_NAME and self.stop_after == 0:
            raise KeyboardInterrupt
