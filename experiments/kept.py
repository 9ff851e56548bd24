"""What has been played so far, kept in a run: one that was killed goes on where it was.

    inputs.json          hashes of the market and of the policies
    baselines.json       what was measured, and the rules that tuning chose
    parts/0007.parquet   the episodes of a policy in a setting
    parts/0007.npy       their steps, where they are kept
    episodes.parquet     everything; from here on there are no parts

Whatever is found there is what would be played again, byte for byte.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.errors import Problem, RunDirectoryError, shown_place
from rlmm_tf.evaluation.baselines import Measured, Tuned, chosen_again
from rlmm_tf.evaluation.episodes import EpisodeMetadata, Episodes, EpisodeTable
from rlmm_tf.evaluation.play import Trace
from rlmm_tf.evaluation.trace import read_traces, trace_bytes

if TYPE_CHECKING:
    from experiments.run import RunDirectory
    from rlmm_tf.params import EnvParams

TABLE_NAME, STEPS_NAME = "episodes.parquet", "steps.parquet"
BASELINES_NAME = "baselines.json"
PARTS = "parts"
INPUTS_NAME = "inputs.json"

Played = tuple[Episodes, Trace]


class Kept:
    """The blocks of a run, played or found; in the order in which they are asked for."""

    def __init__(self, run: RunDirectory, metadata: EpisodeMetadata) -> None:
        """Of a run, with what its tables say about themselves."""
        self._run, self._metadata = run, metadata
        self._played: list[Played] = []
        self._table: EpisodeTable | None = None
        self._steps: Mapping[str, Trace] = {}
        if (run.path / TABLE_NAME).is_file():
            self._table = self._read(TABLE_NAME)
            if (run.path / STEPS_NAME).is_file():
                self._steps = self._read_steps()

    def block(self, policy: str, setting: str, play: Callable[[], Played]) -> Played:
        """The next one, from the run if it is there."""
        name = f"{PARTS}/{len(self._played):04}"
        if self._table is not None:
            found = self._table.of(policy, setting), self._steps.get(policy, self._none(policy))
        elif (self._run.path / f"{name}.parquet").is_file():
            episodes = self._read(f"{name}.parquet").of(policy, setting)
            found = episodes, Trace(policy, self._read_columns(f"{name}.npy"))
        else:
            found = play()
            episodes, trace = found
            steps = io.BytesIO()
            np.save(steps, trace.columns, allow_pickle=False)
            self._run.write(f"{name}.npy", steps.getvalue())  # first: the table makes it whole
            part = EpisodeTable(self._metadata, (episodes,))
            self._run.write(f"{name}.parquet", part.to_bytes())
            self._run.keep()
        self._played.append(found)
        return found

    def table(self, *, steps: bool) -> EpisodeTable:
        """All blocks as the run's table; written, with the steps beside it if wanted."""
        blocks = tuple(episodes for episodes, _ in self._played)
        table = EpisodeTable(self._metadata, blocks)
        if self._table is None:
            if steps:
                self._run.write(STEPS_NAME, trace_bytes([trace for _, trace in self._played]))
            self._run.write(TABLE_NAME, table.to_bytes())
        shutil.rmtree(self._run.path / PARTS, ignore_errors=True)
        return table

    def _none(self, policy: str) -> Trace:
        from rlmm_tf.env import COLUMNS

        return Trace(policy, np.empty((0, self._metadata.steps, len(COLUMNS))))

    def _read(self, name: str) -> EpisodeTable:
        path = self._run.path / name
        try:
            return EpisodeTable.read(path)
        except ValueError as error:
            raise _damaged(path, str(error)) from None

    def _read_steps(self) -> Mapping[str, Trace]:
        path = self._run.path / STEPS_NAME
        try:
            return read_traces(path, self._metadata.steps)
        except (OSError, KeyError, ValueError) as error:  # pyarrow's are ValueErrors
            raise _damaged(path, f"expected the steps of episodes, got something else: {error}",
                           also=self._run.path / TABLE_NAME) from None  # fmt: skip

    def _read_columns(self, name: str) -> NDArray[np.float64]:
        """The steps of a part, which was written before its table."""
        path = self._run.path / name
        about = "expected the steps of what was played beside it"
        try:
            columns: NDArray[np.float64] = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise _damaged(path.with_suffix(".parquet"), f"{about}, got no {name}") from None
        except (OSError, EOFError, ValueError) as error:
            table = path.with_suffix(".parquet")
            raise _damaged(path, f"{about}, got something else: {error}", also=table) from None
        if columns.dtype != np.float64 or columns.ndim != 3:
            got = f"{columns.dtype} of shape {columns.shape}"
            raise _damaged(path, f"{about}, got {got}", also=path.with_suffix(".parquet"))
        return columns


def _damaged(path: Path, what: str, *, also: Path | None = None) -> RunDirectoryError:
    """A file that is not what was written; without it, it is played or measured again."""
    files = "this file" if also is None else f"this file and {also.name}"
    message = f"{what}; remove {files} and go on with --resume"
    return RunDirectoryError([Problem(shown_place(path), message)])


def _read_json(path: Path, keys: Sequence[str] = ()) -> dict[str, Any]:
    """An object of a run that has these keys."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, f"expected a JSON object, got something else: {error}") from None
    if not isinstance(found, dict) or any(not isinstance(found.get(key), dict) for key in keys):
        wanted = f" of objects {', '.join(keys)}" if keys else ""
        raise _damaged(path, f"expected a JSON object{wanted}, got something else")
    return found


def note_inputs(run: RunDirectory, inputs: Mapping[str, str]) -> None:
    """Write down what results depend on beside the configuration."""
    run.write(INPUTS_NAME, json.dumps(dict(inputs), indent=1) + "\n")


def require_inputs(folder: Path, inputs: Mapping[str, str]) -> None:
    """A run goes on with the same market and policies only.

    Raises:
        RunDirectoryError: one of them is another than when the run began.
    """
    path = folder / INPUTS_NAME
    if not path.is_file():
        return
    there = _read_json(path)
    changed = [name for name, digest in inputs.items() if there.get(name) != digest]
    if changed:
        message = (
            f"expected {', '.join(map(shown_place, changed))} as when the run began, got another "
            "content; choose another place with --out"
        )
        raise RunDirectoryError([Problem(shown_place(folder), message)])


def baselines_json(measured: Measured, tuned: Mapping[str, Tuned]) -> str:
    """The file of what was measured and chosen."""
    rules: dict[str, Any] = {
        name: {
            "rule": one.rule,
            "chosen": one.chosen,
            "tried": one.tried,
            "mean_reward": one.mean_reward if one.tried else None,
        }
        for name, one in tuned.items()
    }
    found = {"measured": asdict(measured), "rules": rules}
    return json.dumps(found, indent=1) + "\n"


def found_baselines(
    folder: Path, params: EnvParams, seed: np.random.SeedSequence
) -> dict[str, Tuned] | None:
    """What an earlier session of the run chose; None if it did not get that far."""
    path = folder / BASELINES_NAME
    if not path.is_file():
        return None
    found = _read_json(path, ("measured", "rules"))
    try:
        about = found["measured"] | {
            name: tuple(found["measured"][name]) for name in ("offset_ticks", "filled_hz")
        }
        measured = Measured(**about)
        return {
            name: chosen_again(
                name, params, measured, seed=seed,
                chosen=one["chosen"], tried=one["tried"], mean_reward=one["mean_reward"],
            )
            for name, one in found["rules"].items()
        }  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"expected what was measured and chosen, got something else: {error!r}"
        raise _damaged(path, what) from None
