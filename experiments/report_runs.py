"""The runs that a report joins: what each is, whether it can be used, and how trainings went."""

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
from experiments.evaluation_config import EvaluateConfig, StressConfig
from experiments.run import CONFIG_NAME, MANIFEST_NAME, MANIFEST_SCHEMA_VERSION
from experiments.stress import RESULT_NAME as STRESS_NAME
from experiments.train_config import TrainConfig
from reports.training_page import SeedRun, Training

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
        described.append(manifest.get("git") or {})
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
                SeedRun(int(number), _lines(run, file))
                for file in files
                if (number := file.parent.name.partition("-")[2]).isdecimal()
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
            counts = [line["iteration"], line.get("steps") or 1]
            sound = all(type(count) is int and 1 <= count < 2**63 for count in counts)
        except (ValueError, TypeError, KeyError, AttributeError):
            sound = False
        if not sound:
            raise run.problem(
                f"{path.name}:{i}: expected a line of metrics, got something else; train again"
            )
        lines.append(line)
    return lines
