"""Recording in chunks: bounded memory, and nothing depends on where it is cut."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from rlmm_tf.presets import preset
from rlmm_tf.recording import Session, generator_hash, record

NS = 1_000_000_000
COLUMNS = ("ts_ns", "kind", "side", "price_ticks", "qty_lots", "order_id", "flags", "depth", "seq")


@pytest.mark.parametrize("chunk_s", [1.0, 3.0, 1e6])
def test_chunks_joined_are_the_whole(make_recorded: Any, chunk_s: float) -> None:
    whole = make_recorded("book-large-tick", 4.0, chunk_s=4.0)
    cut = make_recorded("book-large-tick", 4.0, chunk_s=chunk_s)
    assert len(whole.chunks) == 1
    for name in COLUMNS:
        np.testing.assert_array_equal(cut.joined(name), whole.joined(name), name)


def test_chunks_end_where_they_say(recorded: Any) -> None:
    since = 0
    for chunk in recorded.chunks:
        assert np.all(chunk.ts_ns[1:] >= chunk.ts_ns[:-1])
        assert np.all((chunk.ts_ns >= since) & (chunk.ts_ns <= chunk.until_ns))
        since = chunk.until_ns
    assert since == recorded.session.duration_ns
    np.testing.assert_array_equal(recorded.joined("seq"), np.arange(len(recorded.joined("seq"))))


def peak_and_total_bytes(seconds: int) -> tuple[int, int]:
    total = 0
    tracemalloc.start()
    for chunk in record(
        preset("book-large-tick"), seed=1, duration_ns=seconds * NS, levels=50, chunk_ns=NS
    ):
        total += chunk.depth.nbytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, total


def test_memory_does_not_grow_with_the_duration() -> None:
    short, _ = peak_and_total_bytes(10)
    long, total = peak_and_total_bytes(120)
    assert long < 1.5 * short
    assert long < total / 3


def test_a_longer_recording_begins_like_a_shorter_one() -> None:
    params = preset("book-large-tick")
    short = next(record(params, seed=1, duration_ns=2 * NS))
    long = next(record(params, seed=1, duration_ns=5 * NS))
    assert len(long) > len(short)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(long, name)[: len(short)], getattr(short, name))


def test_seeds_and_episodes_differ() -> None:
    def first(seed: int, episode: int) -> list[int]:
        params = preset("book-small-tick")
        chunk = next(record(params, seed=seed, episode=episode, duration_ns=60 * NS))
        return [int(ts) for ts in chunk.ts_ns]

    assert first(1, 0) == first(1, 0)
    assert len({tuple(first(*path)) for path in ((1, 0), (2, 0), (1, 1))}) == 3


def test_the_generator_hash_names_all_that_decides() -> None:
    params, other = preset("book-small-tick"), preset("book-large-tick")
    hashes = {
        generator_hash(params, seed=0, duration_ns=1),
        generator_hash(other, seed=0, duration_ns=1),
        generator_hash(params, seed=1, duration_ns=1),
        generator_hash(params, seed=0, duration_ns=2),
        generator_hash(params, seed=0, duration_ns=1, episode=1),
    }
    assert len(hashes) == 5
    with pytest.raises(ValueError, match=r"market\.kind: expected book, got analytic"):
        generator_hash(preset("P1"), seed=0, duration_ns=1)


def test_bad_arguments() -> None:
    params = preset("book-small-tick")
    with pytest.raises(ValueError, match=r"duration_ns: expected from 1 to .*, got 0"):
        record(params, seed=0, duration_ns=0)
    with pytest.raises(ValueError, match=r"chunk_ns: expected from 1000000000 to .*, got 0"):
        record(params, seed=0, duration_ns=1, chunk_ns=0)
    with pytest.raises(ValueError, match="chunk_ns: expected a multiple of 1000000000, got 15"):
        record(params, seed=0, duration_ns=1, chunk_ns=1_500_000_000)
    with pytest.raises(ValueError, match=r"market\.kind: expected book"):
        record(preset("P1"), seed=0, duration_ns=1)
    with pytest.raises(ValueError, match="symbol: expected letters"):
        Session(duration_ns=1, symbol="A_B")
    with pytest.raises(ValueError, match="start_ns: expected from 0"):
        Session(duration_ns=1, start_ns=-1)
    chunk = next(record(params, seed=0, duration_ns=1, levels=3))
    with pytest.raises(ValueError, match=r"levels: expected at most 3 \(as recorded\), got 4"):
        chunk.depth_of(4)
