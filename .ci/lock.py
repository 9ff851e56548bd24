"""Write requirements.lock: every package pinned, for Linux and CPython 3.11 to 3.13.

Two sections: what `make setup` installs, then what only other extras need. The whole file serves
as a constraints file for pip. GPU libraries are left out: a CPU build of torch does without, and
who installs a GPU build installs its libraries with it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path("requirements.lock")
SECTION = "# only for other extras than those of `make setup`"
GPU_ONLY = re.compile(r"(nvidia|cuda)-|triton\b")


def compile_pins(arguments: list[str], previous: Path) -> list[str]:
    """The pins uv chooses; those in `previous` are kept where they still fit."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pins.txt"
        output.write_text(previous.read_text() if previous.exists() else "")
        command = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--quiet"]
        command += ["pyproject.toml", "--no-annotate", "--no-header", "-o", str(output)]
        subprocess.run([*command, *arguments], check=True)
        return [line for line in output.read_text().splitlines() if not GPU_ONLY.match(line)]


def main(extra: str, *options: str) -> None:
    """Lock the project with `extra` first, then with all extras; `options` go to uv."""
    everything = compile_pins(["--all-extras", *options], LOCK)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as chosen:
        chosen.write("\n".join(everything) + "\n")
        chosen.flush()
        of_setup = compile_pins(["--extra", extra, "-c", chosen.name], Path(chosen.name))
    others = sorted(set(everything) - set(of_setup))
    LOCK.write_text("\n".join([*of_setup, "", SECTION, *others]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
