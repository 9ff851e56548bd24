"""Named market-making problems whose optimum is known exactly.

Numbers are given as the literature gives them, in price units and seconds; one tick is 1e-4 of a
price unit, fine enough that rounding quotes to it costs less than 1e-8 of the value.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rlmm_tf.params import (
    NS_PER_S,
    ActionParams,
    AnalyticMarketParams,
    EnvParams,
    EpisodeParams,
    LimitParams,
    ObservationParams,
    RegimeParams,
    RewardParams,
)

TICK = 1e-4
MID_INITIAL_TICKS = 10_000_000
# Quotes reach as deep as one market order in a hundred does.
DEEPEST_FILL_SHARE = 0.01


def _regime(rate_hz: float, kappa: float, sigma: float, penalty_scale: float = 1.0) -> RegimeParams:
    return RegimeParams(
        market_sell_rate_hz=rate_hz,
        market_buy_rate_hz=rate_hz,
        fill_decay_per_tick=kappa * TICK,
        volatility_ticks=sigma / TICK,
        inventory_penalty_scale=penalty_scale,
    )


def _problem(
    market: AnalyticMarketParams,
    *,
    horizon_s: float,
    n_steps: int,
    cap_lots: int,
    reward: RewardParams,
    features: tuple[str, ...] = ("time_left", "inventory"),
    start_lots: int = 0,
    deepest: float | None = None,
) -> EnvParams:
    if deepest is None:
        shallowest_decay = min(regime.fill_decay_per_tick for regime in market.regimes)
        deepest = -math.log(DEEPEST_FILL_SHARE) / shallowest_decay * TICK
    return EnvParams(
        market=market,
        limits=LimitParams(inventory_cap_lots=cap_lots),
        episode=EpisodeParams(
            n_steps=n_steps,
            step_ns=round(horizon_s * NS_PER_S / n_steps),
            initial_inventory_min_lots=-start_lots,
            initial_inventory_max_lots=start_lots,
        ),
        action=ActionParams(
            offset_min_ticks=0,
            offset_max_ticks=round(deepest / TICK),
        ),
        observation=ObservationParams(features=features),
        reward=reward,
        tick_value=TICK,
    )


def _cartea_jaimungal(  # noqa: PLR0913 - one argument per symbol of the model
    *,
    horizon_s: float,
    rate_hz: float,
    kappa: float,
    phi: float,
    alpha: float,
    cap_lots: int,
    sigma: float,
    n_steps: int,
    start_lots: int = 0,
) -> EnvParams:
    """Cartea & Jaimungal: running penalty phi q^2, terminal penalty alpha q_T^2."""
    market = AnalyticMarketParams(
        regimes=(_regime(rate_hz, kappa, sigma),), mid_initial_ticks=MID_INITIAL_TICKS
    )
    reward = RewardParams(inventory_quadratic=phi, terminal_quadratic=alpha)
    return _problem(
        market,
        horizon_s=horizon_s,
        n_steps=n_steps,
        cap_lots=cap_lots,
        reward=reward,
        start_lots=start_lots,
    )


def _cara(risk_aversion: float, deepest: float) -> EnvParams:
    """Avellaneda & Stoikov's simulation: CARA utility of terminal wealth.

    `deepest` must reach as far as the optimum does at large inventories: an exponential utility
    of a Gaussian mid weighs even a one in 10^100 chance of ending there.
    """
    market = AnalyticMarketParams(
        regimes=(_regime(140.0, 1.5, 2.0),), mid_initial_ticks=MID_INITIAL_TICKS
    )
    reward = RewardParams(utility="cara", risk_aversion=risk_aversion)
    return _problem(market, horizon_s=1.0, n_steps=200, cap_lots=30, reward=reward, deepest=deepest)


def _two_regimes(*, observed: bool) -> EnvParams:
    """Calm and busy: the regime decides arrival rate, fill depth and the price of inventory."""
    market = AnalyticMarketParams(
        regimes=(_regime(10.0, 1.5, 0.1, 0.2), _regime(30.0, 0.6, 0.1, 2.0)),
        switch_rates_hz=((0.0, 0.5), (1.0, 0.0)),
        initial_regime_probabilities=(2.0 / 3.0, 1.0 / 3.0),  # the stationary law
        regime_observed=observed,
        mid_initial_ticks=MID_INITIAL_TICKS,
    )
    reward = RewardParams(inventory_quadratic=1.0, terminal_quadratic=0.01)
    regime = ("regime",) if observed else ("market_sells", "market_buys", "regime_probability")
    features = ("time_left", "inventory", *regime)
    return _problem(
        market, horizon_s=5.0, n_steps=500, cap_lots=15, reward=reward, features=features
    )


_P1: dict[str, Any] = {
    "horizon_s": 1, "rate_hz": 10, "kappa": 1, "phi": 0.5, "alpha": 0.001, "cap_lots": 20,
    "sigma": 0.1, "n_steps": 100,
}  # fmt: skip

PRESETS: dict[str, EnvParams] = {
    "P1": _cartea_jaimungal(**_P1),
    "P1-any-start": _cartea_jaimungal(**_P1, start_lots=4),  # inventory -4 ... 4, equally likely
    "P2": _cartea_jaimungal(
        horizon_s=1, rate_hz=140, kappa=1.5, phi=0.01, alpha=0.001, cap_lots=100, sigma=2,
        n_steps=1000,
    ),
    "P3": _cartea_jaimungal(
        horizon_s=1, rate_hz=100, kappa=1, phi=0.01, alpha=0.001, cap_lots=100, sigma=1,
        n_steps=1000,
    ),
    "P4": _cartea_jaimungal(
        horizon_s=1, rate_hz=50, kappa=2, phi=0.01, alpha=0.001, cap_lots=100, sigma=1.5,
        n_steps=1000,
    ),
    "P5": _cartea_jaimungal(
        horizon_s=2, rate_hz=50, kappa=2, phi=0.01, alpha=0.001, cap_lots=100, sigma=1.5,
        n_steps=2000,
    ),
    "P6": _cartea_jaimungal(
        horizon_s=1, rate_hz=140, kappa=1.5, phi=1, alpha=0.1, cap_lots=30, sigma=2, n_steps=1000
    ),
    "P7": _cartea_jaimungal(
        horizon_s=10, rate_hz=50, kappa=10, phi=0.05, alpha=0.01, cap_lots=3, sigma=1, n_steps=1000
    ),
    "R1": _two_regimes(observed=True),
    "R1-hidden": _two_regimes(observed=False),
    "CARA-0.01": _cara(0.01, 5.0),
    "CARA-0.1": _cara(0.1, 15.0),
    "CARA-0.5": _cara(0.5, 65.0),
}  # fmt: skip


def preset(name: str) -> EnvParams:
    """A preset by name; the error lists those there are."""
    try:
        return PRESETS[name]
    except KeyError:
        hint = _did_you_mean(name, PRESETS)
        raise ValueError(
            f"preset: expected one of {', '.join(PRESETS)}, got {name!r}{hint}"
        ) from None


def resolve_params(
    params: str | EnvParams, overrides: Mapping[str, Any] | None = None
) -> EnvParams:
    """A preset's name or parameters, with some nested values replaced, checked as a whole.

    Raises:
        ValueError: some overrides do not fit; one line for each says where, what was expected and
            what was there.
    """
    base = preset(params) if isinstance(params, str) else params
    if not isinstance(base, EnvParams):
        raise TypeError(f"params: expected a preset's name or EnvParams, got {params!r}")
    if not overrides:
        return base
    if not isinstance(overrides, Mapping):
        raise TypeError(
            "overrides: expected nested values by name, such as {'action': {'sizes': True}}, "
            f"got {overrides!r}"
        )
    try:
        return EnvParams.model_validate(_merged(base.model_dump(), overrides))
    except ValidationError as error:
        lines = [_problem_line(found) for found in error.errors(include_url=False)]
    raise ValueError("\n".join(line for line in lines if line))


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in overrides.items():
        old = merged.get(name)
        both_nested = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(old, value) if both_nested else value  # type: ignore[arg-type]
    return merged


# By pydantic's kind of error; braces hold what that says about it.
_WANTED = {
    "bool_type": "True or False",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "above {gt:.15g}",
    "greater_than_equal": "at least {ge:.15g}",
    "int_type": "an integer",
    "invalid_key": "a name",
    "less_than": "below {lt:.15g}",
    "less_than_equal": "at most {le:.15g}",
    "literal_error": "{expected}",
    "missing": "a value",
    "model_type": "values by name",
    "string_type": "text",
    "too_long": "at most {max_length} item(s)",
    "too_short": "at least {min_length} item(s)",
    "tuple_type": "a list or tuple",
}
_SHOWN_CHARACTERS_MAX = 80


def _problem_line(error: ErrorDetails) -> str:
    """`place: expected ..., got ...` of one of pydantic's findings; empty for a mere echo."""
    kind, value, place = error["type"], error["input"], _dotted(error["loc"])
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_line(error["loc"])
    if kind == "value_error":  # rlmm_tf.params: "field: expected ..., got ..."
        return f"{place}{'.' * bool(place)}{context['error']}"
    wanted, got = _wanted(error), _shown(value)
    if kind == "missing":
        got = "none"
    elif kind in {"too_short", "too_long"}:
        if kind == "too_short" and len(value) >= context["min_length"]:
            return ""  # pydantic counts the good items only, and names the bad ones as well
        got = str(len(value))
    elif kind == "literal_error":
        got += _did_you_mean(value, re.findall(r"'([^']*)'", wanted))
    return f"{place}: expected {wanted}, got {got}{_remedy(kind, value)}"


