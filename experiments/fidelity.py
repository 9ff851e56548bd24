"""`rlmm fidelity`: how like a recorded market a simulated one is, in numbers and on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.artifact import calibration_of, cautions_of
from calibration.fidelity.as_json import result_as_json
from calibration.fidelity.compare import compare
from calibration.fidelity.market import Market
from calibration.fidelity.messages import (
    FidelityError,
    Instrument,
    instrument_of,
    shared_instrument,
)
from calibration.fidelity.of_model import SESSIONS, Simulator, market_of_model
from calibration.fidelity.trials import Trials, run_trials
from calibration.flow_events import read_flow
from calibration.goodness import Goodness
from calibration.held_out import held_out_goodness
from calibration.split import Split, SplitError
from calibration.zero_intelligence import PoissonFlows
from experiments.console import Progress
from experiments.errors import InputError, Problem, shown_place
from reports.fidelity import TITLE, fidelity_page
from reports.page import is_page, write_page
from rlmm_tf.events import EventTable, EventTableError
from rlmm_tf.market_model import MarketModel

BLOCKS_WANTED = 40  # where nobody says which stretches count
BLOCK_S_LEAST, BLOCK_S_MOST = 30, 600
STEPS = 7
FITTED_REFERENCE = "Cont-Stoikov-Talreja"


@dataclass(frozen=True)
class Request:
    """What `rlmm fidelity` was asked."""

    real: Path
    simulated: Path
    span: str | None = None
    blocks: str | None = None
    reference: Path | None = None  # None: flows that know only rates, fitted to the other stretches
    html: Path | None = None  # None: no page
    seed: int = 0
    with_reference: bool = True
    with_trials: bool = True  # of a market.json


@dataclass(frozen=True)
class Tables:
    """What is compared."""

    real: EventTable
    simulated: EventTable
    reference: EventTable | None
    simulators: Mapping[str, Simulator]  # of those that were given as a market.json
    section: Mapping[str, Any] | None  # on the model's calibration

    @property
    def cautions(self) -> list[str]:
        """That the model carries."""
        return [f"{each.part}: {each.text}" for each in cautions_of(self.section or {})]

    @property
    def instrument(self) -> Instrument:
        """What all of them tell apart."""
        instrument = instrument_of(self.real)
        for table in (self.simulated, self.reference):
            if table is not None:
                instrument = shared_instrument(instrument, instrument_of(table))
        return instrument


@dataclass(frozen=True)
class Stretches:
    """Which real stretches are scored, and which are left for the noise floor."""

    scored: Split
    others: Split | None
    text: str  # what was asked, for the page


def run_fidelity(request: Request, *, progress: Progress) -> dict[str, Any]:
    """Compare and write the page, if one is wanted; returns the values.

    An older page of a comparison is replaced, anything else is not.

    Raises:
        InputError: the tables cannot be compared, or something else is in the page's place.
    """
    _require_usable(request)
    tables = _tables(request, progress)
    try:
        stretches = stretches_of(tables.real, request.span, request.blocks)
        if request.reference is None and request.with_reference:
            progress(2, STEPS, "reference")
            tables = _with_fitted_reference(tables, stretches, request.seed)
        progress(3, STEPS, "messages")
        markets = _markets(request, tables, stretches)
        progress(4, STEPS, "trials")
        trials = _trials(request, tables, stretches)
        progress(5, STEPS, "comparing")
        result = compare(
            markets["real"],
            markets["model"],
            floor=markets.get("floor"),
            reference=markets.get("reference"),
            trials=trials,
            goodness=_goodness(tables, stretches),
            rng=np.random.default_rng(request.seed),
        )
    except (FidelityError, SplitError) as error:
        where, _, message = str(error).partition(": ")
        raise InputError([Problem(where, message)]) from None
    values = {
        "real": about(tables.real, request.real),
        "simulated": about(tables.simulated, request.simulated),
        "stretches": stretches.text,
        "scored_s": stretches.scored.seconds,
        "seed": request.seed,
        "simulated_sessions": {
            key: len(simulator.sessions) for key, simulator in tables.simulators.items()
        },
        **result_as_json(result),
    }
    values["cautions"] = [*values["cautions"], *tables.cautions]
    progress(6, STEPS, "writing")
    if request.html is not None:
        page = fidelity_page(values)
        request.html.unlink(missing_ok=True)
        write_page(page, request.html)
    return {**values, "html": None if request.html is None else str(request.html)}


def stretches_of(real: EventTable, span: str | None, blocks: str | None) -> Stretches:
    """The stretches that are scored and what the recording has besides.

    Without a word on it every second block is scored, so that others are left for a noise floor.
    """
    ts_ns = real.column("ts_recv")
    whole = Split.of_rows(None, None, ts_ns)
    if span is None and blocks is None:
        length_s = int(min(max(whole.seconds / BLOCKS_WANTED, BLOCK_S_LEAST), BLOCK_S_MOST))
        blocks = f"odd:{length_s}s"
    scored = Split.of_rows(span, blocks, ts_ns)
    asked = [f"--{name} {text}" for name, text in (("span", span), ("blocks", blocks)) if text]
    try:
        others = whole.without(scored)
    except SplitError:
        others = None
    return Stretches(scored, others, " ".join(asked))


def _require_usable(request: Request) -> None:
    problems = []
    for name, path in (
        ("REAL.parquet", request.real),
        ("SIM", request.simulated),
        ("--reference", request.reference),
    ):
        if path is not None and not path.is_file():
            problems.append(Problem(name, f"expected a file, got {shown_place(path)}"))
    if problems:
        raise InputError(problems)
    require_page(request.html, TITLE)


def require_page(page: Path | None, title: str) -> None:
    """A page can be written there: nothing is in its place, or an older page with such a title.

    Raises:
        InputError: it cannot.
    """
    if page is None:
        return
    if page.exists() and not is_page(page, title):
        message = f"expected no file there, got {shown_place(page)}; remove it or name another"
        raise InputError([Problem("--html", message)])
    if not page.parent.is_dir():
        folder = shown_place(page.parent)
        raise InputError([Problem("--html", f"expected a folder that exists, got {folder}")])


def _tables(request: Request, progress: Progress) -> Tables:
    progress(0, STEPS, "reading")
    real = read_table(request.real)
    tables: dict[str, EventTable] = {}
    simulators: dict[str, Simulator] = {}
    sections: dict[str, Mapping[str, Any] | None] = {}
    for key, path in (("model", request.simulated), ("reference", request.reference)):
        if path is None:
            continue
        if path.suffix == ".json":
            progress(1, STEPS, "simulating")
            simulators[key], sections[key] = _simulator(path, real, request.seed)
            tables[key] = simulators[key].sessions[0]
        else:
            tables[key] = read_table(path)
    return Tables(real, tables["model"], tables.get("reference"), simulators, sections.get("model"))


def _simulator(
    path: Path, real: EventTable, seed: int
) -> tuple[Simulator, Mapping[str, Any] | None]:
    """Of a market.json; with what it says of its calibration, if it was not written by hand."""
    try:
        model = MarketModel.load(path)
        section = calibration_of(path)
    except ValueError as error:
        raise InputError([Problem(shown_place(path), str(error))]) from None
    origin_s = int(section["season_origin_s"]) if section else 0
    simulator = Simulator.of(model, real, season_origin_s=origin_s, seed=seed, sessions=SESSIONS)
    return simulator, section


def _with_fitted_reference(tables: Tables, stretches: Stretches, seed: int) -> Tables:
    """Cont, Stoikov and Talreja's market of the stretches that are not scored.

    Without one where there are none, or too little happens in them.
    """
    others = stretches.others
    if others is None:
        return tables
    try:
        flows = PoissonFlows.of(read_flow([tables.real], lambda ts_ns: others))
    except ValueError:
        return tables
    simulator = Simulator.of(flows.market, tables.real, season_origin_s=0, seed=seed)
    simulators = {**tables.simulators, "reference": simulator}
    return replace(tables, reference=simulator.sessions[0], simulators=simulators)


def read_table(path: Path) -> EventTable:
    """An event table that the user named."""
    try:
        return EventTable.read(path)
    except EventTableError as error:
        where, _, message = str(error).partition(": ")
        raise InputError([Problem(shown_place(where), message)]) from None


def _markets(request: Request, tables: Tables, stretches: Stretches) -> dict[str, Market]:
    """By column; without a floor where no other stretches have a window."""
    name, instrument = shown_place(request.real), tables.instrument
    markets = {"real": Market.of_table(name, tables.real, stretches.scored, instrument)}
    for key, path, table in (
        ("model", request.simulated, tables.simulated),
        ("reference", request.reference, tables.reference),
    ):
        if key in tables.simulators:
            markets[key] = market_of_model(
                tables.simulators[key],
                FITTED_REFERENCE if path is None else shown_place(path),
                tables.real,
                markets["real"],
                stretches.scored,
            )
        elif table is not None and path is not None:
            whole = Split.of_rows(None, None, table.column("ts_recv"))
            markets[key] = Market.of_table(shown_place(path), table, whole, instrument)
    if stretches.others is not None:
        try:
            markets["floor"] = Market.of_table(
                f"{name}, other stretches", tables.real, stretches.others, instrument
            )
        except FidelityError:
            return markets  # the gates that need a floor say so
    return markets


def _trials(request: Request, tables: Tables, stretches: Stretches) -> Trials | None:
    simulator = tables.simulators.get("model")
    if simulator is None or not request.with_trials:
        return None
    flow = read_flow([tables.real], lambda ts_ns: stretches.scored)
    return run_trials(simulator.model, flow, seed=request.seed)


def _goodness(tables: Tables, stretches: Stretches) -> Goodness | None:
    if tables.section is None:
        return None
    model = tables.simulators["model"].model
    return held_out_goodness(model, tables.section, tables.real, stretches.scored)


def about(table: EventTable, path: Path) -> dict[str, Any]:
    """Where a table comes from, for a page."""
    metadata = table.metadata
    return {
        "file": path.name,
        "venue": metadata.venue,
        "symbol": metadata.symbol,
        "session": metadata.session,
        "source": metadata.source,
        "synthetic": metadata.source.startswith("generator:"),
    }


def for_people(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that fit on a screen."""
    gates = {
        f"{gate['name']} {gate['metric']}": _judged(gate)
        for gate in values["gates"]
        if gate["must"] is not None
    }
    facts = [row["verdict"] for row in values["facts"]]
    floor = values["columns"].get("floor", {})
    return {
        "windows": values["windows"],
        "mean_l1": values["mean_l1"],
        "mean_l1_interval": values["mean_l1_interval"],
        "mean_l1_floor": floor.get("mean_l1"),
        "mean_wasserstein": values["mean_wasserstein"],
        "s": values["s"],
        "worst": f"{values['worst_score']} {values['worst_l1']:.3f}",
        **gates,
        "facts": f"{facts.count('pass')} pass, {facts.count('fail')} fail, "
        f"{facts.count('not computable')} cannot be computed",
        "cautions": values["cautions"],
        "html": values["html"],
    }


def _judged(gate: Mapping[str, Any]) -> str:
    verdict = "target" if gate["target"] else "must" if gate["must"] else "MISSED"
    value = gate["reason"] if gate["value"] is None else f"{gate['value']:.3g}"
    return f"{value}: {verdict}"
