# %% [markdown]
# # Calibrate and believe
#
# From a recording to a market, and how far that market is to be believed. The recording is the
# bundled sample, half an hour of a synthetic market: no exchange wrote it. Every cell is a command
# of `rlmm`, called from Python; all files go into a folder of their own.

# %%
import json
import sys
import tempfile
from pathlib import Path

from experiments.cli import main
from experiments.sample import FOLDER, LOBSTER_NAME

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
recording, market = folder / "sample.parquet", folder / "market.json"


def rlmm(*arguments: object) -> None:
    """Run a command; stop where it fails."""
    code = main([str(argument) for argument in arguments])
    if code != 0:
        raise SystemExit(code)


# %% [markdown]
# ## Read it
#
# The files become the one canonical event table. What is wrong with a recording is counted by
# reason, and the page says where.

# %%
rlmm("ingest", "lobster", FOLDER / LOBSTER_NAME, "--out", recording)

# %% [markdown]
# ## Fit a market to half of it
#
# Blocks of five minutes: the even ones are fitted, the odd ones stay unseen.

# %%
rlmm("calibrate", recording, "--blocks", "even:300s", "--out", market)
section = json.loads(market.read_text())["calibration"]
for caution in section["cautions"]:
    sys.stdout.write(f"caution: {caution['text']}\n")

# %% [markdown]
# ## Compare it with the other half
#
# Distances between real and simulated windows, beside a noise floor (real against real) and a
# reference market. A distance at the floor cannot be told from none; one far above it says what
# the simulation gets wrong. Half an hour is little: read the intervals before the numbers.

# %%
rlmm("fidelity", recording, market, "--blocks", "odd:300s", "--no-trials",
     "--html", folder / "fidelity.html")  # fmt: skip
