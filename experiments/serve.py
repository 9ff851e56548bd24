"""`rlmm serve exchange`: a paper exchange on this machine, until it is told to stop."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.errors import InputError, Problem
from experiments.simulate import market_params
from rlmm_tf.env import Venue, build_info, engine_params
from rlmm_tf.env.tape import recording_of
from rlmm_tf.events import EventTable
from rlmm_tf.live import protocol as p
from rlmm_tf.live.door import LOCAL_NAMES, is_loopback
from rlmm_tf.live.exchange import Exchange
from rlmm_tf.live.gateway import Gateway
from rlmm_tf.live.journal import JournalError
from rlmm_tf.live.ledger import Fees
from rlmm_tf.live.recovery import start
from rlmm_tf.live.server import make_app
from rlmm_tf.live.service import JsonLines, Service, Terms, note
from rlmm_tf.live.sessions import MS, Limits, MarketClock
from rlmm_tf.live.tokens import add_token
from rlmm_tf.params import EnvParams, FeeParams
from rlmm_tf.replay_params import ReplayMarketParams
from rlmm_tf.seeding import environment_keys

FOLDER = Path("runs/exchange")
FIRST_ACCOUNT = "maker"
SPEED_LEAST, SPEED_MOST = 1.0, 1000.0
_E9 = 10**9


@dataclass(frozen=True)
class Request:
    """What `rlmm serve exchange` is told."""

    market: str | None = None
    replay: Path | None = None
    speed: float = 1.0
    host: str = "127.0.0.1"
    port: int = 8700
    folder: Path = FOLDER
    step_ms: int = 5  # of the wall clock
    seed: int = 0
    tls_cert: Path | None = None
    tls_key: Path | None = None
    names: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


def serve_exchange(request: Request, *, ready: Callable[[str], None]) -> bool:
    """Serves until a signal; False if it had to stop because nothing could be kept.

    `ready` is told the address once clients can come.

    Raises:
        InputError: with all problems that can be seen before.
    """
    params, terms = _market(request)
    request.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(request.folder), _socket(request) as listening:
        tokens = request.folder / "tokens.json"
        if not tokens.exists():
            write_token(tokens, FIRST_ACCOUNT, ("read", "trade"))
        gateway = _gateway(request, params)
        _log_to_stderr()
        port = listening.getsockname()[1]
        scheme = "http" if request.tls_cert is None else "https"
        url = f"{scheme}://{_bracketed(request.host)}:{port}"
        return _run(request, gateway, (tokens, terms), (listening, url), ready)


def write_token(tokens: Path, account: str, scopes: tuple[p.Scope, ...]) -> Path:
    """A new token of the account, in a file beside the list that its owner alone can read."""
    path = tokens.with_name(f"{account}.token")
    token = add_token(tokens, account, scopes)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    fresh.replace(path)
    return path


# --- what is served -------------------------------------------------------------------------------


def _market(request: Request) -> tuple[EnvParams, Terms]:
    problems = list(_problems(request))
    params: EnvParams | None = None
    terms = Terms()
    if request.replay is not None:
        try:
            params = EnvParams(market=ReplayMarketParams(recording=str(request.replay)))
            about = EventTable.read(request.replay).metadata
            terms = Terms(about.symbol, about.tick_size, about.lot_size)
        except (ValueError, OSError) as error:
            problems += [Problem("--replay", line) for line in str(error).splitlines()]
    elif request.market is not None:
        params = market_params(request.market, None, problems, "--market")
    if problems or params is None:
        raise InputError(problems)
    return params, terms


def _problems(request: Request) -> Iterator[Problem]:
    if (request.market is None) == (request.replay is None):
        got = "none" if request.market is None else "both"
        yield Problem("--market", f"expected it, or --replay, got {got}")
    if not SPEED_LEAST <= request.speed <= SPEED_MOST:
        yield Problem(
            "--speed", f"expected from {SPEED_LEAST:g} to {SPEED_MOST:g}, got {request.speed:g}"
        )
    if not 1 <= request.step_ms <= 1000:
        yield Problem("--step-ms", f"expected from 1 to 1000, got {request.step_ms}")
    if not 0 <= request.port <= 65535:
        yield Problem("--port", f"expected from 0 to 65535, got {request.port}")
    if (request.tls_cert is None) != (request.tls_key is None):
        yield Problem("--tls-cert", "expected it together with --tls-key, got one of the two")
    for name, path in (("--tls-cert", request.tls_cert), ("--tls-key", request.tls_key)):
        if path is not None and not path.is_file():
            yield Problem(name, f"expected a file, got {path}")
    if not is_loopback(request.host):
        if request.tls_cert is None:
            yield Problem(
                "--host",
                f"expected an address of this machine alone, got {request.host}; others need "
                "--tls-cert and --tls-key, or tokens could be read on the way",
            )
        if not (request.folder / "tokens.json").is_file():
            yield Problem(
                "--host",
                f"expected tokens in {request.folder} before others can reach the exchange, got "
                "none; make them with `rlmm serve token`",
            )


def _gateway(request: Request, params: EnvParams) -> Gateway:
    step_ns = int(request.step_ms * MS * request.speed)
    tape = recording_of(params)
    venue = Venue(engine_params(params), environment_keys(request.seed, 1), tape)
    exchange = Exchange(venue, step_ns=step_ns, fees=fees_of(params.fees))
    market = params.market.model_dump_json(exclude={"recording"} if tape is not None else set())
    recorded = 0 if tape is None else int(tape.checksum)
    identity = {
        "market": hashlib.sha256(f"{market} {recorded}".encode()).hexdigest(),
        "seed": request.seed,
        "engine": str(build_info()["interface"]),
    }
    try:
        keeper = start(request.folder / "journal", exchange, identity)
    except (JournalError, ValueError) as error:
        raise InputError([Problem("--folder", str(error))]) from error
    clock = MarketClock(request.speed, step_ns, _now(), exchange.ts_ns)
    return Gateway(keeper, clock, request.limits)


def fees_of(fees: FeeParams) -> Fees:
    """In whole numbers, rounded as the engine does."""
    return Fees(
        maker_notional_e9=round(fees.maker_bps * 1e-4 * _E9),
        taker_notional_e9=round(fees.taker_bps * 1e-4 * _E9),
        maker_per_lot_e9=round(fees.maker_ticks_per_lot * _E9),
        taker_per_lot_e9=round(fees.taker_ticks_per_lot * _E9),
    )


# --- how ------------------------------------------------------------------------------------------


def _now() -> int:
    import time

    return time.monotonic_ns()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two exchanges must not write one journal."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"expected a folder that no exchange uses, got {folder}, which one does"
            raise InputError([Problem("--folder", message)]) from None
        yield


@contextmanager
def _socket(request: Request) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((request.host, request.port))
        except OSError as error:
            message = f"expected a free address, got {request.host}:{request.port}: {error}"
            raise InputError([Problem("--port", message)]) from error
        yield listening


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("rlmm.exchange")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _run(
    request: Request,
    gateway: Gateway,
    what: tuple[Path, Terms],
    where: tuple[socket.socket, str],
    ready: Callable[[str], None],
) -> bool:
    import uvicorn

    tokens, terms = what
    listening, url = where
    failed = False

    def fail() -> None:
        nonlocal failed
        failed = True
        server.should_exit = True

    service = Service(gateway, tokens, terms, now=_now, fail=fail)
    names = frozenset({*LOCAL_NAMES, request.host, *request.names})
    port = listening.getsockname()[1]
    scheme = "http" if request.tls_cert is None else "https"
    origins = frozenset(f"{scheme}://{_bracketed(name)}:{port}" for name in names)
    app = make_app(service, hosts=names, origins=origins)
    tls: dict[str, Any] = {}
    if request.tls_cert is not None:
        tls = {"ssl_certfile": str(request.tls_cert), "ssl_keyfile": str(request.tls_key)}
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="warning",
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=30,
        limit_concurrency=1024,
        ws="websockets-sansio",
        ws_max_size=p.BODY_BYTES_MOST,
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # heartbeats and the dead man's timer are the protocol's own
        **tls,
    )
    server = uvicorn.Server(config)
    listening.listen(1024)
    note("start", url=url, epoch=gateway.exchange.epoch, ts_ns=gateway.exchange.ts_ns)
    ready(url)
    server.run(sockets=[listening])
    note("stop", failed=failed)
    return not failed
