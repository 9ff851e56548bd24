"""The engine and the process it lives in: forks, memory, alignment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmm_tf.env import aligned_empty

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


# Memory is measured in a process of its own: in one that runs other tests too, what they left
# behind (garbage, idle threads of TensorFlow) comes and goes meanwhile.
RESIDENT = """
import os
import sys
from pathlib import Path

import numpy as np
from rlmm_tf.env import MarketMakingVectorEnv
from rlmm_tf.presets import preset

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
"""

STEPS = """
envs = MarketMakingVectorEnv(4, preset("R1"), n_threads=1, info_columns=sys.argv[1] == "True")
envs.reset(seed=1)
actions = np.zeros((4, 2), np.float32)
for _ in range(2_000):  # past the first ends of an episode
    envs.step(actions)
before = resident_bytes()
for _ in range(20_000):
    envs.step(actions)
print(resident_bytes() - before)
"""

CLOSED_AND_REFUSED = """
def use():
    envs = MarketMakingVectorEnv(64, n_threads=2)
    envs.reset(seed=1)
    nan = np.full((64, 2), np.nan, np.float32)
    for actions, refusal, words in (
        (np.zeros((64, 2)), TypeError, "expected dtype"),
        (nan, ValueError, "expected a finite number"),
    ):
        try:
            envs.step(actions)
        except refusal as error:
            if words in str(error):
                continue
        raise SystemExit("not refused as expected: " + words)
    envs.close()

for _ in range(100):
    use()
before = resident_bytes()
for _ in range(500):
    use()
print(resident_bytes() - before)
"""


# A process that made no batch before it forked, its child and its grandchild: each may use what it
# made itself, and with threads nothing that another made.
GENERATIONS = """
import os, sys
import numpy as np
from rlmm_tf.env import MarketMakingVectorEnv

actions = np.zeros((8, 2), np.float32)

def made():
    envs = MarketMakingVectorEnv(8, n_threads=2)
    envs.reset(seed=1)
    envs.step(actions)
    return envs

def use(name, envs):
    try:
        envs.step(actions)
        print(name, "steps", flush=True)
    except RuntimeError:
        print(name, "is refused", flush=True)

def in_a_fork(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)

def child():
    of_child = made()
    def grandchild():
        use("the child's in the grandchild", of_child)
        use("the grandchild's own", made())
    in_a_fork(grandchild)
    use("the child's own, after another fork", of_child)

in_a_fork(child)
use("the parent's, made after a fork", made())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_generations_of_forks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GENERATIONS],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "the child's in the grandchild is refused",
        "the grandchild's own steps",
        "the child's own, after another fork steps",
        "the parent's, made after a fork steps",
    ]


def growth_bytes(script: str, *arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", RESIDENT + script, *arguments],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize("info_columns", [False, True])
def test_memory_does_not_grow(info_columns: bool) -> None:
    assert growth_bytes(STEPS, str(info_columns)) <= 2**20


@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc")
def test_closed_and_refused_batches_leave_nothing_behind() -> None:
    assert growth_bytes(CLOSED_AND_REFUSED) <= 2**20


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


TOO_MANY_THREADS = """
import resource
from pathlib import Path
from rlmm_tf.env import Batch, engine_params
from rlmm_tf.presets import preset
from rlmm_tf.seeding import environment_keys

params, seeds = engine_params(preset("P1")), environment_keys(0, 3000)
in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 400 * 2**20,) * 2)
try:
    Batch(params, seeds=seeds, n_threads=3000)
except RuntimeError as error:
    print("refused:", error)
"""


def test_too_many_threads_are_an_error_not_an_abort() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TOO_MANY_THREADS], capture_output=True, text=True, check=True
    )
    assert "refused: n_threads: expected as many as the system gives, got 3000" in done.stdout


UNINITIALISED = """
import numpy as np
from rlmm_tf import _core
from rlmm_tf.seeding import environment_keys

batch = _core.Batch.__new__(_core.Batch)
for use in ("n_envs", "n_threads"):
    try:
        getattr(batch, use)
    except (RuntimeError, TypeError) as error:
        print(use, error)
batch.close()
params = _core.EnvParams.__new__(_core.EnvParams)
try:
    _core.Batch(params, seeds=environment_keys(0, 1))
except (ValueError, TypeError) as error:
    print("params", error)
"""


def test_objects_made_without_init_are_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNINITIALISED], capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "n_envs",
        "n_threads",
        "params",
    ]
