# %% [markdown]
# # Train and certify
#
# A market whose best quotes are known exactly tells whether an agent has learned anything. Here an
# agent is trained for a few seconds only, too short to be good; what matters is that one sees by
# how much it is not.

# %%
import json
import sys
import tempfile
from pathlib import Path

from experiments.cli import main

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)


def rlmm(*arguments: object) -> None:
    """Run a command; stop where it fails."""
    code = main([str(argument) for argument in arguments])
    if code != 0:
        raise SystemExit(code)


# %% [markdown]
# ## The engine against the exact optimum
#
# First the simulator itself: the exact policy, simulated, has to earn what theory says it earns.

# %%
rlmm("certify", "P1", "--agent", "exact", "--seeds", 2, "--episodes", 4096,
     "--set", "confidence=0.9999", "--out", folder / "certify")  # fmt: skip

# %% [markdown]
# ## A short training
#
# `metrics.jsonl` has a line for each iteration, `policy.safetensors` the policy that did best in
# episodes of its own. The same seed gives the same bytes.

# %%
config = folder / "train.yaml"
config.write_text("problem: P1\nagent:\n  steps: 200_000\n")
rlmm("train", config, "--out", folder / "agent")
lines = (folder / "agent" / "metrics.jsonl").read_text().splitlines()
for line in (lines[0], lines[-1]):
    sys.stdout.write(json.dumps(json.loads(line), indent=1)[:400] + "\n")

# %% [markdown]
# ## Side by side
#
# The agent and two tuned rules in the same episodes. Differences have intervals: where 0 is inside,
# nothing was shown.

# %%
rlmm("evaluate", folder / "agent", "glft", "fixed", "--episodes", 100,
     "--set", "tuning_episodes=16", "--out", folder / "evaluation")  # fmt: skip
found = json.loads((folder / "evaluation" / "evaluation.json").read_text())
for name, difference in found["against_benchmark"]["reward"].items():
    low, high = difference["low"], difference["high"]
    sys.stdout.write(f"{name} against {found['benchmark']}: {low:.4g} to {high:.4g} a reward\n")
