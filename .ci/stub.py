"""Write rlmm_tf/_core.pyi from the built extension; with --check, compare instead of writing."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = "rlmm_tf._core"
STUB = Path(__file__).parents[1] / "rlmm_tf" / "_core.pyi"
# A stub states types; the values of constants would make it stale with every change of a text.
VALUE = re.compile(r"^((?!__)\w+: [^=]+) = .*$", re.MULTILINE)


def generate() -> str:
    """The stub of the extension as it is installed now, formatted."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pybind11_stubgen", MODULE, "-o", folder, "--exit-code"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"pybind11-stubgen {MODULE} failed:\n{done.stderr}")
        text = (Path(folder) / MODULE.replace(".", "/")).with_suffix(".pyi").read_text()
    command = [sys.executable, "-m", "ruff", "format", "--quiet", "--stdin-filename", "_core.pyi"]
    stated = VALUE.sub(r"\1", text)
    done = subprocess.run(command, input=stated, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> int:
    """Exit code 1 when --check finds a difference."""
    fresh = generate()
    if "--check" not in sys.argv[1:]:
        STUB.write_text(fresh)
        return 0
    committed = STUB.read_text() if STUB.exists() else ""
    diff = difflib.unified_diff(
        committed.splitlines(), fresh.splitlines(), "committed", "extension", lineterm=""
    )
    lines = list(diff)
    if lines:
        print("\n".join([*lines, "rlmm_tf/_core.pyi is stale: run `make stub`"]))
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
