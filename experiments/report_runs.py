"""The runs that a report joins: what each is, whether it can be used, and what was found in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from experiments.certify import LEARNED
from experiments.config import CertifyConfig, config_hash, identity, load_config
from experiments.errors import ConfigError, InputError, Problem, listed, shown, shown_place
from experiments.evaluate import RESULT_NAME as EVALUATION_NAME
from experiments.evaluate import bootstrap_for
from experiments.evaluation_config import EvaluateConfig, StressConfig
from experiments.kept import STEPS_NAME, TABLE_NAME
from experiments.run import CONFIG_NAME, MANIFEST_NAME, MANIFEST_SCHEMA_VERSION
from experiments.stress import RESULT_NAME as STRESS_NAME
from experiments.train_config import TrainConfig
from reports.evaluation_values import Evaluation
from reports.stress import COLUMNS
from reports.training_page import SeedRun, Training
from rlmm_tf.evaluation.episodes import EpisodeTable
from rlmm_tf.evaluation.trace import read_traces

METRICS_NAME, CERTIFICATE_NAME = "metrics.jsonl", "result.json"
RESULTS = {
    "evaluate": EVALUATION_NAME,
    "stress": STRESS_NAME,
    "train": METRICS_NAME,
    "certify": CERTIFICATE_NAME,
}
CONFIGS: Mapping[str, type[BaseModel]] = {
    "evaluate": EvaluateConfig,
    "stress": StressConfig,
    "train": TrainConfig,
    "certify": CertifyConfig,
}
_PACKAGES = ("rlmm-tf", "numpy", "tensorflow", "pyarrow")  # whose versions are shown


@dataclass(frozen=True)
class FoundRun:
    """A run's folder."""

    name: str  # as it was given
    path: Path
    kind: str
    manifest: Mapping[str, Any]

    @property
    def has_result(self) -> bool:
        """Whether it came far enough to be shown."""
        return (self.path / RESULTS[self.kind]).is_file()

    @property
    def facts(self) -> dict[str, Any]:
        """For the appendix: enough to do it again."""
        git, packages = self.manifest.get("git") or {}, self.manifest.get("packages") or {}
        versions = [f"{name} {packages[name]}" for name in _PACKAGES if packages.get(name)]
        seeds = self.manifest.get("seeds") or {}
        return {
            "command": " ".join(map(str, self.manifest.get("command") or ())),
            "configuration": self.manifest.get("config_sha256"),
            "seeds": ", ".join(f"{name} {value}" for name, value in seeds.items()),
            "source": git.get("commit"),
            "versions": ", ".join(versions),
            "status": self.manifest.get("status"),
        }

    def problem(self, message: str) -> InputError:
        """Something that is wrong with it."""
        return InputError([Problem(shown_place(self.name), message)])


