"""`rlmm calibrate`: from recordings to a market model, with what its numbers are worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.artifact import save_market
from calibration.fit import CalibratedMarket, Settings, TooLittleData, calibrate
from calibration.observed import Observed, observe
from calibration.split import Split, SplitError
from experiments.calibration_values import (
    calibration_values,
    regime_of_rows,
    simulated_spread,
    with_observed,
)
from experiments.errors import InputError, Problem, shown_place
from reports.calibration import calibration_page
from reports.page import write_page
from rlmm_tf.env import RangeError
from rlmm_tf.events import EventTableError
from rlmm_tf.market_parts import GROUPS

STEPS = 13  # that the fit tells of


@dataclass(frozen=True)
class Request:
    """What `rlmm calibrate` takes."""

    tables: tuple[Path, ...]
    out: Path
    span: str | None = None
    blocks: str | None = None
    regimes: int | None = None
    seed: int = 0
    html: Path | None = None  # None: beside `out`

    @property
    def page(self) -> Path:
        """Where the page goes."""
        return self.html or self.out.with_name(f"{self.out.name}.html")


def run_calibrate(
    request: Request, progress: Callable[[float, float, str], None]
) -> tuple[dict[str, Any], CalibratedMarket]:
    """Fits, writes market.json and the page, and returns the values shown, and all that was found.

    Raises:
        InputError: a file is there already, or the recordings cannot be calibrated.
    """
    _require_free(request)
    started, done = time.perf_counter(), 0

    def tell(text: str) -> None:
        nonlocal done
        progress(done, STEPS, text)
        done = min(done + 1, STEPS)

    def split(ts_ns: NDArray[np.int64]) -> Split:
        return Split.of_rows(request.span, request.blocks, ts_ns)

    settings = Settings(regimes=request.regimes, seed=request.seed)
    try:
        market = calibrate(request.tables, split, settings, tell)
    except (EventTableError, SplitError, TooLittleData) as error:
        raise InputError([Problem("rlmm calibrate", str(error))]) from error
    tell("fills, markouts and spreads")
    observed = observe(market.parts.events, request.tables, *regime_of_rows(market))
    market = with_observed(market, observed)
    tell("simulated spreads")
    simulated, trouble = _simulated(request, market, observed)
    save_market(market, request.out, settings=settings, span=request.span, blocks=request.blocks)
    names = [table.name for table in request.tables]
    page = calibration_page(calibration_values(market, names, observed, simulated))
    write_page(replace(page, note=" ".join(filter(None, (page.note, trouble)))), request.page)
    progress(STEPS, STEPS, "written")
    return _values(request, market, time.perf_counter() - started), market


def _require_free(request: Request) -> None:
    problems = [
        Problem(
            option,
            f"expected a file that is not there yet, got {shown_place(path)}; choose another name",
        )
        for option, path in (("--out", request.out), ("--html", request.page))
        if path.exists()
    ]
    if problems:
        raise InputError(problems)


def _simulated(
    request: Request, market: CalibratedMarket, observed: Observed
) -> tuple[dict[str, Any] | None, str]:
    """Transitions of the simulated spread; or why there are none."""
    try:
        return simulated_spread(market.model, observed.spread.edges_ticks, seed=request.seed), ""
    except (ValueError, RangeError) as error:
        return None, f"The model did not run for an hour by itself: {error}."


def _values(request: Request, market: CalibratedMarket, seconds: float) -> dict[str, Any]:
    return {
        "market": str(request.out),
        "html": str(request.page),
        "market_hash": market.model.market_hash(),
        "seconds_of_market": market.seconds,
        "events": dict(zip(GROUPS, market.n_events, strict=True)),
        "depth_ticks": market.model.depth_ticks,
        "regimes": market.model.n_regimes,
        "branching_radius": market.estimates["branching_radius"].number,
        "goodness": market.goodness.to_json(),
        "cautions": [caution.to_json() for caution in market.cautions],
        "wall_s": seconds,
    }


def for_people(values: dict[str, Any]) -> dict[str, Any]:
    """The summary, without what only programs read."""
    shown = {
        "market": values["market"],
        "html": values["html"],
        "seconds_of_market": f"{values['seconds_of_market']:.0f}",
        **{f"events.{name}": n for name, n in values["events"].items()},
        "depth_ticks": values["depth_ticks"],
        "regimes": values["regimes"],
        "branching_radius": f"{values['branching_radius']:.3f}",
        "gain_over_poisson_per_event": values["goodness"]["gain_over_poisson_per_event"],
    }
    for name, residual in values["goodness"]["residuals"].items():
        shown[f"residual_ks.{name}"] = residual["ks"]
    shown["wall_s"] = f"{values['wall_s']:.1f}"
    return shown


def cautions_for_people(values: dict[str, Any]) -> Sequence[str]:
    """A line for each."""
    return [f"caution: {each['part']}: {each['text']}" for each in values["cautions"]]
