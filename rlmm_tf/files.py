"""Files that appear whole or not at all, and never in place of another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_file(path: Path | str) -> Iterator[Path]:
    """A path beside `path` to write to; leaving the block without an error renames it to `path`.

    Raises:
        FileExistsError: there is a file already, before the block or after it.
    """
    target = Path(path)
    _refuse_existing(target)
    handle, name = tempfile.mkstemp(prefix=".tmp-", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp's 0600 would hide results from colleagues
        _refuse_existing(target)
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise FileExistsError(
            f"{path}: expected no file there, got one; remove it or choose another name"
        )
