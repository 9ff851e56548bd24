"""How the learners update; free of TensorFlow, so that a configuration can be read without it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rlmm_tf.fields import Params


class PpoSettings(Params):
    """How an update is made; the defaults are those of a market with many environments."""

    epochs: Annotated[int, Field(ge=1, le=100)] = 4
    minibatch: Annotated[int, Field(ge=2)] = 4096
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 3e-4
    clip: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    value_weight: Annotated[float, Field(ge=0.0)] = 0.5
    entropy_weight: Annotated[float, Field(ge=0.0)] = 0.0
    gradient_norm_most: Annotated[float, Field(gt=0.0)] = 0.5
    target_kl: Annotated[float, Field(gt=0.0)] | None = None
    adam_epsilon: Annotated[float, Field(gt=0.0)] = 1e-5
    log_std_initial: Annotated[float, Field(ge=-10.0, le=2.0)] = 0.0


class DqnSettings(Params):
    """How an update is made."""

    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 1e-3
    tau: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.01, description="share of the weights that the targets take over"
    )
    double: bool = Field(
        default=True, description="the weights choose the action whose value the targets tell"
    )
    gradient_norm_most: Annotated[float, Field(gt=0.0)] = 10.0
    average_share: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.001, description="of an update, in the running mean of the weights that is scored"
    )


class SacSettings(Params):
    """How an update is made."""

    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 3e-4
    tau: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.005, description="share of the critics that the targets take over"
    )
    critics: Literal["least", "mean"] = Field(
        default="mean",
        description="which of both critics' values counts; least: none is thought too high",
    )
    average_share: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.0003,
        description="of an update, in the running mean of the actor that is scored",
    )
    temperature_initial: Annotated[float, Field(gt=0.0, le=1e6)] = 1.0
    entropy_per_action: Annotated[float, Field(ge=-20.0, le=2.0)] = Field(
        default=-1.0, description="that the temperature aims at; of actions in [-1, 1]"
    )
