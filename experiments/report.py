"""Any runs joined into one folder of pages: `rlmm report`."""

from __future__ import annotations

import hashlib
import html
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.errors import InputError, Problem, shown_place
from experiments.report_place import (
    INDEX_NAME,
    LIST_NAME,
    PDF_NAME,
    place_for,
    replace_folder,
)
from experiments.report_results import certificate_in, evaluation_in, stress_in
from experiments.report_runs import FoundRun, find_runs, notes_on, trainings_in
from experiments.run import RUNS
from reports import fidelity, ladder, portfolio
from reports.evaluation_values import Evaluation, daily
from reports.market_making_page import market_making_page
from reports.page import Page, Section, is_page, render
from reports.page.safety import unsafe
from reports.report_page import (
    Report,
    Result,
    RunFacts,
    report_page,
    result_of,
    verdict,
)
from reports.training_page import training_page
from rlmm_tf.evaluation.baselines import BASELINES

if TYPE_CHECKING:
    from experiments.console import Progress
    from reports.statistics.daily import DailyPnl

PAGE_BYTES_MOST = 3_000_000
PARTS = (  # that have pages, in the order of the index
    "Evaluation", "Market making", "Stress tests", "Portfolio", "Training", "Certificates",
    "Calibration", "Fidelity",
)  # fmt: skip
SCHEMA, SCHEMA_VERSION = "rlmm report", 1


@dataclass(frozen=True)
class Request:
    """What `rlmm report` was asked."""

    runs: tuple[Path, ...]
    out: Path
    calibration: Path | None = None
    fidelity: Path | None = None


@dataclass
class Binder:
    """Pages as they come together: by the name of the file, and by the part that links to them."""

    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, dict[str, str]] = field(default_factory=dict)
    own: list[Page] = field(default_factory=list)  # made here, in the order of the index
    notes: list[str] = field(default_factory=list)

    def add(self, part: str, label: str, name: str, text: str) -> None:
        """A page, with a link to it."""
        links = self.links.setdefault(part, {})
        known, count = label, 1
        while known in links:
            count += 1
            known = f"{label} ({count})"
        links[known] = name
        self.files[name] = text

    def make(self, part: str, label: str, name: str, page: Page) -> None:
        """A page of the report's own."""
        self.own.append(page)
        self.add(part, label, name, render(page))


def default_out(runs: Sequence[Path]) -> Path:
    """`runs/report-<first 8 digits of a hash of the runs' folders>`."""
    names = "\0".join(str(path) for path in runs)
    return RUNS / f"report-{hashlib.sha256(names.encode()).hexdigest()[:8]}"


def run_report(request: Request, *, progress: Progress) -> tuple[dict[str, Any], Page]:
    """Writes the folder; returns what it says in short, and all of its own pages as one.

    Raises:
        InputError: a run, a page or the place cannot be used; nothing was written.
    """
    out = place_for(request.out)
    runs = find_runs(request.runs)
    binder = Binder()
    for run in runs:
        binder.notes += notes_on(run)
    used = [run for run in runs if run.has_result]
    _bind_given(request, binder)
    if not used and not binder.files:
        raise InputError([Problem("RUN", note) for note in binder.notes])
    report = _joined(runs, used, binder, progress)
    index = report_page(report)
    binder.files[INDEX_NAME] = render(index)
    values = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "verdict": verdict(report),
        "runs": {run.name: run.kind for run in runs},
        "notes": list(report.notes),
        "missing": list(report.missing),
        "files": sorted([*binder.files, LIST_NAME]),
    }
    binder.files[LIST_NAME] = json.dumps(values, indent=1) + "\n"
    replace_folder(out, binder.files)
    return values, _as_one(index, binder.own)


