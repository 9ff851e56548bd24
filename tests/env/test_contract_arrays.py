"""The contract of the compiled engine, clauses 1 to 5: who may use it, and what arrays it takes."""

from __future__ import annotations

import inspect
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlmm_tf
from rlmm_tf.env import Batch, engine, engine_params, output_arrays
from rlmm_tf.kernels import extension
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset
from rlmm_tf.seeding import environment_keys

N = 4
WIDTH = 2


@pytest.fixture
def batch() -> Batch:
    made = Batch(engine_params(preset("P1")), seeds=environment_keys(3, N), n_threads=1)
    made.reset(obs=np.empty((N, WIDTH), np.float32))
    return made


@pytest.fixture
def call() -> dict[str, Any]:
    """Right arguments of one step."""
    return {"actions": np.zeros((N, 2), np.float32), **output_arrays(N, WIDTH)}


OUTPUTS = ["obs", "final_obs", "reward", "terminated", "truncated", "columns"]


# 1. One door


def test_clause_1_only_env_and_kernels_import_the_extension() -> None:
    package = Path(str(rlmm_tf.__file__)).parent
    root = package.parent
    importing = {
        path.relative_to(root).as_posix()
        for folder in ("rlmm_tf", "calibration", "experiments", "reports")
        for path in (root / folder).rglob("*.py")
        if re.search(r"^\s*(?:from|import)\s.*\b_core\b", path.read_text(), re.MULTILINE)
    }
    outside = {p for p in importing if not p.startswith(("rlmm_tf/env/", "rlmm_tf/kernels"))}
    assert importing
    assert outside == set()


def test_clause_1_what_the_extension_exports() -> None:
    names = {name for name in dir(engine._core) if not name.startswith("_")}
    assert {"Batch", "EnvParams", "COLUMNS", "FEATURES", "build_info"} <= names


def test_clause_1_missing_extension_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(str(extension.__file__))
    monkeypatch.setitem(sys.modules, "rlmm_tf._core", None)
    monkeypatch.delattr(rlmm_tf, "_core")
    with pytest.raises(ImportError, match=r"_core is not built .* run `make setup` there"):
        exec(compile(source.read_text(), source, "exec"), {"__file__": str(source)})


def test_clause_1_other_missing_modules_keep_their_name() -> None:
    # The sentence above would be wrong for any other import error.
    source = Path(str(extension.__file__))
    broken = source.read_text().replace("from rlmm_tf import _core", "import not_there_at_all")
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        exec(compile(broken, source, "exec"), {"__file__": str(source)})


# 2. Batch only


def test_clause_2_batch_is_the_only_environment() -> None:
    classes = {
        name
        for name, value in vars(engine._core).items()
        if inspect.isclass(value) and not issubclass(value, Exception)
    }
    # Beside it: parameters, a policy without state, a recorder that takes no actions, the recording
    # that a market plays, a book in which nothing happens by itself, what reads recordings, what
    # keeps transitions for learners, what a live client
    # sees and what judges his orders.
    book = {"OrderBook", "BookOrder", "BookFill", "BookOutcome"}
    reading = {"Reader", "BookPass", "FlowPass"}
    keeping = {"TransitionRing", "Priorities"}
    others = {"EnvParams", "Policy", "Recorder", "Tape", "Venue"}
    live = {"LiveView", "RiskGate"}
    assert classes == {"Batch"} | others | book | reading | keeping | live


@pytest.mark.parametrize("n_envs", [1, 3])
def test_clause_2_a_single_environment_is_a_batch_of_one(n_envs: int) -> None:
    made = Batch(engine_params(preset("P1")), seeds=environment_keys(0, n_envs))
    assert (made.n_envs, made.n_threads, made.action_width) == (n_envs, 1, 2)


# 3. The caller owns all arrays


def test_clause_3_no_reference_is_kept(batch: Batch, call: dict[str, Any]) -> None:
    mask = np.ones(N, np.bool_)
    arrays = [*call.values(), mask]
    before = [sys.getrefcount(array) for array in arrays]
    for _ in range(10):
        batch.step(call["actions"], **{name: call[name] for name in OUTPUTS})
        batch.reset(obs=call["obs"], mask=mask)
    assert [sys.getrefcount(array) for array in arrays] == before


def test_clause_3_arrays_may_go_before_the_batch(batch: Batch, call: dict[str, Any]) -> None:
    batch.step(**call)
    call["obs"] = np.zeros((N, WIDTH), np.float32)  # the old ones are freed
    batch.step(**call)
    state = batch.state()
    del call
    assert batch.state() == state


