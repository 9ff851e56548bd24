"""The `rlmm` program as a user meets it: help, exit codes, one line per problem."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rich.console  # noqa: F401 -- its import draws from the global generator

from experiments import cli, console
from experiments.config import CertifyConfig, SimulatorBenchConfig

HEAVY = {
    "gymnasium", "keras", "matplotlib", "mlflow", "numpy", "pandas", "rich", "scipy",
    "statsmodels", "tensorflow", "tensorflow_probability", "yaml",
}  # fmt: skip
HELP_LIMIT_S = 1.0  # 0.3 on an idle core; this machine may be busy
ANSI = re.compile(r"\x1b\[")


def rlmm(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "experiments.cli", *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
        text=True,
        timeout=120,
    )


# ---- start


def test_help_is_fast(tmp_path: Path) -> None:
    times_s = []
    for _ in range(3):
        start_s = time.perf_counter()
        assert rlmm("--help", cwd=tmp_path).returncode == 0
        times_s.append(time.perf_counter() - start_s)
    print(f"rlmm --help: {min(times_s):.3f} s")
    assert min(times_s) < HELP_LIMIT_S


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["certify", "--help"], ["bench", "simulator", "--help"], ["--version"]],
)
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    code = (
        "import sys\nfrom experiments.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "sys.stderr.write(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))\n"
        "raise SystemExit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, check=True, cwd=tmp_path, text=True,
    )  # fmt: skip
    assert set(done.stderr.split()) & HEAVY == set()


def test_packages_import_without_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys, rlmm_tf, calibration, reports, experiments, experiments.run, "
        "experiments.doctor, experiments.config\n"
        "bad = {'tensorflow', 'keras', 'mlflow', 'torch'} & set(sys.modules)\nassert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=60)


def test_only_verbs_that_work_are_listed(tmp_path: Path) -> None:
    done = rlmm("--help", cwd=tmp_path)
    verbs = re.findall(r"^  (\w+) ", done.stdout.split("Commands:")[1], re.MULTILINE)
    expected = "doctor certify simulate ingest inspect calibrate fidelity train export"
    expected += " evaluate stress trace report compare bench serve"
    assert verbs == expected.split()
    assert done.stderr == ""


@pytest.mark.parametrize(
    "command",
    [
        ["doctor"], ["certify"], ["ingest"], ["inspect"], ["fidelity"], ["report"],
        ["bench", "simulator"], ["serve", "exchange"], ["serve", "token"], ["serve", "policy"],
        ["compare"],
    ],
)  # fmt: skip
def test_every_command_has_an_example(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*command, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"Example: rlmm {' '.join(command)}" in text


def test_defaults_in_help_are_those_of_the_configs(capsys: pytest.CaptureFixture[str]) -> None:
    for model, command in (
        (CertifyConfig, ["certify"]),
        (SimulatorBenchConfig, ["bench", "simulator"]),
    ):
        cli.main([*command, "--help"])
        stated = dict(
            re.findall(r"^  --(\w+) .*\(default: ([^),]+)", capsys.readouterr().out, re.M)
        )
        assert len(stated) >= 3
        for name in stated.keys() & model.model_fields.keys():
            default = model.model_fields[name].default
            assert default is None or stated[name] == str(default)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from rlmm_tf import __version__

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"rlmm {__version__}\n"


# ---- bad input


USAGE = [
    (["docter"], "rlmm: expected a command, got 'docter'; did you mean doctor?"),
    (["xyz"], "rlmm: expected a command, got 'xyz'; see `rlmm --help`"),
    (
        ["bench", "simulatr"],
        "rlmm bench: expected a command, got 'simulatr'; did you mean simulator?",
    ),
    (["--vers"], "rlmm: expected a known option, got --vers; did you mean --version?"),
    (["doctor", "--jsn"], "rlmm doctor: expected a known option, got --jsn; did you mean --json?"),
    (
        ["certify", "P1", "--episode", "3"],
        "rlmm certify: expected a known option, got --episode; did you mean --episodes?",
    ),
    (["doctor", "-x"], "rlmm doctor: expected a known option, got -x; see `rlmm doctor --help`"),
    (
        ["doctor", "now"],
        "rlmm doctor: expected no further argument, got now; see `rlmm doctor --help`",
    ),
    (["certify"], "rlmm certify: expected SET, got none; see `rlmm certify --help`"),
    (
        ["bench", "simulator"],
        "rlmm bench simulator: expected --market, got none; see `rlmm bench simulator --help`",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_misspelt_commands(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr() == ("", f"{message}\n")


@pytest.mark.parametrize("arguments", [["certify", "P1", "--seeds"], ["doctor", "--json=1"]])
def test_values_of_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "expected" in err


@pytest.mark.parametrize("arguments", [[], ["bench"]])
def test_without_a_command_help_goes_to_stderr(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: rlmm")


# ---- the program as a process


def test_exit_codes_of_the_process(tmp_path: Path) -> None:
    assert rlmm("--version", cwd=tmp_path).returncode == 0
    wrong = rlmm("docter", cwd=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr == "rlmm: expected a command, got 'docter'; did you mean doctor?\n"
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "experiments.cli", "--help"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == b""


# ---- printing


def test_values_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    console.write_values("title", {"a": 1234567, "b": 1 / 3, "c": {"d": [1, True]}, "e": "[x]"})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["title"], ["a", "1", "234", "567"], ["b", "0.333333"], ["c.d", "1,", "True"],
        ["e", "[x]"],
    ]  # fmt: skip


def test_progress_on_a_terminal_and_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with console.progress_bar("work") as progress:
        progress(1, 2, "half")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with console.progress_bar("work") as progress:
        progress(1, 2, "[half]")
    out, err = capsys.readouterr()
    assert out == ""
    assert "work" in err
    assert ANSI.search(err)
