"""The compiled engine, or a sentence on how to get it."""

from __future__ import annotations

from pathlib import Path

try:
    from rlmm_tf import _core
except ImportError as error:
    if error.name not in {None, "rlmm_tf._core"} and "_core" not in str(error):
        raise
    raise ImportError(
        "rlmm_tf._core is not built for this interpreter (source tree: "
        f"{Path(__file__).resolve().parents[2]}); run `make setup` there, or "
        "`pip install --no-build-isolation -e .`"
    ) from error

__all__ = ["_core"]
