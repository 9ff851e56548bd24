"""`rlmm simulate`: a book market written down, in one pass and bounded memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationError

from experiments.config import Config
from experiments.console import Progress
from experiments.errors import InputError, Problem, did_you_mean, listed, shown, shown_place
from rlmm_tf.book_params import DAY_NS, BookMarketParams
from rlmm_tf.events import EventKind
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.messages import problem_lines
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS, resolve_params
from rlmm_tf.recording import (
    BybitWriter,
    CanonicalWriter,
    Chunk,
    LobsterWriter,
    Session,
    generator_hash,
    record,
)
from rlmm_tf.recording.writer import Writer

WARMUP_NS = 300 * NS_PER_S  # of a model from a file: it starts with a book that it filled itself
CHUNK_LEVEL_S = 600  # a chunk's seconds x levels: few megabytes, and few chunks
BOOK_PRESETS = tuple(
    name for name, params in PRESETS.items() if isinstance(params.market, BookMarketParams)
)


class SimulateConfig(Config):
    """The numbers that `rlmm simulate` takes."""

    hours: Annotated[float, Field(gt=0.0, le=2400.0)] = Field(description="of simulated time")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    levels: Annotated[int, Field(ge=1, le=200)] = Field(
        default=10, description="of the book, in the files that show it"
    )


@dataclass(frozen=True)
class Request:
    """The texts that `rlmm simulate` takes."""

    market: str
    out: Path
    lobster: Path | None = None
    bybit: Path | None = None
    start: str | None = None
    symbol: str = "SIM"
    tick_size: str = "0.01"
    lot_size: str = "1"


@dataclass(frozen=True)
class Plan:
    """What has been checked and can be done."""

    params: EnvParams
    session: Session
    config: SimulateConfig
    generator: str
    writers: tuple[Writer, ...]


def plan(request: Request, config: SimulateConfig) -> Plan:
    """Check everything that can be checked before the simulation starts.

    Raises:
        InputError: with all the problems that could be seen at once.
    """
    problems: list[Problem] = []
    start_ns = _start_ns(request.start, problems)
    params = market_params(request.market, start_ns, problems)
    session = _session(request, config, start_ns, problems)
    if params is None or session is None:
        raise InputError(problems)
    assert isinstance(params.market, BookMarketParams)
    generator = generator_hash(params, seed=config.seed, duration_ns=session.duration_ns)
    writers = _writers(request, config, session, generator, problems)
    problems += _output_problems(writers)
    if problems:
        raise InputError(problems)
    return Plan(params, session, config, generator, tuple(writers.values()))


def simulate(plan: Plan, *, progress: Progress) -> dict[str, Any]:
    """Run the simulation and write its files; returns what there is to say about it."""
    duration_ns = plan.session.duration_ns
    summary = Summary(duration_ns)
    began = time.perf_counter()
    levels = plan.config.levels
    chunks = record(
        plan.params,
        seed=plan.config.seed,
        duration_ns=duration_ns,
        levels=levels,
        chunk_ns=max(CHUNK_LEVEL_S // levels, 1) * NS_PER_S,
    )
    with ExitStack() as opened:
        for writer in plan.writers:
            opened.enter_context(writer)
        for chunk in chunks:
            summary.add(chunk)
            for writer in plan.writers:
                writer.write(chunk)
            label = f"{summary.n_events:,} events".replace(",", "\N{THIN SPACE}")
            progress(chunk.until_ns / NS_PER_S, duration_ns / NS_PER_S, label)
    seconds = time.perf_counter() - began
    assert isinstance(plan.params.market, BookMarketParams)
    files = [path for writer in plan.writers for path in writer.paths]
    return {
        "market_hash": plan.params.market.model.market_hash(),
        "generator": plan.generator,
        "seed": plan.config.seed,
        "simulated_s": duration_ns / NS_PER_S,
        **summary.values(),
        "events_per_s": summary.n_events / seconds,
        "file_bytes": {shown_place(path): path.stat().st_size for path in files},
    }


class Summary:
    """Counts events by kind and the time for which the spread had each width."""

    def __init__(self, duration_ns: int) -> None:
        self._duration_ns = duration_ns
        self._kinds: Counter[int] = Counter()
        self._spread_ns: Counter[int] = Counter()  # by ticks; 0: a side was empty
        self._last_ns = 0
        self._last_ticks = 0

    @property
    def n_events(self) -> int:
        """So far."""
        return self._kinds.total()

    def add(self, chunk: Chunk) -> None:
        """Take a chunk in."""
        if len(chunk) == 0:
            return
        kinds, counts = np.unique(chunk.kind, return_counts=True)
        self._kinds.update(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))
        ask, ask_lots, bid, bid_lots = chunk.depth[:, :4].T
        spread = np.where((ask_lots > 0) & (bid_lots > 0), ask - bid, 0)
        widths, which = np.unique(np.append(self._last_ticks, spread[:-1]), return_inverse=True)
        held_ns = np.zeros(len(widths), np.int64)
        np.add.at(held_ns, which, np.diff(chunk.ts_ns, prepend=self._last_ns))
        self._spread_ns.update(dict(zip(widths.tolist(), held_ns.tolist(), strict=True)))
        self._last_ns, self._last_ticks = int(chunk.ts_ns[-1]), int(spread[-1])

    def values(self) -> dict[str, Any]:
        """Names and values, for people and machines."""
        held_ns = Counter(self._spread_ns)
        held_ns[self._last_ticks] += self._duration_ns - self._last_ns
        open_ns = sum(ns for ticks, ns in held_ns.items() if ticks != 0)
        mean = sum(ticks * ns for ticks, ns in held_ns.items()) / max(open_ns, 1)
        shares = {
            str(ticks) if ticks else "one side empty": ns / self._duration_ns
            for ticks, ns in sorted(held_ns.items())
            if ns > 0
        }
        n_flow = sum(
            self._kinds[kind] for kind in (EventKind.ADD, EventKind.CANCEL, EventKind.TRADE)
        )
        return {
            "events": self.n_events,
            "events_by_kind": {
                kind.name.lower(): self._kinds[kind] for kind in EventKind if self._kinds[kind]
            },
            "events_per_simulated_s": n_flow / (self._duration_ns / NS_PER_S),
            "spread_mean_ticks": mean,
            "spread_share": shares,
        }


def for_people(result: dict[str, Any]) -> dict[str, Any]:
    """The result with the rare widths of the spread taken together."""
    shares = result["spread_share"]
    shown_shares = {ticks: share for ticks, share in shares.items() if share >= 0.01}
    if len(shown_shares) < len(shares):
        shown_shares["others"] = sum(shares.values()) - sum(shown_shares.values())
    return {**result, "spread_share": shown_shares}


def _start_ns(text: str | None, problems: list[Problem]) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = int(moment.replace(microsecond=0).timestamp())
        return seconds * NS_PER_S + moment.microsecond * 1000
    except (ValueError, OverflowError):
        expected = "a date and time (UTC) such as 2025-01-31T09:30"
        problems.append(Problem("--start", f"expected {expected}, got {shown(text)!r}"))
        return None


def market_params(
    market: str, start_ns: int | None, problems: list[Problem], place: str = "MARKET"
) -> EnvParams | None:
    """The problem whose market is simulated, with its session's time of day."""
    known = listed(["a market.json", *BOOK_PRESETS])
    clock = {} if start_ns is None else {"session_start_ns": start_ns % DAY_NS}
    if market in BOOK_PRESETS:
        return resolve_params(market, {"market": clock})
    if market in PRESETS:
        problems.append(Problem(place, f"expected {known}, got {market!r}, which has no book"))
        return None
    if not Path(market).is_file():
        hint = did_you_mean(market, BOOK_PRESETS)
        problems.append(Problem(place, f"expected {known}, got {shown(market)!r}{hint}"))
        return None
    try:
        model = MarketModel.load(market)
        book = BookMarketParams.model_validate({"model": model, "warmup_ns": WARMUP_NS, **clock})
        return EnvParams(market=book)
    except ValidationError as error:
        lines = problem_lines(error, EnvParams)
    except (ValueError, OSError) as error:
        lines = str(error).splitlines()
    problems += [Problem(place, line) for line in lines]
    return None


