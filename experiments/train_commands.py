"""The commands that train agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.command import EXIT_OK, Job, Json, command_line, settings_of


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.yaml", help="What to train, and in which market.")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override one value; may be repeated."),
    ] = None,
    seed: Annotated[str | None, typer.Option(metavar="N", help="Root seed (default: 0).")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Run directory (default: runs/train-...).")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in DIR.")] = False,
    json: Json = False,
) -> Job:
    """Train an agent, and keep the policy that does best in episodes of its own.

    Writes metrics.jsonl, policy.safetensors and checkpoint.safetensors. A run that was interrupted
    goes on from its last checkpoint with --resume, and ends with the same bytes.

    Example: rlmm train experiments/configs/train-p1.yaml --seed 3 --set agent.steps=1e7
    """

    def job() -> int:
        from experiments import console
        from experiments.config import load_config
        from experiments.run import RunDirectory, default_path
        from experiments.train import market_of, run_train
        from experiments.train_config import TrainConfig
        from rlmm_tf.presets import PRESETS

        options = settings_of({"--seed": ("seed", seed)})
        chosen = load_config(
            config,
            set_ or [],
            TrainConfig,
            options=options,
            choices={"problem": (*PRESETS, "a market.json")},
            or_files={"problem"},
        )
        market_of(chosen)
        run = RunDirectory.create(
            out or default_path("train", chosen.problem, chosen),
            chosen,
            resume=resume,
            argv=command_line(),
            seeds={"seed": chosen.seed},
        )
        with run, console.progress_bar(f"train {chosen.problem}") as progress:
            result = run_train(chosen, run, progress=progress)
        result["run"] = str(run.path)
        if json:
            console.write_json(result)
        else:
            console.write_values(f"train {chosen.problem}", result)
        return EXIT_OK

    return job


def export(
    policy: Annotated[
        Path,
        typer.Argument(metavar="POLICY", help="A policy.safetensors, or the run that has one."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder that is not there yet.")],
    json: Json = False,
) -> Job:
    """Write a trained policy as a TensorFlow SavedModel, which must act as the engine's policy.

    The flat weights, with observations and the actions for them, are policy.safetensors itself.

    Example: rlmm export runs/train-P1-1234 --out model
    """

    def job() -> int:
        from experiments import console
        from experiments.train import run_export

        result = run_export(policy, out)
        if json:
            console.write_json(result)
        else:
            console.write_values("export", result)
        return EXIT_OK

    return job


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(train)
    app.command()(export)
