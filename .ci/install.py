"""Install the pinned packages of a lock file into the running interpreter's environment.

The lock is complete, so nothing has to be resolved: pip is told `--no-deps` and runs once per core
on disjoint parts of the list. Byte code is made afterwards, again on every core. Together that
takes less than half the time of one `pip install -c`.
"""

from __future__ import annotations

import compileall
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

END_OF_BASE = "# only for other extras"
NEVER_IMPORTED = re.compile(r"/tests?/")


def base_pins(lock: Path) -> list[str]:
    """The requirement lines up to the section of the other extras."""
    base, found, _ = lock.read_text().partition(END_OF_BASE)
    if not found:
        raise SystemExit(f"{lock}: expected a line {END_OF_BASE!r}; run `make lock`")
    lines = [line.strip() for line in base.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def start_pip(pins: list[str], list_file: Path) -> subprocess.Popen[bytes]:
    """Start one pip on `pins`, written to `list_file`."""
    list_file.write_text("\n".join(pins) + "\n")
    options = ["--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "-r", str(list_file)]
    return subprocess.Popen(command)


def main() -> int:
    """Install, compile; exit code 1 when any pip failed."""
    lock = Path(sys.argv[1])
    pins = base_pins(lock)
    n_parts = os.cpu_count() or 1
    started = [
        start_pip(pins[part::n_parts], Path(sys.prefix) / f"pins-{part}.txt")
        for part in range(n_parts)
    ]
    codes = [process.wait() for process in started]  # all of them, also when the first one failed
    if any(codes):
        print("pip failed: see its message above", file=sys.stderr)
        return 1
    # A few packages ship files for other Python versions; that they do not compile is no failure.
    site_packages = sysconfig.get_path("purelib")
    compileall.compile_dir(site_packages, quiet=2, rx=NEVER_IMPORTED, workers=0)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