def _session(
    request: Request, config: SimulateConfig, start_ns: int | None, problems: list[Problem]
) -> Session | None:
    texts = {"symbol": request.symbol, "tick_size": request.tick_size}
    texts["lot_size"] = request.lot_size
    duration_ns = max(round(config.hours * 3600 * NS_PER_S), 1)
    usable: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            one: dict[str, Any] = {name: text}
            Session(duration_ns, **one)
            usable[name] = text
        except ValueError as error:
            message = str(error).removeprefix(f"{name}: ")
            problems.append(Problem(f"--{name.replace('_', '-')}", message))
    try:
        session = Session(duration_ns, start_ns or 0, **usable)
    except ValueError as error:
        problems.append(Problem("--start", str(error)))
        return None
    return session


def _writers(
    request: Request,
    config: SimulateConfig,
    session: Session,
    generator: str,
    problems: list[Problem],
) -> dict[str, Writer]:
    """The writers by the option that asked for them."""
    writers: dict[str, Writer] = {"--out": CanonicalWriter(request.out, session, generator)}
    if request.bybit is not None:
        writers["--bybit"] = BybitWriter(request.bybit, session, config.levels)
    if request.lobster is not None:
        try:
            writers["--lobster"] = LobsterWriter(request.lobster, session, config.levels)
        except ValueError as error:
            problems.append(Problem("--lobster", str(error)))
    return writers


def _output_problems(writers: dict[str, Writer]) -> Sequence[Problem]:
    problems = []
    taken: dict[Path, str] = {}
    for option, writer in writers.items():
        for path in writer.paths:
            place, folder = shown_place(path), path.parent
            other = taken.setdefault(path.absolute(), option)
            if path.exists():
                message = f"expected no file there, got {place}; remove it or choose another name"
            elif option == "--lobster" and folder.exists() and not folder.is_dir():
                message = f"expected a folder, got the file {shown_place(folder)}"
            elif option != "--lobster" and not folder.is_dir():
                message = f"expected a folder that exists, got {shown_place(folder)}; create it"
            elif other != option:
                message = f"expected a file of its own, got {place}, which {other} writes too"
            else:
                continue
            problems.append(Problem(option, message))
    return list(dict.fromkeys(problems))
