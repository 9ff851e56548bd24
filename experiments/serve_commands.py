"""The commands that serve: a paper exchange, and tokens for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.command import EXIT_FAILED, EXIT_OK, Job, help_if_alone

serve = typer.Typer(add_completion=False, rich_markup_mode=None)

Folder = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Journal and tokens (default: runs/exchange).")
]


@serve.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    """Run a paper exchange, and what trades on it."""
    help_if_alone(context)


@serve.command()
def exchange(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    market: Annotated[
        str | None, typer.Option(metavar="FILE", help="A market.json, or a preset's name.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recorded day (parquet) instead.")
    ] = None,
    speed: Annotated[
        float, typer.Option(metavar="X", help="Times the wall clock, from 1 to 1000.")
    ] = 1.0,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Others than loopback need TLS and tokens.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="0: any that is free.")] = 8700,
    folder: Folder = None,
    step_ms: Annotated[
        int, typer.Option(metavar="N", help="The market goes on every so many milliseconds.")
    ] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the simulated market.")] = 0,
    orders_per_s: Annotated[
        int, typer.Option(metavar="N", min=1, help="Submits and amends of an account.")
    ] = 2_000,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="PEM.")] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="By which it may be called; may be repeated."),
    ] = None,
) -> Job:
    """Serve a paper exchange over HTTP and WebSocket until Ctrl-C.

    Everything that is accepted is in the journal first: the same command goes on where the last
    one ended, however it ended. The first start makes a token of the account "maker", in a file
    of the folder.

    Example: rlmm serve exchange --market book-large-tick
    """

    def job() -> int:
        from experiments.serve import FOLDER, Request, serve_exchange
        from rlmm_tf.live.sessions import Limits

        limits = Limits(orders_per_s=orders_per_s, cancels_per_s=2 * orders_per_s)
        request = Request(
            market=market, replay=replay, speed=speed, host=host, port=port,
            folder=folder or FOLDER, step_ms=step_ms, seed=seed, tls_cert=tls_cert,
            tls_key=tls_key, names=tuple(name or ()), limits=limits,
        )  # fmt: skip
        done = serve_exchange(request, ready=lambda url: typer.echo(f"exchange at {url}"))
        return EXIT_OK if done else EXIT_FAILED

    return job


@serve.command()
def token(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Such as maker-2.")],
    scopes: Annotated[
        str, typer.Option(metavar="LIST", help="Of read, trade and admin.")
    ] = "read,trade",
    folder: Folder = None,
) -> Job:
    """Make a token of an account, in the file ACCOUNT.token of the exchange's folder.

    The exchange keeps its hash alone, and knows it without a new start. A token that the account
    had before goes on being valid; take it out of tokens.json to end it.

    Example: rlmm serve token watcher --scopes read
    """

    def job() -> int:
        from typing import get_args

        from pydantic import ValidationError

        from experiments.errors import InputError, Problem
        from experiments.serve import FOLDER, write_token
        from rlmm_tf.live.protocol import Halt, Scope

        wanted = tuple(scopes.split(","))
        known = get_args(Scope)
        problems = [
            Problem("--scopes", f"expected some of {', '.join(known)}, got {each!r}")
            for each in wanted
            if each not in known
        ]
        try:
            Halt(account=account)
        except ValidationError:
            message = f"expected small letters, digits, '-', '_' and '.', got {account!r}"
            problems.append(Problem("ACCOUNT", message))
        if problems:
            raise InputError(problems)
        path = write_token((folder or FOLDER) / "tokens.json", account, wanted)  # type: ignore[arg-type]
        typer.echo(f"token of {account} in {path}")
        return EXIT_OK

    return job
