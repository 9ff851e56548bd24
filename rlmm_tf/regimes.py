"""A continuous-time chain of regimes, as every market has one; checked as csrc/regimes.cpp does."""

from __future__ import annotations

from rlmm_tf.fields import Items, sum_in_order

REGIMES_MAX = 8
SUM_SLACK = 1e-9


def require_regime_chain(
    n_regimes: int, switch_rates_hz: Items[Items[float]], initial: Items[float]
) -> None:
    """Raises a ValueError unless both describe a chain of that many regimes."""
    if len(switch_rates_hz) != n_regimes or any(len(row) != n_regimes for row in switch_rates_hz):
        shape = [len(row) for row in switch_rates_hz]
        raise ValueError(
            f"switch_rates_hz: expected a {n_regimes} x {n_regimes} table (one row per regime), "
            f"got rows of lengths {shape}"
        )
    diagonal = [switch_rates_hz[i][i] for i in range(n_regimes)]
    if any(diagonal):
        raise ValueError(
            "switch_rates_hz: expected a zero diagonal (a regime never jumps to itself), "
            f"got {diagonal}"
        )
    if len(initial) != n_regimes:
        raise ValueError(
            f"initial_regime_probabilities: expected {n_regimes} numbers (one per regime), "
            f"got {len(initial)}"
        )
    require_sum_of_one("initial_regime_probabilities", sum_in_order(initial))


def require_sum_of_one(field: str, total: float) -> None:
    """Raises a ValueError unless the probabilities of a law add up."""
    if not 1.0 - SUM_SLACK <= total <= 1.0 + SUM_SLACK:
        raise ValueError(f"{field}: expected a sum of 1, got {total!r}")
