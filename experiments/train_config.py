"""What `rlmm train` is asked."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from experiments.config import Config
from rlmm_tf.training.config import PpoTrainingConfig, TrainingConfig


class TrainConfig(Config):
    """`rlmm train`: an agent in a market."""

    execution_only: ClassVar[frozenset[str]] = frozenset({"threads", "mlflow"})

    problem: Annotated[str, Field(min_length=1)] = Field(
        description="a preset's name, or a market.json of rlmm calibrate"
    )
    overrides: dict[str, Any] = Field(
        default={}, description="values of the problem's parameters that replace the preset's"
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    threads: Annotated[int, Field(ge=0, le=4096)] = Field(default=0, description="0: all cores")
    mlflow: bool = Field(
        default=False, description="also log to mlflow.db beside the run (`mlflow ui`)"
    )
    agent: TrainingConfig = Field(
        default=PpoTrainingConfig(), description="the algorithm, its networks and its schedule"
    )
