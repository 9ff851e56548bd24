"""`rlmm report`, from runs of every kind to a folder that is whole."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import main
from experiments.config import config_hash, resolved_yaml
from experiments.errors import InputError
from experiments.report import PAGE_BYTES_MOST, mixed
from experiments.report_place import replace_folder
from experiments.train_config import TrainConfig
from reports import portfolio
from reports.page.safety import unsafe
from rlmm_tf.evaluation.episodes import EpisodeTable
from tests.experiments.test_evaluate import SHORT
from tests.reports.test_page import HOSTILE, tags_of

PLAYED = ["glft", "fixed", "--market", "P1", "--episodes", "8", *SHORT[:4]]


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code = main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    found: dict[str, Any] = json.loads(captured.out)
    return found


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["report", *arguments]) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.err


def trained(path: Path, seed: int = 0, status: str = "finished") -> Path:
    """A run of `rlmm train`, as far as a report looks at it."""
    path.mkdir()
    config = TrainConfig(problem="P1", seed=seed)
    lines = []
    for i in (1, 2, 3):
        lines.append({"iteration": i, "reward": 0.1 * i + seed})
        lines.append(
            {"iteration": i, "steps": 100 * i, "value": i + seed, "standard_error": 0.1,
             "pnl": 2.0 * i, "inventory_lots": 1.0, "kept": True}
        )  # fmt: skip
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (path / "config.yaml").write_text(resolved_yaml(config))
    manifest = {
        "schema_version": 1, "status": status, "command": ["rlmm", "train", "t.yaml"],
        "config_sha256": config_hash(config), "seeds": {"seed": seed}, "git": None,
        "packages": {"numpy": "2"},
    }  # fmt: skip
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation in an analytic market."""
    out = tmp_path_factory.mktemp("runs") / "evaluate"
    assert main(["evaluate", *PLAYED, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def stressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "stress"
    arguments = ["stress", "fixed", "glft", "--market", "book-small-tick", "--episodes", "9"]
    arguments += ["--scenarios", "fee_change", "--severities", "1", *SHORT]
    assert main([*arguments, "--out", str(out)]) == 0
    return out


@pytest.fixture
def no_riskfolio(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes seconds to load."""
    monkeypatch.setattr(portfolio, "is_there", lambda: False)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.usefixtures("no_riskfolio")
def test_all_kinds_of_runs_become_one_folder(
    tmp_path: Path, played: Path, stressed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainings = [trained(tmp_path / f"t{seed}", seed) for seed in (0, 1)]
    certified = tmp_path / "certify"
    run(["certify", "P1", "--seeds", "1", "--episodes", "64", "--set", "confidence=0.9999",
         "--out", str(certified)], capsys)  # fmt: skip
    runs = [str(path) for path in (played, stressed, *trainings, certified)]
    result = run(["report", *runs, "--out", str(tmp_path / "a")], capsys)
    run(["report", *runs, "--out", str(tmp_path / "b")], capsys)
    files = files_of(tmp_path / "a")
    assert files == files_of(tmp_path / "b")
    assert set(files) == {
        "index.html", "report.json", "market-making-1.html", "training.html",
        "evaluate-1/index.html", "stress-1/index.html",
    }  # fmt: skip
    assert sorted(files) == sorted(json.loads(files["report.json"])["files"])
    index = files["index.html"].decode()
    linked = [a["href"] for tag, a in tags_of(index).seen if tag == "a"]
    assert set(linked) == set(files) - {"index.html", "report.json"}
    for name, content in files.items():
        assert len(content) <= PAGE_BYTES_MOST
        assert name.endswith(".json") or unsafe(content.decode()) == ""
    assert result["verdict"] in index.replace("&#39;", "'")
    assert "of another market, or other parameters of it" in " ".join(result["notes"])
    missing = " ".join(result["missing"])
    for words in ("no calibration page", "no fidelity page", "make setup-portfolio"):
        assert words in missing
    for words in ("percent of the optimum", "config", "Holm", "rlmm evaluate glft fixed"):
        assert words in index
    assert "(n = 2)" in files["training.html"].decode()


@pytest.mark.usefixtures("no_riskfolio")
def test_the_verdict_is_one_sentence_without_the_stress_of_another_market(
    tmp_path: Path, played: Path, stressed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(["report", str(played), str(stressed), "--out", str(tmp_path / "a")], capsys)
    values = json.loads((played / "evaluation.json").read_text())
    best = max(values["policies"], key=lambda n: values["policies"][n]["metrics"]["mean PnL"])
    assert result["verdict"].startswith(best)
    assert "in 8 episodes of P1" in result["verdict"]
    assert "fee_change" not in result["verdict"]
    assert result["verdict"].count(". ") == 0


@pytest.mark.usefixtures("no_riskfolio")
def test_an_earlier_report_is_replaced_and_nothing_else(
    tmp_path: Path, played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a"
    one, two = trained(tmp_path / "t0"), trained(tmp_path / "t1", 1)
    run(["report", str(one), str(played), "--out", str(out)], capsys)
    run(["report", str(two), "--out", str(out)], capsys)
    assert set(files_of(out)) == {"index.html", "report.json", "training.html"}
    (out / "mine.txt").write_text("x")
    before = files_of(out)
    assert "got 'mine.txt' in it" in refused([str(one), "--out", str(out)], capsys)
    assert files_of(out) == before
    assert "an earlier report alone" in refused([str(one), "--out", str(played)], capsys)
    (tmp_path / "file").write_text("x")
    assert "expected a folder" in refused([str(one), "--out", str(tmp_path / "file")], capsys)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".tmp")] == []


@pytest.mark.usefixtures("no_riskfolio")
def test_the_place_is_what_links_lead_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = str(trained(tmp_path / "t"))
    (tmp_path / "a").mkdir()
    for link, target in (("link", "a"), ("new", "b"), ("loop", "loop")):
        (tmp_path / link).symlink_to(target)
    for link, target in (("link", "a"), ("new", "b"), ("link", "a")):
        run(["report", given, "--out", str(tmp_path / link)], capsys)
        assert (tmp_path / link).is_symlink()
        assert (tmp_path / target / "index.html").is_file()
    assert "--out" in refused([given, "--out", str(tmp_path / "loop")], capsys)
    inside = tmp_path / "a" / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    before = files_of(tmp_path / "a")
    for place in (".", "..", "../../link"):
        said = refused([given, "--out", place], capsys)
        assert "the one that this command runs in or one above it" in said
    assert files_of(tmp_path / "a") == before
    assert inside.is_dir()
    (tmp_path / "file").write_text("x")
    assert "--out" in refused([given, "--out", str(tmp_path / "file" / "a")], capsys)


def test_what_was_there_stays_where_it_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a"
    replace_folder(out, {"index.html": "old"})

    def busy(path: Path, target: Path) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", busy)
        with pytest.raises(InputError, match="that can be replaced, got: Device or resource"):
            replace_folder(out, {"index.html": "new"})
    assert files_of(tmp_path) == {"a/index.html": b"old"}


def test_what_is_no_run_is_named(
    tmp_path: Path, played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, other = tmp_path / "page.html", tmp_path / "other"
    page.write_text("x")
    other.mkdir()
    names = ("none", "old", "foreign", "git")
    no_manifest, old, foreign, git = (trained(tmp_path / name) for name in names)
    (no_manifest / "manifest.json").write_text("{")
    for path, change in (
        (old, {"schema_version": 99}), (foreign, {"command": ["make", "tea"]}), (git, {"git": "x"})
    ):  # fmt: skip
        manifest = json.loads((path / "manifest.json").read_text())
        (path / "manifest.json").write_text(json.dumps(manifest | change))
    (foreign / "metrics.jsonl").unlink()
    places = (tmp_path / "no", page, other, no_manifest, old, foreign, git, played, played)
    out = tmp_path / "a"
    lines = refused([*map(str, places), "--out", str(out)], capsys).splitlines()
    for line, words in zip(
        lines,
        ("got none", "pages go to --calibration", "without manifest.json", "something else",
         "got 99", "got one of 'make tea'", "got 1", "got it twice"),
        strict=True,
    ):  # fmt: skip
        assert words in line
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("evaluation.json", "{", "expected the numbers of rlmm evaluate"),
        ("evaluation.json", "[]", "expected the numbers of rlmm evaluate"),
        ("evaluation.json", '{"market": "x"}', "calendar and policies"),
        ("policies", [], "expected the policies of episodes.parquet in their order, glft and"),
        ("policies", {"fixed": {}, "glft": {}}, "expected the policies of episodes.parquet"),
        ("market", [1], "evaluation.json: market: expected P1"),
        ("problem_sha256", "0", "problem_sha256: expected"),
        ("seed", 5, "seed: expected 0, as episodes.parquet and config.yaml have it, got 5"),
        ("episodes", 7, "episodes: expected 8"),
        ("benchmark", "zzz", "benchmark: expected glft"),
        ("confidence", None, "confidence: expected 0.95"),
        ("capital", "abc", "capital: expected"),
        ("capital", float("nan"), "got nan; these files are not of one evaluation"),
        ("calendar", "never", "calendar: expected"),
        ("episodes.parquet", "x", "expected a table of episodes"),
        ("episodes.parquet", None, "episodes.parquet"),
        ("steps.parquet", "x", "expected the steps of episodes"),
        ("config.yaml", "policies: 3", "policies"),
    ],
)
def test_broken_evaluations_are_errors(
    name: str,
    content: Any,
    words: str,
    tmp_path: Path,
    played: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(played, broken)
    if "." not in name:
        values = json.loads((broken / "evaluation.json").read_text())
        name, content = "evaluation.json", json.dumps({**values, name: content})
    (broken / name).unlink()
    if content is not None:
        (broken / name).write_text(content)
    assert words in refused([str(broken), "--out", str(tmp_path / "a")], capsys)
    assert not (tmp_path / "a").exists()


@pytest.mark.usefixtures("no_riskfolio")
def test_numbers_are_those_of_the_table_whatever_the_file_says(
    tmp_path: Path, played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = tmp_path / "run"
    shutil.copytree(played, edited)
    values = json.loads((edited / "evaluation.json").read_text())
    for found in values["policies"].values():
        found["metrics"]["mean PnL"] = 12345.0
    values["policies"]["fixed"] = {"mean_pnl_low": "x"}
    values["seeds"] = {"a": {"runs": ["x"]}}
    (edited / "evaluation.json").write_text(json.dumps(values))
    told = [run(["report", str(path), "--out", str(tmp_path / "a")], capsys)["verdict"]
            for path in (played, edited)]  # fmt: skip
    assert told[0] == told[1]
    assert "12345" not in (tmp_path / "a" / "index.html").read_text()


def test_swapped_and_mixed_tables_are_errors(
    tmp_path: Path, played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swapped, named = tmp_path / "swapped", tmp_path / "named"
    for path in (swapped, named):
        shutil.copytree(played, path)
    table = EpisodeTable.read(played / "episodes.parquet")
    other = replace(table, metadata=replace(table.metadata, seed=5))
    (swapped / "episodes.parquet").write_bytes(other.to_bytes())
    out = ["--out", str(tmp_path / "a")]
    assert "seed: expected 5" in refused([str(swapped), *out], capsys)
    stressed = replace(table.blocks[0], setting="flash_crash:1")
    mixed_table = replace(table, blocks=(*table.blocks, stressed))
    (swapped / "episodes.parquet").write_bytes(mixed_table.to_bytes())
    assert "expected episodes without stress alone" in refused([str(swapped), *out], capsys)
    one = replace(table, blocks=tuple(replace(b, policy=f"{b.policy} 2") for b in table))
    (swapped / "episodes.parquet").write_bytes(one.to_bytes())
    values = json.loads((swapped / "evaluation.json").read_text())
    values["policies"] = {f"{name} 2": found for name, found in values["policies"].items()}
    (swapped / "evaluation.json").write_text(json.dumps(values))
    assert "steps.parquet: expected steps of the episodes" in refused([str(swapped), *out], capsys)
    text = (named / "config.yaml").read_text().replace("glft", "nobody")
    text = text.replace("benchmark: null", "benchmark: nobody")
    (named / "config.yaml").write_text(text)
    assert "config.yaml: expected policies of" in refused([str(named), *out], capsys)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("change", "x"), ("max_drawdown", None), ("max_drawdown", float("nan")),
        ("mean_pnl", float("inf")), ("cap_reached_share", [1]), ("p_adjusted", True),
        ("scenario", 3), ("policy", ["glft"]), ("severity", {}), ("change_low", 10**400),
    ],
)  # fmt: skip
def test_every_value_of_a_stress_table_is_looked_at(
    name: str, value: Any, tmp_path: Path, stressed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(stressed, broken)
    values = json.loads((broken / "stress.json").read_text())
    values["rows"][-1][name] = value
    (broken / "stress.json").write_text(json.dumps(values))
    said = refused([str(broken), "--out", str(tmp_path / "a")], capsys)
    assert f"stress.json: rows[{len(values['rows']) - 1}].{name}: expected" in said


@pytest.mark.parametrize(
    "change", [{"policies": [["a"]]}, {"policies": 3}, {"market": 3}, {"problem_sha256": None}]
)
def test_other_broken_stress_tests_are_errors(
    change: Any, tmp_path: Path, stressed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(stressed, broken)
    values = json.loads((broken / "stress.json").read_text())
    (broken / "stress.json").write_text(json.dumps(values | change))
    said = refused([str(broken), "--out", str(tmp_path / "a")], capsys)
    assert "expected rows of every policy" in said


@pytest.mark.parametrize(
    "change",
    [{"set_name": 3}, {"agent": None}, {"percent_of_optimum": "x"}, {"exact": "optimum"},
     {"exact": {"optimum": [1]}}],
)  # fmt: skip
def test_broken_certificates_are_errors(
    change: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = trained(tmp_path / "c")
    manifest = json.loads((broken / "manifest.json").read_text())
    (broken / "manifest.json").write_text(
        json.dumps(manifest | {"command": ["rlmm", "certify", "P1"]})
    )
    result = {"set_name": "P1", "agent": "exact"} | change
    (broken / "result.json").write_text(json.dumps(result))
    said = refused([str(broken), "--out", str(tmp_path / "a")], capsys)
    assert "result.json: expected names and finite numbers" in said


@pytest.mark.parametrize("rows", [3, [3], [], [{"policy": "glft", "change": 1.0}]])
def test_broken_stress_tables_are_errors(
    rows: Any, tmp_path: Path, stressed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(stressed, broken)
    values = json.loads((broken / "stress.json").read_text())
    (broken / "stress.json").write_text(json.dumps({**values, "rows": rows}))
    said = refused([str(broken), "--out", str(tmp_path / "a")], capsys)
    assert "expected rows of every policy" in said


@pytest.mark.usefixtures("no_riskfolio")
def test_a_run_that_only_swept_has_its_page_and_no_table(
    tmp_path: Path, stressed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swept = tmp_path / "swept"
    shutil.copytree(stressed, swept)
    values = json.loads((swept / "stress.json").read_text())
    (swept / "stress.json").write_text(json.dumps({**values, "rows": [], "sweeps": [{}]}))
    run(["report", str(swept), "--out", str(tmp_path / "a")], capsys)
    index = (tmp_path / "a" / "index.html").read_text()
    assert "Under stress" not in index
    assert 'href="stress-1/index.html"' in index


def test_broken_metrics_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = trained(tmp_path / "t")
    for line in ("{", "3", '{"iteration": "x"}', '{"iteration": Infinity}',
                 '{"iteration": 1, "steps": [1]}', '{"iteration": 1, "steps": 1e400}'):  # fmt: skip
        (broken / "metrics.jsonl").write_text('{"iteration": 1}\n' + line)
        said = refused([str(broken), "--out", str(tmp_path / "a")], capsys)
        assert "metrics.jsonl:2: expected a line of metrics" in said


@pytest.mark.usefixtures("no_riskfolio")
def test_unfinished_and_edited_runs_are_noted(
    tmp_path: Path, played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished = tmp_path / "unfinished"
    shutil.copytree(played, unfinished)
    (unfinished / "evaluation.json").unlink()
    said = refused([str(unfinished), "--out", str(tmp_path / "a")], capsys)
    assert "is an unfinished run of rlmm evaluate" in said
    stopped = trained(tmp_path / "t0", status="interrupted")
    with (stopped / "config.yaml").open("a") as file:
        file.write("threads: 1\n")
    edited = trained(tmp_path / "t1", 1)
    text = (edited / "config.yaml").read_text()
    (edited / "config.yaml").write_text(text.replace("seed: 1", "seed: 2"))
    stopped = trained(tmp_path / "t2", status="interrupted")
    runs = [str(path) for path in (unfinished, edited, stopped)]
    result = run(["report", *runs, "--out", str(tmp_path / "a")], capsys)
    notes = " ".join(result["notes"])
    assert "left out; run its command to the end" in notes
    assert "t1 has a config.yaml that was edited since" in notes
    assert "t2 did not come to its end (interrupted)" in notes
    assert "Nothing can be said about money" in result["verdict"]


def test_runs_of_different_markets_are_not_compared() -> None:
    one = {"market": "A", "problem_sha256": "1", "seed": 0, "capital": 5.0, "calendar": "x"}
    assert mixed({"a": one, "b": one}, {"s": one}) == []
    notes = " ".join(mixed({"a": one, "b": {**one, "market": "B", "capital": 6.0}}, {}))
    assert "different markets" in notes
    assert "different capitals" in notes
    assert "seeds" not in notes


@pytest.mark.usefixtures("no_riskfolio")
def test_given_pages_are_copied_if_they_are_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, page = str(trained(tmp_path / "t")), tmp_path / "m.html"
    out = ["--out", str(tmp_path / "a")]
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"
    good = f"<!doctype html><title>Fidelity: x</title>{policy}<p>text"
    page.write_text(good)
    said = refused([given, "--calibration", str(page), *out], capsys)
    assert "expected a page of `rlmm calibrate`" in said
    run(["report", given, "--fidelity", str(page), *out], capsys)
    assert (tmp_path / "a" / "fidelity.html").read_text() == good
    page.write_text(good + "<script>alert(1)</script>")
    assert "it has <script>" in refused([given, "--fidelity", str(page), *out], capsys)
    page.write_text(good + "x" * PAGE_BYTES_MOST)
    assert "larger than" in refused([given, "--fidelity", str(page), *out], capsys)
    assert "--fidelity" in refused([given, "--fidelity", str(tmp_path / "none"), *out], capsys)


@pytest.mark.usefixtures("no_riskfolio")
def test_foreign_pages_in_a_run_are_left_out(
    tmp_path: Path, played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "run"
    shutil.copytree(played, changed)
    (changed / "extra.html").write_text("<!doctype html><title>x</title><script>1</script>")
    result = run(["report", str(changed), "--out", str(tmp_path / "a")], capsys)
    assert "extra.html" in " ".join(result["notes"])
    assert not (tmp_path / "a" / "evaluate-1" / "extra.html").exists()


@pytest.mark.usefixtures("no_riskfolio")
def test_the_default_place_follows_from_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    trained(tmp_path / "t")
    assert main(["report", "t"]) == 0
    shown = capsys.readouterr().out
    folder = next((tmp_path / "runs").iterdir())
    assert folder.name.startswith("report-")
    assert f"page: runs/{folder.name}/index.html" in shown


@pytest.mark.usefixtures("no_riskfolio")
def test_without_a_browser_there_is_a_sentence_and_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RLMM_CHROMIUM", str(tmp_path / "nothing"))
    given = str(trained(tmp_path / "t"))
    assert main(["report", given, "--pdf", "--out", str(tmp_path / "a")]) == 1
    assert "make setup-extra" in capsys.readouterr().err
    assert (tmp_path / "a" / "index.html").is_file()


@pytest.mark.usefixtures("no_riskfolio")
def test_words_of_a_run_never_become_markup(
    tmp_path: Path, played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []
    for i, text in enumerate(("plain", HOSTILE)):
        changed = tmp_path / f"run{i}"
        shutil.copytree(played, changed)
        manifest = json.loads((changed / "manifest.json").read_text())
        manifest["command"] = ["rlmm", "evaluate", text]
        manifest["seeds"] = {text: text}
        manifest["packages"] = {"numpy": text}
        manifest["git"] = {"commit": text}
        (changed / "manifest.json").write_text(json.dumps(manifest))
        values = json.loads((changed / "evaluation.json").read_text())
        (changed / "evaluation.json").write_text(json.dumps({**values, "market": text}))
        table = EpisodeTable.read(changed / "episodes.parquet")
        table = replace(table, metadata=replace(table.metadata, market=text))
        (changed / "episodes.parquet").write_bytes(table.to_bytes())
        run(["report", str(changed), "--out", str(tmp_path / f"a{i}")], capsys)
        index = (tmp_path / f"a{i}" / "index.html").read_text()
        assert unsafe(index) == ""
        seen.append([tag for tag, _ in tags_of(index).seen])
    assert seen[0] == seen[1]
