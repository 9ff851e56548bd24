"""From names to players: the baselines and the trained policies of an evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from experiments.errors import ConfigError, Problem, did_you_mean, listed, shown_place
from experiments.evaluation_config import PlayConfig
from experiments.kept import (
    BASELINES_NAME,
    baselines_json,
    found_baselines,
    note_inputs,
    require_inputs,
)
from experiments.markets import Market, kept_market, replayed_market, simulated_market
from experiments.run import RunDirectory
from rlmm_tf.env import observation_layout
from rlmm_tf.env.spaces import action_choices, action_width
from rlmm_tf.evaluation.baselines import BASELINES, Tuned, measure, tune
from rlmm_tf.evaluation.play import NetworkPlayer, Player
from rlmm_tf.messages import problem_lines
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS
from rlmm_tf.seeding import seed_sequence
from rlmm_tf.training.policy_file import policy_from

POLICY_NAME = "policy.safetensors"
# Below the seed: what is reported, and what baselines are measured and tuned with. Trainings use
# other paths, so that nobody is judged in the episodes that he was trained in.
PLAYED, MEASURED, TUNED = (16, 0), (16, 1), (16, 2)


@dataclass(frozen=True)
class Contest:
    """A market and who plays in it."""

    market: Market
    players: tuple[Player, ...]
    tuned: Mapping[str, Tuned]


def played_seed(config: PlayConfig) -> np.random.SeedSequence:
    """Of the episodes that are reported."""
    return seed_sequence(config.seed, *PLAYED)


def market_from(config: PlayConfig) -> Market:
    """Where they play.

    Raises:
        ConfigError: there is no such market, or the overrides do not fit it.
    """
    return _base(config).with_values(config.overrides)


def enter(
    config: PlayConfig,
    market: Market,
    *,
    run: RunDirectory,
    n_threads: int,
    tried: Callable[[], None],
) -> Contest:
    """All players, the baselines measured and tuned in the market, or as the run has them.

    Raises:
        ConfigError: a policy that is none, or that does not fit the problem.
    """
    params = market.params
    loaded = _trained(config, params)
    inputs = _inputs(config, params)
    require_inputs(run.path, inputs)
    tuned: Mapping[str, Tuned] = {}
    if any(name in BASELINES for name in config.players):
        found = found_baselines(run.path, params, seed_sequence(config.seed, *TUNED))
        tuned = found or _tuned(config, params, run, n_threads=n_threads, tried=tried)
    note_inputs(run, inputs)
    players = [tuned[n].player if n in tuned else loaded[n] for n in config.players]
    return Contest(market, tuple(players), tuned)


def player_again(config: PlayConfig, market: Market, folder: Path, name: str) -> Player:
    """One of those who played in a run, as he was.

    Raises:
        ConfigError: he did not play there.
        RunDirectoryError: the market or a policy is another one by now.
    """
    if name not in config.players:
        known = ", ".join(config.players)
        message = f"expected one of {known}, got {name!r}{did_you_mean(name, config.players)}"
        raise ConfigError([Problem("--policy", message)])
    require_inputs(folder, _inputs(config, market.params))
    if name in BASELINES:
        seed = seed_sequence(config.seed, *TUNED)
        tuned = found_baselines(folder, market.params, seed)
        if tuned is None or name not in tuned:
            message = f"expected {BASELINES_NAME} with {name}, got none; go on with the run first"
            raise ConfigError([Problem(shown_place(folder), message)])
        return tuned[name].player
    return _trained(config, market.params)[name]


def _trained(config: PlayConfig, params: EnvParams) -> dict[str, NetworkPlayer]:
    """Those who are no baselines, by name."""
    problems: list[Problem] = []
    loaded = {
        name: _loaded(name, params, problems) for name in config.players if name not in BASELINES
    }
    if problems:
        raise ConfigError(problems)
    return {name: player for name, player in loaded.items() if player is not None}


def unkept_players(config: PlayConfig, market: Market) -> tuple[Player, ...]:
    """The same players without a run that keeps what was tuned.

    Raises:
        ConfigError: a policy that is none, or that does not fit the problem.
    """
    problems: list[Problem] = []
    names = [name for name in config.players if name not in BASELINES]
    loaded = {name: _loaded(name, market.params, problems) for name in names}
    if problems:
        raise ConfigError(problems)
    tuned: Mapping[str, Tuned] = {}
    if len(names) < len(config.players):
        tuned = _tuned(config, market.params, None, n_threads=1, tried=lambda: None)
    players = [tuned[n].player if n in tuned else loaded[n] for n in config.players]
    return tuple(p for p in players if p is not None)


def _tuned(
    config: PlayConfig,
    params: EnvParams,
    run: RunDirectory | None,
    *,
    n_threads: int,
    tried: Callable[[], None],
) -> dict[str, Tuned]:
    """The baselines that play, tuned; written to the run, if there is one."""
    try:
        measured = measure(
            params,
            episodes=max(2, config.tuning_episodes // 4),
            seed=seed_sequence(config.seed, *MEASURED),
            n_threads=n_threads,
        )
        tuned = {
            name: tune(
                name,
                params,
                measured,
                episodes=config.tuning_episodes,
                seed=seed_sequence(config.seed, *TUNED),
                n_threads=n_threads,
                tried=tried,
            )
            for name in config.players
            if name in BASELINES
        }
    except ValueError as error:
        raise ConfigError([Problem("policies", str(error))]) from error
    if run is not None:
        run.write(BASELINES_NAME, baselines_json(measured, tuned))
    return tuned


def _inputs(config: PlayConfig, params: EnvParams) -> dict[str, str]:
    """Hashes of what results depend on beside the configuration."""
    files = {name: Path(name, POLICY_NAME) for name in config.players if name not in BASELINES}
    if config.replay is not None:
        files[config.replay] = Path(config.replay)
    return {"the market": params.content_hash()} | {
        name: _sha256(path) for name, path in files.items()
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _base(config: PlayConfig) -> Market:
    if config.replay is not None:
        return replayed_market(config.replay, "--replay")
    if config.market is not None:
        return simulated_market(config.market, "--market")
    for name in config.players:
        if name not in BASELINES and Path(name).is_dir():
            return kept_market(Path(name))
    raise ConfigError(
        [
            Problem(
                "--market",
                f"expected a market.json or one of {', '.join(PRESETS)}, got none; only a run of "
                "rlmm train brings its own",
            )
        ]
    )


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
        own = kept_market(run).params
        spec, weights = policy_from((run / POLICY_NAME).read_bytes(), POLICY_NAME)
        player = NetworkPlayer(name, own, spec, weights).in_problem(params)
        _require_fit(player)
    except ConfigError as error:
        problems += error.problems
    except ValidationError as error:
        problems += [Problem(place, line) for line in problem_lines(error, EnvParams)]
    except (ValueError, OSError) as error:
        problems += [Problem(place, line) for line in str(error).splitlines()]
    else:
        return player
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
