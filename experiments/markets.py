"""From names to problems: a preset, a calibrated market.json, or a recording to play in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from pydantic import ValidationError

from calibration.artifact import calibration_of, cautions_of
from experiments.errors import ConfigError, Problem, did_you_mean, listed, shown, shown_place
from rlmm_tf.book_params import BookMarketParams
from rlmm_tf.env import measure_typical
from rlmm_tf.events import EventMetadata
from rlmm_tf.fields import NS_PER_S
from rlmm_tf.market_model import MarketModel
from rlmm_tf.messages import problem_lines
from rlmm_tf.params import EnvParams
from rlmm_tf.presets import PRESETS, preset, resolve_params, usual_problem
from rlmm_tf.replay_params import ReplayMarketParams

WARMUP_NS = 300 * NS_PER_S  # of a model from a file: it starts with a book that it filled itself
PROBLEM_NAME = "problem.json"  # in a run's folder


@dataclass(frozen=True)
class Market:
    """A problem, what it is called, and what its calibration warns of."""

    name: str
    params: EnvParams
    cautions: tuple[str, ...] = ()

    def with_values(self, overrides: Mapping[str, Any]) -> Market:
        """The same with other values.

        Raises:
            ConfigError: they do not fit it.
        """
        try:
            params = resolve_params(self.params, overrides)
        except ValueError as error:
            lines = str(error).splitlines()
            raise ConfigError([Problem("overrides", line) for line in lines]) from error
        return Market(self.name, params, self.cautions)

    def to_json(self) -> str:
        """All of it, for a run's folder; `kept_market` reads it."""
        values = {
            "market": self.name,
            "cautions": list(self.cautions),
            "params": self.params.model_dump(mode="json"),
        }
        return json.dumps(values, indent=1) + "\n"


def simulated_market(name: str, place: str) -> Market:
    """A preset, or the market that was calibrated into a file.

    Args:
        name: of the preset or the file.
        place: where the user gave it.

    Raises:
        ConfigError: it is neither.
    """
    if name in PRESETS:
        return Market(name, preset(name))
    path = Path(name)
    if not path.is_file():
        known = listed(["a market.json", *PRESETS])
        message = f"expected {known}, got {shown(name)!r}{did_you_mean(name, PRESETS)}"
        raise ConfigError([Problem(place, message)])
    try:
        model = MarketModel.load(path)
        book = BookMarketParams(model=model, warmup_ns=WARMUP_NS)
        section = calibration_of(path) or {}
        params = usual_problem(
            book, model.typical, lots=_usual_lots(model), tick_value=tick_value(section)
        )
    except ValidationError as error:
        lines = problem_lines(error, EnvParams)
    except (ValueError, OSError) as error:
        lines = str(error).splitlines()
    else:
        cautions = [f"{each.part}: {each.text}" for each in cautions_of(section)]
        return Market(name, params, tuple(cautions))
    raise ConfigError([Problem(place, line) for line in lines])


def replayed_market(path: str, place: str) -> Market:
    """A recording, a canonical parquet file.

    Raises:
        ConfigError: it is none.
    """
    try:
        market = ReplayMarketParams(recording=path)
        typical = measure_typical(market)
        metadata = EventMetadata.of_schema(pq.read_schema(path))
    except (ValueError, OSError) as error:
        lines = str(error).splitlines()
        raise ConfigError([Problem(place, line) for line in lines]) from error
    market = market.model_copy(update={"typical": typical})
    lots = max(1, round(typical.touch_lots / 4.0))
    value = _tick_value(metadata.tick_size, metadata.lot_size)
    return Market(path, usual_problem(market, typical, lots=lots, tick_value=value))


def kept_market(run: Path) -> Market:
    """The market that a run was trained in, as it was then.

    Raises:
        ConfigError: the folder does not have it, or something else in its place.
    """
    path = run / PROBLEM_NAME
    try:
        values = json.loads(path.read_text("utf-8"))
        params = EnvParams.model_validate(values["params"])
        return Market(values["market"], params, tuple(values["cautions"]))
    except ValidationError as error:
        lines = problem_lines(error, EnvParams)
    except OSError as error:
        lines = [f"expected the problem of a run of rlmm train, got: {error.strerror}"]
    except (ValueError, KeyError, TypeError):
        lines = ["expected the problem of a run of rlmm train, got something else"]
    raise ConfigError([Problem(shown_place(path), line) for line in lines])


def tick_value(section: Mapping[str, Any]) -> float:
    """Currency of a tick of a lot, of the recording that a model was calibrated to; else 1."""
    inputs = section.get("inputs") or [{}]
    sizes = [inputs[0].get(name) for name in ("tick_size", "lot_size")]
    if None in sizes:
        return 1.0
    return _tick_value(*sizes)


def _tick_value(tick_size: str, lot_size: str) -> float:
    return float(Decimal(tick_size) * Decimal(lot_size))


def _usual_lots(model: MarketModel) -> int:
    """The median size of orders that join the best price."""
    sizes = model.joining.sizes
    order = np.argsort(sizes.lots)
    reached = np.cumsum(np.asarray(sizes.probability)[order]) >= 0.5
    return int(np.asarray(sizes.lots)[order][int(np.argmax(reached))])