def _joined(
    runs: Sequence[FoundRun], used: Sequence[FoundRun], binder: Binder, progress: Progress
) -> Report:
    of_kind = {
        kind: [run for run in used if run.kind == kind]
        for kind in ("evaluate", "stress", "train", "certify")
    }
    results: list[Result] = []
    strategies: dict[str, DailyPnl] = {}
    for i, run in enumerate(of_kind["evaluate"]):
        progress(i, len(used) + 1, "evaluations")
        evaluation, values = evaluation_in(run)
        try:
            results.append(result_of(run.name, evaluation, values, list(BASELINES)))
        except (KeyError, ValueError) as error:
            raise run.problem(f"expected whole episodes, got: {error}; evaluate again") from None
        _bind_pages(run, f"evaluate-{i + 1}", "Evaluation", binder)
        binder.make(
            "Market making",
            f"{run.name}: quotes, fills and inventories",
            f"market-making-{i + 1}.html",
            market_making_page(evaluation),
        )
        of_run = _strategies(run.name, evaluation, len(of_kind["evaluate"]) > 1)
        if not of_run:
            binder.notes.append(f"{run.name} has no whole days and no part in the portfolio.")
        strategies |= of_run
    stresses, certificates = {}, {}
    for i, run in enumerate(of_kind["stress"]):
        found = stress_in(run)
        if found["rows"]:
            stresses[run.name] = found
        _bind_pages(run, f"stress-{i + 1}", "Stress tests", binder)
    for i, run in enumerate(of_kind["certify"]):
        certificates[run.name] = certificate_in(run)
        _bind_pages(run, f"certify-{i + 1}", "Certificates", binder)
    progress(len(used), len(used) + 1, "trainings and portfolio")
    trainings = trainings_in([*of_kind["train"], *of_kind["certify"]])
    if trainings:
        commands = {f"command of {run.name}": run.facts["command"] for run in of_kind["train"]}
        page = training_page(trainings, commands)
        binder.make("Training", "reward and PnL while training", "training.html", page)
    missing = _missing(of_kind, binder)
    missing += _bind_portfolio(strategies, results, binder)
    values_of = {result.name: result.values for result in results}
    binder.notes += mixed(values_of, stresses)
    return Report(
        results=results,
        stresses=stresses,
        certificates=certificates,
        pages={part: binder.links[part] for part in PARTS if part in binder.links},
        missing=missing,
        notes=binder.notes,
        runs=[RunFacts(run.name, run.kind, run.facts) for run in runs],
    )


def _strategies(name: str, evaluation: Evaluation, several: bool) -> dict[str, DailyPnl]:
    """Policies with days; with the run's name where there are several runs."""
    found = {}
    for policy in evaluation.table.policies:
        days = daily(evaluation, policy)
        if days is not None:
            found[f"{policy} in {name}" if several else policy] = days
    return found


def _bind_portfolio(
    strategies: Mapping[str, DailyPnl], results: Sequence[Result], binder: Binder
) -> list[str]:
    """The portfolio's page, or why there is none."""
    if not results:
        return ["There is no portfolio page: it is about the policies of evaluations."]
    if not portfolio.is_there():
        return [portfolio.NO_PACKAGE]
    try:
        found = portfolio.combined(strategies)
    except portfolio.CannotCombineError as error:
        return [str(error)]
    markets = ", ".join(dict.fromkeys(str(one.values["market"]) for one in results))
    origin = {f"evaluation {i + 1}": one.name for i, one in enumerate(results)}
    page = portfolio.portfolio_page(found, markets, origin)
    binder.make("Portfolio", "policies as a portfolio", "portfolio.html", page)
    return []


