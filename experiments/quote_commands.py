"""The commands that quote on an exchange: one policy with its page, or several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.command import EXIT_OK, Job, Json

Exchange = Annotated[str, typer.Option(metavar="URL", help="Of the exchange.")]
Market = Annotated[
    str | None, typer.Option(metavar="M", help="Where baselines are tuned: market.json, preset.")
]
Replay = Annotated[
    str | None, typer.Option(metavar="FILE", help="The same, a recorded day (parquet).")
]
Limit = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=N", help="A limit of the risk gate; may be repeated."),
]


def policy(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    name: Annotated[str, typer.Argument(metavar="RUN|BASELINE", help="Who quotes.")],
    exchange: Exchange = "http://127.0.0.1:8700",
    token: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of the account (default: the exchange's first)."),
    ] = None,
    market: Market = None,
    replay: Replay = None,
    limit: Limit = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Kill file, control token (runs/policy).")
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", help="Of the page, on this machine.")] = 8701,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", min=1.0, help="End by itself after so long.")
    ] = None,
    json: Json = False,
) -> Job:
    """Quote on an exchange by a trained policy or a tuned baseline, behind the risk gate.

    The page on 127.0.0.1 shows book, quotes, position, gain and risk, and has the kill button.
    SIGUSR1, or a file HALT in the folder, kills too: everything is cancelled, and nothing is
    quoted until somebody clears it. Ctrl-C cancels everything and ends.

    Example: rlmm serve policy glft --market book-large-tick
    """

    def job() -> int:
        from experiments import console
        from experiments.quote import EXCHANGE_FOLDER, FOLDER, place_of, quoters, serve_policy

        place = place_of(exchange, token or EXCHANGE_FOLDER / "maker.token")
        (quoter,) = quoters([name], market, replay)
        state = serve_policy(
            quoter, place, folder=folder or FOLDER, port=port, limits=limit or [],
            seconds=seconds, ready=lambda url: typer.echo(f"page at {url}", err=True),
        )  # fmt: skip
        if json:
            console.write_json(state)
        return EXIT_OK

    return job


def compare(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    names: Annotated[list[str], typer.Argument(metavar="RUN|BASELINE...", help="Who quotes.")],
    exchange: Exchange = "http://127.0.0.1:8700",
    tokens: Annotated[
        list[Path] | None,
        typer.Option("--token", metavar="FILE", help="Of an account, one for each policy."),
    ] = None,
    market: Market = None,
    replay: Replay = None,
    limit: Limit = None,
    seconds: Annotated[float, typer.Option(metavar="S", min=1.0)] = 60.0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Results (default: runs/compare).")
    ] = None,
    json: Json = False,
) -> Job:
    """Let policies quote at one time on one exchange, each on an account of its own.

    Without --token, accounts are called after the policies, and their tokens are looked for in
    runs/exchange. Writes compare.json and index.html.

    Example: rlmm compare glft skew --market book-large-tick --seconds 120
    """

    def job() -> int:
        from experiments import console
        from experiments.errors import InputError, Problem
        from experiments.quote import EXCHANGE_FOLDER, place_of, quoters
        from experiments.quote import compare as run_compare
        from reports.comparison import comparison_page
        from reports.page import write_page

        files = tokens or [EXCHANGE_FOLDER / f"{Path(name).name}.token" for name in names]
        if len(files) != len(names):
            message = f"expected {len(names)}, one for each policy, got {len(files)}"
            raise InputError([Problem("--token", message)])
        places = [place_of(exchange, path) for path in files]
        folder = out or Path("runs/compare")
        chosen = quoters(names, market, replay)
        result = run_compare(chosen, places, seconds=seconds, folder=folder, limits=limit or [])
        write_page(comparison_page(result), folder / "index.html")
        if json:
            console.write_json(result["policies"])
        else:
            for name, row in result["policies"].items():
                typer.echo(f"{name}: gain {row['pnl']}, {row['fills']} fills")
            typer.echo(f"page: {folder / 'index.html'}")
        return EXIT_OK

    return job
