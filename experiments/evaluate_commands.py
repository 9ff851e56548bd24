"""The commands that compare policies, and break them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from experiments.command import EXIT_OK, KEPT, Job, Json, Options, command_line, settings_of

if TYPE_CHECKING:
    from experiments.evaluation_config import PlayConfig

Asked = TypeVar("Asked", bound="PlayConfig")
Optional = str | None
Policies = Annotated[
    list[str] | None,
    typer.Argument(metavar="POLICY...", help="Runs of rlmm train, and baselines by name."),
]
Market = Annotated[Optional, typer.Option(metavar="M", help="A market.json, or a preset.")]
Episodes = Annotated[Optional, typer.Option(metavar="N", help="Of each policy (default: 200).")]
Seed = Annotated[Optional, typer.Option(metavar="N", help="Root seed (default: 0).")]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YAML with differences from the defaults.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one value; may be repeated."),
]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Run directory (default: runs/VERB-...).")
]
Resume = Annotated[
    Path | None, typer.Option(metavar="RUN", help="Go on with this run; it knows what it plays.")
]


def evaluate(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    policies: Policies = None,
    market: Market = None,
    replay: Annotated[
        Optional, typer.Option(metavar="FILE", help="A recorded day instead (parquet).")
    ] = None,
    episodes: Episodes = None,
    seed: Seed = None,
    config: Config = None,
    set_: Set = None,
    out: Out = None,
    resume: Resume = None,
    json: Json = False,
) -> Job:
    """Play policies side by side in the same episodes, and write what came of it.

    Baselines (random, fixed, skew, capped, symmetric, avellaneda_stoikov, glft, exact) are measured
    and tuned in the market first, with draws of their own. Writes episodes.parquet, steps.parquet,
    evaluation.json and index.html.

    Example: rlmm evaluate runs/train-1234 glft fixed --market market.json --episodes 1000
    """
    options = {
        "POLICY": ("policies", _names(policies)),
        "--market": ("market", market),
        "--replay": ("replay", replay),
        "--episodes": ("episodes", episodes),
        "--seed": ("seed", seed),
    }

    def job() -> int:
        from experiments import console
        from experiments.evaluate import run_evaluate
        from experiments.evaluation_config import EvaluateConfig

        chosen = _asked(EvaluateConfig, options, config, set_, resume)
        result = _played("evaluate", run_evaluate, chosen, out, resume)
        if json:
            console.write_json(result)
        else:
            console.write_values("evaluate", _for_people(result))
        return EXIT_OK

    return job


def stress(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    policies: Policies = None,
    market: Market = None,
    scenarios: Annotated[
        Optional, typer.Option(metavar="A,B", help="By name (default: all that fit the market).")
    ] = None,
    severities: Annotated[
        Optional, typer.Option(metavar="1,2,3", help="How badly (default: 1,2,3).")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(metavar="'A x B'", help="A heat map of two axes; may be repeated."),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Show the scenarios and the axes of sweeps, and exit.")
    ] = False,
    episodes: Episodes = None,
    seed: Seed = None,
    config: Config = None,
    set_: Set = None,
    out: Out = None,
    resume: Resume = None,
    json: Json = False,
) -> Job:
    """Play policies in named scenarios, each against itself in the same episodes without.

    Scenarios begin after a fifth of an episode, changes of fees at its start; a book market is
    needed. Your own go into a configuration, under `own`. Sweeps change two properties for whole
    episodes. Writes episodes.parquet, the table as stress.csv, stress.md and stress.json, and
    index.html; of sweeps sweeps.csv and sweeps.html.

    Example: rlmm stress runs/train-1234 glft --market market.json --scenarios flash_crash
    """
    options = {
        "POLICY": ("policies", _names(policies)),
        "--market": ("market", market),
        "--scenarios": ("scenarios", None if scenarios is None else f"[{scenarios}]"),
        "--sweep": ("sweeps", _names(sweep)),
        "--severities": ("severities", None if severities is None else f"[{severities}]"),
        "--episodes": ("episodes", episodes),
        "--seed": ("seed", seed),
    }

    def job() -> int:
        from experiments import console
        from experiments.evaluation_config import StressConfig
        from experiments.stress import run_stress, scenario_names
        from rlmm_tf.evaluation.scenarios import SCENARIOS
        from rlmm_tf.evaluation.sweeps import AXES

        if list_:
            about = {one.name: one.about for one in SCENARIOS.values()}
            about |= {f"axis {axis.name}": axis.about for axis in AXES.values()}
            if json:
                console.write_json(about)
            else:
                console.write_values("scenarios", about)
            return EXIT_OK
        chosen = _asked(StressConfig, options, config, set_, resume)
        scenario_names(chosen)
        result = _played("stress", run_stress, chosen, out, resume)
        if json:
            console.write_json(result)
        else:
            worst = {
                name: found.get("worst", "played the sweeps")
                for name, found in result["policies"].items()
            }
            console.write_values("stress", {**worst, "page": result["page"]})
        return EXIT_OK

    return job


def trace(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of rlmm evaluate.")],
    policy: Annotated[
        Optional, typer.Option(metavar="NAME", help="Who plays (default: the first).")
    ] = None,
    episode: Annotated[
        Optional, typer.Option(metavar="N", help="Which episode (default: 0).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to (default: RUN/trace-...).")
    ] = None,
    json: Json = False,
) -> Job:
    """Play one episode of an evaluation once more, and write down every event of it.

    Writes events.parquet (the book's events, own messages, fills and news with their times, and
    the lots ahead) and player.html, which plays the episode in a browser, offline.

    Example: rlmm trace runs/evaluate-1234 --policy glft --episode 3
    """

    def job() -> int:
        from experiments import console
        from experiments.trace import run_trace

        result = run_trace(run, policy=policy, episode=episode, out=out)
        if json:
            console.write_json(result)
        else:
            console.write_values("trace", result)
        return EXIT_OK

    return job


def _asked(
    kind: type[Asked],
    options: Options,
    config: Path | None,
    overrides: Sequence[str] | None,
    resume: Path | None,
) -> Asked:
    """The configuration that is asked for; that of the run to go on with, if there is one."""
    from experiments.config import load_config
    from experiments.run import CONFIG_NAME

    path = config if resume is None or config is not None else resume / CONFIG_NAME
    return load_config(path, overrides or [], kind, options=settings_of(options))


def _played(
    verb: str,
    play: Callable[..., dict[str, Any]],
    chosen: PlayConfig,
    out: Path | None,
    resume: Path | None,
) -> dict[str, Any]:
    """What `play` finds, in a run directory of its own."""
    from experiments import console
    from experiments.evaluate import PAGE_NAME
    from experiments.kept import BASELINES_NAME, PARTS, TABLE_NAME
    from experiments.run import RunDirectory, default_path

    run = RunDirectory.create(
        resume or out or default_path(verb, chosen.market or "run", chosen),
        chosen,
        resume=resume is not None,
        argv=command_line(),
        seeds={"seed": chosen.seed},
    )
    try:
        with run, console.progress_bar(verb) as progress:
            result = play(chosen, run, progress=progress)
    except (KeyboardInterrupt, Exception) as error:
        if any((run.path / name).exists() for name in (BASELINES_NAME, PARTS, TABLE_NAME)):
            error.add_note(f"{KEPT}: rlmm {verb} --resume")
        raise
    return {**result, "page": str(run.path / PAGE_NAME)}


def _names(names: Sequence[str] | None) -> str | None:
    """As the text of a configuration; nothing, so that its own list holds where none is given."""
    return dumps(names) if names else None


def _for_people(result: Mapping[str, Any]) -> dict[str, Any]:
    """What fits a terminal: the page has the rest."""
    shown: dict[str, Any] = {
        name: {
            "mean_pnl": found["metrics"]["mean PnL"],
            "mean_reward": found["metrics"]["mean reward"],
        }
        for name, found in result["policies"].items()
    }
    return {**shown, "against": result["benchmark"], "page": result["page"]}


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(evaluate)
    app.command()(stress)
    app.command()(trace)