def mixed(
    evaluations: Mapping[str, Mapping[str, Any]], stresses: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """What differs between runs that a reader may take for the same."""
    notes = []
    for key, what in (
        ("market", "markets"), ("problem_sha256", "problems (parameters of the market)"),
        ("seed", "seeds"), ("capital", "capitals"), ("calendar", "calendars"),
    ):  # fmt: skip
        if len({json.dumps(values.get(key)) for values in evaluations.values()}) > 1:
            notes.append(
                f"The evaluations are of different {what}: their numbers stand side by side and "
                "are not compared."
            )
    known = {values.get("problem_sha256") for values in evaluations.values()}
    notes += [
        f"{name} is of another market, or other parameters of it, than the evaluations."
        for name, values in stresses.items()
        if known and values["problem_sha256"] not in known
    ]
    return notes


def _missing(of_kind: Mapping[str, Sequence[FoundRun]], binder: Binder) -> list[str]:
    """A sentence for each part that is not there."""
    sentences = []
    if not of_kind["evaluate"]:
        sentences.append(
            "There is no market-making page: it is made of the steps that an evaluation keeps."
        )
    if not of_kind["stress"]:
        sentences.append("There is no stress page: none of the runs is of `rlmm stress`.")
    if "Training" not in binder.links:
        sentences.append("There are no training curves: none of the runs is of `rlmm train`.")
    if "Calibration" not in binder.links:
        sentences.append("There is no calibration page: give the one of a market.json with "
                         "--calibration PAGE.")  # fmt: skip
    if "Fidelity" not in binder.links:
        sentences.append("There is no fidelity page: give the one of `rlmm fidelity` with "
                         "--fidelity PAGE.")  # fmt: skip
    if not of_kind["certify"]:
        sentences.append("There are no certificates: none of the runs is of `rlmm certify`.")
    elif "Certificates" not in binder.links:
        sentences.append("There is no certificate's page: only learning agents have one.")
    return sentences


def _bind_pages(run: FoundRun, folder: str, part: str, binder: Binder) -> None:
    """The run's own pages, copied as they are."""
    pages = sorted(run.path.glob("*.html"), key=lambda path: (len(path.name), path.name))
    for path in pages:
        text, reason = _read(path)
        if reason:
            binder.notes.append(f"{path.name} of {run.name} is left out: {reason}.")
            continue
        label = f"{run.name}: {_title(text)}"
        binder.add(part, label, f"{folder}/{_plain(path.name)}", text)


def _bind_given(request: Request, binder: Binder) -> None:
    """The pages that were named."""
    problems = []
    for option, verb, path, part, titles in (
        ("--calibration", "calibrate", request.calibration, "Calibration", ("Calibration: ",)),
        ("--fidelity", "fidelity", request.fidelity, "Fidelity", (fidelity.TITLE, ladder.TITLE)),
    ):
        if path is None:
            continue
        if not any(is_page(path, title) for title in titles):
            problems.append(
                Problem(
                    option,
                    f"expected a page of `rlmm {verb}`, got {shown_place(path)}; it is "
                    "written beside the market.json",
                )
            )
            continue
        text, reason = _read(path)
        if reason:
            problems.append(
                Problem(option, f"{shown_place(path)}: expected a page of ours: {reason}")
            )
            continue
        binder.add(part, _title(text), f"{part.lower()}.html", text)
    if problems:
        raise InputError(problems)


def _read(path: Path) -> tuple[str, str]:
    """A page's text, or why it is not passed on."""
    try:
        if path.stat().st_size > PAGE_BYTES_MOST:
            return "", f"it is larger than {PAGE_BYTES_MOST:,} bytes"
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return "", "it cannot be read"
    reason = unsafe(text)
    return (text, f"it has {reason}, which no page of ours has") if reason else (text, "")


def _title(text: str) -> str:
    found = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    return html.unescape(found[1]) if found else "page"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("-.") or "page.html"


def _as_one(index: Page, others: Sequence[Page]) -> Page:
    """For print: the index, then the report's other pages."""
    sections = list(index.sections)
    for page in others:
        sections.append(Section(page.title, [page.lead]))
        sections += page.sections
    return replace(index, sections=sections)


def write_pdf(page: Page, out: Path) -> Path:
    """The page as a PDF in the report's folder, by headless Chromium.

    Raises:
        BrowserError: there is none, or it does not print.
    """
    from experiments.browser import Look, browser

    with browser() as running, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        path.write_text(render(page), "utf-8")
        running.visit(path.as_uri(), Look())
        pdf = running.pdf()
    target = out / PDF_NAME
    target.write_bytes(pdf)
    return target
