"""A page of every kind there is, with the same text wherever a user can name something."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np

from calibration.fidelity.as_json import result_as_json
from calibration.fidelity.compare import compare
from calibration.fidelity.market import Market
from reports import tear_sheet as sheets
from reports.calibration import calibration_page
from reports.data_quality import quality_page
from reports.depths import DepthPicture, certificate_page
from reports.evaluation import evaluation_page
from reports.evaluation_values import evaluation_values
from reports.fidelity import fidelity_page
from reports.market_making_page import market_making_page
from reports.page import Page, render
from reports.portfolio import portfolio_page
from reports.report_page import Report, RunFacts, report_page, result_of
from reports.statistics.daily import ALWAYS_OPEN
from reports.stress import stress_page, stress_rows
from reports.sweeps import sweep_rows, sweeps_page
from reports.training_page import training_page
from tests.calibration.fidelity.toy_flow import toy_rows, toy_windows
from tests.reports import test_calibration_page as calibrated
from tests.reports import test_market_making_page as making
from tests.reports import test_portfolio as portfolios
from tests.reports import test_stress_page as stresses
from tests.reports import test_sweeps_page as swept
from tests.reports import test_tear_sheet as sheet
from tests.reports import test_training_page as trainings
from tests.reports.test_page import quality_values

PLAIN = "plain"


@functools.cache
def fidelity_values() -> Mapping[str, Any]:
    markets = []
    for key in (1, 2, 3):
        rows = toy_rows(key, 5, 100, market_share=0.15, patience=5.0, gap_s=0.05)
        markets.append(Market(f"toy {key}", toy_windows(rows)))
    real, model, floor = markets
    found = compare(real, model, floor=floor, rng=np.random.default_rng(0))
    return {"stretches": "all", "scored_s": 3600.0, "seed": 0, **result_as_json(found)}


@functools.cache
def raw_sheet() -> str:
    return str(sheets._theirs(sheet.played(60), sheet.played(60, 2, 100.0), ALWAYS_OPEN))


def every_page(text: str = PLAIN, *, light: bool = False) -> dict[str, str]:
    """HTML by kind; light: without what takes long and has no name in it that others lack."""
    pages = {
        "evaluation": _evaluation(text),
        "market making": market_making_page(_played(text)),
        "stress": _stress(text),
        "sweeps": _sweeps(text),
        "training": training_page([trainings.training(text)], {text: text}),
        "portfolio": portfolio_page(
            portfolios.made((text, text + "2", text + "3")), text, {text: text}
        ),
        "report": _report(text),
        "certificate": certificate_page(
            text,
            text,
            [99.0],
            {text: text},
            [DepthPicture(text, [-1, 0, 1], [[1, 2, 3]], [1, 2, 3])],
        ),
        "data quality": quality_page(quality_values(text), name=text),
        "calibration": calibration_page(_calibration(text)),
    }
    found = {kind: render(page) for kind, page in pages.items()}
    raw = re.sub(r"<svg.*?</svg>", "", raw_sheet(), flags=re.DOTALL) if light else raw_sheet()
    with mock.patch.object(sheets, "_theirs", return_value=raw):
        found["tear sheet"] = sheet.sheet(text)
    if not light:
        found["fidelity"] = render(_fidelity(text))
    return found


def _played(text: str) -> Any:
    played = making.played((text, text + "2"))
    return replace(played, cautions=(text,), rules={text: text}, origin={text: text})


@functools.cache
def _evaluated() -> tuple[Any, dict[str, Any]]:
    played = making.played()
    return played, evaluation_values(played)


def _evaluation(text: str) -> Page:
    played, values = _played(text), dict(_evaluated()[1])
    names = dict(zip(_evaluated()[0].table.policies, played.table.policies, strict=True))
    values["policies"] = {names[k]: {**v, "rule": text} for k, v in values["policies"].items()}
    values["against_benchmark"] = {
        of: {names[k]: v for k, v in found.items()}
        for of, found in values["against_benchmark"].items()
    }
    values |= {"market": text, "benchmark": played.benchmark}
    return evaluation_page(played, values, {text: "tear-sheet-1.html"})


def _stress(text: str) -> Page:
    given = replace(
        stresses.stress(text, _scenario(text), text), cautions=(text,), left_out={text: text},
        rules={text: text}, origin={text: text},
    )  # fmt: skip
    return stress_page(given, stress_rows(given))


def _sweeps(text: str) -> Page:
    given = replace(swept.sweeps(text, text), cautions=(text,), left_out={text: text})
    return sweeps_page(given, [{**row, "policy": text} for row in _swept()])


@functools.cache
def _swept() -> list[dict[str, Any]]:
    return sweep_rows(swept.sweeps())


def _scenario(text: str) -> str:
    """A setting's name ends at its last colon."""
    return text.replace(":", ";")


def _report(text: str) -> Page:
    played = _played(text)
    _, values = _evaluated()
    names = dict(zip(_evaluated()[0].table.policies, played.table.policies, strict=True))
    policies = {names[key]: found for key, found in values["policies"].items()}
    given = {**values, "market": text, "policies": policies, "benchmark": played.benchmark}
    row = {"policy": text, "change": -1.0, "scenario": text, "severity": 1, "p_adjusted": 0.5,
           "max_drawdown": 1.0, "cap_reached_share": 0.0}  # fmt: skip
    about = {"market": text, "problem_sha256": "0" * 64, "policies": [text]}
    return report_page(
        Report(
            results=[result_of(text, played, given, ["glft"])],
            stresses={text: about | {"rows": [row]}},
            certificates={text: {"set_name": text, "agent": text, "optimum": 1.0}},
            pages={"Evaluation": {text: "evaluate-1/index.html"}},
            missing=[text],
            notes=[text],
            runs=[RunFacts(text, text, {text: text, "seeds": text, "command": text})],
        )
    )


def _calibration(text: str) -> dict[str, Any]:
    values = calibrated.values()
    instrument = {**values["instrument"], "venue": text, "symbol": text}
    return {**values, "instrument": instrument, "files": [text], "sources": [text]}


def _fidelity(text: str) -> Page:
    about = {"venue": text, "symbol": text, "session": text, "source": text, "file": text,
             "synthetic": False}  # fmt: skip
    return fidelity_page({**fidelity_values(), "real": about, "simulated": about})