def test_clause_3_slices_of_rollout_storage_are_written_in_place(simulate: Any) -> None:
    steps = 250  # two and a half episodes
    reference = simulate(preset("P1"), n_envs=N, seed=3)
    made = Batch(engine_params(preset("P1")), seeds=environment_keys(3, N), n_threads=1)
    obs = np.full((steps + 1, N, WIDTH), np.nan, np.float32)
    final_obs = np.zeros((N, WIDTH), np.float32)
    reward = np.full((steps, N), np.nan)
    ended = np.zeros((2, steps, N), np.bool_)
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, N, 2)).astype(np.float32)
    made.reset(obs=obs[0])
    np.testing.assert_array_equal(obs[0], reference.reset())
    for t in range(steps):
        arrays = {"reward": reward[t], "terminated": ended[0, t], "truncated": ended[1, t]}
        made.step(actions[t], obs=obs[t + 1], final_obs=final_obs, **arrays)
        expected = reference.step(actions[t])
        np.testing.assert_array_equal(obs[t + 1], expected["returned_obs"])
        np.testing.assert_array_equal(reward[t], expected["returned_reward"])
        np.testing.assert_array_equal(ended[0, t], expected["returned_terminated"])
    assert ended[0].sum() == 2 * N


def test_clause_3_final_obs_of_running_environments_are_left_alone(
    batch: Batch, call: dict[str, Any]
) -> None:
    call["final_obs"][:] = 7.0
    batch.step(**call)
    assert (call["final_obs"] == 7.0).all()


# 4. Exact arrays


def wrong_arrays() -> list[tuple[str, str, Callable[[np.ndarray], Any], type, str]]:
    """(case, argument, how it is spoiled, error, what the message says)."""
    strided = "expected a C-contiguous array, got a strided view"
    cases: list[tuple[str, str, Callable[[np.ndarray], Any], type, str]] = []
    for name in ["actions", *OUTPUTS]:
        other = "int32" if name in {"terminated", "truncated"} else "float16"
        cases += [
            ("dtype", name, lambda a, d=other: a.astype(d), TypeError, f"expected .* {other}"),
            ("rows", name, lambda a: np.zeros((N + 1, *a.shape[1:]), a.dtype), ValueError,
             rf"expected shape \({N},.* got \({N + 1},"),
            ("rank", name, lambda a: a[np.newaxis], ValueError, r"expected shape .* got \(1, 4"),
            ("list", name, lambda a: a.tolist(), TypeError, "expected a numpy array, got list"),
            ("scalar", name, lambda a: 3.0, TypeError, "expected a numpy array, got float"),
            ("stride", name, lambda a: np.repeat(a, 2, axis=0)[::2], ValueError, strided),
            ("odd", name, odd_address, ValueError, "expected an aligned array, got data at an odd"),
        ]  # fmt: skip
        if name in OUTPUTS:
            message = "expected a writable array, got a read-only one"
            cases.append(("readonly", name, read_only, ValueError, message))
        if name != "columns":
            message = "expected a numpy array, got NoneType"
            cases.append(("none", name, lambda a: None, TypeError, message))
    byte_swapped = "expected dtype float.*, got >f"
    cases += [
        ("byteorder", name, lambda a: a.astype(a.dtype.newbyteorder(">")), TypeError, byte_swapped)
        for name in ("actions", "obs", "reward", "columns")
    ]
    cases += [
        ("fortran", name, np.asfortranarray, ValueError, strided)
        for name in ("actions", "obs", "final_obs", "columns")
    ]
    # One byte wide: any address is aligned.
    return [c for c in cases if not (c[0] == "odd" and c[1] in {"terminated", "truncated"})]


def odd_address(array: np.ndarray) -> np.ndarray:
    raw = np.zeros(array.nbytes + 1, np.uint8)
    return raw[1:].view(array.dtype).reshape(array.shape)


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("name", "spoil", "error", "message"),
    [pytest.param(*case[1:], id=f"{case[1]}-{case[0]}") for case in wrong_arrays()],
)
def test_clause_4_exact_arrays(
    batch: Batch,
    call: dict[str, Any],
    name: str,
    spoil: Callable[[np.ndarray], Any],
    error: type[Exception],
    message: str,
) -> None:
    state = batch.state()
    call[name] = spoil(call[name])
    with pytest.raises(error, match=f"^{name}: {message}"):
        batch.step(**call)
    assert batch.state() == state  # refused before anything moved


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("obs", "final_obs"),
        ("terminated", "truncated"),
        ("actions", "obs"),
        ("actions", "final_obs"),
    ],
)
def test_clause_4_outputs_may_not_overlap(
    batch: Batch, call: dict[str, Any], first: str, second: str
) -> None:
    call[second] = call[first]
    message = f"^{second}: expected memory of its own, got an overlap with {first}"
    with pytest.raises(ValueError, match=message):
        batch.step(**call)


def test_clause_4_partial_overlap_is_seen(batch: Batch, call: dict[str, Any]) -> None:
    storage = np.zeros((2 * N - 1, WIDTH), np.float32)
    call["obs"], call["final_obs"] = storage[:N], storage[N - 1 :]
    with pytest.raises(ValueError, match=r"^final_obs: expected memory of its own"):
        batch.step(**call)
    storage = np.zeros((2 * N, WIDTH), np.float32)
    call["obs"], call["final_obs"] = storage[:N], storage[N:]  # neighbours are no overlap
    batch.step(**call)


