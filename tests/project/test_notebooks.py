"""The notebooks: scripts in the percent format that run from the first cell to the last."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
MADE = {
    "calibrate_and_believe": ("sample.parquet", "market.json", "fidelity.html"),
    "train_and_certify": ("agent/policy.safetensors", "evaluation/index.html"),
    "stress_and_read": ("stress/sweeps.html", "trace/player.html", "trace/events.parquet"),
}


def test_there_are_three_and_readers_find_them() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(MADE)
    text = (ROOT / "README.md").read_text("utf-8")
    for path in NOTEBOOKS:
        assert f"docs/notebooks/{path.name}" in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_percent_format(path: Path) -> None:
    """Cells begin with a marker; text is commented out line by line, and code is Python."""
    text = path.read_text("utf-8")
    markers = re.findall(r"^# %%.*$", text, re.MULTILINE)
    assert text.startswith("# %% [markdown]\n# # ")
    assert set(markers) == {"# %%", "# %% [markdown]"}
    cells = re.split(r"^(# %%.*)\n", text, flags=re.MULTILINE)[1:]
    for marker, body in zip(cells[::2], cells[1::2], strict=True):
        lines = [line for line in body.splitlines() if line]
        assert lines, marker
        if marker == "# %% [markdown]":
            assert all(line.startswith("#") for line in lines)
        else:
            ast.parse(body)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(path), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in MADE[path.stem]:
        assert (tmp_path / name).is_file(), name
