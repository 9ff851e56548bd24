"""Evaluations that are killed: nothing that was played is lost, and the rest is the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments import evaluate, kept, run
from experiments.cli import main
from experiments.run import RunDirectory
from tests.experiments.test_evaluate import SHORT, refused, trained

EVALUATE = ["evaluate", "fixed", "random", "--market", "book-small-tick", "--episodes", "4", *SHORT]
STRESS = ["stress", "fixed", "random", "--market", "book-small-tick", "--episodes", "4",
          "--scenarios", "flash_crash,fee_change", "--severities", "1", *SHORT]  # fmt: skip
CHANGING = {"manifest.json", ".lock", "index.html"}  # the page's footer has the command


class Killed(BaseException):
    """As if by the system: nobody cleans up."""


def results(folder: Path) -> dict[str, bytes]:
    """What must not depend on what happened on the way."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in CHANGING
    }


@pytest.mark.parametrize("arguments", [EVALUATE, STRESS], ids=["evaluate", "stress"])
def test_a_run_killed_between_any_two_files_ends_the_same(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every session is killed after a few files, until one gets through."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main([*arguments, "--out", str(whole)]) == 0
    real, close = run.write_atomically, RunDirectory.close
    written, killed_before = [0], [4]

    def write(path: Path, data: str | bytes) -> None:
        if path.name != "manifest.json":
            written[0] += 1
            if written[0] == killed_before[0]:
                raise Killed
        real(path, data)

    def let_go(self: RunDirectory, status: Any) -> None:
        if written[0] < killed_before[0]:
            close(self, status)
        else:  # a dead process writes nothing, but its lock is gone
            os.close(self._lock)

    monkeypatch.setattr(run, "write_atomically", write)
    monkeypatch.setattr(RunDirectory, "close", let_go)
    with pytest.raises(Killed):
        main([*arguments, "--out", str(cut)])
    kills = 1
    while True:
        written[0], killed_before[0] = 0, 5 + kills // 3
        try:
            assert main([arguments[0], "--resume", str(cut)]) == 0
        except Killed:
            kills += 1
            assert kills < 20
        else:
            break
    assert kills >= 3
    assert results(cut) == results(whole)
    assert not (cut / "parts").exists()


def test_a_process_that_is_killed_goes_on(tmp_path: Path) -> None:
    """By SIGKILL, right after the first policy has been played."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main([*EVALUATE, "--out", str(whole)]) == 0
    program = (
        "import os, signal, sys\n"
        "from experiments import kept\n"
        "from experiments.cli import main\n"
        "block = kept.Kept.block\n"
        "def once(*arguments):\n"
        "    block(*arguments)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "kept.Kept.block = once\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *EVALUATE, "--out", str(cut)], timeout=300, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert (cut / "parts" / "0000.parquet").is_file()
    assert not (cut / "episodes.parquet").exists()
    assert main(["evaluate", "--resume", str(cut)]) == 0
    assert results(cut) == results(whole)


def test_what_was_played_is_not_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    assert main([*EVALUATE, "--out", str(out)]) == 0

    def never(*arguments: Any, **others: Any) -> None:
        raise AssertionError("played again")

    monkeypatch.setattr(evaluate, "play", never)
    monkeypatch.setattr("experiments.players.measure", never)
    monkeypatch.setattr("experiments.players.tune", never)
    before = results(out)
    assert main(["evaluate", "--resume", str(out)]) == 0
    assert results(out) == before


def test_a_page_that_fails_leaves_the_table_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"

    def fails(*arguments: Any) -> None:
        raise RuntimeError("no ink")

    with monkeypatch.context() as patched:
        patched.setattr(evaluate, "evaluation_page", fails)
        assert main([*EVALUATE, "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert "no ink" in error
    assert "what was played is kept, go on with: rlmm evaluate --resume" in error
    assert all(
        (out / name).is_file() for name in ("episodes.parquet", "steps.parquet", "evaluation.json")
    )
    assert main(["evaluate", "--resume", str(out)]) == 0
    assert (out / "index.html").is_file()


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: Any, **others: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "play", interrupted)
    assert main([*EVALUATE, "--out", str(tmp_path / "run")]) == 130
    error = capsys.readouterr().err
    assert "Interrupted; what was played is kept, go on with: rlmm evaluate --resume" in error
    assert str(tmp_path) in error


def test_input_that_turns_out_bad_late_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from experiments.errors import ConfigError, Problem

    out = tmp_path / "run"

    def refuses(*arguments: Any) -> None:
        raise ConfigError([Problem("capital", "too late")])

    monkeypatch.setattr(evaluate, "evaluation_values", refuses)
    assert "capital: too late" in refused([*EVALUATE, "--out", str(out)], capsys)
    assert (out / "episodes.parquet").is_file()


def test_another_policy_or_market_is_not_mixed_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent, out = trained(tmp_path / "agent"), tmp_path / "run"
    arguments = ["evaluate", str(agent), "fixed", "--episodes", "2", *SHORT, "--out", str(out)]
    assert main(arguments) == 0
    capsys.readouterr()
    other = trained(tmp_path / "other", seed=1)
    (agent / "policy.safetensors").write_bytes((other / "policy.safetensors").read_bytes())
    error = refused(["evaluate", "--resume", str(out)], capsys)
    assert "as when the run began, got another content" in error


def test_a_run_to_go_on_with_has_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused(["evaluate", "--resume", str(tmp_path / "none")], capsys)
    assert "config.yaml" in error
    out = tmp_path / "run"
    assert main([*EVALUATE, "--out", str(out)]) == 0
    error = refused(["evaluate", "--resume", str(out), "--seed", "4"], capsys)
    assert "expected the same configuration to resume" in error
    (out / "episodes.parquet").write_bytes(b"torn")
    error = refused(["evaluate", "--resume", str(out)], capsys)
    assert "remove this file and go on with --resume" in error


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that ended after the first policy had been played."""
    folder = tmp_path_factory.mktemp("kept") / "cut"
    block, calls = kept.Kept.block, [0]

    def once(*arguments: Any) -> Any:
        if calls[0] == 1:
            raise KeyboardInterrupt
        calls[0] += 1
        return block(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept.Kept, "block", once)
        assert main([*EVALUATE, "--out", str(folder)]) == 130
    return folder


@pytest.mark.parametrize("damage", [None, b"", b"torn", b"{}", b"[1]", b"\xff"])
@pytest.mark.parametrize(
    "name", ["parts/0000.npy", "parts/0000.parquet", "inputs.json", "baselines.json"]
)
def test_a_damaged_file_is_named_and_what_to_do_helps(
    name: str,
    damage: bytes | None,
    cut: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    shutil.copytree(cut, out)
    (out / name).unlink()
    if damage is not None:
        (out / name).write_bytes(damage)
    capsys.readouterr()
    if (name, damage) == ("inputs.json", b"{}"):
        assert "expected the market" in refused(["evaluate", "--resume", str(out)], capsys)
        return
    if damage is None and name != "parts/0000.npy":  # done again
        assert main(["evaluate", "--resume", str(out)]) == 0
        return
    error = refused(["evaluate", "--resume", str(out)], capsys)
    named = "parts/0000.parquet" if damage is None else name
    assert f"{out / named}: " in error
    assert "go on with --resume" in error
    (out / named).unlink()
    (out / "parts" / "0000.parquet").unlink(missing_ok="npy" in name or "parquet" in name)
    assert main(["evaluate", "--resume", str(out)]) == 0
