"""Long lines with so few points that a page stays small, and every peak and trough still there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

POINTS_MOST = 400  # of a line: more cannot be seen
Floats = NDArray[np.float64]


def kept_places(*lines: Floats, most: int = POINTS_MOST) -> NDArray[np.int64]:
    """Places of the first and last point, and of each line's least and largest in each bucket.

    At most `most`; all where there are no more.
    """
    count = len(lines[0])
    if count <= most:
        return np.arange(count)
    buckets = max(1, (most - 2) // (2 * len(lines)))
    edges = np.linspace(0, count, buckets + 1).astype(np.int64)
    found = {0, count - 1}
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        for line in lines:
            found |= {
                start + int(line[start:stop].argmin()),
                start + int(line[start:stop].argmax()),
            }
    return np.array(sorted(found))


def thinned(at: Floats, values: Floats) -> tuple[list[float], list[float]]:
    """A line's places and values where both are known."""
    known = ~(np.isnan(at) | np.isnan(values))
    at, values = at[known].astype(np.float64), values[known].astype(np.float64)
    shown = kept_places(values)
    return at[shown].tolist(), values[shown].tolist()
