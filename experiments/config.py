"""Configuration: frozen pydantic models, filled from YAML and dotted overrides.

A file holds the differences from the defaults; `resolved_yaml` writes all values. The identity of a
run is `config_hash`, of all values but those that say how to compute and not what.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments.config_problems import choice_problems, models_in, problems_of
from experiments.errors import ConfigError, Problem
from experiments.yaml_reader import Document, Setting, parse_set, read_file
from experiments.yaml_writer import yaml_text
from rlmm_tf.training.config import DqnTrainingConfig, PpoTrainingConfig, SacTrainingConfig

Model = TypeVar("Model", bound=BaseModel)

_EXACT_INTEGER_MAX = 2.0**53


class Config(BaseModel):
    """Base of the configurations: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    execution_only: ClassVar[frozenset[str]] = frozenset()
    """Top-level keys that no result depends on: a run may be resumed with others."""


class PolicyTableConfig(Config):
    """The grid on which `rlmm certify` writes a policy to `policy_table.csv`."""

    n_times: Annotated[int, Field(ge=2, le=100_000)] = Field(
        default=21, description="equally spaced times, start and horizon included"
    )
    inventory_max_lots: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        default=None, description="inventories from -this to +this; null: the problem's cap"
    )


class CertifyConfig(Config):
    """`rlmm certify`: an agent's value against the exact optimum of a problem."""

    execution_only: ClassVar[frozenset[str]] = frozenset({"threads"})

    set_name: Annotated[str, Field(min_length=1)] = Field(description="which problem, by name")
    agent: Annotated[str, Field(min_length=1)] = "exact"
    seeds: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=5, description="independent repetitions"
    )
    root_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    episodes: Annotated[int, Field(ge=2, le=10**12)] | None = Field(
        default=None,
        description="per seed, exactly; null: as many whole batches of `envs` as "
        "`half_width_fraction` needs",
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.99
    half_width_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.0025,
        description="how narrow the interval must become, as a fraction of the agent's or the "
        "problem's exact value, whichever is larger (of an episode's noise where both are near 0)",
    )
    steps: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None,
        description="decisions per episode; null: the problem's. More of them hold quotes for "
        "a shorter time and come closer to continuous time",
    )
    inventory_cap_lots: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="null: the problem's. With a strong risk aversion, states that no simulation "
        "ever sees decide the certainty equivalent; a smaller cap takes them out",
    )
    envs: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1024, description="environments stepped together, at most"
    )
    threads: Annotated[int, Field(ge=0, le=4096)] = Field(default=0, description="0: all cores")
    policy_table: PolicyTableConfig = PolicyTableConfig()
    ppo: PpoTrainingConfig = Field(
        default=PpoTrainingConfig(), description="how the agent ppo is trained"
    )
    sac: SacTrainingConfig = Field(
        default=SacTrainingConfig(), description="how the agent sac is trained"
    )
    dqn: DqnTrainingConfig = Field(
        default=DqnTrainingConfig(degree=5), description="how the agent dqn is trained"
    )
    dqn_offset_choices: Annotated[int, Field(ge=2, le=1024)] = Field(
        default=24, description="of the agent dqn, for each side, evenly over the range of offsets"
    )


TwoThreadsShare = Annotated[
    Annotated[float, Field(gt=0.0, le=10.0)] | None,
    Field(
        description="share of two processes that two threads must reach; below, and where two "
        "threads were not measured, the command fails"
    ),
]


