"""The commands under `rlmm bench`. Like those of `experiments.cli`, each returns its job."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from experiments.command import (
    EXIT_FAILED,
    EXIT_OK,
    Job,
    Json,
    Options,
    help_if_alone,
    settings_of,
)

MARKETS = ("analytic", "book", "replay")

bench = typer.Typer(rich_markup_mode=None)


@bench.callback(invoke_without_command=True)
def _bench(context: typer.Context) -> None:
    """Measure speed on this machine."""
    help_if_alone(context)


@bench.command()
def simulator(  # noqa: PLR0913, PLR0917 -- one argument per option is how typer works
    market: Annotated[str, typer.Option(metavar="NAME", help="analytic, book or replay.")],
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which problem (default: P1, others: book-large-tick)."),
    ] = None,
    envs: Annotated[
        str | None,
        typer.Option(metavar="N", help="Environments per thread (default: 512, others: 16)."),
    ] = None,
    steps: Annotated[
        str | None, typer.Option(metavar="N", help="Steps per repeat (default: 2000, others: 10).")
    ] = None,
    threads: Annotated[
        str | None, typer.Option(metavar="N", help="1: no two-thread part (default: 0, with it).")
    ] = None,
    repeats: Annotated[
        str | None,
        typer.Option(metavar="N", help="Repeats; the median counts (default: 25, others: 100)."),
    ] = None,
    require: Annotated[
        str | None,
        typer.Option(metavar="N", help="analytic: exit with 1 below N steps per second and core."),
    ] = None,
    require_alone: Annotated[
        str | None,
        typer.Option(metavar="N", help="book: exit with 1 above N cycles per event, market alone."),
    ] = None,
    require_agent: Annotated[
        str | None,
        typer.Option(metavar="N", help="Not analytic: exit with 1 above N cycles per event."),
    ] = None,
    require_two_threads: Annotated[
        str | None,
        typer.Option(metavar="X", help="Exit with 1 below X times two processes (not replay)."),
    ] = None,
    recording: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="replay: an event table (default: --hours of a preset)."),
    ] = None,
    hours: Annotated[
        str | None, typer.Option(metavar="H", help="replay: how long a recording (default: 1).")
    ] = None,
    json: Json = False,
) -> Job:
    """Measure the simulator alone: the analytic market's steps, or the others' events.

    Of the analytic market: trajectory steps per second and core. Of the book market: events per
    second and core cycles per event, once without an agent and once with one that quotes both
    sides and observes everything. Of the replay market: the same with that agent, of a recording
    order by order and level by level, and how long it takes to load one and to start in it.

    One thread first. Then, where two processors are usable and unless --threads is 1, two threads
    of one process, alternating with two pinned processes; other values of --threads change nothing.

    Example: rlmm bench simulator --market analytic --envs 1024 --json
    """
    options = {"--market": ("market", market), "--preset": ("preset", preset)}
    options |= {"--envs": ("envs", envs), "--steps": ("steps", steps)}
    options |= {"--threads": ("threads", threads), "--repeats": ("repeats", repeats)}
    options |= {"--require": ("require", require)}
    options |= {"--require-alone": ("require_alone", require_alone)}
    options |= {"--require-agent": ("require_agent", require_agent)}
    options |= {"--require-two-threads": ("require_two_threads", require_two_threads)}
    options |= {"--recording": ("recording", recording), "--hours": ("hours", hours)}
    if market == "book":
        return lambda: _bench_book(options, json=json)
    if market == "replay":
        return lambda: _bench_replay(options, json=json)
    return lambda: _bench_simulator(options, json=json)


@bench.command()
def rollout(
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which problem (default: P1).")
    ] = None,
    envs: Annotated[
        str | None, typer.Option(metavar="N", help="Environments (default: 512).")
    ] = None,
    steps: Annotated[
        str | None, typer.Option(metavar="N", help="Steps per repeat (default: 200).")
    ] = None,
    repeats: Annotated[
        str | None, typer.Option(metavar="N", help="Repeats; the median counts (default: 9).")
    ] = None,
    require: Annotated[
        str | None,
        typer.Option(metavar="N", help="Exit with 1 below N steps per second, market excluded."),
    ] = None,
    json: Json = False,
) -> Job:
    """Measure rollouts with a 64x64 policy inside the engine, on one thread.

    Each repeat also plays the same actions again without the policy, so that the market's share of
    the time can be taken off.

    Example: rlmm bench rollout --envs 256 --json
    """
    options = {"--preset": ("preset", preset), "--envs": ("envs", envs)}
    options |= {"--steps": ("steps", steps), "--repeats": ("repeats", repeats)}
    options |= {"--require": ("require", require)}
    return lambda: _bench_rollout(options, json=json)


@bench.command()
def inference(
    calls: Annotated[
        str | None, typer.Option(metavar="N", help="Timed calls per network (default: 200000).")
    ] = None,
    require: Annotated[
        bool, typer.Option("--require", help="Exit with 1 above 1 us (64x64) or 8 us (256x256).")
    ] = False,
    json: Json = False,
) -> Job:
    """Measure one decision at a time, as live quotes need it: median and 99th percentile.

    From an observation to a sampled action with its log-probability, for networks of 64x64 and
    256x256, timed call by call inside the engine.

    Example: rlmm bench inference --json
    """
    options = {"--calls": ("calls", calls), "--require": ("require", "true" if require else None)}
    return lambda: _bench_inference(options, json=json)


@bench.command()
def learner(
    workload: Annotated[
        str | None, typer.Option(metavar="NAME", help="One of the workloads (default: all).")
    ] = None,
    repeats: Annotated[
        str | None, typer.Option(metavar="N", help="Repeats; the median counts (default: 7).")
    ] = None,
    require: Annotated[
        bool,
        typer.Option("--require", help="Exit with 1 below 40 % (ppo-64) or 60 % (sac-256)."),
    ] = False,
    json: Json = False,
) -> Job:
    """Measure the learners' updates: PPO, SAC and DQN, as a plain graph and compiled by XLA.

    The share of the products is the time that a call's matrix products take alone, over the time
    of the call.

    Example: rlmm bench learner --workload sac-256 --json
    """
    options = {"--workload": ("workload", workload), "--repeats": ("repeats", repeats)}
    options |= {"--require": ("require", "true" if require else None)}
    return lambda: _bench_learner(options, json=json)


def _bench_simulator(options: Options, *, json: bool) -> int:
    from experiments.benchmarks import simulator as benchmark
    from experiments.config import SimulatorBenchConfig, load_config

    choices = {"market": MARKETS, "preset": _presets("analytic")}
    config = load_config(
        None, [], SimulatorBenchConfig, options=settings_of(options), choices=choices
    )
    result = benchmark.run(config)
    return _report_bench("simulator", result, benchmark.shortfall(config, result), json=json)


def _bench_book(options: Options, *, json: bool) -> int:
    from experiments.benchmarks import book as benchmark
    from experiments.config import BookBenchConfig, load_config

    choices = {"preset": _presets("book")}
    config = load_config(None, [], BookBenchConfig, options=settings_of(options), choices=choices)
    result = benchmark.run(config)
    return _report_bench("simulator", result, benchmark.shortfall(config, result), json=json)


def _bench_replay(options: Options, *, json: bool) -> int:
    from experiments.benchmarks import replay as benchmark
    from experiments.config import ReplayBenchConfig, load_config

    choices = {"preset": _presets("book")}
    config = load_config(None, [], ReplayBenchConfig, options=settings_of(options), choices=choices)
    result = benchmark.run(config)
    return _report_bench("simulator", result, benchmark.shortfall(config, result), json=json)


def _presets(kind: str) -> tuple[str, ...]:
    """Names of the problems with such a market."""
    from rlmm_tf.presets import PRESETS

    return tuple(name for name, params in PRESETS.items() if params.market.kind == kind)


def _bench_rollout(options: Options, *, json: bool) -> int:
    from experiments.benchmarks import rollout as benchmark
    from experiments.config import RolloutBenchConfig, load_config
    from rlmm_tf.presets import PRESETS

    settings, choices = settings_of(options), {"preset": tuple(PRESETS)}
    config = load_config(None, [], RolloutBenchConfig, options=settings, choices=choices)
    result = benchmark.run(config)
    return _report_bench("rollout", result, benchmark.shortfall(config, result), json=json)


def _bench_inference(options: Options, *, json: bool) -> int:
    from experiments.benchmarks import inference as benchmark
    from experiments.config import InferenceBenchConfig, load_config

    config = load_config(None, [], InferenceBenchConfig, options=settings_of(options))
    result = benchmark.run(config)
    return _report_bench("inference", result, benchmark.shortfall(config, result), json=json)


def _bench_learner(options: Options, *, json: bool) -> int:
    from experiments.benchmarks import learner as benchmark
    from experiments.config import LearnerBenchConfig, load_config

    settings, choices = settings_of(options), {"workload": tuple(benchmark.WORKLOADS)}
    config = load_config(None, [], LearnerBenchConfig, options=settings, choices=choices)
    result = benchmark.run(config)
    return _report_bench("learner", result, benchmark.shortfall(config, result), json=json)


def _report_bench(name: str, result: dict[str, Any], missing: str | None, *, json: bool) -> int:
    from experiments import console

    if json:
        console.write_json(result)
    else:
        console.write_values(f"bench {name}", result)
    if missing is not None:
        typer.echo(missing, err=True)
        return EXIT_FAILED
    return EXIT_OK
