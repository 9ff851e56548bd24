"""`rlmm bench simulator --market replay`: figures of a made recording and of a file, limits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import cli
from experiments.benchmarks import replay
from experiments.config import ReplayBenchConfig
from rlmm_tf.events import EventTable
from rlmm_tf.presets import preset
from rlmm_tf.recording import Session

NS = 1_000_000_000
NAME = "book-large-tick"
SMALL = {"hours": 0.25, "envs": 2, "steps": 3, "repeats": 3}


def test_figures_by_order_and_by_level() -> None:
    figures = replay.run(ReplayBenchConfig(market="replay", **SMALL))
    assert figures["rows"] > 20_000
    for form in ("orders", "levels"):
        assert figures[f"load_rows_per_s_{form}"] > 1000
        assert 0 < figures[f"start_us_{form}"] < 1e6
        assert figures[f"events_per_s_agent_{form}"] > 0
        least = figures[f"cycles_per_event_agent_{form}_min"]
        assert figures[f"cycles_per_event_agent_{form}"] >= least > 0
    assert figures["checkpoint_bytes_orders"] > figures["checkpoint_bytes_levels"] > 0


def test_the_agent_of_the_benchmark_trades() -> None:
    rows = replay.simulated_rows(NAME, 0, 900 * NS)
    for by_order in (True, False):
        work = replay.Replayed(replay.tape_of_rows(rows, by_order=by_order), 4, name=NAME, seed=0)
        lots = 0.0
        for _ in range(60):
            assert work.events(1) > 0
            lots += work.filled_lots()
        assert lots > 0.0
        assert work.rate(2) > 0.0


def test_a_file_without_order_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = replay.simulated_rows(NAME, 0, 900 * NS)
    ts_ns = rows.pop("ts_ns")
    columns = {
        **rows,
        "order_id": np.zeros_like(rows["order_id"]),
        "ts_event": ts_ns,
        "ts_recv": ts_ns,
        "seq": np.arange(len(ts_ns), dtype=np.uint64),
    }
    table = EventTable.from_columns(columns, Session(duration_ns=900 * NS).metadata("0" * 64))
    path = tmp_path / "levels.parquet"
    table.write(path)
    command = ["bench", "simulator", "--market", "replay", "--recording", str(path)]
    command += ["--envs", "2", "--steps", "2", "--repeats", "2", "--json"]
    assert cli.main([*command, "--require-agent", "1e9"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["rows"] == len(table)
    assert "cycles_per_event_agent_orders" not in figures
    assert cli.main([*command, "--require-agent", "0.01"]) == 1
    assert capsys.readouterr().err.startswith("cycles_per_event_agent_levels: expected at most 0.0")


def test_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "simulator", "--market", "replay"]
    assert cli.main([*command, "--preset", "P1", "--hours", "0", "--threads", "1"]) == 2
    err = capsys.readouterr().err
    assert "--preset: expected one of book-large-tick or book-small-tick, got 'P1'" in err
    assert "--hours: expected above 0, got 0" in err
    assert "--threads" in err


def test_its_problem_is_the_preset_in_a_recording() -> None:
    params = replay.problem(NAME)
    assert params.market.kind == "replay"
    assert params.latency == preset(NAME).latency
