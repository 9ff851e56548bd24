"""The bad end of outcomes: one definition of VaR and ES, of days and of episodes alike."""

from __future__ import annotations

import numpy as np

from reports.statistics.daily import Floats


def value_at_risk(values: Floats, level: float) -> float | None:
    """Empirical VaR: minus the (1 - level)-quantile, interpolated; a loss is positive.

    None of fewer than 1 / (1 - level) values: so far out, there is nothing to see.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: expected a share between 0 and 1, got {level}")
    if len(values) < 1.0 / (1.0 - level) - 1e-9:
        return None
    return 0.0 - float(np.quantile(values, 1.0 - level))


def expected_shortfall(values: Floats, level: float) -> float | None:
    """Empirical ES: minus the mean of the values no better than -VaR; None where VaR is."""
    loss = value_at_risk(values, level)
    return None if loss is None else 0.0 - float(values[values <= -loss].mean())
