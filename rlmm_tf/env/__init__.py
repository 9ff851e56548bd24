"""Market-making environments on the compiled engine.

Importing this package registers `rlmm/MarketMaking-v0` with Gymnasium:

    import gymnasium, rlmm_tf.env
    env = gymnasium.make("rlmm/MarketMaking-v0", params="P1")
    envs = gymnasium.make_vec("rlmm/MarketMaking-v0", num_envs=1024, params="P1")
"""

from __future__ import annotations

import gymnasium

from rlmm_tf.env.engine import (
    COLUMNS,
    EVENT_FLAGS,
    EVENT_KINDS,
    FEATURES,
    FILL_COLUMNS,
    REPLAY_FEATURES,
    Batch,
    InvariantError,
    RangeError,
    Recorder,
    Tape,
    Venue,
    build_info,
    draw,
    engine_params,
    measure_clock_hz,
    observation_layout,
    output_arrays,
)
from rlmm_tf.env.reward import Columns, RewardFunction
from rlmm_tf.env.rollout import (
    Policy,
    PolicySpec,
    PolicyWeights,
    RolloutArrays,
    act_on,
    available_isas,
    draw_names,
    make_policy,
    roll_out,
)
from rlmm_tf.env.single import MarketMakingEnv
from rlmm_tf.env.spaces import action_space, actions_from_quotes, observation_space
from rlmm_tf.env.tape import (
    RestingFills,
    RestingOrders,
    make_tape,
    resting_fills,
    share_ahead,
    tape_of,
)
from rlmm_tf.env.typical import initial_mid_ticks_x2, make_batch, measure_typical
from rlmm_tf.env.vector import MarketMakingVectorEnv
from rlmm_tf.kernels.aligned import aligned_empty

__all__ = [
    "COLUMNS",
    "ENV_ID",
    "EVENT_FLAGS",
    "EVENT_KINDS",
    "FEATURES",
    "FILL_COLUMNS",
    "REPLAY_FEATURES",
    "Batch",
    "Columns",
    "InvariantError",
    "MarketMakingEnv",
    "MarketMakingVectorEnv",
    "Policy",
    "PolicySpec",
    "PolicyWeights",
    "RangeError",
    "Recorder",
    "RestingFills",
    "RestingOrders",
    "RewardFunction",
    "RolloutArrays",
    "Tape",
    "Venue",
    "act_on",
    "action_space",
    "actions_from_quotes",
    "aligned_empty",
    "available_isas",
    "build_info",
    "draw",
    "draw_names",
    "engine_params",
    "initial_mid_ticks_x2",
    "make_batch",
    "make_policy",
    "make_tape",
    "measure_clock_hz",
    "measure_typical",
    "observation_layout",
    "observation_space",
    "output_arrays",
    "resting_fills",
    "roll_out",
    "share_ahead",
    "tape_of",
]

ENV_ID = "rlmm/MarketMaking-v0"

if ENV_ID not in gymnasium.registry:
    gymnasium.register(
        id=ENV_ID,
        entry_point="rlmm_tf.env.single:MarketMakingEnv",
        vector_entry_point="rlmm_tf.env.vector:MarketMakingVectorEnv",
    )
