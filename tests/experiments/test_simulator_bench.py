"""`rlmm bench simulator`: its figures exist, are positive and hang together."""

from __future__ import annotations

import os

import pytest

from experiments import cli
from experiments.benchmarks.book import shortfall as book_shortfall
from experiments.benchmarks.simulator import run, shortfall
from experiments.config import BookBenchConfig, SimulatorBenchConfig


def test_figures() -> None:
    config = SimulatorBenchConfig(market="analytic", envs=64, steps=50, repeats=3)
    figures = run(config)
    assert figures["market"] == "analytic"
    assert 0 < figures["steps_per_s_per_core"] <= figures["steps_per_s_per_core_max"]
    assert 0 < figures["cycles_per_step_min"] <= figures["cycles_per_step"]
    both = "two_threads_over_two_processes" in figures
    assert both == (len(os.sched_getaffinity(0)) >= 2)


def test_what_is_missing_to_a_required_speed() -> None:
    figures = {"steps_per_s_per_core": 9_999_999.5}
    config = SimulatorBenchConfig(market="analytic", require=1e7)
    assert shortfall(config, {"steps_per_s_per_core": 1e7}) is None
    assert shortfall(SimulatorBenchConfig(market="analytic"), figures) is None
    assert shortfall(config, figures) == (
        "steps_per_s_per_core: expected at least 10,000,000, got 9,999,999.5; is the machine busy?"
    )


def test_what_two_threads_lack() -> None:
    required = SimulatorBenchConfig(market="analytic", require=1e7, require_two_threads=0.95)
    figures = {"steps_per_s_per_core": 2e7, "two_threads_over_two_processes": 0.95}
    assert shortfall(required, figures) is None
    slow = {"steps_per_s_per_core": 1e6, "two_threads_over_two_processes": 0.9412}
    assert shortfall(required, slow) == (
        "steps_per_s_per_core: expected at least 10,000,000, got 1,000,000; is the machine busy?\n"
        "two_threads_over_two_processes: expected at least 0.95, got 0.9412; is the machine busy?"
    )
    book = BookBenchConfig(market="book", require_two_threads=0.95)
    assert book_shortfall(book, slow) == shortfall(required, slow).splitlines()[1]  # type: ignore[union-attr]
    missing = shortfall(required, {"steps_per_s_per_core": 2e7})
    assert missing == (
        "two_threads_over_two_processes: expected at least 0.95, got none; two usable processors "
        "and `--threads 0` are needed to measure it"
    )


def test_the_command_fails_below_the_share(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "simulator", "--market", "analytic", "--envs", "8", "--steps", "5"]
    command += ["--repeats", "1", "--threads", "1", "--json"]
    assert cli.main([*command, "--require-two-threads", "0.1"]) == 1
    assert "expected at least 0.1, got none" in capsys.readouterr().err


def test_one_thread_only() -> None:
    config = SimulatorBenchConfig(market="analytic", envs=8, steps=5, repeats=1, threads=1)
    assert "two_threads_over_two_processes" not in run(config)


def test_other_numbers_of_threads_measure_the_same() -> None:
    config = SimulatorBenchConfig(market="analytic", envs=8, steps=5, repeats=1, threads=3)
    default = SimulatorBenchConfig(market="analytic", envs=8, steps=5, repeats=1)
    assert run(config).keys() == run(default).keys()
    assert run(config)["envs_per_thread"] == 8
