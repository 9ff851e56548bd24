"""Two worker threads against two processes: how much of two independent cores the threads reach.

The two alternate repeat by repeat, so that both meet the same machine; each process is pinned to a
processor of its own and has as many environments as each of the threads.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Protocol

WARM_UP_STEPS = 10


class Work(Protocol):
    """Something to time."""

    def rate(self, n_steps: int) -> float:
        """Does it for `n_steps`; units of work per second."""


MakeWork = Callable[[int, int], Work]
"""Of so many environments and threads; pickled to reach the processes."""


class Rates(NamedTuple):
    """Medians of the repeats."""

    threads: float
    processes: float
    ratio: float

    def figures(self, unit: str) -> dict[str, float]:
        """As the benches report them; `unit` is what the rates count."""
        return {
            f"{unit}_per_s_two_threads": self.threads,
            f"{unit}_per_s_two_processes": self.processes,
            "two_threads_over_two_processes": self.ratio,
        }


def shortfall(required: float | None, figures: Mapping[str, Any]) -> str | None:
    """What is missing to the share of two processes that two threads must reach, in a line."""
    name = "two_threads_over_two_processes"
    if required is None:
        return None
    if name not in figures:
        return (
            f"{name}: expected at least {required:.10g}, got none; two usable processors and "
            "`--threads 0` are needed to measure it"
        )
    share = figures[name]
    if share >= required:
        return None
    return f"{name}: expected at least {required:.10g}, got {share:.4g}; is the machine busy?"


def is_possible() -> bool:
    """Whether there are two processors to use."""
    return len(os.sched_getaffinity(0)) >= 2


def compare(make: MakeWork, envs_per_thread: int, n_steps: int, repeats: int) -> Rates:
    """Rates of two threads of one process and of two processes of one thread."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    threads_rates, process_rates, ratios = [], [], []
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_worker(make, envs_per_thread, core)) for core in cores]
        work = make(2 * envs_per_thread, 2)
        work.rate(max(1, n_steps // 10))
        for _ in range(repeats):
            threads_rates.append(work.rate(n_steps))
            for worker in workers:
                worker.send(n_steps)
            process_rates.append(sum(worker.recv() for worker in workers))
            ratios.append(threads_rates[-1] / process_rates[-1])
    return Rates(*map(statistics.median, (threads_rates, process_rates, ratios)))


@contextlib.contextmanager
def _worker(make: MakeWork, n_envs: int, core: int) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, make, n_envs, core))
    process.start()
    ours.recv()  # ready
    try:
        yield ours
    finally:
        with contextlib.suppress(OSError):
            ours.send(None)
        process.join()


def _serve(pipe: Connection, make: MakeWork, n_envs: int, core: int) -> None:
    os.sched_setaffinity(0, {core})
    work = make(n_envs, 1)
    work.rate(WARM_UP_STEPS)
    pipe.send("ready")
    while (n_steps := pipe.recv()) is not None:
        pipe.send(work.rate(n_steps))
