"""The engine and the process it lives in: forks, memory, alignment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import MarketMakingVectorEnv, aligned_empty
from rlmm_tf.presets import preset

STATM = Path("/proc/self/statm")

FORKED = """
import os, sys
import numpy as np
from rlmm_tf.env import MarketMakingVectorEnv

n_threads = int(sys.argv[1])
envs = MarketMakingVectorEnv(8, n_threads=n_threads)
actions = np.zeros((8, 2), np.float32)
envs.reset(seed=1)
envs.step(actions)
state = envs.state()
expected = envs.step(actions)[0].tobytes()
envs.set_state(state)
child = os.fork()
if child == 0:
    try:
        try:
            same = envs.step(actions)[0].tobytes() == expected
            print("child stepped", same, flush=True)
        except RuntimeError as error:
            print("child refused:", error, flush=True)
        envs.close()
        own = MarketMakingVectorEnv(8, n_threads=2)
        own.reset(seed=1)
        own.step(actions)
        print("child made its own", flush=True)
    finally:
        os._exit(0)
pid, status = os.waitpid(child, 0)
print("child ended with", status)
print("parent goes on", envs.step(actions)[0].tobytes() == expected)
envs.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    ("n_threads", "first"),
    [
        ("1", "child stepped True"),
        (
            "2",
            "child refused: batch: expected the process that made it, got a fork of it; make the "
            "batch after the fork, start processes with 'spawn', or use n_threads=1",
        ),
    ],
)
def test_fork(n_threads: str, first: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, n_threads],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        first, "child made its own", "child ended with 0", "parent goes on True",
    ]  # fmt: skip


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize("info_columns", [False, True])
def test_memory_does_not_grow(info_columns: bool) -> None:
    params = preset("R1")
    envs = MarketMakingVectorEnv(4, params, n_threads=1, info_columns=info_columns)
    envs.reset(seed=1)
    actions = np.zeros((4, 2), np.float32)
    for _ in range(2_000):  # past the first ends of an episode
        envs.step(actions)
    before = resident_bytes()
    for _ in range(20_000):
        envs.step(actions)
    assert resident_bytes() - before <= 2 * 2**20


@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc")
def test_closed_and_refused_batches_leave_nothing_behind(simulate: Any) -> None:
    def use() -> None:
        envs = MarketMakingVectorEnv(64, n_threads=2)
        envs.reset(seed=1)
        with pytest.raises(TypeError):
            envs.step(np.zeros((64, 2)))
        with pytest.raises(ValueError, match="expected a finite number"):
            envs.step(np.full((64, 2), np.nan, np.float32))
        envs.close()

    for _ in range(100):
        use()
    before = resident_bytes()
    for _ in range(500):
        use()
    assert resident_bytes() - before <= 2 * 2**20


@pytest.mark.parametrize("shape", [7, (3,), (5, 3), (2, 3, 4), (0, 4), ()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_, "u1"])
def test_aligned_arrays_start_on_a_cache_line(shape: Any, dtype: Any) -> None:
    array = aligned_empty(shape, dtype)
    expected = np.empty(shape, dtype)
    assert (array.shape, array.dtype) == (expected.shape, expected.dtype)
    assert array.size == 0 or array.ctypes.data % 64 == 0
    assert array.flags.c_contiguous
    assert array.flags.writeable
    array[...] = 1
    assert (array == 1).all()
