"""The contract of the compiled engine, clauses 6, 7, 11, 12: threads, exceptions, stub, state."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rlmm_tf.env
from rlmm_tf.env import (
    Batch,
    InvariantError,
    MarketMakingVectorEnv,
    RangeError,
    engine_params,
    observation_layout,
)
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import preset, resolve_params
from rlmm_tf.seeding import environment_keys


@pytest.fixture(scope="module")
def fragile(still: Callable[..., EnvParams]) -> EnvParams:
    """The mid starts at 200 ticks and moves by 40 a second: some leave the range in an episode."""
    return still(
        {"volatility_ticks": 40.0},
        market={"mid_initial_ticks": 200},
        episode={"n_steps": 20},
    )


@pytest.fixture(scope="module")
def rich() -> EnvParams:
    """Everything that has a state: regimes, latency, jumps, fees, fills not yet heard of."""
    delay = {"law": "lognormal", "median_ns": 25_000_000, "log_sd": 0.8}
    empirical = {"law": "empirical", "quantiles_ns": (0, 10_000_000, 200_000_000)}
    features = tuple(
        feature.name
        for feature in rlmm_tf.env.FEATURES
        if not feature.needs_book and feature.name != "regime_probability"
    )
    return resolve_params(
        "R1",
        {
            "market": {"jump_rate_hz": 5.0, "jump_ticks": 30.0, "mid_reversion_hz": 0.5,
                       "taker_allowed": True, "half_spread_ticks": 100},
            "fees": {"maker_bps": -0.1, "taker_bps": 0.3, "maker_ticks_per_lot": 0.7},
            "latency": {"feed": delay, "entry": empirical, "response": delay},
            "episode": {"n_steps": 60, "initial_inventory_min_lots": -5,
                        "initial_inventory_max_lots": 5, "horizon_ends": "truncated"},
            "action": {"offset_min_ticks": -2000, "sizes": True, "lots_min": 0, "lots_max": 5},
            "observation": {"features": (*features, "regime_probability")},
        },
    )  # fmt: skip


def first_failure(simulate: Any, params: EnvParams, keys: np.ndarray) -> dict[int, list[int]]:
    """Environments by the step at which they fail when they are alone."""
    failing: dict[int, list[int]] = {}
    for env in range(len(keys)):
        alone = simulate(params, keys=keys[env : env + 1])
        alone.reset()
        for step in range(params.episode.n_steps - 1):
            try:
                alone.quote(30, 30)
            except RangeError:
                failing.setdefault(step, []).append(env)
                break
    return failing


# 6. Threads


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_clause_6_exception_arrives_with_its_place(
    simulate: Any, fragile: EnvParams, n_threads: int
) -> None:
    keys = environment_keys(4, 24)
    failing = first_failure(simulate, fragile, keys)
    step = min(failing)
    env = failing[step][0]  # the lowest of those that fail in this step
    simulation = simulate(fragile, keys=keys, n_threads=n_threads)
    simulation.reset()
    done = None
    for _ in range(step):
        done = simulation.quote(30, 30)
    assert done is None or done["step"][0] == step - 1
    place = (
        f"environment {env}, episode 0, step {step}, seed (0x{keys[env, 0]:x}, 0x{keys[env, 1]:x})"
    )
    what = r": mid price: expected from 1 to 2\^40 ticks, got -?\d+.*; use a finer tick"
    with pytest.raises(RangeError, match="^" + re.escape(place) + what):
        simulation.quote(30, 30)


def test_clause_6_failed_batch_refuses_until_it_is_whole_again(
    simulate: Any, fragile: EnvParams
) -> None:
    simulation = simulate(fragile, n_envs=24, seed=4)
    simulation.reset()
    state = simulation.batch.state()
    with pytest.raises(RangeError):
        simulation.quote_steps(19, 30, 30)
    for call in (lambda: simulation.quote(30, 30), simulation.batch.state):
        with pytest.raises(RuntimeError, match="an earlier step failed half-way; call reset"):
            call()
    simulation.reset(mask=np.ones(24, np.bool_))  # not enough: only a whole reset is
    with pytest.raises(RuntimeError, match="an earlier step failed half-way"):
        simulation.quote(30, 30)
    simulation.batch.set_state(state)
    simulation.quote(30, 30)
    simulation.reset()
    simulation.quote(30, 30)


@pytest.mark.parametrize("n_threads", [1, 4])
def test_clause_6_bad_action_moves_nothing(
    simulate: Any, still: Callable[..., EnvParams], n_threads: int
) -> None:
    simulation = simulate(still({"volatility_ticks": 1.0}), n_envs=64, n_threads=n_threads)
    simulation.reset()
    simulation.quote(30, 30)
    state, outputs = simulation.batch.state(), simulation.digest()
    actions = np.zeros((64, 2), np.float32)
    actions[40, 0], actions[50, 1] = np.nan, np.inf
    message = re.escape("actions[40, 0]: expected a finite number, got nan")
    with pytest.raises(ValueError, match=message):
        simulation.step(actions)
    assert (simulation.batch.state(), simulation.digest()) == (state, outputs)


@pytest.mark.parametrize("n_threads", [2, 3, 5])
def test_clause_6_results_do_not_depend_on_threads(
    simulate: Any, rich: EnvParams, n_threads: int
) -> None:
    one, many = (simulate(rich, n_envs=7, seed=6, n_threads=n) for n in (1, n_threads))
    actions = np.random.default_rng(1).uniform(-1, 1, (100, 7, 4)).astype(np.float32)
    np.testing.assert_array_equal(one.reset(), many.reset())
    for row in actions:
        one.step(row)
        many.step(row)
        assert one.digest() == many.digest()
    assert one.batch.state() == many.batch.state()


@pytest.mark.parametrize("n_threads", [0, -1, 5, 2**31 - 1, 2**40, -(2**63), np.int64(7)])
def test_clause_6_number_of_threads(n_threads: int) -> None:
    message = rf"n_threads: expected from 1 to the number of environments \(4\), got {n_threads}"
    with pytest.raises(ValueError, match=message):
        Batch(engine_params(preset("P1")), seeds=environment_keys(0, 4), n_threads=n_threads)


@pytest.mark.parametrize(
    ("n_threads", "error", "message"),
    [
        (2**70, ValueError, rf"n_threads: expected an integer of at most 64 bits, got {2**70}"),
        (1.5, TypeError, "n_threads: expected an integer, got 1.5"),
        ("2", TypeError, "n_threads: expected an integer, got '2'"),
        (None, TypeError, "n_threads: expected an integer, got None"),
    ],
)
def test_clause_6_number_of_threads_is_an_integer(
    n_threads: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Batch(engine_params(preset("P1")), seeds=environment_keys(0, 4), n_threads=n_threads)


# 7. Exception types


def test_clause_7_types() -> None:
    assert issubclass(RangeError, ValueError)
    assert issubclass(InvariantError, RuntimeError)
    assert not issubclass(InvariantError, ValueError)
    assert {"InvariantError", "RangeError"} <= set(rlmm_tf.env.__all__)


def checksum(payload: bytes) -> bytes:
    """FNV-1a, as the engine ends its states with."""
    value = 0xCBF29CE484222325
    for byte in payload:
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return struct.pack("<Q", value)


def test_clause_7_broken_invariant_names_its_place(
    simulate: Any, still: Callable[..., EnvParams]
) -> None:
    # No call can break the engine's own promises; a forged state that holds more than the cap can.
    start = {"initial_inventory_min_lots": 12_345, "initial_inventory_max_lots": 12_345}
    params = still(
        {"market_sell_rate_hz": 100.0}, episode=start, limits={"inventory_cap_lots": 12_346}
    )
    simulation = simulate(params, n_envs=2, n_threads=2)
    simulation.reset()
    simulation.step(np.float32([[1, 1], [1, 1]]))
    payload = simulation.batch.state()[:-8]
    held = struct.pack("<q", 12_346)
    at = payload.rfind(held)  # the account of the last environment
    forged = payload[:at] + struct.pack("<q", 99_999) + payload[at + 8 :]
    simulation.batch.set_state(forged + checksum(forged))
    message = (
        r"^environment 1, episode 0, step 1, seed \(0x[0-9a-f]+, 0x[0-9a-f]+\): invariant broken: "
        r"Lots\{0\} <= room with 0 and -87653; please report this"
    )
    with pytest.raises(InvariantError, match=message):
        simulation.step(np.float32([[1, 1], [1, 1]]))


def test_clause_7_closed_batch(simulate: Any) -> None:
    simulation = simulate(preset("P1"), n_envs=2)
    simulation.reset()
    state = simulation.batch.state()
    simulation.batch.close()
    simulation.batch.close()  # closing twice is fine
    assert simulation.batch.closed
    for call in (
        lambda: simulation.quote(0, 0),
        simulation.reset,
        simulation.batch.state,
        lambda: simulation.batch.set_state(state),
        lambda: simulation.batch.reseed(seeds=environment_keys(0, 2)),
        lambda: simulation.batch.n_envs,
    ):
        with pytest.raises(RuntimeError, match="batch: expected an open one, got a closed one"):
            call()


def test_clause_7_step_before_reset(simulate: Any) -> None:
    simulation = simulate(preset("P1"), n_envs=2)
    for prepare in (lambda: None, lambda: simulation.reset(mask=np.array([True, False]))):
        prepare()
        for call in (lambda: simulation.quote(0, 0), simulation.batch.state):
            with pytest.raises(RuntimeError, match=r"expected reset\(\) before the first step\(\)"):
                call()
    simulation.reset(mask=np.array([False, True]))
    simulation.quote(0, 0)


# 11. Stub


def test_clause_11_signatures_name_the_arrays() -> None:
    signature = str(Batch.step.__doc__)
    for part in (
        "obs: numpy.typing.NDArray[numpy.float32]",
        "reward: numpy.typing.NDArray[numpy.float64]",
        "terminated: numpy.typing.NDArray[numpy.bool]",
        "columns: numpy.typing.NDArray[numpy.float64] | None = None",
    ):
        assert part in signature
    assert "seeds: numpy.typing.NDArray[numpy.uint64]" in str(Batch.__init__.__doc__)


# 12. State


@pytest.mark.parametrize("steps", [0, 1, 17, 60, 95])
def test_clause_12_resume_bit_for_bit(simulate: Any, rich: EnvParams, steps: int) -> None:
    actions = np.random.default_rng(2).uniform(-1.1, 1.1, (steps + 70, 3, 4)).astype(np.float32)
    first = simulate(rich, n_envs=3, seed=8)
    first.reset()
    for row in actions[:steps]:
        first.step(row)
    state = first.batch.state()
    second = simulate(rich, n_envs=3, seed=9, n_threads=3)  # other streams, other threads
    second.batch.set_state(state)
    assert second.batch.state() == state
    for name in first.arrays:
        second.arrays[name][:] = first.arrays[name]  # final_obs keeps what an earlier step wrote
    for row in actions[steps:]:
        first.step(row)
        second.step(row)
        assert first.digest() == second.digest()
    assert first.batch.state() == second.batch.state()


def test_clause_12_state_of_the_vector_environment(rich: EnvParams) -> None:
    envs = MarketMakingVectorEnv(3, rich)
    envs.reset(seed=1)
    rng = np.random.default_rng(3)
    actions = rng.uniform(-1, 1, (40, 3, 4)).astype(np.float32)
    state = envs.state()
    first = [envs.step(row)[:2] for row in actions]
    other = MarketMakingVectorEnv(3, rich)
    other.set_state(state)  # no reset needed
    again = [other.step(row)[:2] for row in actions]
    for (obs, reward), (obs_again, reward_again) in zip(first, again, strict=True):
        np.testing.assert_array_equal(obs, obs_again)
        np.testing.assert_array_equal(reward, reward_again)
    restored = other.set_state(state)
    np.testing.assert_array_equal(restored, envs.set_state(state))
    masked, _ = other.reset(options={"reset_mask": np.array([True, False, False])})
    np.testing.assert_array_equal(masked[1:], restored[1:])


def damaged_states(state: bytes) -> dict[str, bytes]:
    flipped = bytearray(state)
    flipped[len(state) // 2] ^= 1
    newer = b"\x03" + state[1:-8]
    return {
        "expected version 2, got 3": newer + checksum(newer),
        "expected its checksum to hold": bytes(flipped),
        "expected its checksum": state[:-1],
        "checksum to hold": state + b"\0",
        "expected more bytes, got only 3": state[:3],
        "expected more bytes, got only 0": b"",
        "damaged or truncated": b"\0" * 100,
    }


def test_clause_12_damaged_states_are_refused(simulate: Any, rich: EnvParams) -> None:
    simulation = simulate(rich, n_envs=2)
    simulation.reset()
    state = simulation.batch.state()
    for message, damaged in damaged_states(state).items():
        with pytest.raises(ValueError, match=f"^state: .*{message}"):
            simulation.batch.set_state(damaged)
        assert simulation.batch.state() == state
    rng = np.random.default_rng(0)
    for at in rng.integers(len(state), size=300):
        flipped = bytearray(state)
        flipped[at] ^= 1 << rng.integers(8)
        with pytest.raises(ValueError, match=r"^state: "):
            simulation.batch.set_state(bytes(flipped))
    for text in ("x", None, 3, bytearray(state)):
        with pytest.raises(TypeError, match=r"^state: expected bytes, got "):
            simulation.batch.set_state(text)


def test_clause_12_foreign_states_are_refused(simulate: Any, rich: EnvParams) -> None:
    simulation = simulate(rich, n_envs=2)
    for params, n_envs, message in [
        (rich, 3, "expected one of 2 environments, got 3"),
        (resolve_params(rich, {"reward": {"turnover": 1e-9}}), 2, "with the same parameters"),
        (resolve_params(rich, {"limits": {"loss_limit": 1e9}}), 2, "with the same parameters"),
        (preset("P1"), 2, "expected one saved with the same parameters"),
    ]:
        other = simulate(params, n_envs=n_envs)
        other.reset()
        with pytest.raises(ValueError, match=f"^state: .*{message}"):
            simulation.batch.set_state(other.batch.state())


def test_clause_12_state_has_no_stray_bytes(simulate: Any, rich: EnvParams) -> None:
    # Padding would make equal states unequal; a state is the same however it was reached.
    first, second = simulate(rich, seed=5), simulate(rich, seed=6)
    first.reset()
    for _ in range(70):
        first.step(np.ones((1, 4), np.float32))
    second.batch.reseed(seeds=environment_keys(5, 1))
    second.reset()
    first.batch.reseed(seeds=environment_keys(5, 1))
    first.reset()
    assert first.batch.state() == second.batch.state()
    assert len(observation_layout(rich)) > 15
