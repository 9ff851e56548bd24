"""The `rlmm` program.

The functions below only describe the command line; each returns the job that `main` then runs. So
nothing but typer is imported to show help or to refuse a misspelt option, and there is one place
that turns what went wrong into a line on stderr and an exit code:

    0  done        1  failed        2  bad input        130  Ctrl-C        143  SIGTERM
"""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.bench_commands import bench
from experiments.command import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_TERMINATED,
    KEPT,
    TYPED,
    Job,
    Json,
    Options,
    command_line,
    help_if_alone,
    settings_of,
)
from experiments.data_commands import register as register_data_commands
from experiments.errors import InputError, closest, shown, shown_place
from experiments.evaluate_commands import register as register_evaluate_commands
from experiments.quote_commands import compare as compare_command
from experiments.quote_commands import policy as policy_command
from experiments.report_commands import register as register_report_commands
from experiments.serve_commands import serve
from experiments.train_commands import register as register_train_commands

# Without rich's markup, help takes 0.12 s instead of 0.28 s.
app = typer.Typer(add_completion=False, rich_markup_mode=None)
app.add_typer(bench, name="bench", help="Measure speed on this machine.")
serve.command("policy")(policy_command)
app.add_typer(serve, name="serve", help="Run a paper exchange, and what trades on it.")


class Terminated(KeyboardInterrupt):
    """SIGTERM: like Ctrl-C, the run is closed properly."""


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")
    ] = False,
) -> None:
    """Market making with reinforcement learning: calibrate, train, prove, stress, report."""
    del debug  # taken out by `main`
    if version:
        from rlmm_tf import __version__

        typer.echo(f"rlmm {__version__}")
        raise typer.Exit(EXIT_OK)
    help_if_alone(context)


@app.command()
def doctor(json: Json = False) -> Job:
    """Check versions, CPU, memory, the compiled engine, TensorFlow and the results folder.

    Exits with 1 when something that is needed is missing; each finding comes with a remedy.

    Example: rlmm doctor --json
    """

    def job() -> int:
        from experiments import console
        from experiments import doctor as checks

        with console.progress_bar("looking around"):
            found = checks.run_doctor()
        if json:
            console.write_json(checks.report_json(found))
        else:
            checks.write_report(found)
        return EXIT_OK if checks.is_healthy(found) else EXIT_FAILED

    return job


@app.command()
def certify(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    set_name: Annotated[str, typer.Argument(metavar="SET", help="The problem, such as P1.")],
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose policy (default: exact).")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="N", help="Independent repetitions (default: 5).")
    ] = None,
    episodes: Annotated[
        str | None,
        typer.Option(metavar="N", help="Per seed (default: as many as the interval needs)."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML with differences from the defaults.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override one value; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run directory (default: runs/certify-SET-HASH)."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in DIR.")] = False,
    json: Json = False,
) -> Job:
    """Compare an agent with the exact optimum of a problem, and the engine with both.

    Computes the agent's exact value and simulates its policy. Exits with 1 when the engine does not
    agree with the exact value of this agent. Writes the policy to policy_table.csv. A learning
    agent (ppo, sac, dqn) is first trained, once for each seed.

    Example: rlmm certify P1 --agent exact --seeds 5 --set confidence=0.999
    """
    options = {"SET": ("set_name", set_name), "--agent": ("agent", agent)}
    options |= {"--seeds": ("seeds", seeds), "--episodes": ("episodes", episodes)}

    def job() -> int:
        return _certify(options, config, set_ or [], out=out, resume=resume, json=json)

    return job


def _certify(
    options: Options,
    path: Path | None,
    overrides: Sequence[str],
    *,
    out: Path | None,
    resume: bool,
    json: bool,
) -> int:
    from experiments import console
    from experiments.certify import AGENTS, run_certify
    from experiments.config import CertifyConfig, load_config
    from experiments.run import RunDirectory, default_path
    from rlmm_tf.presets import PRESETS

    config = load_config(
        path,
        overrides,
        CertifyConfig,
        options=settings_of(options),
        choices={"set_name": tuple(PRESETS), "agent": tuple(AGENTS)},
    )
    run = RunDirectory.create(
        out or default_path("certify", config.set_name, config),
        config,
        resume=resume,
        argv=command_line(),
        seeds={"root_seed": config.root_seed, "n_seeds": config.seeds},
    )
    with run, console.progress_bar(f"certify {config.set_name}") as progress:
        result = run_certify(config, run, progress=progress)
    if json:
        console.write_json({**result.model_dump(mode="json"), "run": str(run.path)})
    else:
        console.write_values(f"certify {config.set_name}", result.model_dump(exclude={"seeds"}))
        verdict = "engine agrees" if result.exit_ok else "engine does NOT agree"
        typer.echo(f"{verdict}; details in {run.path}")
    return EXIT_OK if result.exit_ok else EXIT_FAILED


