"""Learners' updates per second with each back end, against the time of their matrix products alone.

A workload's data stay the same from call to call, and weights move on. Each repeat times one call
of each back end and then, with NumPy, every matrix product that such a call cannot do without:

    forward      (rows x inputs) (inputs x outputs)         of each layer
    weights      (inputs x rows) (rows x outputs)           where these learn
    inputs       (rows x outputs) (outputs x inputs)        of all layers but the first, or of all
                                                            where an action is what learns

share_of_products = their time / the call's time; 1 would be nothing but products.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from experiments.config import LearnerBenchConfig
from experiments.quiet import start_tensorflow
from rlmm_tf.agents.learners.settings import DqnSettings, PpoSettings
from rlmm_tf.training.config import CompiledBackend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rlmm_tf.agents.learners.learner import Backend

Call = Callable[[], object]
Products = Counter[tuple[int, int, int]]  # rows, inner, columns of a product: how often

OBS_WIDTH = 16
N_ACTIONS = 2
N_CHOICES = 24
BACKENDS: tuple[Backend, ...] = get_args(CompiledBackend)
SHARE_LEAST = {"ppo-64": 0.4, "sac-256": 0.6}


@dataclass(frozen=True)
class Workload:
    """Updates of one kind."""

    updates: int  # in a call
    rows: int  # of an update
    products: Products  # of an update
    make: Callable[[Backend, np.random.Generator], Call]


def of_network(
    widths: tuple[int, ...], rows: int, *, learns: bool = False, inputs_learn: bool = False
) -> Products:
    """Products of one pass of a network, and of the gradients that are wanted."""
    products: Products = Counter()
    for i, (a, b) in enumerate(pairwise(widths)):
        products[rows, a, b] += 1
        if learns:
            products[a, rows, b] += 1
        if inputs_learn or (learns and i > 0):
            products[rows, b, a] += 1
    return products


def times(count: int, products: Products) -> Products:
    """The same for several networks."""
    return Counter({shape: count * n for shape, n in products.items()})


def ppo(width: int, *, rows: int, minibatch: int, epochs: int) -> Workload:
    """All epochs over a rollout."""
    hidden = (width, width)
    products = of_network((OBS_WIDTH, *hidden, N_ACTIONS), minibatch, learns=True)
    products += of_network((OBS_WIDTH, *hidden, 1), minibatch, learns=True)

    def make(backend: Backend, rng: np.random.Generator) -> Call:
        from rlmm_tf.agents.learners.ppo import PpoBatch, PpoLearner, PpoShape

        shape = PpoShape(OBS_WIDTH, "gaussian", (N_ACTIONS,), hidden, value_hidden=hidden)
        settings = PpoSettings(epochs=epochs, minibatch=minibatch)
        learner = PpoLearner(shape, settings, rng, backend=backend)
        log_prob, advantage, target = normal(rng, (3, rows))
        obs, actions = normal(rng, (rows, OBS_WIDTH)), normal(rng, (rows, N_ACTIONS))
        batch = PpoBatch(obs, actions, log_prob, advantage, target)
        return lambda: learner.update(batch, rng)

    return Workload(epochs * (rows // minibatch), minibatch, products, make)


def sac(width: int, *, updates: int, rows: int) -> Workload:
    """A block from a replay."""
    hidden = (width, width)
    actor, critic = (OBS_WIDTH, *hidden, 2 * N_ACTIONS), (OBS_WIDTH + N_ACTIONS, *hidden, 1)
    products = of_network(actor, rows) + times(2, of_network(critic, rows))
    products += times(2, of_network(critic, rows, learns=True))
    products += of_network(actor, rows, learns=True)
    products += times(2, of_network(critic, rows, inputs_learn=True))

    def make(backend: Backend, rng: np.random.Generator) -> Call:
        from rlmm_tf.agents.learners.sac import SacBlock, SacLearner, SacShape
        from rlmm_tf.agents.learners.settings import SacSettings

        learner = SacLearner(
            SacShape(OBS_WIDTH, N_ACTIONS, hidden, hidden), SacSettings(), rng, backend=backend
        )
        block = SacBlock(
            obs=normal(rng, (updates, rows, OBS_WIDTH)),
            actions=np.tanh(normal(rng, (updates, rows, N_ACTIONS))),
            reward=normal(rng, (updates, rows)),
            next_obs=normal(rng, (updates, rows, OBS_WIDTH)),
            discount=np.full((updates, rows), 0.99, np.float32),
            noise=normal(rng, (updates, 2, rows, N_ACTIONS)),
        )
        return lambda: learner.update(block)

    return Workload(updates, rows, products, make)


def dqn(width: int, *, updates: int, rows: int) -> Workload:
    """A block from a replay, with double targets."""
    widths = (OBS_WIDTH, width, width, 1 + N_ACTIONS * (N_CHOICES - 1))
    products = times(2, of_network(widths, rows)) + of_network(widths, rows, learns=True)

    def make(backend: Backend, rng: np.random.Generator) -> Call:
        from rlmm_tf.agents.learners.dqn import DqnBlock, DqnLearner, DqnShape

        shape = DqnShape(OBS_WIDTH, (N_CHOICES,) * N_ACTIONS, (width, width))
        learner = DqnLearner(shape, DqnSettings(), rng, backend=backend)
        block = DqnBlock(
            obs=normal(rng, (updates, rows, OBS_WIDTH)),
            actions=rng.integers(N_CHOICES, size=(updates, rows, N_ACTIONS), dtype=np.int32),
            reward=normal(rng, (updates, rows)),
            next_obs=normal(rng, (updates, rows, OBS_WIDTH)),
            discount=np.full((updates, rows), 0.99, np.float32),
            weight=np.ones((updates, rows), np.float32),
        )
        return lambda: learner.update(block)

    return Workload(updates, rows, products, make)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal numbers."""
    return rng.standard_normal(shape, np.float32)


