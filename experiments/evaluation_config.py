"""What `rlmm evaluate` and `rlmm stress` are asked."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from experiments.config import Config
from rlmm_tf.evaluation.sweeps import sweep

POLICIES_MOST = 28  # that a page can tell apart
# A folder has a slash before its =, or no label could be told from it.
_GROUP = re.compile(r"([A-Za-z0-9_.-]+)=(.+)")

Name = Annotated[str, Field(min_length=1)]


class PlayConfig(Config):
    """Whose policies, in which market, for how many episodes."""

    execution_only: ClassVar[frozenset[str]] = frozenset({"threads"})

    policies: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(
        description="baselines by name, runs of `rlmm train` by their folder, and LABEL=RUN,RUN: "
        "the seeds of one policy"
    )
    market: Name | None = Field(
        default=None,
        description="a market.json or a preset; null: that of the first run, if there is one",
    )
    replay: Name | None = Field(
        default=None, description="a recording to play in instead, a canonical parquet file"
    )
    overrides: dict[str, Any] = Field(
        default={}, description="values of the problem's parameters that replace its own"
    )
    episodes: Annotated[int, Field(ge=2, le=10_000_000)] = 200
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    tuning_episodes: Annotated[int, Field(ge=2, le=1_000_000)] = Field(
        default=64, description="of each rule that is tried for a baseline, with draws of their own"
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    threads: Annotated[int, Field(ge=0, le=4096)] = Field(default=0, description="0: all cores")

    @model_validator(mode="after")
    def _one_market(self) -> PlayConfig:
        if self.market is not None and self.replay is not None:
            raise ValueError("replay: expected none together with market; give one of the two")
        names = self.players
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not all(names):
            raise ValueError(f"policies: expected each once, got {twice or names} more than once")
        if len(names) > POLICIES_MOST:
            raise ValueError(f"policies: expected at most {POLICIES_MOST}, got {len(names)}")
        if len(self.seeds_of) < sum(_GROUP.fullmatch(name) is not None for name in self.policies):
            raise ValueError("policies: expected each label once, got one more than once")
        return self

    @property
    def seeds_of(self) -> dict[str, tuple[str, ...]]:
        """The runs of each label: seeds of one policy."""
        found = [_GROUP.fullmatch(name) for name in self.policies]
        return {one[1]: tuple(one[2].split(",")) for one in found if one is not None}

    @property
    def players(self) -> tuple[str, ...]:
        """Everybody who plays, in order."""
        found: list[str] = []
        for name in self.policies:
            group = _GROUP.fullmatch(name)
            found += [name] if group is None else group[2].split(",")
        return tuple(found)


class EvaluateConfig(PlayConfig):
    """`rlmm evaluate`: policies side by side in the same episodes."""

    traced: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=3, description="episodes of each policy whose every step is written down"
    )
    calendar: Annotated[str, Field(pattern="^(6.5h|23h|24/7)$")] = Field(
        default="6.5h", description="sessions that episodes are strung together to"
    )
    capital: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="account currency that returns are of; null: what the largest position costs",
    )
    benchmark: Name | None = Field(
        default=None,
        description="policy that the others are compared with; null: the first of "
        "avellaneda_stoikov, glft and the others",
    )

    @model_validator(mode="after")
    def _benchmark_plays(self) -> EvaluateConfig:
        if self.benchmark is not None and self.benchmark not in self.players:
            known = ", ".join(self.players)
            raise ValueError(f"benchmark: expected one of {known}, got {self.benchmark!r}")
        return self


class OwnScenario(Config):
    """A user's scenario: shocks of the book market and values that replace the problem's."""

    about: str = ""
    shocks: tuple[dict[str, Any], ...] = ()
    overrides: dict[str, Any] = Field(
        default={}, description="of market, fees and latency: everything else stays comparable"
    )

    @model_validator(mode="after")
    def _stays_comparable(self) -> OwnScenario:
        others = sorted(self.overrides.keys() - {"market", "fees", "latency"})
        if others:
            raise ValueError(
                f"overrides: expected only market, fees and latency, got {', '.join(others)}; what "
                "is compared with the market as it is must be measured alike"
            )
        return self


class StressConfig(PlayConfig):
    """`rlmm stress`: policies in scenarios, against themselves without."""

    scenarios: tuple[Name, ...] = Field(default=(), description="by name; none: all that fit")
    severities: Annotated[tuple[Annotated[int, Field(ge=1, le=3)], ...], Field(min_length=1)] = (
        1,
        2,
        3,
    )
    own: dict[Name, OwnScenario] = Field(default={}, description="scenarios of your own, by name")
    sweeps: tuple[Name, ...] = Field(
        default=(),
        description="pairs of axes such as 'latency x fees', for heat maps; without a scenario "
        "that is named, they are all that is played",
    )

    @field_validator("sweeps")
    @classmethod
    def _known_sweeps(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Each once, under its own name."""
        names = tuple(sweep(text).name for text in texts)
        if len(set(names)) < len(names):
            raise ValueError(f"expected each sweep once, got {', '.join(names)}")
        return names
