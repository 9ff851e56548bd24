"""Run clang-tidy on every C++ file of a build, skipping what passed before and has not changed.

A file's key hashes its compile command, the text of itself and of all project headers it includes,
and the rules; a pass leaves an empty file of that name in <build>/tidy.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
# The compile commands are g++'s; clang need not know all its options.
OPTIONS = ["--quiet", "--extra-arg=-Wno-unknown-warning-option"]


def with_headers(source: Path, seen: set[Path]) -> set[Path]:
    """`source` and every project header it reaches."""
    if source in seen:
        return seen
    seen.add(source)
    for name in INCLUDE.findall(source.read_text()):
        for folder in (source.parent, ROOT / "csrc"):
            if (folder / name).is_file():
                with_headers((folder / name).resolve(), seen)
                break
    return seen


def key_of(source: Path, command: str, rules: bytes) -> str:
    """Changes when anything does that clang-tidy's verdict depends on."""
    digest = hashlib.sha256(rules + command.encode())
    for path in sorted(with_headers(source, set())):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def check(build: Path, source: Path, passed: Path) -> str:
    """Run clang-tidy on `source`: its complaints, or an empty text."""
    command = ["clang-tidy", "-p", str(build), *OPTIONS, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        passed.touch()
        return ""
    return done.stdout + done.stderr


def main(build: Path) -> int:
    """Exit code 1 when any file has a complaint."""
    rules = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    for folder in (ROOT, ROOT / "tests" / "cpp"):
        if (folder / ".clang-tidy").exists():
            rules += (folder / ".clang-tidy").read_bytes()
    (build / "tidy").mkdir(exist_ok=True)
    stale = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["directory"], entry["file"]).resolve()
        passed = build / "tidy" / key_of(source, entry["command"], rules)
        if not passed.exists():
            stale.append((source, passed))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = list(pool.map(lambda job: check(build, *job), stale))
    print("".join(complaints), end="")
    print(f"clang-tidy: {len(stale)} files checked, {sum(map(bool, complaints))} with complaints")
    return 1 if any(complaints) else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
