"""Run directories: where a command leaves what it was asked, with what, and what came out.

    runs/certify-P1-1a2b3c4d/
        config.yaml      every value of the configuration
        manifest.json    who, when, with what: see `Manifest`
        ...              whatever the command writes

A directory belongs to one configuration; only what no result depends on (the number of threads) may
differ when it is taken up again. It is created once, and continued only with `resume`.
Files appear whole or not at all, so a run that is killed anywhere can be resumed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import BaseModel

from experiments import machine
from experiments.config import config_hash, identity, resolved_yaml
from experiments.errors import (
    ConfigError,
    InputError,
    Problem,
    RunDirectoryError,
    listed,
    shown,
    shown_place,
)
from experiments.machine import SourceVersion
from experiments.yaml_reader import described, dotted_key, read_file

CONFIG_NAME = "config.yaml"
MANIFEST_NAME = "manifest.json"
MANIFEST_SCHEMA_VERSION = 1
RUNS = Path("runs")

_LOCK_ATTEMPTS, _LOCK_PAUSE_S = 20, 0.05
_LOCK_NAME = ".lock"
_TEMPORARY_PREFIX = ".tmp-"
_DIFFERENCES_SHOWN = 5

Status = Literal["running", "finished", "failed", "interrupted"]
Manifest = dict[str, Any]
Clock = Callable[[], datetime]


def default_path(verb: str, name: str, config: BaseModel, runs: Path = RUNS) -> Path:
    """`runs/<verb>-<name>-<first 8 digits of the configuration's hash>`."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
    return runs / f"{verb}-{plain}-{config_hash(config)[:8]}"


