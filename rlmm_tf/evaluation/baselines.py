"""Rules to compare an agent with, in any market: measured there, and tuned as the agent is.

The closed forms need a volatility and fill rates. Both are measured by quoting in the market
itself, so that what a queue or a delay does to fills is in them. Each family's free number is then
chosen by the mean reward in episodes that no evaluation uses: an agent that beats an untuned rule
has shown nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from rlmm_tf.agents.baselines import (
    ActionWriting,
    AvellanedaStoikov,
    CappedInventorySkew,
    DepthPolicy,
    DepthRule,
    Depths,
    ExactOptimum,
    FixedSpread,
    GlftAsymptotic,
    InventorySkew,
    ObservationReading,
    Regimes,
    Symmetric,
)
from rlmm_tf.agents.exact.closed_form import solve_closed_form
from rlmm_tf.agents.exact.model import QuotingModel
from rlmm_tf.env import observation_layout
from rlmm_tf.evaluation.episodes import Episodes
from rlmm_tf.evaluation.play import Player, RulePlayer, play
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import resolve_params

OFFSETS_MOST = 12  # at which fills are measured
RISK_AVERSIONS = tuple(10.0 ** (-4 + i / 2) for i in range(9))  # x the decay of fills with depth
TIMES = 200  # at which exact optima are looked up, linear in between
SKEWS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)  # per quote held, x the depth over which fills decay
FEATURES = ("time_left", "inventory")
LOTS_MOST = 1_000_000_000  # of a cap

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What a quoting agent meets in a market; a quote is one order of the action's largest size."""

    volatility_ticks: float  # of the mid, per root second
    fill_rate_hz: float  # A: quotes filled per second and side at the mid
    fill_decay_per_tick: float  # k: the rate at depth d is A exp(-k d)
    offset_ticks: tuple[int, ...]
    filled_hz: tuple[float, ...]  # as measured there


def rule_params(params: EnvParams) -> EnvParams:
    """The problem as quoting rules see it: time left, inventory, one depth for each side."""
    return resolve_params(
        params,
        {
            "observation": {"features": FEATURES},
            "action": {"kind": "continuous", "sizes": False, "withdraw_choice": False},
        },
    )


def rule_player(
    name: str, params: EnvParams, rule: DepthRule | Callable[[range], DepthRule]
) -> RulePlayer:
    """A rule in ticks and quotes as a player; a function makes it for some environments."""

    def policy(seen: EnvParams, environments: range) -> DepthPolicy:
        made = rule(environments) if callable(rule) else rule
        return _policy(made, seen)

    return RulePlayer(name, rule_params(params), policy)


def _policy(rule: DepthRule, params: EnvParams) -> DepthPolicy:
    """How the rule reads and writes in this problem."""
    layout = observation_layout(params)
    reading = ObservationReading(
        time_left_column=layout.index("time_left"),
        time_left_scale_s=layout.scale("time_left"),
        inventory_column=layout.index("inventory"),
        inventory_scale_lots=layout.scale("inventory") / params.action.lots_max,
    )
    low, high = params.action.offset_min_ticks, params.action.offset_max_ticks
    writing = ActionWriting(float(low), float(high))
    return DepthPolicy(rule, observation=reading, action=writing)


