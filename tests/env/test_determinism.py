"""Same seed, same bits: the small edition of `python -m experiments.benchmarks.determinism`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from experiments.benchmarks import determinism
from rlmm_tf.env import (
    Batch,
    MarketMakingVectorEnv,
    engine_params,
    observation_layout,
    output_arrays,
)
from rlmm_tf.env.engine import COLUMN_INDEX
from rlmm_tf.seeding import environment_keys

THREADS, ENVS = [1, 2, 4], [1, 8, 64]


@pytest.fixture(scope="module")
def report() -> determinism.Report:
    return determinism.measure(10, THREADS, ENVS)


@pytest.fixture(scope="module")
def book_report() -> determinism.Report:
    return determinism.measure(3, THREADS, [1, 8, 24], "book")


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        # 10 seeds x (1 environment: 1 thread; 8 and 64: 1, 2 and 4 threads).
        ("threads and number", 10 * (1 + 3 + 3)),
        ("restart", 10),
        ("permutation", 10),
        ("other seed, other outputs", 10),
        ("no shared stream", 10 * 64 * 16),
    ],
)
def test_nothing_differs(report: determinism.Report, name: str, cases: int) -> None:
    (check,) = (check for check in report.checks if check.name == name)
    assert check.differences == []
    assert check.cases == cases
    assert report.passed


def test_the_run_is_rich(report: determinism.Report) -> None:
    # What is compared has ends, starts, fills, crossings and both regimes in it.
    envs = MarketMakingVectorEnv(8, determinism.problem(), info_columns=True)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    seen: dict[str, float] = {}
    regimes: set[float] = set()
    for _ in range(determinism.STEPS):
        infos = envs.step(rng.uniform(-1.1, 1.1, (8, 4)).astype(np.float32))[4]
        for name in (
            "fills_maker_lots_bid",
            "fills_taker_lots",
            "actions_clipped",
            "episode_index",
        ):
            seen[name] = seen.get(name, 0.0) + infos[name].sum()
        regimes |= set(infos["regime"])
    assert min(seen.values()) > 0, seen
    assert regimes == {0.0, 1.0}
    assert len(report.outputs_sha256) == 64


def test_nothing_differs_with_a_book(book_report: determinism.Report) -> None:
    assert [check.differences for check in book_report.checks] == [[]] * 5
    assert [check.cases for check in book_report.checks] == [3 * 7, 3, 3, 3, 3 * 64 * 16]
    assert book_report.passed


def test_the_run_with_a_book_is_rich() -> None:
    # All that only a book has, and both regimes.
    names = (
        "fills_maker_lots_bid", "fills_maker_lots_ask", "fills_taker_lots", "events",
        "messages_refused", "lots_rejected", "queue_ahead_bid_lots", "queue_ahead_ask_lots",
        "markout_lots_100ms", "markout_lots_1s", "spread_ticks", "episode_index",
    )  # fmt: skip
    envs = MarketMakingVectorEnv(24, determinism.problem("book"), info_columns=True)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    seen = dict.fromkeys(names, 0.0)
    regimes: set[float] = set()
    for _ in range(determinism.STEPS):
        infos = envs.step(rng.uniform(-1.1, 1.1, (24, 4)).astype(np.float32))[4]
        seen = {name: total + infos[name].sum() for name, total in seen.items()}
        regimes |= set(infos["regime"])
    assert min(seen.values()) > 0, seen
    assert regimes == {0.0, 1.0}


def test_nothing_differs_in_a_recording() -> None:
    # A seed with order ids and one without.
    report = determinism.measure(2, THREADS, [1, 8, 24], "replay")
    assert [check.differences for check in report.checks] == [[]] * 5
    assert [check.cases for check in report.checks] == [2 * 7, 2, 2, 2, 2 * 64 * 16]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_run_in_a_recording_is_rich(seed: int) -> None:
    params = determinism.problem("replay")
    world = determinism.World.of_seed(params, seed)
    assert world.tape is not None
    assert world.tape.by_order == (seed == 0)
    batch = Batch(
        engine_params(params), seeds=environment_keys(0, 24), n_threads=1, tape=world.tape
    )
    arrays = output_arrays(24, len(observation_layout(params)))
    batch.reset(obs=arrays["obs"])
    rng = np.random.default_rng(0)
    names = (
        "fills_maker_lots_bid", "fills_maker_lots_ask", "fills_taker_lots", "events",
        "queue_ahead_bid_lots", "queue_ahead_ask_lots", "markout_lots_100ms", "episode_index",
    )  # fmt: skip
    seen = dict.fromkeys(names, 0.0)
    for _ in range(determinism.STEPS):
        batch.step(rng.uniform(-1.1, 1.1, (24, 4)).astype(np.float32), **arrays)
        columns = arrays["columns"]
        seen = {name: total + columns[:, COLUMN_INDEX[name]].sum() for name, total in seen.items()}
    assert min(seen.values()) > 0, seen


def test_no_shared_stream_among_100_seeds() -> None:
    check = determinism.check_streams(100, 64)
    assert check.cases == 100 * 64 * determinism.PURPOSES
    assert check.differences == []


def test_a_difference_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    # An engine whose fourth environment depends on the number of threads.
    original = determinism.recorded

    def wrong(params: Any, keys: Any, actions: Any, n_threads: int) -> np.ndarray:
        outputs = original(params, keys, actions, n_threads)
        if n_threads == 2:
            outputs[7, 3, 0] ^= 1
        return outputs

    monkeypatch.setattr(determinism, "recorded", wrong)
    report = determinism.measure(1, [1, 2], [8])
    assert not report.passed
    text = determinism.table(report)
    assert "seed 0, 8 environments, 2 threads: first at step 7 of environment 3" in text
    assert text.endswith("DIFFERENT")
    assert (
        determinism.main(["--seeds", "1", "--threads", "2", "--envs", "8", "--market", "book"]) == 1
    )


def test_streams_that_repeat_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    # Seeding by seed + index, as many environments do it, shares nearly all streams.
    def seed_plus_index(seed: int, n_envs: int) -> np.ndarray:
        return environment_keys(0, 500)[seed : seed + n_envs]

    monkeypatch.setattr(determinism, "environment_keys", seed_plus_index)
    assert len(determinism.check_streams(4, 8).differences) > 100


def test_equal_seeds_and_shapes_are_seen() -> None:
    check = determinism.Check("x")
    check.compare("case", np.zeros((2, 2, 1), np.uint8), np.zeros((2, 3, 1), np.uint8))
    assert check.differences == ["case: shape (2, 2, 1) instead of (2, 3, 1)"]


def test_command() -> None:
    command = [sys.executable, "-m", "experiments.benchmarks.determinism", "--seeds", "1"]
    done = subprocess.run(
        [*command, "--envs", "1,4", "--threads", "1,2", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["passed"] is True
    assert [report["market"] for report in result["markets"]] == ["analytic", "book", "replay"]
    for report in result["markets"]:
        assert [check["cases"] for check in report["checks"]] == [3, 1, 1, 1, 1024]


def test_command_table(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--seeds", "1", "--envs", "2", "--threads", "1", "--market", "analytic"]
    assert determinism.main(arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith("analytic market ")
    assert out.endswith("all equal\n")


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--threads", "1,x"], ["--envs", "-1"]])
def test_command_refuses_bad_arguments(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        determinism.main(arguments)
    assert caught.value.code == 2
    assert f"argument {arguments[0]}: invalid" in capsys.readouterr().err
