"""Same seed, same bits: for any number of threads and environments, after a restart, in any order.

    python -m experiments.benchmarks.determinism [--market all] [--seeds 200] [--threads 1,2,4]
        [--envs 1,8,64,1024] [--json]

Compares every byte that the engine puts out (observations, rewards, ends, all step columns) over
several episodes of each market with everything in it that draws or remembers. Exit code 1 when
anything differs; each difference is named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.arguments import counts, positive
from experiments.benchmarks.replay import simulated_rows, tape_of_rows
from rlmm_tf.env import (
    FEATURES,
    REPLAY_FEATURES,
    Batch,
    Tape,
    draw,
    engine_params,
    observation_layout,
    output_arrays,
)
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params
from rlmm_tf.seeding import environment_keys

MARKETS = ("analytic", "book", "replay")
STEPS = 60
RECORDED_NS = 60_000_000_000  # of the recording that is replayed
EPISODE_STEPS = 25  # so that a run restarts twice and is cut off within an episode
STREAM_SEEDS = 100
STREAM_ENVS = 64
PURPOSES = 16  # `Purpose` of csrc/rng.h
DIFFERENCES_SHOWN = 10

Bytes = NDArray[np.uint8]


@dataclass
class Check:
    """One promise: how often it was put to the test, and where it was broken."""

    name: str
    cases: int = 0
    differences: list[str] = field(default_factory=list)

    def compare(self, case: str, got: Bytes, expected: Bytes) -> None:
        """Bytes of shape (T, N, ...); names the first place that differs."""
        self.cases += 1
        if got.shape != expected.shape:
            self.differences.append(f"{case}: shape {got.shape} instead of {expected.shape}")
        elif got.tobytes() != expected.tobytes():
            step, env, *_ = np.argwhere(got != expected)[0]
            self.differences.append(f"{case}: first at step {step} of environment {env}")


@dataclass(frozen=True)
class Report:
    """All checks, and a hash of all outputs to compare builds and machines by."""

    market: str
    checks: list[Check]
    outputs_sha256: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing differed."""
        return not any(check.differences for check in self.checks)


def problem(market: str = "analytic") -> EnvParams:
    """Everything that draws or remembers: regimes, jumps, latency, fees, crossing, shocks."""
    problems = {"analytic": _analytic_problem, "book": _book_problem, "replay": _replay_problem}
    return problems[market]()


@dataclass(frozen=True)
class World:
    """What a batch is made of; the tape is that of a replay market."""

    params: EnvParams
    tape: Tape | None

    @classmethod
    def of_seed(cls, params: EnvParams, seed: int) -> World:
        """Even seeds replay a recording with order ids, odd ones the same by level."""
        is_replay = params.market.kind == "replay"
        return cls(params, _tape(by_order=seed % 2 == 0) if is_replay else None)


@cache
def _tape(*, by_order: bool) -> Tape:
    rows = simulated_rows("book-large-tick", 0, RECORDED_NS)
    return tape_of_rows(rows, by_order=by_order)


def _delays() -> dict[str, Any]:
    delay = {"law": "lognormal", "median_ns": 8_000_000, "log_sd": 0.8}
    return {"feed": delay, "entry": delay, "response": delay}


def _book_problem() -> EnvParams:
    """About fifteen events a step, and shocks of most kinds within the episode's five seconds."""
    kinds = ("intensity", "limit_sizes", "market_sizes", "latency", "fees")
    shocks = [
        {"kind": kind, "start_ns": 500_000_000 * (i + 1), "duration_ns": 700_000_000, "value": 2.0}
        for i, kind in enumerate(kinds)
    ]
    shocks += [
        {"kind": "halt", "start_ns": 3_300_000_000, "duration_ns": 300_000_000},
        {"kind": "feed_outage", "start_ns": 3_900_000_000, "duration_ns": 300_000_000},
        {"kind": "price_jump", "start_ns": 4_100_000_000, "value": 4.0},
        {"kind": "drift", "start_ns": 2_000_000_000, "duration_ns": 10**9, "value": -3.0},
    ]
    return resolve_params(
        "book-large-tick",
        {
            "market": {
                "warmup_ns": 10**9, "taker_allowed": True, "shocks": tuple(shocks),
                "model": {"switch_rates_hz": ((0.0, 0.5), (0.5, 0.0))},
            },
            "latency": _delays(),
            "limits": {"inventory_cap_lots": 20, "messages_hz": 6.0},
            "episode": {
                "n_steps": EPISODE_STEPS, "step_ns": 200_000_000, "liquidate_at_end": True,
                "initial_inventory_min_lots": -5, "initial_inventory_max_lots": 5,
            },
            "action": {"offset_min_ticks": -3, "sizes": True, "lots_min": 0, "lots_max": 40},
            "observation": {"features": tuple(feature.name for feature in FEATURES)},
        },
    )  # fmt: skip