WORKLOADS = {
    "ppo-64": ppo(64, rows=32_768, minibatch=4096, epochs=4),
    "ppo-256": ppo(256, rows=32_768, minibatch=4096, epochs=1),
    "ppo-64-small": ppo(64, rows=2048, minibatch=64, epochs=10),
    "sac-64": sac(64, updates=32, rows=256),
    "sac-256": sac(256, updates=32, rows=256),
    "dqn-256": dqn(256, updates=32, rows=64),
}


def multiplied(workload: Workload, rng: np.random.Generator) -> Call:
    """Makes all products of a call, one after the other."""
    factors = [
        (normal(rng, (m, k)), normal(rng, (k, n)), np.empty((m, n), np.float32), count)
        for (m, k, n), count in workload.products.items()
    ]

    def call() -> None:
        for _ in range(workload.updates):
            for a, b, out, count in factors:
                for _ in range(count):
                    np.matmul(a, b, out=out)

    return call


def seconds(call: Call) -> float:
    """That one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def figures_of(name: str, workload: Workload, config: LearnerBenchConfig) -> dict[str, Any]:
    """One workload's."""
    rng = np.random.default_rng(config.root_seed)
    calls = {backend: workload.make(backend, rng) for backend in BACKENDS}
    first_s = {backend: seconds(call) for backend, call in calls.items()}
    products = multiplied(workload, rng)
    products()
    taken: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    shares: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    for _ in range(config.repeats):
        for backend, call in calls.items():
            taken[backend].append(seconds(call))
        product_s = seconds(products)
        for backend in BACKENDS:
            shares[backend].append(product_s / taken[backend][-1])
    figures: dict[str, Any] = {}
    for backend in BACKENDS:
        call_s = statistics.median(taken[backend])
        figures |= {
            f"{name}_{backend}_updates_per_s": workload.updates / call_s,
            f"{name}_{backend}_samples_per_s": workload.updates * workload.rows / call_s,
            f"{name}_{backend}_share_of_products": statistics.median(shares[backend]),
            f"{name}_{backend}_first_call_s": first_s[backend],
        }
    best = min(BACKENDS, key=lambda backend: statistics.median(taken[backend]))
    share = figures[f"{name}_{best}_share_of_products"]
    return {**figures, f"{name}_fastest": best, f"{name}_share_of_products": share}


def run(config: LearnerBenchConfig) -> dict[str, Any]:
    """Measures and returns the figures."""
    start_tensorflow()
    names = WORKLOADS if config.workload is None else (config.workload,)
    figures: dict[str, Any] = {"repeats": config.repeats}
    for name in names:
        figures |= figures_of(name, WORKLOADS[name], config)
    return figures


def shortfall(config: LearnerBenchConfig, figures: dict[str, Any]) -> str | None:
    """What is missing to the promised shares, in a line; None where nothing is."""
    if not config.require:
        return None
    measured = {name: figures.get(f"{name}_share_of_products") for name in SHARE_LEAST}
    slow = [
        f"{name}_share_of_products: expected at least {SHARE_LEAST[name]}, got {share:.3g}"
        for name, share in measured.items()
        if share is not None and share < SHARE_LEAST[name]
    ]
    return "; ".join(slow) + "; is the machine busy?" if slow else None