@app.command()
def simulate(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    market: Annotated[
        str, typer.Argument(metavar="MARKET", help="A market.json, or a book market's preset.")
    ],
    hours: Annotated[str, typer.Option(metavar="H", help="Of simulated time.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The canonical events (parquet).")],
    lobster: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also in LOBSTER's files, into DIR.")
    ] = None,
    bybit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also as Bybit's messages; x.jsonl or x.jsonl.gz."),
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="N", help="Root seed (default: 0).")] = None,
    levels: Annotated[
        str | None, typer.Option(metavar="L", help="Of LOBSTER's and Bybit's book (default: 10).")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Start of the session, UTC (default: midnight, 1970)."),
    ] = None,
    symbol: Annotated[
        str, typer.Option(metavar="NAME", help="In the table; vendors' files say it is synthetic.")
    ] = "SIM",
    tick_size: Annotated[str, typer.Option(metavar="X", help="Price of a tick.")] = "0.01",
    lot_size: Annotated[str, typer.Option(metavar="X", help="Size of a lot.")] = "1",
    json: Json = False,
) -> Job:
    """Simulate a book market without an agent and write down what happens, event by event.

    Bybit's trades go beside its messages: x.trades.csv for x.jsonl. Nothing is overwritten; the
    same seed gives the same bytes.

    Example: rlmm simulate book-small-tick --hours 6.5 --out sim.parquet --lobster sim
    """
    options = {
        "--hours": ("hours", hours),
        "--seed": ("seed", seed),
        "--levels": ("levels", levels),
    }

    def job() -> int:
        from experiments import console
        from experiments import simulate as simulation
        from experiments.config import load_config

        request = simulation.Request(
            market, out, lobster, bybit, start, symbol, tick_size, lot_size
        )
        config = load_config(None, [], simulation.SimulateConfig, options=settings_of(options))
        plan = simulation.plan(request, config)
        with console.progress_bar(f"simulate {shown(market)}") as progress:
            result = {"market": market, **simulation.simulate(plan, progress=progress)}
        if json:
            console.write_json(result)
        else:
            console.write_values("simulate", simulation.for_people(result))
        return EXIT_OK

    return job


register_data_commands(app)
register_train_commands(app)
register_evaluate_commands(app)
register_report_commands(app)
app.command("compare")(compare_command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    TYPED[:] = sys.argv[1:] if argv is None else argv
    arguments = [argument for argument in TYPED if argument != "--debug"]
    debug = arguments != TYPED
    try:
        with _terminable():
            job = app(arguments, prog_name="rlmm", standalone_mode=False)
            code = int(job()) if callable(job) else int(job or EXIT_OK)
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # `rlmm ... | head`: nobody is left to read a message
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (KeyboardInterrupt, Exception) as error:
        if debug:
            traceback.print_exc()
        code, lines = _explained(error)
        for line in lines:
            typer.echo(line, err=True)
        return code


@contextmanager
def _terminable() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        del number, frame
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: whoever called `main` there handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _explained(error: BaseException) -> tuple[int, list[str]]:
    """Exit code and lines for stderr."""
    if isinstance(error, InputError):
        return EXIT_BAD_INPUT, [str(problem) for problem in error.problems]
    if isinstance(error, KeyboardInterrupt):
        code = EXIT_TERMINATED if isinstance(error, Terminated) else EXIT_INTERRUPTED
        return code, [_interrupted(error)]
    if hasattr(error, "format_message"):  # typer's usage errors have no public class
        return EXIT_BAD_INPUT, [_usage_line(error)]
    what = shown(" ".join(str(error).split())) or "no message"
    notes = "".join(f"; {shown(note)}" for note in getattr(error, "__notes__", []))
    return EXIT_FAILED, [
        f"rlmm failed: {type(error).__name__}: {what}{notes}; run again with --debug for details"
    ]


def _interrupted(error: BaseException) -> str:
    notes = getattr(error, "__notes__", [])
    folders = [n.partition(": ")[2] for n in notes if n.startswith("run dir")]
    if not folders:
        return "Interrupted."
    for note in notes:
        if note.startswith(KEPT):
            return f"Interrupted; {note} {shown_place(folders[0])}"
    return f"Interrupted; run the same command with --resume to continue {shown_place(folders[0])}."


# typer's words for a command line that does not parse, and ours (expected, got).
_USAGE = (
    (r"No such command '(.*?)'.*", "expected a command, got {0!r}"),
    (r"Missing (?:argument|option|parameter) '?([^']*?)'?\.?", "expected {0}, got none"),
    (r"Got unexpected extra argument\S* \((.*)\)", "expected no further argument, got {0}"),
    (r"Option '(.*)' requires an argument.*", "expected a value after {0}, got none"),
    (r"Option '(.*)' does not take a value.*", "expected {0} without a value, got one"),
    (r"No such option:? (\S+).*", "expected a known option, got {0}"),
)


def _usage_line(error: Any) -> str:
    """One line for a command line that does not parse: where, expected, got, what to do."""
    message = shown(error.format_message())
    context = getattr(error, "ctx", None)
    command = getattr(context, "command", None)
    path = context.command_path if context is not None else "rlmm"
    known = [*getattr(command, "commands", ())]
    word = ""
    for pattern, text in _USAGE:
        match = re.fullmatch(pattern, message)
        if match is not None:
            word, message = match[1], text.format(match[1])
            break
    if word.startswith("-"):
        known = ["--help", *(name for p in getattr(command, "params", ()) for name in p.opts)]
    best = closest(word, known) if word not in known else None
    return f"{path}: {message}; " + (f"did you mean {best}?" if best else f"see `{path} --help`")


if __name__ == "__main__":
    sys.exit(main())