def _replay_problem() -> EnvParams:
    """The book's agent in a recording, wherever each episode starts in it."""
    values = _book_problem().model_dump()
    values["market"] = {
        "kind": "replay", "recording": "in memory", "taker_allowed": True,
        "queue": {"law": "power", "power": 1.5},
    }  # fmt: skip
    values["observation"] = {"features": tuple(feature.name for feature in REPLAY_FEATURES)}
    return EnvParams.model_validate(values)


def _analytic_problem() -> EnvParams:
    every_feature = (
        "time_left", "inventory", "mid_return", "mid_displacement", "realised_volatility",
        "bid_offset", "ask_offset", "bid_lots", "ask_lots", "market_sells", "market_buys",
        "bid_fills", "ask_fills", "regime", "regime_probability",
    )  # fmt: skip
    return resolve_params(
        "R1",
        {
            "market": {
                "jump_rate_hz": 5.0, "jump_ticks": 30.0, "mid_reversion_hz": 0.5,
                "taker_allowed": True, "half_spread_ticks": 50, "slippage_ticks_per_lot": 0.5,
            },
            "fees": {"maker_bps": -0.1, "taker_bps": 0.3},
            "latency": _delays(),
            "episode": {
                "n_steps": EPISODE_STEPS, "step_ns": 20_000_000,
                "initial_inventory_min_lots": -5, "initial_inventory_max_lots": 5,
            },
            "action": {"offset_min_ticks": -500, "sizes": True, "lots_min": 0, "lots_max": 4},
            "observation": {"features": every_feature},
        },
    )  # fmt: skip


class Recorder:
    """A batch whose every output is kept."""

    def __init__(self, world: World, keys: NDArray[np.uint64], n_threads: int) -> None:
        n, width = len(keys), len(observation_layout(world.params))
        params = engine_params(world.params)
        self._batch = Batch(params, seeds=keys, n_threads=n_threads, tape=world.tape)
        self._arrays = output_arrays(n, width)

    def reset(self) -> None:
        """Starts the first episode."""
        self._batch.reset(obs=self._arrays["obs"])

    def state(self) -> bytes:
        """The batch's state."""
        return self._batch.state()

    def set_state(self, state: bytes) -> None:
        """Goes on from a state."""
        self._batch.set_state(state)

    def run(self, actions: NDArray[np.float32]) -> Bytes:
        """Steps by actions (T, N, width); all outputs as bytes of shape (T, N, bytes)."""
        n = actions.shape[1]
        kept = []
        for row in actions:
            self._arrays["final_obs"][:] = 0.0  # else rows of earlier ends would stand there
            self._batch.step(np.ascontiguousarray(row), **self._arrays)
            parts = [array.reshape(n, -1).view(np.uint8) for array in self._arrays.values()]
            kept.append(np.concatenate(parts, axis=1))
        return np.stack(kept)


def recorded(
    world: World, keys: NDArray[np.uint64], actions: NDArray[np.float32], n_threads: int
) -> Bytes:
    """Outputs of a fresh batch."""
    recorder = Recorder(world, keys, n_threads)
    recorder.reset()
    return recorder.run(actions)


def compare_seed(
    world: World,
    seed: int,
    threads: Sequence[int],
    envs: Sequence[int],
    checks: dict[str, Check],
) -> Bytes:
    """Puts one seed through every check; returns the outputs they were compared with."""
    most = max(envs)
    keys = environment_keys(seed, most)
    rng = np.random.default_rng(seed)
    # Slightly beyond [-1, 1]: clipping is part of the result.
    actions = rng.uniform(-1.1, 1.1, (STEPS, most, 4)).astype(np.float32)
    reference = recorded(world, keys, actions, 1)
    for n in envs:
        for n_threads in sorted({min(n, n_threads) for n_threads in threads}):
            case = f"seed {seed}, {n} environments, {n_threads} threads"
            got = recorded(world, keys[:n], actions[:, :n], n_threads)
            checks["threads and number"].compare(case, got, reference[:, :n])
    n = min(most, 64)
    n_threads = min(n, max(threads))
    restart = Restart(world, seed, keys[:n], actions[:, :n])
    restart.compare(reference[:, :n], checks["restart"], n_threads)
    order = rng.permutation(n)
    got = recorded(world, keys[:n][order], actions[:, :n][:, order], n_threads)
    checks["permutation"].compare(f"seed {seed}, {n} environments", got, reference[:, :n][:, order])
    return reference


