"""`rlmm bench simulator --market book`: figures, limits, options; instructions per event."""

from __future__ import annotations

import json
import shutil

import pytest

from experiments import cli
from experiments.benchmarks import book, book_instructions, pinned
from experiments.config import BookBenchConfig

NAMES = ("book-large-tick", "book-small-tick")


@pytest.mark.parametrize("name", NAMES)
def test_figures(name: str) -> None:
    config = BookBenchConfig(market="book", preset=name, envs=2, steps=3, repeats=3, threads=1)
    figures = book.run(config)
    assert (figures["market"], figures["preset"]) == ("book", name)
    assert 10 < figures["events_per_step"] < 1000
    assert figures["clock_hz"] > 1e8
    for part in ("alone", "agent"):
        assert figures[f"events_per_s_{part}"] > 0
        assert figures[f"cycles_per_event_{part}"] >= figures[f"cycles_per_event_{part}_min"] > 0
    assert "two_threads_over_two_processes" not in figures


def test_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    # A process of its own would take a second to start; tests of the analytic market have it.
    monkeypatch.setattr(pinned, "is_possible", lambda: True)
    monkeypatch.setattr(pinned, "compare", lambda make, *_: pinned.Rates(make(2, 2).rate(1), 2, 3))
    figures = book.run(BookBenchConfig(market="book", envs=1, steps=1, repeats=1))
    assert figures["events_per_s_two_threads"] > 0
    assert figures["events_per_s_two_processes"] == 2
    assert figures["two_threads_over_two_processes"] == 3


def test_the_agent_of_the_benchmark_trades() -> None:
    for name in NAMES:
        agent = book.Agent(4, 1, name=name, seed=0)
        lots = 0.0
        for _ in range(100):
            assert agent.events(1) > 0
            lots += agent.filled_lots()
        assert lots > 0.0


def test_only_book_markets_have_events() -> None:
    with pytest.raises(TypeError, match=r"^name: expected a book market's, got 'P1'$"):
        book.problem("P1")


def test_what_is_above_the_limits() -> None:
    figures = {"cycles_per_event_alone": 512.5, "cycles_per_event_agent": 1200.0}
    config = BookBenchConfig(market="book", require_alone=512, require_agent=1000)
    assert book.shortfall(BookBenchConfig(market="book"), figures) is None
    assert book.shortfall(BookBenchConfig(market="book", require_alone=513), figures) is None
    assert book.shortfall(config, figures) == (
        "cycles_per_event_alone: expected at most 512, got 512.5; is the machine busy?\n"
        "cycles_per_event_agent: expected at most 1,000, got 1,200; is the machine busy?"
    )


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "simulator", "--market", "book", "--envs", "1", "--steps", "1"]
    arguments += ["--repeats", "2", "--threads", "1", "--json"]
    assert cli.main([*arguments, "--require-alone", "1e9", "--require-agent", "1e9"]) == 0
    assert json.loads(capsys.readouterr().out)["repeats"] == 2
    assert cli.main([*arguments, "--require-agent", "0.01"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["cycles_per_event_agent"] > 0.01
    assert err.startswith("cycles_per_event_agent: expected at most 0.01, got ")


def test_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "simulator", "--market", "book"]
    assert cli.main([*command, "--preset", "P1", "--require-alone", "0"]) == 2
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "--preset: expected one of book-large-tick or book-small-tick, got 'P1'",
        "--require-alone: expected above 0, got 0",
    ]


def test_instructions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # 50 million to start the interpreter, 900 an event.
    monkeypatch.setattr(
        book_instructions, "counted", lambda part, name, n: (80 * n, 50_000_000 + 900 * 80 * n)
    )
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert book_instructions.main(["--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["instructions_per_event_alone"] == 900.0
    assert figures["events_counted_agent"] == 80 * 380
    for part in book_instructions.PARTS:
        assert book_instructions.main(["--work", part, "--steps", "40"]) == 0
        assert int(capsys.readouterr().out) > 40 * 20
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert book_instructions.main([]) == 0
    assert capsys.readouterr().out == "book_instructions: skipped, valgrind was not found\n"
