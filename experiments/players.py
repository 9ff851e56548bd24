"""From names to players: the market of an evaluation, its baselines and its trained policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from calibration.artifact import calibration_of
from experiments.config import load_config
from experiments.errors import ConfigError, Problem, did_you_mean, listed, shown, shown_place
from experiments.evaluation_config import PlayConfig
from experiments.run import CONFIG_NAME
from experiments.train import params_of
from experiments.train_config import TrainConfig
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env import measure_typical, observation_layout
from rlmm_tf.env.spaces import action_choices, action_width
from rlmm_tf.evaluation.baselines import BASELINES, Measured, Tuned, measure, tune
from rlmm_tf.evaluation.play import NetworkPlayer, Player
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.messages import problem_lines
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS, preset, problem_of, resolve_params
from rlmm_tf.replay_params import ReplayMarketParams
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training.policy_file import policy_from

POLICY_NAME = "policy.safetensors"
WARMUP_NS = 300 * NS_PER_S  # of a model from a file: it starts with a book that it filled itself
# Below the seed: what is reported, and what baselines are measured and tuned with. Trainings use
# other paths, so that nobody is judged in the episodes that he was trained in.
PLAYED, MEASURED, TUNED = (16, 0), (16, 1), (16, 2)


@dataclass(frozen=True)
class Contest:
    """A market and who plays in it."""

    market: str  # in words
    params: EnvParams
    players: tuple[Player, ...]
    tuned: Mapping[str, Tuned]
    measured: Measured | None


def played_seed(config: PlayConfig) -> np.random.SeedSequence:
    """Of the episodes that are reported."""
    return seed_sequence(config.seed, *PLAYED)


def problem_from(config: PlayConfig) -> tuple[str, EnvParams]:
    """The market in words, and the problem in it.

    Raises:
        ConfigError: there is no such market, or the overrides do not fit it.
    """
    name, params = _base(config)
    try:
        return name, resolve_params(params, config.overrides)
    except ValueError as error:
        lines = str(error).splitlines()
        raise ConfigError([Problem("overrides", line) for line in lines]) from error


def enter(
    config: PlayConfig, market: str, params: EnvParams, *, n_threads: int, tried: Callable[[], None]
) -> Contest:
    """All players, the baselines measured and tuned in the market.

    Raises:
        ConfigError: a policy that is none, or that does not fit the problem.
    """
    problems: list[Problem] = []
    loaded = {
        name: _loaded(name, params, problems) for name in config.policies if name not in BASELINES
    }
    if problems:
        raise ConfigError(problems)
    measured, tuned = None, {}
    baselines = [name for name in config.policies if name in BASELINES]
    try:
        if baselines:
            measured = measure(
                params,
                episodes=max(2, config.tuning_episodes // 4),
                seed=seed_sequence(config.seed, *MEASURED),
                n_threads=n_threads,
            )
        for name in baselines:
            assert measured is not None
            tuned[name] = tune(
                name,
                params,
                measured,
                episodes=config.tuning_episodes,
                seed=seed_sequence(config.seed, *TUNED),
                n_threads=n_threads,
                tried=tried,
            )
    except ValueError as error:
        raise ConfigError([Problem("policies", str(error))]) from error
    players = [tuned[n].player if n in tuned else loaded[n] for n in config.policies]
    return Contest(market, params, tuple(p for p in players if p is not None), tuned, measured)


def _base(config: PlayConfig) -> tuple[str, EnvParams]:
    if config.replay is not None:
        return config.replay, _replay_problem(config.replay)
    if config.market is not None:
        return config.market, _market_problem(config.market)
    for name in config.policies:
        if name not in BASELINES and Path(name).is_dir():
            train = _train_config(Path(name))
            return train.problem, params_of(train)
    raise ConfigError(
        [
            Problem(
                "--market",
                f"expected a market.json or one of {', '.join(PRESETS)}, got none; only a run of "
                "rlmm train brings its own",
            )
        ]
    )


def _market_problem(name: str) -> EnvParams:
    if name in PRESETS:
        return preset(name)
    path = Path(name)
    if not path.is_file():
        known = listed(["a market.json", *PRESETS])
        message = f"expected {known}, got {shown(name)!r}{did_you_mean(name, PRESETS)}"
        raise ConfigError([Problem("--market", message)])
    try:
        model = MarketModel.load(path)
        book = BookMarketParams(model=model, warmup_ns=WARMUP_NS)
        section = calibration_of(path) or {}
        return problem_of(
            book, model.typical, lots=_usual_lots(model), tick_value=tick_value(section)
        )
    except ValidationError as error:
        lines = problem_lines(error, EnvParams)
    except (ValueError, OSError) as error:
        lines = str(error).splitlines()
    raise ConfigError([Problem("--market", line) for line in lines])


def _replay_problem(path: str) -> EnvParams:
    try:
        market = ReplayMarketParams(recording=path)
        typical = measure_typical(market)
    except (ValueError, OSError) as error:
        lines = str(error).splitlines()
        raise ConfigError([Problem("--replay", line) for line in lines]) from error
    market = market.model_copy(update={"typical": typical})
    return problem_of(market, typical, lots=max(1, round(typical.touch_lots / 4.0)))


def _usual_lots(model: MarketModel) -> int:
    """The median size of orders that join the best price."""
    sizes = model.joining.sizes
    order = np.argsort(sizes.lots)
    reached = np.cumsum(np.asarray(sizes.probability)[order]) >= 0.5
    return int(np.asarray(sizes.lots)[order][int(np.argmax(reached))])


def tick_value(section: Mapping[str, Any]) -> float:
    """Currency of a tick of a lot, of the recording that a model was calibrated to; else 1."""
    inputs = section.get("inputs") or [{}]
    sizes = [inputs[0].get(name) for name in ("tick_size", "lot_size")]
    if None in sizes:
        return 1.0
    return float(Decimal(sizes[0]) * Decimal(sizes[1]))


def _train_config(run: Path) -> TrainConfig:
    return load_config(run / CONFIG_NAME, [], TrainConfig)


def _loaded(name: str, params: EnvParams, problems: list[Problem]) -> NetworkPlayer | None:
    """A run's policy in the problem; what is wrong goes to `problems`."""
    run, place = Path(name), shown_place(name)
    if not (run / POLICY_NAME).is_file():
        hint = did_you_mean(name, BASELINES)
        known = listed(BASELINES)
        message = (
            f"expected {known}, or a run of rlmm train with a {POLICY_NAME}, got neither{hint}"
        )
        problems.append(Problem(place, message))
        return None
    try:
        own = params_of(_train_config(run))
        spec, weights = policy_from((run / POLICY_NAME).read_bytes(), POLICY_NAME)
        player = NetworkPlayer(name, own, spec, weights).in_problem(params)
        _require_fit(player)
    except ValidationError as error:
        lines: Sequence[str] = problem_lines(error, EnvParams)
    except (ValueError, OSError, json.JSONDecodeError) as error:
        lines = str(error).splitlines()
    else:
        return player
    problems += [Problem(place, line) for line in lines]
    return None


def _require_fit(player: NetworkPlayer) -> None:
    """A market with other regimes, levels or choices gives other observations and actions."""
    width, seen = len(observation_layout(player.params)), player.spec.obs_width
    choices = action_choices(player.params.action) or (action_width(player.params.action),)
    if (width, choices) != (seen, player.spec.actions):
        raise ValueError(
            f"policy: expected one that observes {width} numbers and chooses {choices} here, got "
            f"{seen} and {player.spec.actions}; it was trained in another kind of market"
        )
    lots, cap = player.params.action.lots_max, player.params.limits.inventory_cap_lots
    if lots > cap:
        raise ValueError(
            f"policy: expected quotes of at most {cap} lots, the inventory cap of this market, got "
            f"one that quotes {lots}; it was trained in another kind of market"
        )
