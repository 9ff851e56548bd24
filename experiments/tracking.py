"""Metrics of a training in MLflow: a local database beside the run, nothing over a network.

Lines of `metrics.jsonl` are logged in one batch each time that the file is written; a run that is
taken up goes on in the same entry, with the lines that it has not yet. Whatever fails here is said
once and stops no training.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from typing import TYPE_CHECKING, Any

from rlmm_tf.training.loop import METRICS_NAME, Store

if TYPE_CHECKING:
    from experiments.run import RunDirectory
    from experiments.train_config import TrainConfig

DATABASE_NAME = "mlflow.db"
EXPERIMENT = "rlmm train"
METRICS_AT_ONCE = 1000  # MLflow's own limit
PARAMETER_CHARACTERS_MAX = 500
_RUN, _LINES = "rlmm.run", "rlmm.lines"


class TrackedFiles:
    """A training's files, whose metrics are logged as well."""

    def __init__(self, files: Store, run: RunDirectory, config: TrainConfig) -> None:
        self._files, self._run, self._config = files, run, config
        self._client: Any = None
        self._id, self._logged, self._works = "", 0, True

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where there is none."""
        return self._files.read(name)

    def write(self, name: str, data: bytes) -> object:
        """Puts it in the place of what was there, and logs what it says."""
        written = self._files.write(name, data)
        if name == METRICS_NAME and self._works:
            try:
                with warnings.catch_warnings():  # its libraries complain about each other
                    warnings.simplefilter("ignore")
                    self._log(data.decode().splitlines())
            except Exception as error:  # of whatever kind it is
                self._works = False
                warnings.warn(f"MLflow: no longer logged to: {error}", stacklevel=2)
        return written

    def _log(self, lines: list[str]) -> None:
        if self._client is None:
            self._start()
        from mlflow.entities import Metric

        now_ms = round(time.time() * 1000.0)
        metrics = [
            Metric(name, float(value), now_ms, line["iteration"])
            for line in map(json.loads, lines[self._logged :])
            for name, value in line.items()
            if name != "iteration"
        ]
        for start in range(0, len(metrics), METRICS_AT_ONCE):
            batch = metrics[start : start + METRICS_AT_ONCE]
            self._client.log_batch(self._id, metrics=batch)
        self._logged = len(lines)
        self._client.set_tag(self._id, _LINES, str(self._logged))

    def _start(self) -> None:
        os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
        from mlflow import MlflowClient
        from mlflow.entities import Param

        folder = self._run.path.resolve()
        client = MlflowClient(f"sqlite:///{folder.parent / DATABASE_NAME}")
        experiment = client.get_experiment_by_name(EXPERIMENT)
        number = (
            client.create_experiment(EXPERIMENT, (folder.parent / "mlflow").as_uri())
            if experiment is None
            else experiment.experiment_id
        )
        found = client.search_runs([number], f"tags.`{_RUN}` = '{folder.name}'")
        if found:
            self._id = found[0].info.run_id
            self._logged = int(found[0].data.tags.get(_LINES, 0))
        else:
            tags = {_RUN: folder.name}
            self._id = client.create_run(number, tags=tags, run_name=folder.name).info.run_id
            values = _leaves(self._config.model_dump(mode="json"), "")
            parameters = [Param(k, str(v)[:PARAMETER_CHARACTERS_MAX]) for k, v in values.items()]
            client.log_batch(self._id, params=parameters)
        self._client = client


def _leaves(value: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Nested values by dotted names."""
    out: dict[str, Any] = {}
    for name, part in value.items():
        if isinstance(part, dict):
            out |= _leaves(part, f"{prefix}{name}.")
        else:
            out[f"{prefix}{name}"] = part
    return out