def write_atomically(path: Path, data: str | bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, nothing else."""
    raw = data.encode() if isinstance(data, str) else data
    handle, name = tempfile.mkstemp(prefix=_TEMPORARY_PREFIX, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # mkstemp's 0600 would hide results from colleagues
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


class RunDirectory:
    """A run directory that this process owns until it leaves the `with` block.

    Leaving the block records how the run ended: finished, failed (an exception) or interrupted
    (Ctrl-C, SIGTERM). Where input turns out to be bad that only solving could tell, a new run
    leaves nothing behind, so that the corrected command finds the place free. A killed process
    cannot record anything: its manifest still says running, but the lock is gone, and `resume`
    works.
    """

    def __init__(
        self, path: Path, manifest: Manifest, lock: int, clock: Clock, *, is_new: bool
    ) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = lock
        self._clock = clock
        self._is_new = is_new
        self._written: set[str] = set()

    @classmethod
    def create(
        cls,
        path: Path,
        config: BaseModel,
        *,
        resume: bool = False,
        argv: Sequence[str] = (),
        seeds: Mapping[str, int] | None = None,
        clock: Clock | None = None,
        source: Callable[[], SourceVersion | None] = machine.source_version,
    ) -> Self:
        """Make a new run directory, or take up an old one.

        Args:
            path: where; the default of a command is `default_path`.
            config: what is going to be run; written in full to `config.yaml`.
            resume: continue the run that is there (of the same identity); without one, start it.
            argv: the command line as the user typed it.
            seeds: the seeds by name.
            clock: gives the time, with a time zone.
            source: gives the version of the project's own files.

        Raises:
            RunDirectoryError: the directory is in use, not empty (without `resume`), not a run
                directory, or of another configuration.
        """
        clock = clock or _utc_now
        _refuse_foreign(path, resume=resume)
        lock = _locked(path)
        try:
            _refuse_foreign(path, resume=resume)  # another process may have come first
            is_new = not _contents(path)
            earlier = _earlier_manifest(path, config)
            for leftover in path.glob(f"{_TEMPORARY_PREFIX}*"):
                leftover.unlink(missing_ok=True)
            write_atomically(path / CONFIG_NAME, _config_text(config))
            manifest = _new_manifest(config, argv, seeds or {}, clock(), source())
            if earlier is not None:
                history = [*earlier.pop("earlier_sessions", []), _session(earlier)]
                manifest["earlier_sessions"] = history
                manifest["choices"] |= earlier.get("choices", {})
            run = cls(path, manifest, lock, clock, is_new=is_new)
            run._write_manifest()
        except BaseException:
            os.close(lock)
            raise
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close("finished")
        elif isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            self.close("interrupted")
            error.add_note(f"run directory: {self.path}")
        elif isinstance(error, InputError) and self._is_new:
            self._discard()
        else:
            self.manifest["error"] = f"{type(error).__name__}: {shown(str(error))}"
            self.close("failed")
            error.add_note(f"run directory: {self.path}")

    def keep(self) -> None:
        """What has been written took time: from now on bad input takes nothing of it away."""
        self._is_new = False

    def close(self, status: Status) -> None:
        """Record how the run ended and let go of the directory."""
        if self._lock < 0:
            return
        self.manifest["status"] = status
        self.manifest["ended_at"] = _stamp(self._clock())
        try:
            self._write_manifest()
        finally:
            os.close(self._lock)
            self._lock = -1

    def _discard(self) -> None:
        """Take away what a run that cannot be has written, and the directory if it is empty."""
        for name in (*sorted(self._written), MANIFEST_NAME, CONFIG_NAME, _LOCK_NAME):
            (self.path / name).unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = -1
        with contextlib.suppress(OSError):  # somebody else's files are there
            self.path.rmdir()

    def write(self, name: str, data: str | bytes) -> Path:
        """Write a file of the run, whole or not at all; returns its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written.add(name)
        write_atomically(path, data)
        return path

    def chosen(self, name: str, choose: Callable[[], Any]) -> Any:
        """What this machine chose when the run first asked; kept in the manifest."""
        choices: dict[str, Any] = self.manifest["choices"]
        if name not in choices:
            choices[name] = choose()
            self._write_manifest()
        return choices[name]

    def _write_manifest(self) -> None:
        write_atomically(self.path / MANIFEST_NAME, json.dumps(self.manifest, indent=2) + "\n")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _new_manifest(
    config: BaseModel,
    argv: Sequence[str],
    seeds: Mapping[str, int],
    now: datetime,
    source: SourceVersion | None,
) -> Manifest:
    cpu = machine.cpu()
    return {
        "schema_version": MANIFEST_SCHEMA_VERSION,
        "status": "running",
        "started_at": _stamp(now),
        "ended_at": None,
        "command": list(argv),
        "config_sha256": config_hash(config),
        "seeds": dict(seeds),
        "git": None if source is None else {"commit": source.commit, "dirty": source.is_dirty},
        "choices": {},
        "packages": machine.package_versions(),
        "machine": {
            "cpu": cpu.model,
            "cpu_flags": list(cpu.flags),
            "cores": cpu.n_logical,
            "cores_usable": cpu.n_usable,
            "python": platform.python_version(),
            "platform": platform.platform(),
        },
    }


def _session(manifest: Manifest) -> Manifest:
    """What is kept of an earlier session: all that a later one may change."""
    kept = ("status", "started_at", "ended_at", "error", "command", "git", "packages", "machine")
    return {key: manifest[key] for key in kept if key in manifest}


def _config_text(config: BaseModel) -> str:
    return f"# All values of this run; sha256 {config_hash(config)}\n{resolved_yaml(config)}"


def _locked(path: Path) -> int:
    """Make the directory and lock it; the system lets go of the lock when this process ends."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unusable(path, error) from None
    # What a killed process was about to start holds its lock for a moment longer.
    for _ in range(_LOCK_ATTEMPTS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_LOCK_PAUSE_S)
        else:
            return lock
    os.close(lock)
    message = "expected no other process in this run, got one that is running; wait for it"
    raise _refusal(path, message)


def _contents(path: Path) -> set[str]:
    if not path.is_dir():
        return set()
    names = (entry.name for entry in path.iterdir())
    return {n for n in names if n != _LOCK_NAME and not n.startswith(_TEMPORARY_PREFIX)}


def _refuse_foreign(path: Path, *, resume: bool) -> None:
    """Refuse a directory that is not ours to write to, before leaving anything in it."""
    try:
        names = _contents(path)
    except OSError as error:
        raise _unusable(path, error) from None
    if names and not resume:
        raise _refusal(
            path,
            "expected a new or empty directory, got one with files; continue that run with "
            "--resume, or choose another place with --out",
        )
    if names and CONFIG_NAME not in names:
        raise _refusal(
            path,
            f"expected a run directory, got files without {CONFIG_NAME}; choose another place "
            "with --out",
        )


def _earlier_manifest(path: Path, config: BaseModel) -> Manifest | None:
    """The manifest of the run to be resumed, or None when there is nothing to resume."""
    names = _contents(path)
    if not names:
        return None
    _refuse_other_config(path, config)
    # Killed between the two first files, a run has a config and no manifest: nothing was done yet.
    return _read_manifest(path, config) if MANIFEST_NAME in names else None


def _refuse_other_config(path: Path, config: BaseModel) -> None:
    try:
        document = read_file(path / CONFIG_NAME)
        if document.problems:
            raise ConfigError(document.problems)
    except ConfigError as error:
        raise RunDirectoryError(error.problems) from None
    now = identity(config)
    free = config.model_dump(mode="json").keys() - now.keys()
    there = {key: value for key, value in document.value.items() if key not in free}
    lines = [
        f"{dotted_key(key)} ({described(was)} there, {described(wanted)} now)"
        for key, was, wanted in _differences(there, now, ())
    ]
    if lines:
        more = len(lines) - _DIFFERENCES_SHOWN
        tail = [f"{more} more"] if more > 0 else []
        raise _refusal(
            path,
            "expected the same configuration to resume, got other values of "
            f"{listed([*lines[:_DIFFERENCES_SHOWN], *tail], last='and')}; choose another place "
            "with --out, or use the values that are there",
        )


def _differences(
    was: Any, now: Any, path: tuple[str | int, ...]
) -> list[tuple[tuple[str | int, ...], Any, Any]]:
    """The leaves at which two trees of plain values differ, in the order of the new one."""
    if isinstance(was, dict) and isinstance(now, dict):
        keys: list[Any] = [*now, *(key for key in was if key not in now)]
        pairs = [(key, was.get(key), now.get(key)) for key in keys]
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = [(i, was[i], now[i]) for i in range(len(now))]
    else:
        same = type(was) is type(now) and was == now
        return [] if same else [(path, was, now)]
    return [found for key, a, b in pairs for found in _differences(a, b, (*path, key))]


def _read_manifest(path: Path, config: BaseModel) -> Manifest:
    place = path / MANIFEST_NAME
    remedy = "choose another place with --out"
    try:
        manifest = json.loads(place.read_text("utf-8"))
        version, digest = manifest["schema_version"], manifest["config_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        raise _refusal(place, f"expected a run's manifest, got something else; {remedy}") from None
    if version != MANIFEST_SCHEMA_VERSION:
        raise _refusal(
            place,
            f"expected schema_version {MANIFEST_SCHEMA_VERSION}, got {described(version)}; "
            f"{remedy}",
        )
    if digest != config_hash(config):
        raise _refusal(
            path,
            f"expected the {CONFIG_NAME} that the run started with, got one that was edited since; "
            f"{remedy}",
        )
    found: Manifest = manifest
    return found


def _unusable(path: Path, error: OSError) -> RunDirectoryError:
    reason = f"{error.strerror} ({shown_place(error.filename)})"
    return _refusal(path, f"expected a writable directory, got: {reason}")


def _refusal(path: Path, message: str) -> RunDirectoryError:
    return RunDirectoryError([Problem(shown_place(path), message)])


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
