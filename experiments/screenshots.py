"""Pictures of every kind of page, for the documentation: `make screenshots`.

    python -m experiments.screenshots --out docs/images --work runs/screenshots

Trains, evaluates, stresses, certifies, calibrates and compares a little, as a user would, joins it
with `rlmm report`, and takes a picture of each page: wide and light beside narrow and dark. What
--work has already is not made again. Takes some minutes, and headless Chromium.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from experiments.browser import Browser, BrowserError, Look, browser, find_browser

WIDE, NARROW = Look(1280), Look(400, dark=True)
HEIGHT_MOST = 2000  # of a picture: what is further down looks alike
GAP = 24
BYTES_MOST = 200_000
PALETTES = (128, 64, 32, 16)  # colours, the first that is small enough
GREY = (128, 128, 128)

TRAINING = """\
problem: book-large-tick
overrides: {episode: {n_steps: 300}}
agent: {kind: ppo, steps: 9.6e4, envs: 32, rollout_steps: 9600, evaluation: {episodes: 256}}
"""
CERTIFICATE = """\
set_name: P1
agent: ppo
seeds: 1
confidence: 0.9
ppo: {steps: 5.0e5, rollout_steps: 65536}
"""
# Fifteen minutes, so that they fill sessions of 6.5 h evenly: 520 are twenty days.
EPISODES = ("--set", "overrides.episode.step_ns=3000000000",
            "--set", "overrides.episode.n_steps=300", "--set", "tuning_episodes=16")  # fmt: skip
MARKET = ("--market", "book-large-tick")


class Step(NamedTuple):
    """A command, and what it leaves."""

    made: str
    arguments: tuple[str, ...]


def steps(data: Path) -> list[Step]:
    """The commands, in the folder that they are run in."""
    players = ("train-0", "glft", "avellaneda_stoikov", "fixed")
    scenarios = "flash_crash,latency_shock,fee_change,volatility_spike"
    runs = ("train-0", "train-1", "evaluate", "stress", "certify")
    sample = str(data / "synthetic-lobster.zip")
    return [
        *(
            Step(
                f"train-{seed}/policy.safetensors",
                ("train", "train.yaml", "--seed", str(seed), "--out", f"train-{seed}"),
            )
            for seed in (0, 1)
        ),
        Step(
            "evaluate/index.html",
            ("evaluate", *players, *MARKET, "--episodes", "520", *EPISODES, "--out", "evaluate"),
        ),
        Step(
            "stress/index.html",
            ("stress", *players, *MARKET, "--episodes", "24", "--scenarios", scenarios, *EPISODES,
             "--out", "stress"),
        ),
        Step(
            "certify/certificate.html",
            ("certify", "P1", "--config", "certify.yaml", "--out", "certify"),
        ),
        Step("sample.parquet", ("ingest", "lobster", sample, "--out", "sample.parquet")),
        Step("sample.parquet.html", ("inspect", "sample.parquet")),
        Step(
            "market.json.html",
            ("calibrate", "sample.parquet", "--blocks", "even:300s", "--out", "market.json"),
        ),
        Step(
            "market.json.fidelity.html",
            ("fidelity", "sample.parquet", "market.json", "--blocks", "odd:300s", "--no-trials"),
        ),
        Step(
            "report/index.html",
            ("report", *runs, "--calibration", "market.json.html", "--fidelity",
             "market.json.fidelity.html", "--out", "report"),
        ),
    ]  # fmt: skip


PAGES = {
    "report": "report/index.html",
    "evaluation": "report/evaluate-1/index.html",
    "tear-sheet": "report/evaluate-1/tear-sheet-1.html",
    "market-making": "report/market-making-1.html",
    "stress": "report/stress-1/index.html",
    "training": "report/training.html",
    "portfolio": "report/portfolio.html",
    "certificate": "report/certify-1/certificate.html",
    "calibration": "report/calibration.html",
    "fidelity": "report/fidelity.html",
    "data-quality": "sample.parquet.html",
}


def make_pages(work: Path, data: Path) -> None:
    """Runs the commands whose results are not there."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "train.yaml").write_text(TRAINING)
    (work / "certify.yaml").write_text(CERTIFICATE)
    for step in steps(data):
        if (work / step.made).exists():
            continue
        sys.stderr.write(f"rlmm {' '.join(step.arguments)}\n")
        command = [sys.executable, "-m", "experiments.cli", *step.arguments]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)


def picture(running: Browser, page: Path) -> bytes:
    """Both looks side by side, a PNG of few colours."""
    shots = []
    for look in (WIDE, NARROW):
        running.visit(page.resolve().as_uri(), look)
        shots.append(Image.open(io.BytesIO(running.screenshot(HEIGHT_MOST))).convert("RGB"))
    width = sum(shot.width for shot in shots) + GAP
    both = Image.new("RGB", (width, max(shot.height for shot in shots)), GREY)
    both.paste(shots[0], (0, 0))
    both.paste(shots[1], (shots[0].width + GAP, 0))
    return small(both)


def small(image: Image.Image) -> bytes:
    """With as many colours as fit, and cut at the end if even the fewest are too many."""
    while True:
        for colours in PALETTES:
            out = io.BytesIO()
            image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
            if len(out.getvalue()) <= BYTES_MOST:
                return out.getvalue()
        image = image.crop((0, 0, image.width, int(0.9 * image.height)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the pages and takes the pictures; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--work", type=Path, default=Path("runs/screenshots"))
    given = parser.parse_args(arguments)
    try:
        find_browser()
        make_pages(given.work, Path(__file__).parent / "data")
        with browser() as running:
            given.out.mkdir(parents=True, exist_ok=True)
            for name, page in PAGES.items():
                path = given.out / f"{name}.png"
                path.write_bytes(picture(running, given.work / page))
                sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")
    except (BrowserError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