def find_runs(names: Sequence[Path]) -> list[FoundRun]:
    """What the folders are.

    Raises:
        InputError: some are no runs, or are given twice; all problems at once.
    """
    problems, found = [], []
    places: set[Path] = set()
    for path in names:
        place = path.resolve()
        if place in places:
            problems.append(Problem(shown_place(path), "expected each run once, got it twice"))
        places.add(place)
        try:
            found.append(_run_in(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def _run_in(path: Path) -> FoundRun:
    def refusal(message: str) -> InputError:
        return InputError([Problem(shown_place(path), message)])

    kinds = listed(f"rlmm {kind}" for kind in RESULTS)
    if not path.is_dir():
        got = "a file; pages go to --calibration and --fidelity" if path.is_file() else "none"
        raise refusal(f"expected the folder of a run of {kinds}, got {got}")
    try:
        manifest = json.loads((path / MANIFEST_NAME).read_text("utf-8"))
        version = manifest["schema_version"]
        command = [str(word) for word in manifest["command"]]
        described = [manifest[name] for name in ("seeds", "packages")]
    except FileNotFoundError:
        raise refusal(f"expected a run of {kinds}, got a folder without {MANIFEST_NAME}") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise refusal(
            f"{MANIFEST_NAME}: expected a run's manifest, got something else; run it again"
        ) from None
    if version != MANIFEST_SCHEMA_VERSION or not all(isinstance(d, dict) for d in described):
        raise refusal(
            f"{MANIFEST_NAME}: expected schema_version {MANIFEST_SCHEMA_VERSION}, got "
            f"{shown(str(version))}; run it again with this version"
        )
    by_file = [kind for kind, name in RESULTS.items() if (path / name).is_file()]
    by_word = [word for word in command[1:2] if word in RESULTS]
    if not by_file and not by_word:
        raise refusal(f"expected a run of {kinds}, got one of {shown(' '.join(command[:2]))!r}")
    return FoundRun(str(path), path, (by_word or by_file)[0], manifest)


def notes_on(run: FoundRun) -> list[str]:
    """What a reader should know about a run, a sentence each."""
    notes = []
    status = run.manifest.get("status")
    if not run.has_result:
        return [
            f"{run.name} is an unfinished run of rlmm {run.kind} ({status}) and left out; run its "
            "command to the end."
        ]
    if status != "finished":
        notes.append(f"{run.name} did not come to its end ({status}): it shows how far it came.")
    try:
        config = load_config(run.path / CONFIG_NAME, [], CONFIGS[run.kind])
    except ConfigError:
        notes.append(f"{run.name} has a {CONFIG_NAME} that this version cannot read.")
        return notes
    if config_hash(config) != run.manifest.get("config_sha256"):
        notes.append(
            f"{run.name} has a {CONFIG_NAME} that was edited since, or written by another version."
        )
    return notes


def evaluation_in(run: FoundRun) -> tuple[Evaluation, dict[str, Any]]:
    """What was played, and the values of evaluation.json.

    Raises:
        InputError: the files are not those of an evaluation.
    """
    config = load_config(run.path / CONFIG_NAME, [], EvaluateConfig)
    values = values_in(run, ("market", "episodes", "benchmark", "capital", "policies"))
    try:
        table = EpisodeTable.read(run.path / TABLE_NAME)
        traces = read_traces(run.path / STEPS_NAME, table.metadata.steps)
    except (OSError, ValueError) as error:
        raise run.problem(shown_place(str(error).splitlines()[0])) from None
    _require_policies(run, values["policies"])
    if set(values["policies"]) != set(table.policies):
        raise run.problem(
            f"{EVALUATION_NAME}: expected the policies of {TABLE_NAME}, got others; evaluate again"
        )
    evaluation = Evaluation(
        table=table,
        traces=tuple(traces.values()),
        rules={},
        benchmark=values["benchmark"],
        bootstrap=bootstrap_for(config, comparisons=2 * len(table.policies)),
        independent=config.replay is None,
        calendar=config.calendar,
        capital=float(values["capital"]),
        origin={name: run.facts[name] for name in ("command", "configuration", "source")},
        cautions=tuple(map(str, values.get("cautions") or ())),
        seeds_of=config.seeds_of,
    )
    return evaluation, values


def stress_in(run: FoundRun) -> dict[str, Any]:
    """The values of stress.json; its rows are empty where only properties were swept.

    Raises:
        InputError: they are not those of a stress test.
    """
    values = values_in(run, ("market", "problem_sha256", "policies", "rows"))
    try:
        stressed = {row["policy"] for row in values["rows"] if row["change"] is not None}
        whole = all(set(COLUMNS) <= row.keys() for row in values["rows"])
    except (KeyError, TypeError, AttributeError):
        stressed, whole = set(), False
    wanted = set(values["policies"]) if values["rows"] or not values.get("sweeps") else set()
    if not whole or stressed != wanted:
        raise run.problem(
            f"{STRESS_NAME}: expected rows of every policy with {', '.join(COLUMNS)}, got others; "
            "run it again"
        )
    return values


def _require_policies(run: FoundRun, policies: object) -> None:
    """Each policy of evaluation.json has what the report says about it."""
    needed = {"mean_pnl_low", "mean_pnl_high", "sharpe", "metrics"}
    found = list(policies.values()) if isinstance(policies, dict) else []
    whole = all(
        isinstance(one, dict)
        and needed <= one.keys()
        and isinstance(one["metrics"], dict)
        and isinstance(one["metrics"].get("mean PnL"), float | int)
        for one in found
    )
    if not found or not whole:
        raise run.problem(
            f"{EVALUATION_NAME}: expected the numbers of each policy, got something else; "
            "evaluate again"
        )


def values_in(run: FoundRun, needed: Sequence[str]) -> dict[str, Any]:
    """The numbers that the run found.

    Raises:
        InputError: they are not there.
    """
    name = RESULTS[run.kind]
    try:
        values = json.loads((run.path / name).read_text("utf-8"))
        missing = [key for key in needed if key not in values]
    except (OSError, ValueError, TypeError):
        values, missing = {}, list(needed)
    if missing or not isinstance(values, dict):
        raise run.problem(
            f"{name}: expected the numbers of rlmm {run.kind}, with {listed(missing, last='and')}, "
            "got something else; run it again"
        )
    return values


def trainings_in(runs: Sequence[FoundRun]) -> list[Training]:
    """Curves of all trainings, those that differ in nothing but the seed together.

    Raises:
        InputError: a line is no line of metrics.
    """
    found: dict[str, tuple[str, list[SeedRun]]] = {}
    for run in runs:
        if run.kind == "train":
            config = load_config(run.path / CONFIG_NAME, [], TrainConfig)
            values = identity(config)
            values.pop("seed")
            name = f"{config.agent.kind} on {config.problem}"
            seeds = [SeedRun(config.seed, _lines(run, run.path / METRICS_NAME))]
        else:
            certify = load_config(run.path / CONFIG_NAME, [], CertifyConfig)
            values = identity(certify)
            name = f"{certify.agent} on {certify.set_name}"
            files = sorted(run.path.glob(f"seed-*/{METRICS_NAME}"), key=lambda f: (len(str(f)), f))
            if certify.agent not in LEARNED or not files:
                continue
            seeds = [
                SeedRun(int(file.parent.name.partition("-")[2]), _lines(run, file))
                for file in files
            ]
        key = json.dumps([run.kind, values], sort_keys=True)
        found.setdefault(key, (name, []))[1].extend(seeds)
    names = [name for name, _ in found.values()]
    return [
        Training(name if names.count(name) == 1 else f"{name}, {i + 1}", tuple(seeds))
        for i, (name, seeds) in enumerate(found.values())
    ]


def _lines(run: FoundRun, path: Path) -> list[dict[str, Any]]:
    lines = []
    for i, text in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            line = json.loads(text)
            sound = line["iteration"] >= 1 and line.get("steps", 1) >= 1
        except (ValueError, TypeError, KeyError, AttributeError):
            sound = False
        if not sound:
            raise run.problem(
                f"{path.name}:{i}: expected a line of metrics, got something else; train again"
            )
        lines.append(line)
    return lines
