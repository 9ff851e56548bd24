"""Does a simulation drift away from the market it started in? L1 by message number.

Windows are cut in chunks of 100 messages. The simulated chunks of each place (messages 1 to 100,
101 to 200, ...) are compared with all real chunks: like with like, since a chunk of 100 messages
sees no lifetime longer than itself. Scores that need more than 100 messages are left out.
"""

from __future__ import annotations

import numpy as np

from calibration.fidelity.blocks import Floats
from calibration.fidelity.distances import l1
from calibration.fidelity.messages import Windows
from calibration.fidelity.scores import UNCONDITIONAL

CHUNK_MESSAGES = 100
_TOO_LONG = ("ofi", "ofi_up", "ofi_stay", "ofi_down")


def divergence(real: Windows, other: Windows, chunk: int = CHUNK_MESSAGES) -> Floats:
    """Mean L1 over the scores for each chunk of the windows, in order."""
    if real.length % chunk or other.length != real.length:
        raise ValueError(
            f"windows: expected equal lengths that are multiples of {chunk}, got {real.length} "
            f"and {other.length}"
        )
    instrument = other.messages.instrument
    specs = [s for s in UNCONDITIONAL if s.name not in _TOO_LONG and s.missing(instrument) is None]
    places = real.length // chunk
    real_chunks, other_chunks = (Windows(w.messages, chunk) for w in (real, other))
    sums, scores = np.zeros(places), 0
    for spec in specs:
        of_real = spec.score(real_chunks).finite().values
        of_other = spec.score(other_chunks).finite()
        if len(of_real) == 0:
            continue
        scores += 1
        place = of_other.window % places
        sums += [
            l1(of_real, of_other.values[place == k], discrete=spec.discrete) for k in range(places)
        ]
    return sums / max(scores, 1)