class SimulatorBenchConfig(Config):
    """`rlmm bench simulator`: trajectory steps per second and core of the engine alone."""

    market: Literal["analytic"]
    preset: Annotated[str, Field(min_length=1)] = "P1"
    envs: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=512, description="per thread; a small batch stays in the processor's cache"
    )
    steps: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        default=2000, description="per environment and repeat"
    )
    threads: Annotated[int, Field(ge=0, le=4096)] = Field(
        default=0,
        description="1: measure one thread only; any other number: also two threads, alternating "
        "with two processes, where two processors are usable",
    )
    repeats: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=25, description="the median of these is reported"
    )
    require: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = Field(
        default=None, description="steps per second and core below which the command fails"
    )
    require_two_threads: TwoThreadsShare = None
    root_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class BookBenchConfig(Config):
    """`rlmm bench simulator --market book`: the cost of an event, alone and with an agent."""

    market: Literal["book"]
    preset: Annotated[str, Field(min_length=1)] = "book-large-tick"
    envs: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=16, description="per thread, of the part with agents"
    )
    steps: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=10, description="per environment and slice; the market alone runs as long in all"
    )
    threads: Annotated[int, Field(ge=0, le=4096)] = Field(
        default=0, description="1: measure one thread only; any other number: also two threads"
    )
    repeats: Annotated[int, Field(ge=1, le=500)] = Field(
        default=100, description="slices; the median of these is reported"
    )
    require_alone: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = Field(
        default=None, description="cycles per event of the market alone that fail when passed"
    )
    require_agent: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = Field(
        default=None, description="cycles per event with an agent that fail when passed"
    )
    require_two_threads: TwoThreadsShare = None
    root_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class ReplayBenchConfig(Config):
    """`rlmm bench simulator --market replay`: the cost of a recorded event, with an agent."""

    market: Literal["replay"]
    preset: Annotated[str, Field(min_length=1)] = Field(
        default="book-large-tick", description="whose market is recorded, and whose agent it is"
    )
    recording: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="a file instead of the preset's market"
    )
    hours: Annotated[float, Field(gt=0.0, le=24.0)] = Field(
        default=1.0, description="of the preset's market"
    )
    envs: Annotated[int, Field(ge=1, le=100_000)] = 16
    steps: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=10, description="per environment and slice"
    )
    repeats: Annotated[int, Field(ge=1, le=500)] = Field(
        default=100, description="slices; the median of these is reported"
    )
    require_agent: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = Field(
        default=None, description="cycles per event that fail when passed"
    )
    root_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=65_536)], ...], Field(max_length=64)]


class RolloutBenchConfig(Config):
    """`rlmm bench rollout`: steps per second and core with a policy network in the engine."""

    market: Literal["analytic"] = "analytic"
    preset: Annotated[str, Field(min_length=1)] = "P1"
    envs: Annotated[int, Field(ge=1, le=1_000_000)] = 512
    steps: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=200, description="per environment and repeat"
    )
    repeats: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=9, description="the median of these is reported"
    )
    hidden: Widths = Field(default=(64, 64), description="widths of the actor's hidden layers")
    require: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="steps per second and core without the market's share, below which the "
        "command fails",
    )
    root_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class InferenceBenchConfig(Config):
    """`rlmm bench inference`: how long one decision takes, observation to action."""

    calls: Annotated[int, Field(ge=100, le=100_000_000)] = Field(
        default=200_000, description="timed calls for each network"
    )
    obs_width: Annotated[int, Field(ge=1, le=65_536)] = 16
    require: bool = Field(
        default=False, description="fail where a median is above what the project promises"
    )
    root_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


class LearnerBenchConfig(Config):
    """`rlmm bench learner`: updates per second, and what their matrix products alone would take."""

    workload: str | None = Field(default=None, description="by name; null: all of them")
    repeats: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=7, description="the median of these is reported"
    )
    require: bool = Field(
        default=False, description="fail where products have less of the time than was promised"
    )
    root_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


def load_config(
    path: Path | None,
    overrides: Sequence[str],
    model: type[Model],
    *,
    options: Sequence[Setting] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
    or_files: Collection[str] = (),
) -> Model:
    """Read a configuration.

    Args:
        path: a YAML file, or None for defaults only.
        overrides: `a.b=c` texts as given to `--set`, applied in order: the last one counts.
        model: what to make of it.
        options: further overrides, from options of their own (`--seeds 5`); applied last.
        choices: known names for top-level text keys whose names no type can hold.
        or_files: keys of `choices` that may name a file instead.

    Raises:
        ConfigError: with all the problems that could be seen at once.
    """
    document = read_file(path) if path is not None else Document("configuration")
    for setting in (*map(parse_set, overrides), *options):
        document.set(setting)
    problems = list(document.problems)
    problems += choice_problems(document, choices or {}, or_files)
    try:
        config = _validated(document, model)
    except ValidationError as error:
        problems += problems_of(error.errors(include_url=False), document, model)
        raise ConfigError(_in_reading_order(problems)) from None
    if problems:
        raise ConfigError(_in_reading_order(problems))
    return config


