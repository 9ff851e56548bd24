"""A resolved configuration loads back equal: for any market-making problem."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.config import load_config, resolved_yaml
from rlmm_tf import analytic_params as a
from rlmm_tf import params as p
from rlmm_tf.fields import NS_PER_S

unit = st.floats(0.0, 1.0)
rates = st.floats(0.0, 5e8)  # with steps of 1 ns and any fill_cap, few enough events in a step
positives = st.floats(1e-300, 1e15)
delays = st.one_of(
    st.builds(p.DelayParams, median_ns=st.integers(0, 3600 * NS_PER_S)),
    st.builds(
        p.DelayParams,
        law=st.just("lognormal"),
        median_ns=st.integers(1, 3600 * NS_PER_S),
        log_sd=st.floats(0.0, 0.39),  # ln(24) / 8: as wide as an hour's median allows
    ),
    st.builds(
        p.DelayParams,
        law=st.just("empirical"),
        quantiles_ns=st.lists(st.integers(0, 10**12), min_size=2, max_size=5).map(
            lambda values: tuple(sorted(values))
        ),
    ),
)
regimes = st.builds(
    a.RegimeParams,
    market_sell_rate_hz=rates,
    market_buy_rate_hz=rates,
    fill_decay_per_tick=positives,
    volatility_ticks=st.floats(1e-9, 1e15),
    inventory_penalty_scale=st.floats(0.0, 1e15),
)


@st.composite
def markets(draw: st.DrawFn) -> a.AnalyticMarketParams:
    k = draw(st.integers(1, 4))
    rows = [[0.0 if i == j else draw(rates) for j in range(k)] for i in range(k)]
    law = draw(st.sampled_from(["exponential", "power"]))
    weights = [draw(st.floats(0.01, 1.0)) for _ in range(k)]
    total = math.fsum(weights)
    return a.AnalyticMarketParams(
        regimes=tuple(draw(regimes) for _ in range(k)),
        switch_rates_hz=tuple(map(tuple, rows)),
        initial_regime_probabilities=tuple(w / total for w in weights),
        regime_observed=draw(st.booleans()),
        fill_law=law,
        fill_power=draw(positives) if law == "power" else 1.0,
        fill_cap=1.0 if law == "power" else draw(st.floats(1.0, 1e6)),
        fill_volatility_exponent=draw(st.floats(-4.0, 4.0)),
        mid_initial_ticks=draw(st.integers(2**31 + 1, 2**40)),
        jump_rate_hz=draw(rates),
    )


@st.composite
def problems_to_solve(draw: st.DrawFn) -> p.EnvParams:
    low, high = sorted((draw(st.integers(-20, 20)), draw(st.integers(-20, 20))))
    offset = draw(st.integers(-(2**31), 2**31 - 1))
    risk_aversion = draw(st.just(0.0) | st.floats(1e-9, 1e6))
    return p.EnvParams(
        market=draw(markets()),
        latency=p.LatencyParams(feed=draw(delays), entry=draw(delays)),
        fees=p.FeeParams(maker_bps=draw(st.floats(-1000.0, 1000.0))),
        limits=p.LimitParams(loss_limit=draw(st.none() | positives)),
        episode=p.EpisodeParams(
            step_ns=1, initial_inventory_min_lots=low, initial_inventory_max_lots=high
        ),
        action=p.ActionParams(
            offset_min_ticks=offset, offset_max_ticks=draw(st.integers(offset + 1, 2**31))
        ),
        observation=p.ObservationParams(
            features=tuple(draw(st.lists(st.text(max_size=6), min_size=1, unique=True)))
        ),
        reward=p.RewardParams(
            utility="cara" if risk_aversion else "linear",
            risk_aversion=risk_aversion,
            pnl=draw(st.floats(-1e12, 1e12)),
        ),
        tick_value=draw(positives),
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(problems_to_solve())
def test_resolved_yaml_loads_back_equal(params: p.EnvParams) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resolved.yaml"
        path.write_text(resolved_yaml(params), "utf-8")
        back = load_config(path, [], p.EnvParams)
    assert back == params
    assert resolved_yaml(back).replace("-0.0", "0.0") == resolved_yaml(params).replace(
        "-0.0", "0.0"
    )
