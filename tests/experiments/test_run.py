"""Run directories: refused, resumed, killed at any moment; the manifest; deterministic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from experiments.config import CertifyConfig, Config, config_hash, load_config
from experiments.errors import ConfigError, Problem, RunDirectoryError
from experiments.machine import SourceVersion
from experiments.run import RunDirectory, default_path, write_atomically


class Small(Config):
    a: int = 1
    b: float = 0.5
    words: tuple[str, ...] = ("x",)


def clock(second: int = 0) -> datetime:
    return datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC)


def create(path: Path, config: Config | None = None, **changes: Any) -> RunDirectory:
    arguments: dict[str, Any] = {
        "argv": ["rlmm", "certify", "P1"],
        "seeds": {"root_seed": 3},
        "clock": clock,
        "source": lambda: SourceVersion("abc123", is_dirty=True),
    }
    return RunDirectory.create(path, config or Small(), **(arguments | changes))


def manifest(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "manifest.json").read_text())
    return found


def refusal(path: Path, config: Config | None = None, **changes: Any) -> str:
    before = {entry.name for entry in path.iterdir()} if path.is_dir() else None
    with pytest.raises(RunDirectoryError) as caught:
        create(path, config, **changes)
    if before is not None:
        assert {entry.name for entry in path.iterdir()} - before <= {".lock"}
    return str(caught.value).replace(str(path), "RUN")


def test_a_new_run(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "new"
    with create(path) as run:
        assert run.path == path
        assert manifest(path)["status"] == "running"
        assert run.write("deep/result.txt", "1\n").read_text() == "1\n"
    assert load_config(path / "config.yaml", [], Small) == Small()
    first = (path / "config.yaml").read_text().splitlines()[0]
    assert first == f"# All values of this run; sha256 {config_hash(Small())}"
    found = manifest(path)
    packages, machine = found.pop("packages"), found.pop("machine")
    assert found.pop("choices") == {}
    assert found == {
        "schema_version": 1,
        "status": "finished",
        "started_at": "2026-01-02T03:04:00.000Z",
        "ended_at": "2026-01-02T03:04:00.000Z",
        "command": ["rlmm", "certify", "P1"],
        "config_sha256": config_hash(Small()),
        "seeds": {"root_seed": 3},
        "git": {"commit": "abc123", "dirty": True},
    }
    assert packages["pydantic"]
    assert machine["cores"] >= 1
    assert set(machine) == {"cpu", "cpu_flags", "cores", "cores_usable", "python", "platform"}


def test_the_same_run_twice_leaves_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with create(tmp_path / name):
            pass
    for name in ("config.yaml", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_manifest_names_no_place_of_this_machine(tmp_path: Path) -> None:
    with create(tmp_path / "run"):
        pass
    text = (tmp_path / "run" / "manifest.json").read_text()
    assert str(tmp_path) not in text
    assert sys.prefix not in text


def test_times_are_utc(tmp_path: Path) -> None:
    east = timezone(timedelta(hours=2))
    with create(tmp_path / "run", clock=lambda: datetime(2026, 1, 1, 1, tzinfo=east)):
        pass
    assert manifest(tmp_path / "run")["started_at"] == "2025-12-31T23:00:00.000Z"


def test_without_a_checkout(tmp_path: Path) -> None:
    with create(tmp_path / "run", source=lambda: None):
        pass
    assert manifest(tmp_path / "run")["git"] is None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("broken\nbadly"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(1), "interrupted"),
    ],
)
def test_how_a_run_ends(tmp_path: Path, error: BaseException, status: str) -> None:
    path = tmp_path / "run"
    with pytest.raises(type(error)) as caught, create(path):
        raise error
    found = manifest(path)
    assert found["status"] == status
    assert found["ended_at"] is not None
    assert found.get("error") == (r"ValueError: broken\nbadly" if status == "failed" else None)
    assert caught.value.__notes__ == [f"run directory: {path}"]


def test_bad_input_found_late_leaves_no_new_run(tmp_path: Path) -> None:
    path = tmp_path / "run"

    def start(foreign: str = "") -> None:
        with create(path) as run:
            run.write("table.csv", "a,b\n")
            if foreign:
                (path / foreign).write_text("mine")
            raise ConfigError([Problem("steps", "expected more, got 1")])

    with pytest.raises(ConfigError):
        start()
    assert not path.exists()
    with pytest.raises(ConfigError):
        start("note.txt")  # somebody else's: it stays
    assert [file.name for file in path.iterdir()] == ["note.txt"]


def test_bad_input_found_late_leaves_an_earlier_run(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path):
        pass
    with pytest.raises(ConfigError), create(path, resume=True):
        raise ConfigError([Problem("steps", "expected more, got 1")])
    assert manifest(path)["status"] == "failed"


def test_closing_twice_keeps_the_first_status(tmp_path: Path) -> None:
    run = create(tmp_path / "run")
    run.close("failed")
    run.close("finished")
    assert manifest(tmp_path / "run")["status"] == "failed"


def test_a_directory_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert refusal(tmp_path) == (
        "RUN: expected a new or empty directory, got one with files; continue that run with "
        "--resume, or choose another place with --out"
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_resume_refuses_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert refusal(tmp_path, resume=True) == (
        "RUN: expected a run directory, got files without config.yaml; choose another place "
        "with --out"
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("mine")
    assert refusal(path) == "RUN: expected a writable directory, got: File exists (RUN)"


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    with create(tmp_path):
        pass
    assert manifest(tmp_path)["status"] == "finished"


def test_resume_keeps_the_history(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt), create(path):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="no"), create(path, resume=True):
        raise ValueError("no")
    with create(path, resume=True, argv=["rlmm", "--resume"], clock=lambda: clock(9)):
        pass
    found = manifest(path)
    assert found["status"] == "finished"
    assert found["command"] == ["rlmm", "--resume"]
    assert [session["status"] for session in found["earlier_sessions"]] == ["interrupted", "failed"]
    assert found["earlier_sessions"][1]["error"] == "ValueError: no"
    assert all("earlier_sessions" not in session for session in found["earlier_sessions"])


def test_a_choice_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path) as run:
        assert run.chosen("backend", lambda: {"fastest": "xla"}) == {"fastest": "xla"}
        assert manifest(path)["choices"] == {"backend": {"fastest": "xla"}}
    with create(path, resume=True) as run:
        assert run.chosen("backend", lambda: {"fastest": "graph"}) == {"fastest": "xla"}
        assert run.chosen("other", lambda: 3) == 3
    assert manifest(path)["choices"] == {"backend": {"fastest": "xla"}, "other": 3}


def test_resume_of_nothing_starts(tmp_path: Path) -> None:
    with create(tmp_path / "run", resume=True):
        pass
    assert "earlier_sessions" not in manifest(tmp_path / "run")


def test_resume_with_other_values_names_them(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path):
        pass
    assert refusal(path, Small(a=2, words=("x", "y")), resume=True) == (
        "RUN: expected the same configuration to resume, got other values of a (1 there, 2 now) "
        "and words (a list of 1 item there, a list of 2 items now); choose another place with "
        "--out, or use the values that are there"
    )
    assert manifest(path)["status"] == "finished"


def test_resume_with_other_execution_settings(tmp_path: Path) -> None:
    class Threaded(Small):
        execution_only = frozenset({"threads"})
        threads: int = 0

    path = tmp_path / "run"
    with create(path, Threaded(threads=1)):
        pass
    with create(path, Threaded(threads=2), resume=True):
        pass
    assert "threads: 2\n" in (path / "config.yaml").read_text()
    assert default_path("x", "y", Threaded(threads=1)) == default_path("x", "y", Threaded())
    assert "got other values of a (1 there, 2 now);" in refusal(
        path, Threaded(threads=3, a=2), resume=True
    )


def test_resume_names_the_first_differences_only(tmp_path: Path) -> None:
    class Many(Config):
        values: dict[str, int] = Field(default={})

    path = tmp_path / "run"
    with create(path, Many(values={str(i): 0 for i in range(20)})):
        pass
    text = refusal(path, Many(values={str(i): 1 for i in range(20)}), resume=True)
    assert "values.4 (0 there, 1 now) and 15 more;" in text
    assert "values.5" not in text


def test_resume_of_an_edited_config(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path):
        pass
    text = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(text.replace("a: 1", "a: 2"))
    assert refusal(path, Small(a=2), resume=True) == (
        "RUN: expected the config.yaml that the run started with, got one that was edited since; "
        "choose another place with --out"
    )
    (path / "config.yaml").write_text("a: 1\na: 2\n")
    assert refusal(path, Small(a=2), resume=True).startswith("RUN/config.yaml:2: a: expected each")


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", "\x00"])
def test_resume_with_a_damaged_manifest(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run"
    with create(path):
        pass
    (path / "manifest.json").write_text(content)
    assert refusal(path, resume=True) == (
        "RUN/manifest.json: expected a run's manifest, got something else; "
        "choose another place with --out"
    )


def test_resume_with_a_manifest_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path):
        pass
    (path / "manifest.json").write_text(json.dumps(manifest(path) | {"schema_version": 2}))
    assert refusal(path, resume=True) == (
        "RUN/manifest.json: expected schema_version 1, got 2; choose another place with --out"
    )


def test_killed_before_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path):
        pass
    (path / "manifest.json").unlink()
    (path / ".tmp-abc").write_text("half")
    with create(path, resume=True):
        pass
    assert sorted(e.name for e in path.iterdir()) == [".lock", "config.yaml", "manifest.json"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path):
        assert refusal(path, resume=True) == (
            "RUN: expected no other process in this run, got one that is running; wait for it"
        )
    with create(path, resume=True):
        pass


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.txt"
    write_atomically(path, "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.txt"]


def test_a_failed_start_lets_go_of_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            create(tmp_path / "run")
    with create(tmp_path / "run"):
        pass


def test_default_path() -> None:
    digest = config_hash(Small())[:8]
    assert default_path("certify", "P1", Small()) == Path(f"runs/certify-P1-{digest}")
    assert default_path("train", "../x y", Small()) == Path(f"runs/train-x-y-{digest}")
    assert default_path("train", "..", Small()) == Path(f"runs/train-run-{digest}")


WRITER = r"""
import sys, time
from pathlib import Path
from experiments.config import CertifyConfig
from experiments.run import RunDirectory
path = Path(sys.argv[1])
sys.stdout.write("ready\n")
sys.stdout.flush()
config = CertifyConfig(set_name="P1")
with RunDirectory.create(path, config, resume=True, source=lambda: None) as run:
    for i in range(10**9):
        run.write("result.txt", str(i % 10) * 100_000)
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.002, 0.01, 0.05, 0.15])
def test_kill_and_resume(tmp_path: Path, delay_s: float) -> None:
    path = tmp_path / "run"
    for _ in range(2):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(delay_s)
            process.kill()
        for name in ("config.yaml", "manifest.json", "result.txt"):
            if (path / name).exists():
                assert (path / name).stat().st_size > 0
        if (path / "result.txt").exists():
            text = (path / "result.txt").read_text()
            assert text == text[0] * 100_000
        if (path / "manifest.json").exists():
            assert manifest(path)["status"] == "running"
    config = load_config(None, ["set_name=P1"], CertifyConfig)
    with RunDirectory.create(path, config, resume=True, source=lambda: None):
        pass
    assert manifest(path)["status"] == "finished"
    assert not list(path.glob(".tmp-*"))
