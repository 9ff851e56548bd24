"""The command that joins runs into pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.command import EXIT_FAILED, EXIT_OK, Job, Json

Page = Path | None


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, of any kind.")
    ],
    out: Annotated[
        Page, typer.Option(metavar="DIR", help="The report's folder (default: runs/report-...).")
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also report.pdf, by Chromium (or RLMM_CHROMIUM).")
    ] = False,
    calibration: Annotated[
        Page, typer.Option(metavar="PAGE", help="The page of rlmm calibrate.")
    ] = None,
    fidelity: Annotated[
        Page, typer.Option(metavar="PAGE", help="The page of rlmm fidelity.")
    ] = None,
    json: Json = False,
) -> Job:
    """Join runs of train, evaluate, stress and certify into one folder of pages.

    index.html has the verdict, the agent against everybody, and links to all pages, which are
    copied: tear sheets, stress tests, certificates; market making, training curves and a portfolio
    are made of the runs' tables. What is absent is named. The same runs give the same bytes; an
    earlier report in its place is replaced, anything else is not.

    Example: rlmm report runs/train-1234 runs/evaluate-1234 runs/stress-1234 --out report
    """

    def job() -> int:
        from experiments import console
        from experiments.browser import BrowserError
        from experiments.report import Request, default_out, run_report, write_pdf
        from experiments.report_place import INDEX_NAME

        folder = out or default_out(runs)
        request = Request(tuple(runs), folder, calibration, fidelity)
        with console.progress_bar("report") as progress:
            values, whole = run_report(request, progress=progress)
        shown = {"verdict": values["verdict"], "notes": values["notes"]}
        shown |= {"missing": values["missing"], "page": str(folder / INDEX_NAME)}
        code = EXIT_OK
        if pdf:
            try:
                shown["pdf"] = str(write_pdf(whole, folder))
            except BrowserError as error:
                typer.echo(f"--pdf: {error}", err=True)
                code = EXIT_FAILED
        if json:
            console.write_json(shown)
        else:
            for note in (values["verdict"], *values["notes"], *values["missing"]):
                typer.echo(note)
            typer.echo(f"page: {shown['page']}")
        return code

    return job


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(report)