@dataclass(frozen=True)
class Restart:
    """A run that is saved within an episode."""

    world: World
    seed: int
    keys: NDArray[np.uint64]
    actions: NDArray[np.float32]

    def compare(self, reference: Bytes, check: Check, n_threads: int) -> None:
        """Goes on in another batch with other streams and threads."""
        saved_at = 1 + self.seed % (STEPS - 1)
        first = Recorder(self.world, self.keys, 1)
        first.reset()
        first.run(self.actions[:saved_at])
        n = len(self.keys)
        second = Recorder(self.world, environment_keys(self.seed + 1, n), n_threads)
        second.set_state(first.state())
        case = f"seed {self.seed}, {n} environments, saved after step {saved_at}"
        check.compare(case, second.run(self.actions[saved_at:]), reference[saved_at:])


def check_streams(n_seeds: int, n_envs: int) -> Check:
    """No two of (seed, environment, purpose, episode) share a stream: no first draw repeats."""
    check = Check("no shared stream")
    seen: dict[float, str] = {}
    for seed in range(n_seeds):
        for env, (low, high) in enumerate(environment_keys(seed, n_envs).tolist()):
            for purpose in range(PURPOSES):
                episode = seed % 2
                first = float(draw((low, high), episode, purpose, "uniform", 1)[0])
                name = f"seed {seed}, environment {env}, purpose {purpose}, episode {episode}"
                check.cases += 1
                if first in seen:
                    check.differences.append(f"{name} draws what {seen[first]} does")
                seen[first] = name
    return check


def measure(
    n_seeds: int, threads: Sequence[int], envs: Sequence[int], market: str = "analytic"
) -> Report:
    """All checks of a market over the seeds 0, 1, ..."""
    params = problem(market)
    start_s = time.perf_counter()
    names = ("threads and number", "restart", "permutation")
    checks = {name: Check(name) for name in names}
    digest = hashlib.sha256()
    different_seeds = Check("other seed, other outputs")
    seen: set[bytes] = set()
    for seed in range(n_seeds):
        outputs = compare_seed(World.of_seed(params, seed), seed, threads, envs, checks).tobytes()
        digest.update(outputs)
        different_seeds.cases += 1
        if (summary := hashlib.sha256(outputs).digest()) in seen:
            different_seeds.differences.append(f"seed {seed} equals an earlier one")
        seen.add(summary)
    streams = check_streams(min(n_seeds, STREAM_SEEDS), STREAM_ENVS)
    seconds = time.perf_counter() - start_s
    every_check = [*checks.values(), different_seeds, streams]
    return Report(market, every_check, digest.hexdigest(), seconds)


def table(report: Report) -> str:
    """The report for people."""
    lines = [f"{report.market + ' market':<28}{'cases':>10}{'differences':>14}"]
    for check in report.checks:
        lines.append(f"{check.name:<28}{check.cases:>10}{len(check.differences):>14}")
    for check in report.checks:
        lines += [f"{check.name}: {text}" for text in check.differences[:DIFFERENCES_SHOWN]]
    lines.append(f"outputs sha256 {report.outputs_sha256}, {report.seconds:.1f} s")
    lines.append("all equal" if report.passed else "DIFFERENT")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when everything is equal, 1 when something differs, 2 for bad arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmarks.determinism",
        description="Compare every output of the engine over threads, batch sizes and restarts.",
        epilog="example: python -m experiments.benchmarks.determinism --seeds 10 --envs 1,8",
    )
    parser.add_argument("--market", choices=[*MARKETS, "all"], default="all", help="which (all)")
    parser.add_argument("--seeds", type=positive, default=200, help="how many (200)")
    parser.add_argument("--threads", type=counts, default=[1, 2, 4], help="1,2,4")
    parser.add_argument("--envs", type=counts, default=[1, 8, 64, 1024], help="1,8,64,1024")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    options = parser.parse_args(arguments)
    markets = MARKETS if options.market == "all" else (options.market,)
    reports = [measure(options.seeds, options.threads, options.envs, name) for name in markets]
    passed = all(report.passed for report in reports)
    text = "\n\n".join(map(table, reports))
    if options.json:
        found = [{**asdict(report), "passed": report.passed} for report in reports]
        text = json.dumps({"passed": passed, "markets": found}, indent=2)
    sys.stdout.write(text + "\n")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
