"""Where a report goes: a folder of its own, replaced as a whole."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from experiments.errors import InputError, Problem, shown_place
from reports.page import is_page
from reports.report_page import TITLE

INDEX_NAME, LIST_NAME, PDF_NAME = "index.html", "report.json", "report.pdf"


def _refusal(given: Path, message: str) -> InputError:
    return InputError([Problem("--out", f"{shown_place(given)}: {message}")])


def place_for(given: Path) -> Path:
    """The folder itself, behind whatever links lead to it.

    Raises:
        InputError: it is none, or has anything but a report, or cannot be replaced.
    """
    try:
        out, here = given.resolve(), Path.cwd()
        if out == here or out in here.parents:
            raise _refusal(
                given,
                "expected a folder to be replaced, got the one that this command runs in or one "
                "above it; name a new one in it, such as --out report",
            )
        if out.exists():
            _require_report(given, out)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        reason = getattr(error, "strerror", None) or "links that lead nowhere"
        raise _refusal(given, f"expected a place to write to, got: {reason}") from None
    return out


def _require_report(given: Path, out: Path) -> None:
    """Refuse a folder with anything but a report."""
    if not out.is_dir():
        raise _refusal(given, "expected a folder, got a file")
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    if not there:
        return
    known: set[str] = set()
    if is_page(out / INDEX_NAME, TITLE):
        try:
            listed = json.loads((out / LIST_NAME).read_text("utf-8"))
            known = {str(name) for name in listed["files"]} | {PDF_NAME}
        except (OSError, ValueError, KeyError, TypeError):
            known = set()
    others = sorted(there - known)
    if others:
        raise _refusal(
            given,
            f"expected a new or empty folder, or one of an earlier report alone, got {others[0]!r}"
            " in it; choose another place",
        )


def replace_folder(out: Path, files: Mapping[str, str]) -> None:
    """The whole folder in the place of what was there, which stays where that cannot be."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".tmp-report-", dir=out.parent))
    except OSError as error:
        message = f"expected a place to write to, got: {error.strerror}"
        raise _refusal(out, message) from None
    old = new.with_name(f"{new.name}-old")
    try:
        for name, text in files.items():
            path = new / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        new.chmod(0o755)
        if out.exists():
            _set_aside(out, old)
        new.rename(out)
    except BaseException:
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _set_aside(out: Path, old: Path) -> None:
    try:
        out.rename(old)
    except OSError as error:
        message = f"expected a folder that can be replaced, got: {error.strerror}"
        raise _refusal(out, message) from None
