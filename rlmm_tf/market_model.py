"""What a book market is made of: who sends which orders, and how that depends on the book.

The C++ engine has a struct of the same name and fields for every class here (`csrc/market_model.h`)
and refuses the same values. The intensity of event group g at time t is

    regime_factor x season_factor x tilt x orders at risk (cancels only)
      x [ state_factor(spread bin, imbalance bin) x hit_gap_factor (market orders) x baseline_hz
          + sum over decays b and past events of group h: excitation x b exp(-b age) ]

What the book's state drives is the baseline alone: were the kernels multiplied too, a book that is
held in a busy state would beget more events than it loses, and no recording shows one that is.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from rlmm_tf.fields import Items, Params, Probability, Rate, sum_in_order
from rlmm_tf.market_parts import (
    GROUPS,
    BinTicks,
    CancelParams,
    Factor,
    GroupParams,
    InformedFlowParams,
    LimitMarks,
    LimitPlaceParams,
    MarketOrderParams,
    RefillParams,
    TypicalParams,
)
from rlmm_tf.messages import problem_lines
from rlmm_tf.regimes import REGIMES_MAX, require_regime_chain, require_sum_of_one

SCHEMA = "rlmm-tf market model"
SCHEMA_VERSION = 4
BRANCHING_RADIUS_MAX = 0.97
_OLDER = (
    "in older versions the state of the book multiplied whole intensities and not their baselines "
    "alone: calibrate again with `rlmm calibrate`"
)


class MarketModel(Params):
    """Order flow of a limit order book: six groups of events that react to the book and excite."""

    spread_bin_ticks: Items[BinTicks] = Field(
        default=(1,), min_length=1, max_length=64, description="lower edges, rising from 1"
    )
    imbalance_bin_edges: Items[Annotated[float, Field(gt=-1.0, lt=1.0)]] = Field(
        default=(),
        max_length=64,
        description="inner edges, rising; imbalance is (bid - ask) / (bid + ask) lots at the touch",
    )
    groups: Items[GroupParams] = Field(
        min_length=len(GROUPS), max_length=len(GROUPS), description="in the order of GROUPS"
    )
    decays_hz: Items[Annotated[float, Field(ge=1e-6, le=1e6)]] = Field(
        default=(), max_length=7, description="shared by all kernels"
    )
    excitation: Items[Factor] = Field(
        default=(),
        description="[decay][target][source], row major: events of the target that one event of "
        "the source begets through this decay",
    )
    limit_marks: Items[LimitMarks] = Field(description="one per spread bin")
    refill: RefillParams = RefillParams()
    improving: LimitPlaceParams = LimitPlaceParams()
    joining: LimitPlaceParams = LimitPlaceParams()
    deeper: LimitPlaceParams = LimitPlaceParams()
    market_orders: MarketOrderParams = MarketOrderParams()
    hit_gap_bin_ticks: Items[BinTicks] = Field(
        default=(),
        max_length=64,
        description="lower edges of the gap between the best price and the next, rising from 1",
    )
    hit_gap_factor: Items[Factor] = Field(
        default=(),
        description="of the baseline of market orders, by the gap behind the queue that they hit",
    )
    cancels: CancelParams = CancelParams()
    exciting_levels: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0,
        description="limit orders and cancels behind so many levels of their side excite nothing, "
        "as if nobody saw them; 0: all excite",
    )
    far_level_orders: Items[Probability] = Field(
        default=(1.0,),
        min_length=1,
        max_length=65,
        description="law of the number (0, 1, ...) of orders on a level that comes into reach",
    )
    switch_rates_hz: Items[Items[Rate]] = Field(
        default=((0.0,),),
        min_length=1,
        max_length=REGIMES_MAX,
        description="[i][j]: rate of jumping from regime i to j; zero diagonal",
    )
    initial_regime_probabilities: Items[Probability] = (1.0,)
    regime_volatility_factor: Items[Factor] = Field(
        default=(), description="of the efficient price, one per regime; empty: 1"
    )
    season_bin_s: Annotated[float, Field(ge=0.0, le=86400.0)] = Field(
        default=0.0, description="length of a season bin; 0: no season"
    )
    informed: InformedFlowParams = InformedFlowParams()
    typical: TypicalParams = TypicalParams()

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        require_regime_chain(
            self.n_regimes, self.switch_rates_hz, self.initial_regime_probabilities
        )
        _require_factors(
            "regime_volatility_factor", self.regime_volatility_factor, self.n_regimes, "regime"
        )
        require_sum_of_one("far_level_orders", sum_in_order(self.far_level_orders))
        self._require_bins()
        self._require_groups()
        self._require_kernels()
        self._require_marks()
        return self

    def _require_bins(self) -> None:
        _require_rising("spread_bin_ticks", self.spread_bin_ticks, first=1)
        _require_rising("imbalance_bin_edges", self.imbalance_bin_edges)
        if bool(self.hit_gap_bin_ticks) != bool(self.hit_gap_factor):
            raise ValueError(
                "hit_gap_factor: expected one value per bin of hit_gap_bin_ticks "
                f"({len(self.hit_gap_bin_ticks)}), got {len(self.hit_gap_factor)}"
            )
        if self.hit_gap_bin_ticks:
            _require_rising("hit_gap_bin_ticks", self.hit_gap_bin_ticks, first=1)
            bins = len(self.hit_gap_bin_ticks)
            _require_factors("hit_gap_factor", self.hit_gap_factor, bins, "gap bin")

    def _require_groups(self) -> None:
        seasons = [len(group.season_factor) for group in self.groups if group.season_factor]
        for i, group in enumerate(self.groups):
            at, n_states = f"groups[{i}]", self.n_states
            _require_factors(f"{at}.state_factor", group.state_factor, n_states, "state")
            _require_factors(f"{at}.regime_factor", group.regime_factor, self.n_regimes, "regime")
            if seasons:
                _require_factors(f"{at}.season_factor", group.season_factor, seasons[0], "bin")
        if not seasons and self.season_bin_s != 0.0:
            raise ValueError(
                f"season_bin_s: expected 0 without any season_factor, got {self.season_bin_s!r}"
            )
        if seasons and self.season_bin_s < 1e-3:
            raise ValueError(
                "season_bin_s: expected a value from 0.001 to 86400 with a season_factor, "
                f"got {self.season_bin_s!r}"
            )

    def _require_kernels(self) -> None:
        repeated = sorted({b for b in self.decays_hz if self.decays_hz.count(b) > 1})
        if repeated:
            raise ValueError(f"decays_hz: expected distinct values, got {repeated} more than once")
        entries = len(self.decays_hz) * len(GROUPS) ** 2
        if len(self.excitation) != entries:
            raise ValueError(
                f"excitation: expected decays x 6 x 6 = {entries} values, "
                f"got {len(self.excitation)}"
            )
        radius = self.branching_radius()
        if not radius <= BRANCHING_RADIUS_MAX:
            raise ValueError(
                f"excitation: expected a branching radius of at most {BRANCHING_RADIUS_MAX} (the "
                "largest eigenvalue of the kernels' sum; else the flow explodes), "
                f"got {radius:.6g}; scale the excitation down"
            )

    def _require_marks(self) -> None:
        if len(self.limit_marks) != len(self.spread_bin_ticks):
            raise ValueError(
                f"limit_marks: expected one per spread bin ({len(self.spread_bin_ticks)}), "
                f"got {len(self.limit_marks)}"
            )
        for i, marks in enumerate(self.limit_marks):
            if len(marks.resting) != self.depth_ticks:
                raise ValueError(
                    f"limit_marks[{i}].resting: expected as many values as in the first spread "
                    f"bin ({self.depth_ticks}), got {len(marks.resting)}"
                )
        improving = sum_in_order(self.limit_marks[0].improving)
        if self.spread_bin_ticks[:2] == (1, 2) and improving > 0.0:
            raise ValueError(
                "limit_marks[0].improving: expected a sum of 0 in the bin of spread 1, where "
                f"there is no room, got {improving!r}"
            )

    @property
    def n_regimes(self) -> int:
        """Number of regimes."""
        return len(self.switch_rates_hz)

    @property
    def n_states(self) -> int:
        """Spread bins x imbalance bins."""
        return len(self.spread_bin_ticks) * (len(self.imbalance_bin_edges) + 1)

    @property
    def depth_ticks(self) -> int:
        """Limit orders lie within this many ticks of the own best price."""
        return len(self.limit_marks[0].resting)

    def branching_radius(self) -> float:
        """Largest eigenvalue of the kernels' sum: events begotten by one event, below 1.

        ||A^m||^(1/m) for m = 2^52, by squaring and bit for bit as the engine does. The factors
        and the orders at risk are left out.
        """
        groups = range(len(GROUPS))
        power = [[0.0 for _ in groups] for _ in groups]
        for i, value in enumerate(self.excitation):
            power[i // 6 % 6][i % 6] += value
        log_norm = 0.0
        for n in range(53):
            norm = max(map(max, power))
            if not norm > 0.0:
                return norm
            log_norm += math.log(norm) / math.ldexp(1.0, n)
            scaled = [[entry / norm for entry in row] for row in power]
            power = [
                [sum_in_order(row[k] * scaled[k][j] for k in groups) for j in groups]
                for row in scaled
            ]
        return math.exp(log_norm)

    def events_hz_bound(self) -> float:
        """Roughly the most events per second: baselines x largest factors / (1 - radius)."""
        total = sum_in_order(
            group.baseline_hz
            * max(group.state_factor, default=1.0)
            * max(group.regime_factor, default=1.0)
            * max(group.season_factor, default=1.0)
            for group in self.groups
        )
        return total / (1.0 - self.branching_radius())

    def market_hash(self) -> str:
        """sha256 of the canonical JSON of all values: the identity of the model."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def save(self, path: Path | str) -> None:
        """Writes JSON from which `load` makes an equal model, to the last bit."""
        document = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "market_hash": self.market_hash(),
            "model": self.model_dump(mode="json"),
        }
        Path(path).write_text(json.dumps(document, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """A model that `save` wrote.

        Raises:
            ValueError: not such a file, another version, damaged, or with other fields; a line
                for each problem names the place.
        """
        try:
            document = json.loads(Path(path).read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: expected JSON of a market model, got {error}") from None
        head = document if isinstance(document, dict) else {}
        expected = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION}
        for name, value in expected.items():
            if head.get(name) != value:
                is_older = name == "schema_version" and head.get(name) in range(1, SCHEMA_VERSION)
                remedy = f"; {_OLDER}" if is_older else ""
                raise ValueError(
                    f"{path}: {name}: expected {value!r}, got {head.get(name)!r}{remedy}"
                )
        values = head.get("model")
        try:
            model = cls.model_validate(values)
        except ValidationError as error:
            lines = problem_lines(error, cls)
            dots = ["" if line.startswith(":") else "." for line in lines]
            text = [f"{path}: model{dot}{line}" for dot, line in zip(dots, lines, strict=True)]
            raise ValueError("\n".join(text)) from None
        missing = list(_missing("model", values, model.model_dump(mode="json")))
        if missing:  # a default of today need not have been the default of its writer
            lines = [f"{path}: {place}: expected a value, got none" for place in missing]
            raise ValueError("\n".join(lines))
        if head.get("market_hash") != model.market_hash():
            raise ValueError(
                f"{path}: market_hash: expected {model.market_hash()} of the values, "
                f"got {head.get('market_hash')!r}; the file was changed by hand or damaged"
            )
        return model


def _missing(place: str, given: Any, full: Any) -> Iterator[str]:
    if isinstance(full, dict):
        for name, value in full.items():
            if name in given:
                yield from _missing(f"{place}.{name}", given[name], value)
            else:
                yield f"{place}.{name}"
    elif isinstance(full, list):
        for i, value in enumerate(full):
            yield from _missing(f"{place}[{i}]", given[i], value)


def _require_rising(
    field: str, edges: Items[int] | Items[float], *, first: int | None = None
) -> None:
    if first is not None and edges[0] != first:
        raise ValueError(f"{field}: expected {first} as the first lower edge, got {edges[0]}")
    fall = next((f"{a} before {b}" for a, b in pairwise(edges) if not a < b), None)
    if fall is not None:
        raise ValueError(f"{field}: expected rising values, got {fall}")


def _require_factors(field: str, factors: Items[float], count: int, of: str) -> None:
    if factors and len(factors) != count:
        raise ValueError(
            f"{field}: expected none or {count} values (one per {of}), got {len(factors)}"
        )
