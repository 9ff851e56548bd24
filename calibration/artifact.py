"""market.json of a calibrated market: the model that every command reads, and what it is worth.

The document is the one that `MarketModel.save` writes, so that `MarketModel.load` reads it, with
one section more, `calibration`, which has a hash of its own over the model's hash and all it says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from calibration.estimate import Caution
from calibration.fit import CalibratedMarket, Settings
from rlmm_tf.events import EventMetadata
from rlmm_tf.files import new_file
from rlmm_tf.market_model import SCHEMA, SCHEMA_VERSION, MarketModel

CALIBRATION_SCHEMA_VERSION = 1
_REMEDY = "calibrate again with `rlmm calibrate`"


class ArtifactError(ValueError):
    """A file that is no calibrated market; says where, what was expected and what came."""


def save_market(
    market: CalibratedMarket,
    path: Path | str,
    *,
    settings: Settings,
    span: str | None = None,
    blocks: str | None = None,
) -> None:
    """Writes a new file, whole or not at all: the same input gives the same bytes.

    Raises:
        FileExistsError: there is one already.
    """
    document = market_document(market, settings=settings, span=span, blocks=blocks)
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", "utf-8")


def market_document(
    market: CalibratedMarket,
    *,
    settings: Settings,
    span: str | None = None,
    blocks: str | None = None,
) -> dict[str, Any]:
    """What `save_market` writes."""
    model = market.model
    section: dict[str, Any] = {
        "schema_version": CALIBRATION_SCHEMA_VERSION,
        "inputs": [_input(metadata) for metadata in market.parts.events.metadata],
        "split": {"span": span, "blocks": blocks},
        "settings": {name: _plain(value) for name, value in asdict(settings).items()},
        "seconds": market.seconds,
        "events": list(market.n_events),
        "season_origin_s": market.season_origin_s,
        "depth_seen": market.parts.book.depth.seen.tolist(),
        "orders_per_tick": market.parts.book.depth.orders_per_tick.tolist(),
        "estimates": {name: each.to_json() for name, each in market.estimates.items()},
        "goodness": market.goodness.to_json(),
        "informed": None if market.informed is None else market.informed.to_json(),
        "cautions": [caution.to_json() for caution in market.cautions],
    }
    section["calibration_hash"] = calibration_hash(model.market_hash(), section)
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "market_hash": model.market_hash(),
        "model": model.model_dump(mode="json"),
        "calibration": section,
    }


def calibration_hash(market_hash: str, section: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of the section, without its own hash, and of the model's."""
    rest = {name: value for name, value in section.items() if name != "calibration_hash"}
    text = json.dumps([market_hash, rest], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def load_market(path: Path | str) -> tuple[MarketModel, dict[str, Any]]:
    """The model and its section `calibration`.

    Raises:
        ArtifactError: another schema version, damaged or changed by hand, or not calibrated.
    """
    try:
        model = MarketModel.load(path)
    except ValueError as error:
        text = str(error)
        raise ArtifactError(text if _REMEDY in text else f"{text}; {_REMEDY}") from None
    section = calibration_of(path)
    if section is None:
        raise ArtifactError(
            f"{path}: calibration: expected a section, got none; the model was written by hand: "
            f"{_REMEDY}"
        )
    return model, section


def calibration_of(path: Path | str) -> dict[str, Any] | None:
    """The section `calibration` of a market.json; None of a model that was written by hand.

    Raises:
        ArtifactError: another schema version, damaged or changed by hand.
    """
    document = json.loads(Path(path).read_text("utf-8"))
    section = document.get("calibration")
    if section is None:
        return None
    if not isinstance(section, dict):
        raise ArtifactError(
            f"{path}: calibration: expected a section, got {type(section).__name__}; {_REMEDY}"
        )
    version = section.get("schema_version")
    if version != CALIBRATION_SCHEMA_VERSION:
        raise ArtifactError(
            f"{path}: calibration.schema_version: expected {CALIBRATION_SCHEMA_VERSION}, got "
            f"{version!r}; {_REMEDY}"
        )
    expected = calibration_hash(document["market_hash"], section)
    if section.get("calibration_hash") != expected:
        raise ArtifactError(
            f"{path}: calibration.calibration_hash: expected {expected} of the values, got "
            f"{section.get('calibration_hash')!r}; the file was changed by hand or damaged: "
            f"{_REMEDY}"
        )
    return section


def cautions_of(section: Mapping[str, Any]) -> tuple[Caution, ...]:
    """What runs made from the market have to carry along."""
    return tuple(Caution(**each) for each in section.get("cautions", ()))


def _input(metadata: EventMetadata) -> dict[str, Any]:
    values = asdict(metadata)
    values["rejected"] = dict(sorted(metadata.rejected.items()))
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    named = ("venue", "symbol", "tick_size", "lot_size", "session", "source")
    return {name: values[name] for name in named} | {
        "metadata_hash": hashlib.sha256(text.encode()).hexdigest()
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
