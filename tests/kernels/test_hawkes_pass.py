"""Features, exposures and residuals of self-exciting groups, against sums over all pairs."""

from __future__ import annotations

import numpy as np

from rlmm_tf.kernels.flow import hawkes_exposures, hawkes_features, hawkes_residuals

DECAYS_HZ = (30.0, 0.5)
CELLS = 3


def rows(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = 60
    t = np.cumsum(rng.exponential(0.2, n))
    group = rng.choice([0, 1, 2, 3, 4, 5, 6, 255], n).astype(np.uint8)
    factor = rng.uniform(0.5, 2.0, (6, n))
    cell = rng.integers(-1, CELLS, (6, n)).astype(np.int32)
    return t, group, factor, cell


def excitement(t: np.ndarray, group: np.ndarray, at: float, before: int) -> np.ndarray:
    """1, then b sum exp(-b age) over the rows before one, at a time: the slow way."""
    values = [1.0]
    for b in DECAYS_HZ:
        for h in range(6):
            past = t[:before][group[:before] == h]
            values.append(float((b * np.exp(-b * (at - past))).sum()))
    return np.array(values)


def test_features() -> None:
    t, group, _, _ = rows(1)
    wanted = group < 6
    features = hawkes_features(t, group, DECAYS_HZ, wanted)
    slow = np.array([excitement(t, group, t[i], i) for i in np.flatnonzero(wanted)])
    np.testing.assert_allclose(features, slow, rtol=1e-10, atol=1e-12)


def integrals(t: np.ndarray, group: np.ndarray, i: int) -> np.ndarray:
    """Of each feature from row i to the next, by Simpson's rule."""
    times = np.linspace(t[i], t[i + 1], 2001)
    values = np.array([excitement(t, group, float(at), i + 1) for at in times[::20]])
    weights = np.full(len(values), 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return np.asarray(weights @ values * (t[i + 1] - t[i]) / (3.0 * (len(values) - 1)))


def test_exposures_and_residuals() -> None:
    t, group, factor, cell = rows(2)
    sums = hawkes_exposures(t, group, DECAYS_HZ, factor, cell, CELLS)
    parameters = np.random.default_rng(3).uniform(0.0, 1.0, (6, 13))
    of_baseline = np.random.default_rng(4).uniform(0.0, 2.0, (6, len(t)))
    residuals = hawkes_residuals(t, group, DECAYS_HZ, factor, of_baseline, cell, parameters)
    slow, expected = np.zeros_like(sums), np.zeros(6)
    slow_residuals = np.zeros(len(t))
    for i in range(len(t)):
        g = int(group[i])
        if g < 6 and i > 0 and cell[g, i - 1] >= 0:
            slow_residuals[i], expected[g] = expected[g], 0.0
        if i + 1 == len(t):
            break
        over = integrals(t, group, i)
        for k in range(6):
            if cell[k, i] >= 0:
                slow[k, cell[k, i]] += factor[k, i] * over
                baseline = of_baseline[k, i] * parameters[k, 0] * over[0]
                begotten = float(parameters[k, 1:] @ over[1:])
                expected[k] += factor[k, i] * (baseline + begotten)
    np.testing.assert_allclose(sums, slow, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(residuals, slow_residuals, rtol=1e-4, atol=1e-8)
