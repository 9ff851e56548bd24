"""How agents are trained, as frozen values; free of TensorFlow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rlmm_tf.agents.learners.settings import PpoSettings, SacSettings

Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(max_length=8)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Chosen(BaseModel):
    """Strict like `rlmm_tf.fields.Params`, whose reading of NumPy's numbers no `kind` can have."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EvaluationConfig(Chosen):
    """How a policy is judged while it learns: by episodes of its own, always the same ones."""

    times: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20, description="evenly over the training, its end included"
    )
    episodes: Annotated[int, Field(ge=2, le=1_000_000)] = 1024


class PpoTrainingConfig(Chosen):
    """Rollouts, advantages and updates of PPO."""

    kind: Literal["ppo"] = "ppo"
    steps: Annotated[int, Field(ge=1, le=10**12)] = Field(
        default=60_000_000, description="of all environments together; whole rollouts are made"
    )
    rollout_steps: Annotated[int, Field(ge=1, le=100_000_000)] = Field(
        default=131_072, description="of all environments together, between two updates"
    )
    envs: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="null: as many as make a rollout one episode of each"
    )
    gamma: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=1.0, description="discount of a step; 1 fits episodes that terminate"
    )
    trace: Share = Field(
        default=0.4,
        description="lambda of the advantages; small: little noise, all that is "
        "farther off comes from the values",
    )
    value_trace: Share = Field(
        default=0.98, description="lambda of what the values learn; large: they are soon right"
    )
    hidden: Widths = (32, 32)
    value_hidden: Widths = (32, 32)
    squashed: bool = Field(
        default=True,
        description="continuous actions by tanh, with a spread that depends on the observation: "
        "it stays wide where nothing is earned yet. Otherwise cut at the bounds, with one spread",
    )
    update: PpoSettings = Field(
        default=PpoSettings(
            epochs=1, learning_rate=3e-3, entropy_weight=0.02, log_std_initial=-0.7
        ),
        description="simulating a step costs less than learning from it: each is used once",
    )
    rate_end: Share = Field(
        default=0.0, description="learning rate at the end over that at the start; linear between"
    )
    entropy_end: Share = Field(default=0.0, description="the same of the entropy's weight")
    evaluation: EvaluationConfig = EvaluationConfig()


class SacTrainingConfig(Chosen):
    """Rollouts, replay and updates of SAC."""

    kind: Literal["sac"] = "sac"
    steps: Annotated[int, Field(ge=1, le=10**12)] = Field(
        default=30_000_000, description="of all environments together; whole rollouts are made"
    )
    envs: Annotated[int, Field(ge=1, le=1_000_000)] = 512
    rollout_steps: Annotated[int, Field(ge=1, le=100_000_000)] = Field(
        default=16_384, description="of all environments together, between two blocks of updates"
    )
    replay_rows: Annotated[int, Field(ge=1, le=10**9)] = 2**20
    first_rows: Annotated[int, Field(ge=1, le=10**9)] = Field(
        default=2**17, description="in the replay when the updates begin"
    )
    updates: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=16, description="in a block, which is one call of TensorFlow"
    )
    batch: Annotated[int, Field(ge=1, le=1_000_000)] = 2048
    reward_steps: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=3, description="rewards that a row has of its own before the critics' value"
    )
    gamma: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=1.0, description="discount of a step; 1 fits episodes that terminate"
    )
    hidden: Widths = (32, 32)
    critic_hidden: Widths = (64, 64)
    update: SacSettings = SacSettings(
        learning_rate=1e-3, tau=0.05, temperature_initial=0.005, entropy_per_action=-0.25
    )
    rate_end: Share = Field(
        default=0.0, description="learning rate at the end over that at the start; linear between"
    )
    evaluation: EvaluationConfig = EvaluationConfig()


TrainingConfig = Annotated[PpoTrainingConfig | SacTrainingConfig, Field(discriminator="kind")]
