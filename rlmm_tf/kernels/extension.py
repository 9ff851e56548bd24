"""The compiled engine, or a sentence on how to get it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rlmm_tf.kernels.signatures import word_refusals

_ROOT = Path(__file__).resolve().parents[2]
# What Python sees of the engine; CMakeLists.txt hashes the same files when it builds.
_INTERFACE = (
    "csrc/*.h",
    "csrc/agent/columns.h",
    "csrc/features/features.h",
    "csrc/risk/*.h",
    "csrc/bindings/*.cpp",
    "csrc/bindings/*.h",
)


def interface_sha256(root: Path) -> str:
    """Hash of the sources that say what the extension offers; of nothing where there are none."""
    sources = sorted(
        path.relative_to(root).as_posix() for pattern in _INTERFACE for path in root.glob(pattern)
    )
    digests = "".join(
        hashlib.sha256((root / source).read_bytes()).hexdigest() + "\n" for source in sources
    )
    return hashlib.sha256(digests.encode()).hexdigest()


def require_fresh(built: str | None, root: Path) -> None:
    """Raises an ImportError where the sources beside this file are not those that were built."""
    if not (root / "csrc").is_dir():
        return  # installed without its sources
    if built != interface_sha256(root):
        raise ImportError(
            "rlmm_tf._core: expected the engine of this source tree, got one that was built from "
            f"other sources (source tree: {root}); run `make setup` there"
        )


try:
    from rlmm_tf import _core
except ImportError as error:
    if error.name not in {None, "rlmm_tf._core"} and "_core" not in str(error):
        raise
    raise ImportError(
        "rlmm_tf._core is not built for this interpreter (source tree: "
        f"{_ROOT}); run `make setup` there, or `pip install --no-build-isolation -e .`"
    ) from error

require_fresh(_core.build_info().get("interface"), _ROOT)
word_refusals(_core)

__all__ = ["_core"]
