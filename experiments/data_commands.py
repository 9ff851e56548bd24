"""The commands that bring recordings in and say whether they are any good."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from experiments.command import EXIT_OK, Job, Json
from experiments.errors import InputError, Problem

Optional = str | None


def ingest(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help="Such as bybit.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="In order of time.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The canonical events (parquet).")],
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Leave out or mend what is wrong, and count it.")
    ] = False,
    symbol: Annotated[
        Optional, typer.Option(metavar="NAME", help="Of several in the files, this one.")
    ] = None,
    venue: Annotated[Optional, typer.Option(metavar="NAME", help="For the metadata.")] = None,
    tick_size: Annotated[
        Optional, typer.Option(metavar="X", help="Price of a tick (default: inferred).")
    ] = None,
    lot_size: Annotated[
        Optional, typer.Option(metavar="X", help="Size of a lot (default: inferred).")
    ] = None,
    date: Annotated[
        Optional, typer.Option(metavar="DAY", help="Of csv files that only have the time of day.")
    ] = None,
    zone: Annotated[
        Optional, typer.Option(metavar="NAME", help="Of the exchange's clock (lobster, lean).")
    ] = None,
    all_hours: Annotated[
        bool, typer.Option("--all-hours", help="Keep what is outside the session (lean).")
    ] = False,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML with the columns; for csv.")
    ] = None,
    json: Json = False,
) -> Job:
    """Turn a vendor's recordings into a canonical event table, and list what was found.

    FORMAT is one of lobster, bybit, binance, tardis, databento, polygon, lean, csv. Files may be
    plain, gz, zst, xz or zip. Stops at the first defect unless --lenient; overwrites nothing.

    Example: rlmm ingest bybit book.jsonl.gz trades.csv.gz --out day.parquet
    """

    def job() -> int:
        from experiments import console
        from experiments import ingest as ingestion

        request = ingestion.Request(
            format_name=format_name,
            files=tuple(files),
            out=out,
            lenient=lenient,
            symbol=symbol or "",
            venue=venue or "",
            tick_size=tick_size or "",
            lot_size=lot_size or "",
            date=date or "",
            zone=zone or "",
            all_hours=all_hours,
            mapping=mapping,
        )
        with console.progress_bar(f"ingest {format_name}") as progress:
            result = ingestion.run_ingest(request, progress=progress)
        if json:
            console.write_json(result)
        else:
            console.write_values("ingest", ingestion.for_people(result))
        return EXIT_OK

    return job


def inspect(
    table: Annotated[Path, typer.Argument(metavar="X.parquet", help="A canonical event table.")],
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page (X.parquet.html; none with --json)."),
    ] = None,
    json: Json = False,
) -> Job:
    """Say what a recording is like and what is odd about it; writes a page, or its own anew.

    Example: rlmm inspect day.parquet --html day.html
    """

    def job() -> int:
        from experiments import console
        from experiments import inspect as inspection

        page = html or (None if json else table.with_name(f"{table.name}.html"))
        with console.progress_bar("inspect") as progress:
            values = inspection.run_inspect(table, page, progress=progress)
        if json:
            console.write_json(values)
        else:
            console.write_values("inspect", inspection.for_people(values))
        return EXIT_OK

    return job


def calibrate(
    tables: Annotated[list[Path], typer.Argument(metavar="X.parquet...", help="Event tables.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The market (json).")],
    span: Annotated[
        Optional, typer.Option(metavar="A,B", help="Only this part: 0h,16h or UTC times.")
    ] = None,
    blocks: Annotated[
        Optional, typer.Option(metavar="WHICH", help="Only even:600s or odd:600s of it.")
    ] = None,
    regimes: Annotated[
        int | None, typer.Option(metavar="K", help="How many (default: chosen by BIC).")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of searches for a start.")] = 0,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page (default: beside the market).")
    ] = None,
    json: Json = False,
) -> Job:
    """Fit a market model to recordings of one instrument, and say what its numbers are worth.

    The market can be given wherever a command takes a market.json. Overwrites nothing; the same
    input gives the same bytes.

    Example: rlmm calibrate amzn.parquet --blocks even:600s --out market.json
    """

    def job() -> int:
        from experiments import calibrate as calibration
        from experiments import console

        request = calibration.Request(tuple(tables), out, span, blocks, regimes, seed, html)
        with console.progress_bar("calibrate") as progress:
            values, _ = calibration.run_calibrate(request, progress)
        if json:
            console.write_json(values)
        else:
            console.write_values("calibrate", calibration.for_people(values))
            for line in calibration.cautions_for_people(values):
                typer.echo(line)
        return EXIT_OK

    return job


def fidelity(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    real: Annotated[Path, typer.Argument(metavar="REAL.parquet", help="A recorded market.")],
    simulated: Annotated[
        Path | None, typer.Argument(metavar="[SIM]", help="A simulated table, or a market.json.")
    ] = None,
    span: Annotated[
        Optional, typer.Option(metavar="A,B", help="Real stretch that is scored, such as 16h,.")
    ] = None,
    blocks: Annotated[
        Optional, typer.Option(metavar="B", help="Real blocks that are scored, such as odd:600s.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A table or market.json that knows only rates."),
    ] = None,
    no_reference: Annotated[
        bool, typer.Option("--no-reference", help="Fit no market that knows only rates.")
    ] = False,
    no_trials: Annotated[
        bool, typer.Option("--no-trials", help="Let no agent into the market of a market.json.")
    ] = False,
    ladder: Annotated[
        bool, typer.Option("--ladder", help="Instead of SIM: fit and score six kinds of markets.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of simulations and the bootstrap.")] = 0,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page (SIM.fidelity.html).")
    ] = None,
    json: Json = False,
) -> Job:
    """Say how like a recorded market a simulated one is; writes a page, or its own anew.

    Scores, responses, markouts and stylized facts stand beside a noise floor (the real market
    against itself, on the stretches that are not scored) and a market that knows only rates, fitted
    to those stretches. Without --span and --blocks every second block is scored. Windows of a
    market.json go on from the recorded books; in its market large orders are sent, and strategies
    tried that must not pay.

    With --ladder: what each ingredient of a market model buys, from Poisson flows to the whole.

    Example: rlmm fidelity day.parquet market.json --blocks odd:600s
    """

    def job() -> int:
        from experiments import console
        from experiments import fidelity as comparison

        if ladder:
            others = {"SIM": simulated, "--reference": reference, "--no-reference": no_reference}
            others["--no-trials"] = no_trials
            return _run_ladder(real, span, blocks, html, seed, json, others)
        if simulated is None:
            raise InputError([Problem("SIM", "expected a table or a market.json, or --ladder")])
        page = html or (None if json else simulated.with_name(f"{simulated.name}.fidelity.html"))
        request = comparison.Request(
            real, simulated, span, blocks, reference, page, seed, not no_reference, not no_trials
        )
        with console.progress_bar("fidelity") as progress:
            values = comparison.run_fidelity(request, progress=progress)
        if json:
            console.write_json(values)
        else:
            console.write_values("fidelity", comparison.for_people(values))
        return EXIT_OK

    return job


def _run_ladder(
    real: Path,
    span: str | None,
    blocks: str | None,
    html: Path | None,
    seed: int,
    as_json: bool,
    others: Mapping[str, object],
) -> int:
    from experiments import console
    from experiments import ladder as ladders

    named = [name for name, value in others.items() if value]
    if named:
        raise InputError([Problem(named[0], "expected nothing beside --ladder")])
    page = html or (None if as_json else real.with_name(f"{real.name}.ladder.html"))
    with console.progress_bar("ladder") as progress:
        values = ladders.run_ladder(
            ladders.Request(real, span, blocks, page, seed), progress=progress
        )
    if as_json:
        console.write_json(values)
    else:
        console.write_values("ladder", ladders.for_people(values))
    return EXIT_OK


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(ingest)
    app.command()(inspect)
    app.command()(calibrate)
    app.command()(fidelity)
