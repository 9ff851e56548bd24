# %% [markdown]
# # Stress and read
#
# What breaks a policy, and how to read what it did. A large-tick book market, two tuned rules, two
# scenarios, a heat map, and one episode event by event.

# %%
import json
import sys
import tempfile
from pathlib import Path

from experiments.cli import main

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
short = ("--set", "overrides.episode.n_steps=120", "--set", "tuning_episodes=4",
         "--set", "overrides.market.warmup_ns=30000000000")  # fmt: skip


def rlmm(*arguments: object) -> None:
    """Run a command; stop where it fails."""
    code = main([str(argument) for argument in arguments])
    if code != 0:
        raise SystemExit(code)


# %% [markdown]
# ## Scenarios and a sweep
#
# Every policy is compared with itself in the same episodes without the scenario, so that a change
# is the scenario's and not luck's. The sweep changes two properties for whole episodes.

# %%
rlmm("stress", "fixed", "glft", "--market", "book-large-tick", "--episodes", 40,
     "--scenarios", "flash_crash,latency_shock", "--severities", "1,3",
     "--sweep", "latency x fees", *short, "--out", folder / "stress")  # fmt: skip
found = json.loads((folder / "stress" / "stress.json").read_text())
for row in found["rows"]:
    if row["change"] is not None:
        where = f"{row['scenario']} {row['severity']}"
        sys.stdout.write(f"{row['policy']:8} {where:18} {row['change']:+10.4g}\n")

# %% [markdown]
# ## One episode, event by event
#
# `events.parquet` has the book's events and the policy's own messages, fills and news;
# `player.html` plays them in a browser, offline.

# %%
rlmm("evaluate", "fixed", "glft", "--market", "book-large-tick", "--episodes", 20, *short,
     "--out", folder / "evaluation")  # fmt: skip
rlmm("trace", folder / "evaluation", "--policy", "glft", "--episode", 1, "--out", folder / "trace")
sys.stdout.write(f"open {folder / 'trace' / 'player.html'}\n")
