"""Layers of csrc/, and the committed stub of the extension."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CSRC = ROOT / "csrc"
# Top to bottom. A part is a folder or a file's stem; it may include itself and lower layers only.
LAYERS = [
    {"bindings"},
    {"batch", "venue"},
    {"market"},
    {"book", "flow", "agent", "features", "policy", "parse", "risk", "transitions"},
    {"params"},
    {"book_params", "replay_params"},
    {"market_model"},
    {"regimes"},
    {"checks", "events", "rng", "serialize"},
    {"types"},
]
LAYER_OF = {part: depth for depth, layer in enumerate(LAYERS) for part in layer}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
PYTHON_HEADER = re.compile(r"#\s*include\s*[<\"](pybind11/|Python\.h)")


def part_of(relative: Path) -> str:
    """The folder, or the stem of a file that lies in no folder."""
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def sources_of(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.suffix in {".h", ".cpp"})


def include_problems(root: Path) -> list[str]:
    """One line per include that does not go down."""
    problems = []
    for path in sources_of(root):
        source = path.relative_to(root)
        here = part_of(source)
        if here not in LAYER_OF:
            problems.append(f"{source}: '{here}' is in no layer")
            continue
        for name in INCLUDE.findall(path.read_text()):
            there = part_of(Path(name))
            if there not in LAYER_OF:
                problems.append(f"{source}: includes {name}, which is in no layer")
            elif there != here and LAYER_OF[there] <= LAYER_OF[here]:
                problems.append(f"{source}: includes {name}, which is not below it")
    return problems


def test_includes_only_go_down() -> None:
    assert include_problems(CSRC) == []


@pytest.mark.parametrize(
    ("file", "include", "complaint"),
    [
        ("market/market.h", "batch/batch.h", "not below"),
        ("agent/quotes.h", "features/features.h", "not below"),
        ("types.h", "rng.h", "not below"),
        ("helpers/all.h", "types.h", "in no layer"),
    ],
)
def test_include_that_goes_up_is_caught(
    tmp_path: Path, file: str, include: str, complaint: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#include <vector>\n#include "{include}"\n')
    (problem,) = include_problems(tmp_path)
    assert complaint in problem


def knowing_python(root: Path) -> set[str]:
    """Files with a Python header outside the folder bindings."""
    knowing = {p.relative_to(root) for p in sources_of(root) if PYTHON_HEADER.search(p.read_text())}
    return {str(p) for p in knowing if p.parts[0] != "bindings"}


def test_only_the_bindings_know_python() -> None:
    assert knowing_python(CSRC) == set()


@pytest.mark.parametrize("header", ["<pybind11/numpy.h>", "<Python.h>", '"pybind11/stl.h"'])
def test_python_outside_the_bindings_is_caught(tmp_path: Path, header: str) -> None:
    for file in ("bindings/module.cpp", "batch/batch.cpp", "bindings.cpp", "rng.h"):
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#include <vector>\n#include {header}\n")
    assert knowing_python(tmp_path) == {"batch/batch.cpp", "bindings.cpp", "rng.h"}


def test_stub_equals_the_extension() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "stub.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