def test_clause_4_reset_checks_its_arrays_too(batch: Batch) -> None:
    obs = np.zeros((N, WIDTH), np.float32)
    with pytest.raises(TypeError, match=r"^obs: expected dtype float32, got float64"):
        batch.reset(obs=obs.astype(np.float64))
    with pytest.raises(ValueError, match=r"^mask: expected shape \(4,\), got \(3,\)"):
        batch.reset(obs=obs, mask=np.ones(3, np.bool_))
    with pytest.raises(TypeError, match=r"^mask: expected dtype bool, got uint8"):
        batch.reset(obs=obs, mask=np.ones(N, np.uint8))
    inside = obs.view(np.uint8).reshape(-1)[:N].view(np.bool_)
    with pytest.raises(ValueError, match=r"^mask: expected memory of its own"):
        batch.reset(obs=obs, mask=inside)


@pytest.mark.parametrize(
    ("seeds", "error", "message"),
    [
        (np.zeros((N, 2), np.int64), TypeError, "seeds: expected dtype uint64, got int64"),
        (np.zeros(8, np.uint64), ValueError, r"seeds: expected shape \(n, 2\), got \(8,\)"),
        (np.zeros((), np.uint64), ValueError, r"seeds: expected shape \(n, 2\), got \(\)"),
        (np.zeros((2, 3), np.uint64), ValueError, r"seeds: expected shape \(n, 2\), got \(2, 3\)"),
        (np.zeros((0, 2), np.uint64), ValueError, "seeds: expected at least one row, got none"),
        ([[1, 2]], TypeError, "seeds: expected a numpy array, got list"),
        (None, TypeError, "seeds: expected a numpy array, got NoneType"),
    ],
)
def test_clause_4_seeds(seeds: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Batch(engine_params(preset("P1")), seeds=seeds)


def test_clause_4_reseed_keeps_the_number_of_environments(batch: Batch) -> None:
    with pytest.raises(ValueError, match="seeds: expected 4 rows, got 3"):
        batch.reseed(seeds=environment_keys(0, 3))


# 5. The interpreter lock


def test_clause_5_another_thread_runs_during_a_step(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    # One step of some tenths of a second: 200 environments x 1 s x 2 x 20 000 orders per second.
    busy = {"market_sell_rate_hz": 2e4, "market_buy_rate_hz": 2e4}
    simulation = simulate(still(busy), n_envs=200)
    simulation.reset()
    count, stop = 0, threading.Event()

    def work() -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            time.sleep(0.0005)

    worker = threading.Thread(target=work)
    worker.start()
    actions = np.zeros((200, 2), np.float32)
    during, took_s = 0, 0.0
    for _ in range(3):
        start, before = time.perf_counter(), count
        simulation.batch.step(actions, obs=simulation.obs, **simulation.arrays)
        during += count - before
        took_s += time.perf_counter() - start
    stop.set()
    worker.join()
    assert took_s > 0.05
    # With the lock held it would have come to one count per step, at the switch before or after it.
    assert during > 15, f"{during} counts in {took_s:.2f} s"


def is_busy(batch: Batch) -> bool:
    """Whether another thread's step is under way."""
    try:
        batch.state()
    except RuntimeError:
        return True
    return False


def test_clause_5_one_call_at_a_time(simulate: Any, still: Callable[..., EnvParams]) -> None:
    # A batch that is stepped by one thread cannot be stepped, reset or closed by another.
    busy = {"market_sell_rate_hz": 2e4, "market_buy_rate_hz": 2e4}
    simulation = simulate(still(busy), n_envs=200)
    simulation.reset()
    actions = np.zeros((200, 2), np.float32)
    worker = threading.Thread(
        target=lambda: simulation.batch.step(actions, obs=simulation.obs, **simulation.arrays)
    )
    obs = np.empty_like(simulation.obs)
    other = {name: array.copy() for name, array in simulation.arrays.items()}
    refused: list[str] = []
    worker.start()
    give_up_s = time.perf_counter() + 30.0
    while not is_busy(simulation.batch) and time.perf_counter() < give_up_s:
        time.sleep(0.001)
    for call in (
        lambda: simulation.batch.step(actions, obs=obs, **other),
        lambda: simulation.batch.reset(obs=obs),
        simulation.batch.state,
        simulation.batch.close,
        lambda: simulation.batch.reseed(seeds=environment_keys(0, 200)),
    ):
        try:
            call()
        except RuntimeError as error:
            refused.append(str(error))
    worker.join()
    assert len(refused) == 5, "the step ended too early for this test to see anything"
    assert all("expected one call at a time" in text for text in refused)
    simulation.step(actions)  # and it is free again
