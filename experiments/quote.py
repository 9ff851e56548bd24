"""`rlmm serve policy` and `rlmm compare`: policies that quote on an exchange."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import httpx

from experiments.errors import ConfigError, InputError, Problem
from experiments.evaluation_config import PlayConfig
from experiments.players import market_from, unkept_players
from rlmm_tf.evaluation.play import Player
from rlmm_tf.kernels.risk import RiskLimits
from rlmm_tf.live.actors import actor_of
from rlmm_tf.live.client import QuotingClient
from rlmm_tf.live.process import (
    Place,
    PolicyProcess,
    control_token,
    read_secret,
    run_with_page,
)
from rlmm_tf.live.telemetry import Log
from rlmm_tf.params import EnvParams

EXCHANGE_FOLDER = Path("runs/exchange")
FOLDER = Path("runs/policy")
SAMPLE_S = 0.5
_S = 1_000_000_000


@dataclass(frozen=True)
class Quoter:
    """A policy, as it will quote."""

    name: str
    params: EnvParams
    player: Player


def default_limits(params: EnvParams) -> RiskLimits:
    """Of a policy's own problem: its cap, its sizes, and twice its furthest quote."""
    cap, most = params.limits.inventory_cap_lots, 2**62
    furthest = max(abs(params.action.offset_min_ticks), abs(params.action.offset_max_ticks))
    return RiskLimits(
        position_lots_max=cap,
        notional_max=most,
        order_lots_max=params.action.lots_max,
        order_notional_max=most,
        orders_per_s=100,
        cancels_per_s=100,
        open_orders_max=8,
        collar_ticks=max(10, 2 * furthest),
        daily_loss_max=most,
        drawdown_max=most,
        stale_ns=5 * _S,
    )


def limits_with(limits: RiskLimits, settings: Sequence[str]) -> RiskLimits:
    """`NAME=NUMBER` each.

    Raises:
        InputError: a name that is no limit, or no whole number.
    """
    known = [field.name for field in fields(RiskLimits)]
    chosen, problems = asdict(limits), []
    for text in settings:
        name, _, value = text.partition("=")
        if name not in known or not value.removeprefix("-").isdigit():
            message = f"expected NAME=NUMBER with one of {', '.join(known)}, got {text!r}"
            problems.append(Problem("--limit", message))
        else:
            chosen[name] = int(value)
    if problems:
        raise InputError(problems)
    return RiskLimits(**chosen)


def quoters(names: Sequence[str], market: str | None, replay: str | None) -> list[Quoter]:
    """Runs as they were trained; baselines measured and tuned in the market first.

    Raises:
        ConfigError: there is no such policy or market.
    """
    config = PlayConfig(policies=tuple(names), market=market, replay=replay, tuning_episodes=16)
    players = unkept_players(config, market_from(config))
    return [Quoter(player.name, player.params, player) for player in players]


def made_client(quoter: Quoter, settings: Sequence[str]) -> QuotingClient:
    """Offline yet.

    Raises:
        ConfigError: a policy that needs what no market shows, or limits that are none.
    """
    try:
        limits = limits_with(default_limits(quoter.params), settings)
        return QuotingClient(quoter.params, actor_of(quoter.player), limits)
    except ValueError as error:
        raise ConfigError([Problem(quoter.name, str(error))]) from error


def place_of(url: str, token: Path) -> Place:
    """The exchange and the token in the file.

    Raises:
        InputError: no http address, or no such token.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError([Problem("--exchange", f"expected http://... , got {url!r}")])
    try:
        return Place(url.rstrip("/"), read_secret(token))
    except (OSError, ValueError) as error:
        raise InputError([Problem("--token", str(error))]) from error


def symbol_of(place: Place) -> str:
    """What is traded there.

    Raises:
        InputError: nobody answers, or not as an exchange would.
    """
    try:
        answer = httpx.get(
            f"{place.url}/v1/instrument", headers=place.headers, timeout=5.0, trust_env=False
        )
        answer.raise_for_status()
        return str(answer.json()["symbol"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        remedy = "start one with `rlmm serve exchange`"
        problem = f"expected an exchange at {place.url}, got {error}; {remedy}"
        raise InputError([Problem("--exchange", problem)]) from error


def serve_policy(
    quoter: Quoter, place: Place, *, folder: Path, port: int, limits: Sequence[str],
    seconds: float | None, ready: Any,
) -> dict[str, Any]:  # fmt: skip
    """Quotes until a signal, or for so long; the state at the end."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = {"policy": quoter.name, "symbol": symbol_of(place)}
    client = made_client(quoter, limits)
    process = PolicyProcess(client, place, names, folder, Log(sys.stderr))
    token = control_token(folder)
    ready(f"http://127.0.0.1:{port}/")
    asyncio.run(run_with_page(process, port=port, token=token, duration_s=seconds))
    return process.state()


# --- side by side ---------------------------------------------------------------------------------


def compare(
    all_quoters: Sequence[Quoter], places: Sequence[Place], *, seconds: float, folder: Path,
    limits: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """Each on an account of its own, at one time in one market; writes compare.json."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    symbol = symbol_of(places[0])
    processes = []
    for quoter, place in zip(all_quoters, places, strict=True):
        own = folder / quoter.name.replace("/", "_")
        own.mkdir(exist_ok=True)
        names = {"policy": quoter.name, "symbol": symbol}
        log = Log((own / "log.jsonl").open("w", encoding="utf-8"))
        processes.append(PolicyProcess(made_client(quoter, limits), place, names, own, log))
    samples = asyncio.run(_run_together(processes, seconds))
    result = {
        "symbol": symbol,
        "seconds": seconds,
        "policies": {one.state()["policy"]: _row(one.state()) for one in processes},
        "samples": samples,
    }
    (folder / "compare.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


async def _run_together(
    processes: Sequence[PolicyProcess], seconds: float
) -> dict[str, list[dict[str, float]]]:
    """Gain and position of each, every half a second."""
    running = [asyncio.create_task(one.run(seconds)) for one in processes]
    samples: dict[str, list[dict[str, float]]] = {one.state()["policy"]: [] for one in processes}
    begin = time.monotonic()
    while not all(task.done() for task in running):
        await asyncio.sleep(SAMPLE_S)
        for one in processes:
            gate = one.client.gate
            samples[one.state()["policy"]].append(
                {
                    "seconds": round(time.monotonic() - begin, 3),
                    "pnl": gate.pnl,
                    "position_lots": gate.position_lots,
                }
            )
    await asyncio.gather(*running)
    return samples


def _row(state: dict[str, Any]) -> dict[str, Any]:
    """What is said of a policy at the end."""
    risk = state["risk"]
    return {
        "pnl": risk["pnl"],
        "drawdown": risk["drawdown"],
        "position_lots": risk["position_lots"],
        "fees": state["fees"],
        "fills": state["fills"],
        "bought_lots": state["bought_lots"],
        "sold_lots": state["sold_lots"],
        "messages": sum(state["sent"].values()),
        "refused": sum(state["refused"].values()),
        "rejected": sum(state["rejected"].values()),
        "decisions": state["decisions"],
        "latency_us_p50": state["latency_us"]["p50"],
        "latency_us_p99": state["latency_us"]["p99"],
    }