def _remedy(kind: str, value: Any) -> str:
    """What makes of the value what was wanted, for the two slips that numerical code makes."""
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"; write {int(value)}"
    return "; pass its tolist()" if kind.endswith("_type") and hasattr(value, "tolist") else ""


def _wanted(error: ErrorDetails) -> str:
    template = _WANTED.get(error["type"])
    if template is None:
        return error["msg"].removeprefix("Input should be ")
    return template.format(**error.get("ctx", {}))


def _unknown_line(location: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = EnvParams
    for part in location[:-1]:
        if isinstance(part, str):  # an index stays with the class of the list's items
            model = _class_in(model.model_fields[part].annotation) or model
    known, name = list(model.model_fields), location[-1]
    hint = _did_you_mean(name, known)
    return f"{_dotted(location)}: expected one of {', '.join(known)}, got {_shown(name)}{hint}"


def _class_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _class_in(part))), None)


def _did_you_mean(name: Any, known: Iterable[str]) -> str:
    if not isinstance(name, str):
        return ""
    folded = {word.casefold(): word for word in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""


def _dotted(location: tuple[int | str, ...]) -> str:
    """`a.b[0].c`; what is no plain name is escaped, so that a line stays a line."""
    text = ""
    for part in location:
        index = isinstance(part, int)
        text += f"[{part}]" if index else f"{'.' * bool(text)}{_cut(ascii(part)[1:-1])}"
    return text


def _shown(value: Any) -> str:
    return _cut(repr(value).replace("\n", " "))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else f"{text[: _SHOWN_CHARACTERS_MAX - 3]}..."
