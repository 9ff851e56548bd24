"""`rlmm fidelity --ladder`: what each ingredient of a market model buys, as table and page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.fidelity.as_json import result_as_json
from calibration.fidelity.compare import compare
from calibration.fidelity.market import Market
from calibration.fidelity.messages import FidelityError, instrument_of
from calibration.ladder import Ladder
from calibration.split import SplitError
from experiments.console import Progress
from experiments.errors import InputError, Problem, shown_place
from experiments.fidelity import about, read_table, require_page, stretches_of
from reports.ladder import TITLE, ladder_page
from reports.page import write_page

STEPS = 8


@dataclass(frozen=True)
class Request:
    """What `rlmm fidelity --ladder` was asked."""

    real: Path
    span: str | None = None
    blocks: str | None = None
    html: Path | None = None  # None: no page
    seed: int = 0


def run_ladder(request: Request, *, progress: Progress) -> dict[str, Any]:
    """Fit, simulate and score every rung, and write the page, if one is wanted.

    Raises:
        InputError: there is too little to fit to or to score, or something else is in the page's
            place.
    """
    require_page(request.html, TITLE)
    progress(0, STEPS, "reading")
    real_table = read_table(request.real)
    name = shown_place(request.real)
    try:
        stretches = stretches_of(real_table, request.span, request.blocks)
        if stretches.others is None:
            raise FidelityError("--span: expected stretches that are left to fit to, got none")
        instrument = instrument_of(real_table)
        real = Market.of_table(name, real_table, stretches.scored, instrument)
        floor = Market.of_table(
            f"{name}, other stretches", real_table, stretches.others, instrument
        )
        ladder = Ladder(real_table, real, stretches.scored, stretches.others, request.seed)
        done = [0]

        def tell(text: str) -> None:
            done[0] += 1
            progress(done[0], STEPS, text)

        rungs: list[dict[str, Any]] = []
        for rung in ladder.rungs(tell):
            rng = np.random.default_rng(request.seed)
            result = result_as_json(compare(real, rung.market, floor=floor, rng=rng))
            rungs.append({"name": rung.name, "adds": rung.adds} | result)
    except (FidelityError, SplitError) as error:
        where, _, message = str(error).partition(": ")
        raise InputError([Problem(where, message)]) from None
    except ValueError as error:
        raise InputError([Problem(name, str(error))]) from None
    values: dict[str, Any] = {
        "real": about(real_table, request.real),
        "stretches": stretches.text,
        "scored_s": stretches.scored.seconds,
        "seed": request.seed,
        "floor": rungs[0]["columns"]["floor"],
        "rungs": rungs,
    }
    progress(STEPS - 1, STEPS, "writing")
    if request.html is not None:
        page = ladder_page(values)
        request.html.unlink(missing_ok=True)
        write_page(page, request.html)
    return {**values, "html": None if request.html is None else str(request.html)}


def for_people(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that fit on a screen."""
    rungs = {
        rung["name"]: f"mean L1 {rung['mean_l1']:.3f}, W {rung['mean_wasserstein']:.3f}, "
        f"worst {rung['worst_l1']:.2f} ({rung['worst_score']}), "
        f"response error {_number(rung['response_floors'])} floors"
        for rung in values["rungs"]
    }
    floor = values["floor"]
    return {
        "windows": values["rungs"][0]["windows"],
        "noise floor": f"mean L1 {floor['mean_l1']:.3f}, W {floor['mean_wasserstein']:.3f}",
        **rungs,
        "html": values["html"],
    }


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"
