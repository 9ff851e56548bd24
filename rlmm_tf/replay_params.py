"""A recorded day as an environment: which parts are played, and how an order waits in its queues.

The C++ engine has structs of the same names and fields (`csrc/replay_params.h`) and refuses the
same values. The recording itself is read by `rlmm_tf.env`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rlmm_tf.fields import Items, Params, Positive
from rlmm_tf.market_parts import TypicalParams

StampNs = Annotated[int, Field(ge=-(2**62), le=2**62)]


class QueueParams(Params):
    """Where in a queue the agent's order is, in a market that it was not in.

    Where the recording has order ids the queue is exact: first in, first out. Elsewhere a cancel at
    the order's level comes from the queue ahead of it or from that behind it. `risk_averse`: from
    behind, as far as there is any. `power`, `log`: in shares f(ahead) : f(behind), with
    f(x) = x ** power, or f(x) = log(1 + x / scale_lots); both are fitted to fills.
    """

    law: Literal["risk_averse", "power", "log"] = "risk_averse"
    power: Annotated[float, Field(ge=0.0, le=100.0)] = 1.0
    scale_lots: Positive = 1.0
    use_order_ids: bool = Field(
        default=True, description="false: the law holds also where there are order ids"
    )


class RangeParams(Params):
    """A stretch of the recording, both ends included."""

    start_ns: StampNs = Field(description="ns UTC")
    end_ns: StampNs = Field(description="ns UTC")

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.end_ns <= self.start_ns:
            raise ValueError(f"end_ns: expected above start_ns={self.start_ns}, got {self.end_ns}")
        return self


class ReplayMarketParams(Params):
    """A recorded session played again, with the agent's orders in its queues.

    Each episode starts at a time of its own, drawn from the ranges, and is truncated where its
    range ends, if that is before the horizon. The record goes on as it was: what the agent does
    changes nothing but what he finds.
    """

    kind: Literal["replay"] = "replay"
    recording: str = Field(min_length=1, description="canonical event table, a parquet file")
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = Field(
        default="", description="of that file; empty takes any"
    )
    ranges: Items[RangeParams] = Field(
        default=(),
        max_length=4096,
        description="of which episodes are part; none: all between silences of 15 minutes or more",
    )
    queue: QueueParams = QueueParams()
    taker_allowed: bool = Field(
        default=False, description="false: every order of the agent's is post-only"
    )
    typical: TypicalParams | None = Field(
        default=None,
        description="what observations are divided by; none: measured in the ranges when the "
        "environments are made (rlmm_tf.env.measure_typical)",
    )

    @property
    def mid_initial_ticks(self) -> None:
        """Only the recording knows."""

    @property
    def n_regimes(self) -> int:
        """One, for a recording has none to tell apart."""
        return 1

    @property
    def regime_observed(self) -> bool:
        """There is none to see."""
        return False

    def events_per_step(self, step_s: float) -> Iterator[tuple[str, str, float]]:
        """No more events than the recording has."""
        return iter(())