class RandomByEpisode:
    """Uniform depths, drawn by each environment from a stream of its own."""

    def __init__(
        self, low: float, high: float, seed: np.random.SeedSequence, environments: range
    ) -> None:
        """The same draws for an environment, whoever is played beside it."""
        self._low, self._high = low, high
        self._generators = [
            np.random.default_rng(
                np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, environment))
            )
            for environment in environments
        ]

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Draw both sides anew at every call."""
        del time_left_s, inventory_lots, regime
        draws = np.array([one.uniform(self._low, self._high, 2) for one in self._generators])
        return draws[:, 0], draws[:, 1]


def measure(
    params: EnvParams, *, episodes: int, seed: np.random.SeedSequence, n_threads: int = 1
) -> Measured:
    """Quotes at several distances from the mid, for `episodes` episodes each.

    Without an inventory cap to speak of: at the cap one side would not be quoted.
    """
    cap = min(1000 * params.limits.inventory_cap_lots, LOTS_MOST)
    params = resolve_params(params, {"limits": {"inventory_cap_lots": cap, "loss_limit": None}})
    low, high = params.action.offset_min_ticks, params.action.offset_max_ticks
    grid = np.unique(np.rint(np.linspace(low, high, OFFSETS_MOST)).astype(int))
    played = {}
    moves: list[Floats] = []
    for offset in grid.tolist():
        player = rule_player("quoting", params, FixedSpread(float(offset)))
        played[offset], trace = play(
            player, episodes=episodes, seed=seed, n_threads=n_threads, traced=episodes
        )
        if not moves:  # the mid of all is about the same
            moves.append(np.diff(trace["mid_ticks_x2"], axis=1).ravel() / 2.0)
    steps = moves[0][np.isfinite(moves[0])]
    step_s = params.episode.step_ns / 1e9
    volatility = math.sqrt(float(np.mean(steps**2)) / step_s) if len(steps) > 0 else 0.0
    return _fitted(played, params.action.lots_max, volatility)


def _fitted(played: Mapping[int, Episodes], lots: int, volatility_ticks: float) -> Measured:
    """A and k by maximum likelihood: filled quotes at each distance are Poisson.

    A quote that is filled stands again at the next decision at the earliest, so that near the
    touch the rates are those of quotes that are held for a step, which is how rules play.
    """
    offsets = np.array(list(played), dtype=np.float64)
    filled = np.array(
        [
            (one["maker_bid_lots"] + one["maker_ask_lots"] + one["taker_lots"]).sum() / lots
            for one in played.values()
        ]
    )
    exposure_s = np.array([2.0 * one["duration_ns"].sum() / 1e9 for one in played.values()])
    if not filled.sum() > 0.0:
        raise ValueError(
            "action.offset_min_ticks: expected distances at which a quote is filled, got none; "
            "use a smaller one, or longer episodes"
        )
    begin = offsets - offsets.min()

    def loss(theta: Floats) -> float:
        log_rate = theta[0] - np.exp(theta[1]) * begin
        return float((exposure_s * np.exp(log_rate) - filled * log_rate).sum())

    first = math.log(max(filled[0], 0.5) / exposure_s[0])
    found = scipy.optimize.minimize(loss, [first, math.log(0.5)], method="Nelder-Mead")
    decay = math.exp(float(found.x[1]))
    rate_hz = math.exp(float(found.x[0]) + decay * float(offsets.min()))
    return Measured(
        volatility_ticks,
        rate_hz,
        decay,
        tuple(played),
        tuple((filled / exposure_s).tolist()),
    )


def quoting_model(params: EnvParams, measured: Measured, risk_aversion: float) -> QuotingModel:
    """The closed forms' model of the market, in ticks and quotes."""
    return QuotingModel(
        horizon_s=params.episode.horizon_s,
        sell_rate_hz=(measured.fill_rate_hz,),
        buy_rate_hz=(measured.fill_rate_hz,),
        fill_decay=(measured.fill_decay_per_tick,),
        volatility=(measured.volatility_ticks,),
        running_penalty=(0.0,),
        terminal_penalty=0.0,
        inventory_cap=max(1, params.limits.inventory_cap_lots // params.action.lots_max),
        risk_aversion=risk_aversion,
    )


def _affine(params: EnvParams, measured: Measured, kind: str) -> Iterable[DepthRule]:
    offsets = measured.offset_ticks
    if kind == "fixed":
        return [FixedSpread(float(offset)) for offset in offsets]
    skews = [share / measured.fill_decay_per_tick for share in SKEWS]
    pairs = itertools.product(map(float, offsets), skews)
    if kind == "skew":
        return [InventorySkew(half, skew) for half, skew in pairs]
    nearest = float(params.action.offset_min_ticks)
    return [
        CappedInventorySkew(half, skew, min(nearest, half), 2.0 * half)
        for half, skew in pairs
        if half > 0.0
    ]


@dataclass(frozen=True)
class MeasuredOptimum:
    """The exact optimum of the closed forms' model, with the time that is left."""

    risk_aversion: float
    optimum: ExactOptimum = field(repr=False)

    def depths(self, time_left_s: Floats, inventory_lots: Floats, regime: Regimes | None) -> Depths:
        """Of the solved table."""
        return self.optimum.depths(time_left_s, inventory_lots, regime)


def _optima(params: EnvParams, measured: Measured) -> Iterable[DepthRule]:
    """By the closed form of a market with these fill rates and this volatility."""
    for share in RISK_AVERSIONS:
        aversion = share * measured.fill_decay_per_tick
        table = solve_closed_form(quoting_model(params, measured, aversion), TIMES)
        yield MeasuredOptimum(aversion, ExactOptimum(table))


def _closed_form(
    params: EnvParams,
    measured: Measured,
    family: type[Symmetric] | type[GlftAsymptotic],
) -> Iterable[DepthRule]:
    for share in RISK_AVERSIONS:
        aversion = share * measured.fill_decay_per_tick
        yield family.from_model(quoting_model(params, measured, aversion))


FAMILIES: Mapping[str, Callable[[EnvParams, Measured], Iterable[DepthRule]]] = {
    "fixed": lambda params, measured: _affine(params, measured, "fixed"),
    "skew": lambda params, measured: _affine(params, measured, "skew"),
    "capped": lambda params, measured: _affine(params, measured, "capped"),
    "symmetric": lambda params, measured: _closed_form(params, measured, Symmetric),
    "avellaneda_stoikov": lambda params, measured: _closed_form(
        params, measured, AvellanedaStoikov
    ),
    "glft": lambda params, measured: _closed_form(params, measured, GlftAsymptotic),
    "exact": _optima,
}
RANDOM = "random"
BASELINES = (RANDOM, *FAMILIES)


@dataclass(frozen=True)
class Tuned:
    """A baseline as it will be compared, and what was tried."""

    player: Player
    rule: str  # the chosen one, as text
    tried: int
    mean_reward: float  # of the chosen one, in the episodes of the tuning
    chosen: int = 0  # which of those that were tried


def tune(
    name: str,
    params: EnvParams,
    measured: Measured,
    *,
    episodes: int,
    seed: np.random.SeedSequence,
    n_threads: int = 1,
    tried: Callable[[], None] = lambda: None,
) -> Tuned:
    """The rule of a family that has the largest mean reward; the same draws for each.

    Raises:
        ValueError: the market does not have what the family's formulas need.
    """
    if name == RANDOM:
        return _random(params, measured, seed)
    rewards = []
    for rule in FAMILIES[name](params, measured):
        player = rule_player(name, params, rule)
        reward = play(player, episodes=episodes, seed=seed, n_threads=n_threads)[0]["reward"]
        rewards.append(float(reward.mean()))
        tried()
    chosen = int(np.argmax(rewards))  # the first of equals
    return chosen_again(
        name, params, measured,
        seed=seed, chosen=chosen, tried=len(rewards), mean_reward=rewards[chosen],
    )  # fmt: skip


def chosen_again(
    name: str,
    params: EnvParams,
    measured: Measured,
    *,
    seed: np.random.SeedSequence,
    chosen: int,
    tried: int,
    mean_reward: float,
) -> Tuned:
    """What `tune` returned once."""
    if name == RANDOM:
        return _random(params, measured, seed)
    rule = next(itertools.islice(FAMILIES[name](params, measured), chosen, None))
    return Tuned(rule_player(name, params, rule), repr(rule), tried, mean_reward, chosen)


def _random(params: EnvParams, measured: Measured, seed: np.random.SeedSequence) -> Tuned:
    """Depths between the nearest allowed and where one quote in ten still fills: not tuned."""
    low = float(params.action.offset_min_ticks)
    reach = low + math.log(10.0) / measured.fill_decay_per_tick
    high = max(low, min(float(params.action.offset_max_ticks), reach))

    def rule(environments: range) -> DepthRule:
        return RandomByEpisode(low, high, seed, environments)

    player = rule_player(RANDOM, params, rule)
    return Tuned(player, f"uniform from {low:g} to {high:g} ticks", 0, math.nan)
