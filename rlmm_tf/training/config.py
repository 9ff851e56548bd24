"""How agents are trained, as frozen values; free of TensorFlow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rlmm_tf.agents.learners.settings import DqnSettings, PpoSettings, SacSettings

Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(max_length=8)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Envs = Annotated[int, Field(ge=1, le=1_000_000)]
Batch = Annotated[int, Field(ge=1, le=1_000_000)]
Activation = Literal["tanh", "relu", "silu"]
CompiledBackend = Literal["graph", "xla"]
BackendChoice = Annotated[
    Literal["auto", CompiledBackend],
    Field(
        description="what compiles the updates; each has last bits of its own. auto: a timed trial "
        "chooses, and a run keeps the choice in its manifest"
    ),
]
WholeSteps = Annotated[
    int,
    Field(ge=1, le=10**12, description="of all environments together; whole rollouts are made"),
]
RolloutSteps = Annotated[
    int,
    Field(
        ge=1,
        le=100_000_000,
        description="of all environments together, between two calls of the learner",
    ),
]
OneEpisodeEach = Annotated[
    Envs | None, Field(description="null: as many as make a rollout one episode of each")
]
ReplayRows = Annotated[int, Field(ge=1, le=10**9)]
FirstRows = Annotated[
    int, Field(ge=1, le=10**9, description="in the replay when the updates begin")
]
Updates = Annotated[
    int, Field(ge=1, le=100_000, description="from a replay, in one call of the learner")
]
RewardSteps = Annotated[
    int,
    Field(
        ge=1,
        le=10_000,
        description="rewards that a row of a replay has of its own before the critics' value; more "
        "than one are those of the actions that were tried, not of the policy that is learned",
    ),
]


class Chosen(BaseModel):
    """Strict like `rlmm_tf.fields.Params`, whose reading of NumPy's numbers no `kind` can have."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EvaluationConfig(Chosen):
    """How a policy is judged while it learns: by episodes of its own, always the same ones."""

    times: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20, description="evenly over the training, its end included"
    )
    episodes: Annotated[int, Field(ge=2, le=1_000_000)] = 1024


class Course(Chosen):
    """What all trainings have."""

    gamma: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=1.0, description="discount of a step; 1 fits episodes that terminate"
    )
    rate_end: Share = Field(
        default=0.0, description="learning rate at the end over that at the start; linear between"
    )
    backend: BackendChoice = "graph"
    evaluation: EvaluationConfig = EvaluationConfig()


class PpoTrainingConfig(Course):
    """Rollouts, advantages and updates of PPO."""

    kind: Literal["ppo"] = "ppo"
    steps: WholeSteps = 40_000_000
    rollout_steps: RolloutSteps = 131_072
    envs: OneEpisodeEach = None
    trace: Share = Field(
        default=0.4,
        description="lambda of the advantages; small: little noise, all that is "
        "farther off comes from the values",
    )
    value_trace: Share = Field(
        default=0.98, description="lambda of what the values learn; large: they are soon right"
    )
    local_scale: bool = Field(
        default=True,
        description="advantages are divided by the size that they have at such observations, so "
        "that where there is little to win learning is not drowned by where there is much",
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
            epochs=1, learning_rate=3e-3, entropy_weight=0.007, log_std_initial=-0.7
        ),
        description="simulating a step costs less than learning from it: each is used once",
    )
    entropy_end: Share = Field(default=0.0, description="the same of the entropy's weight")
    entropy_until: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=1.0, description="part of the training after which it stays at that"
    )


class SacTrainingConfig(Course):
    """Rollouts, replay and updates of SAC."""

    kind: Literal["sac"] = "sac"
    steps: WholeSteps = 30_000_000
    envs: Envs = 512
    rollout_steps: RolloutSteps = 16_384
    replay_rows: ReplayRows = 2**22
    first_rows: FirstRows = 2**17
    updates: Updates = 16
    batch: Batch = 2048
    reward_steps: RewardSteps = 1
    hidden: Widths = (32, 32)
    critic_hidden: Widths = (64, 64)
    activation: Activation = "tanh"
    critic_activation: Activation = "silu"
    backend: BackendChoice = "xla"
    log_std_least: Annotated[float, Field(ge=-20.0, le=2.0)] = Field(
        default=-0.9,
        description="of actions that are tried, before the squash: what is learned has no such "
        "bound, but without trying critics do not know how values depend on the action",
    )
    cooling_end: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.05, description="factor of the temperature at the end"
    )
    cooling_from: Share = Field(
        default=0.1, description="part of the training until which the temperature is automatic"
    )
    cooling_to: Share = Field(
        default=0.6, description="part of the training from which the factor is that of the end"
    )
    update: SacSettings = SacSettings(
        learning_rate=1e-3, tau=0.05, temperature_initial=0.005, entropy_per_action=-0.25
    )


class DqnTrainingConfig(Course):
    """Rollouts and updates of DQN; choices are drawn by exp(Q / temperature)."""

    kind: Literal["dqn"] = "dqn"
    mode: Literal["pqn", "replay"] = Field(
        default="pqn",
        description="pqn: returns of the rollout itself, without replay or targets; replay: rows "
        "drawn from what was seen",
    )
    steps: WholeSteps = 60_000_000
    rollout_steps: RolloutSteps = 32_768
    envs: OneEpisodeEach = None
    batch: Batch = 4096
    trace: Share = Field(
        default=0.1,
        description="pqn: lambda of the returns; they are those of the policy that tries, so the "
        "more of them counts the farther are values from those of the best choices",
    )
    replay_rows: ReplayRows = 2**20
    first_rows: FirstRows = 2**17
    updates: Updates = 32
    reward_steps: RewardSteps = 1
    priority: Share = Field(
        default=0.5, description="replay: exponent of a row's last error in its chance; 0: uniform"
    )
    hidden: Widths = (32, 32)
    degree: Annotated[int, Field(ge=1, le=1023)] | None = Field(
        default=None,
        description="of the polynomials that a choice's value is made of, where choices of a "
        "number are in order; null: any function",
    )
    entropy_start: Share = Field(
        default=0.95, description="of the choices, over that of even chances; sets the temperature"
    )
    entropy_end: Share = Field(default=0.8, description="the same at the end; linear between")
    update: DqnSettings = DqnSettings()


TrainingConfig = Annotated[
    PpoTrainingConfig | SacTrainingConfig | DqnTrainingConfig, Field(discriminator="kind")
]
