"""The formats that can be read, by the name on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from calibration.sources import (
    binance,
    bybit,
    databento,
    generic,
    lean,
    lobster,
    polygon,
    tardis,
)
from calibration.sources.compressed import Member
from calibration.sources.plan import Options, Plan

# Options (fields of `Options`) that not every format has a use for.
USES: Mapping[str, frozenset[str]] = {
    "date": frozenset({"csv"}),
    "zone": frozenset({"lobster", "lean"}),
    "all_hours": frozenset({"lean"}),
    "mapping": frozenset({"csv"}),
}

FORMATS: Mapping[str, Callable[[Sequence[Member], Options], Plan]] = {
    "lobster": lobster.plan,
    "bybit": bybit.plan,
    "binance": binance.plan,
    "tardis": tardis.plan,
    "databento": databento.plan,
    "polygon": polygon.plan,
    "lean": lean.plan,
    "csv": generic.plan,
}