def identity(config: BaseModel) -> dict[str, Any]:
    """The plain values that results depend on."""
    left_out = config.execution_only if isinstance(config, Config) else frozenset()
    return config.model_dump(mode="json", exclude=set(left_out))


def canonical_json(config: BaseModel) -> str:
    """The identity as JSON with sorted keys and no spaces; equal configs give equal text."""
    return json.dumps(identity(config), sort_keys=True, separators=(",", ":"))


def config_hash(config: BaseModel) -> str:
    """sha256 (hex) of the identity's canonical JSON."""
    return hashlib.sha256(canonical_json(config).encode()).hexdigest()


def resolved_yaml(config: BaseModel) -> str:
    """All values as YAML; loading it gives an equal config."""
    return yaml_text(config.model_dump(mode="json"))


def _in_reading_order(problems: list[Problem]) -> list[Problem]:
    """The file's problems from top to bottom, then those of overrides and options as given."""

    def line(problem: Problem) -> tuple[bool, int]:
        match = re.search(r":(\d+)$", problem.where)
        return problem.where.startswith("-"), int(match[1]) if match else 0

    return sorted(problems, key=line)


def _validated(document: Document, model: type[Model]) -> Model:
    # As JSON and strictly: a list may become a tuple and 1 a float, but "1" no number, 1 no
    # boolean and "no" no false. Only 1e6 for 1000000 is meant well, and pydantic refuses it too.
    values = _on_defaults(model, document.value)
    for _ in range(2):
        try:
            return model.model_validate_json(json.dumps(values), strict=True)
        except ValidationError as error:
            if not _round_floats(values, error):
                raise
    return model.model_validate_json(json.dumps(values), strict=True)


def _round_floats(values: Any, error: ValidationError) -> bool:
    """Make integers of the whole floats that stand where an integer is wanted."""
    changed = False
    for detail in error.errors(include_url=False):
        number = detail["input"]
        if detail["type"] != "int_type" or not isinstance(number, float):
            continue
        if not number.is_integer() or abs(number) > _EXACT_INTEGER_MAX:
            continue
        at, key = values, None
        for part in detail["loc"]:
            inside = at if key is None else at[key]
            if isinstance(inside, dict | list) and _has(inside, part):
                at, key = inside, part
        if key is not None and at[key] == number:
            at[key] = int(number)
            changed = True
    return changed


def _has(container: dict[str, Any] | list[Any], part: int | str) -> bool:
    if isinstance(container, dict):
        return part in container
    return isinstance(part, int) and part < len(container)


def _on_defaults(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Lay the values over the sections' own defaults.

    pydantic fills a section that is given in part from the section's class; what the user sees as
    the default is the value in the enclosing class (which also knows the kind of a union).
    """
    result = copy.deepcopy(values)
    for name, field in model.model_fields.items():
        section = result.get(name)
        if not isinstance(section, dict):
            continue
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, BaseModel):
            tag = field.discriminator if isinstance(field.discriminator, str) else None
            result[name] = _laid_over(default, section, tag)
        elif len(found := models_in(field.annotation)) == 1 and not _is_collection(section, found):
            result[name] = _on_defaults(found[0], section)
    return result


def _is_collection(section: dict[str, Any], found: tuple[type[BaseModel], ...]) -> bool:
    """Whether a mapping is a dict of models rather than one model."""
    return not any(key in found[0].model_fields for key in section)


def _laid_over(default: BaseModel, section: dict[str, Any], tag: str | None) -> dict[str, Any]:
    if tag is not None and section.get(tag, getattr(default, tag)) != getattr(default, tag):
        return section  # another kind: the default's values are not its own
    result = _on_defaults(type(default), section)
    plain = default.model_dump(mode="json")
    for name, field in type(default).model_fields.items():
        value = getattr(default, name)
        differs = field.is_required() or value != field.get_default(
            call_default_factory=True, validated_data={}
        )
        if name not in section:
            if differs or name == tag:
                result[name] = plain[name]
        elif isinstance(value, BaseModel) and isinstance(section[name], dict):
            inner = field.discriminator if isinstance(field.discriminator, str) else None
            result[name] = _laid_over(value, section[name], inner)
    return result
