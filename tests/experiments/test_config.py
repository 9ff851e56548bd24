"""Configurations: every problem at once, at its line; what is written loads back equal."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from experiments.config import (
    CertifyConfig,
    Config,
    SimulatorBenchConfig,
    canonical_json,
    config_hash,
    load_config,
    resolved_yaml,
)
from experiments.errors import ConfigError
from experiments.yaml_reader import Setting
from rlmm_tf import params as p

MARKET = """\
market:
  regimes:
    - market_sell_rate_hz: 1
      market_buy_rate_hz: 1e0
      fill_decay_per_tick: 3e-4
      volatility_ticks: 1
"""


class Inner(Config):
    x: int = 1
    y: float = 2.0


class Ppo(Config):
    kind: Literal["ppo"] = "ppo"
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 3e-4


class Sac(Config):
    kind: Literal["sac"] = "sac"
    tau: float = 0.005


class Everything(Config):
    """One of each kind of field."""

    agent: Annotated[Ppo | Sac, Field(discriminator="kind")] = Ppo()
    bare_union: Inner | Ppo | None = None
    count: int = 1
    rate: Annotated[float, Field(ge=0.0, lt=10.0, allow_inf_nan=False)] = 1.0
    flag: bool = True
    name: str = "x"
    steps: tuple[int, ...] = ()
    pair: tuple[int, float] = (1, 2.0)
    table: tuple[tuple[float, ...], ...] = ()
    threads: int | Literal["auto"] = 1
    section: Inner | None = None
    changed: Inner = Inner(x=5)
    by_name: dict[str, int] = Field(default={})
    parts: dict[str, Inner] = Field(default={})
    items: Annotated[tuple[Inner, ...], Field(max_length=2)] = ()
    even: Annotated[int, Field(multiple_of=2)] = 2


def load(tmp_path: Path, text: str, *overrides: str, model: type[BaseModel] = Everything) -> Any:
    path = tmp_path / "c.yaml"
    path.write_text(text, "utf-8")
    return load_config(path, overrides, model)


def problems(
    tmp_path: Path, text: str, *overrides: str, model: type[BaseModel] = Everything
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, *overrides, model=model)
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


BAD = [
    ("count: x", "c.yaml:1: count: expected a whole number, got 'x'"),
    ("count: 1.5", "c.yaml:1: count: expected a whole number, got 1.5"),
    ("count: true", "c.yaml:1: count: expected a whole number, got true"),
    ("count:", "c.yaml:1: count: expected a whole number, got nothing (null)"),
    (
        "count: '7'",
        "c.yaml:1: count: expected a whole number, got '7'; "
        "write it without quotes and leading zeros",
    ),
    (
        "count: 007",
        "c.yaml:1: count: expected a whole number, got '007'; "
        "write it without quotes and leading zeros",
    ),
    ("count: 1e300", "c.yaml:1: count: expected a whole number, got 1e+300"),
    ("count: 2024-01-01", "c.yaml:1: count: expected a whole number, got '2024-01-01'"),
    ("count: [1]", "c.yaml:1: count: expected a whole number, got a list of 1 item"),
    ("rate: fast", "c.yaml:1: rate: expected a number, got 'fast'"),
    ("rate: {a: 1}", "c.yaml:1: rate: expected a number, got a mapping"),
    ("rate: -1", "c.yaml:1: rate: expected at least 0, got -1"),
    ("rate: 1e1", "c.yaml:1: rate: expected below 10, got 10.0"),
    ("rate: .nan", "c.yaml:1: rate: expected a finite number, got .nan"),
    ("rate: 1e999", "c.yaml:1: rate: expected a finite number, got .inf"),
    ("even: 3", "c.yaml:1: even: expected a multiple of 2, got 3"),
    ("flag: no", "c.yaml:1: flag: expected true or false, got 'no'; write false"),
    ("flag: Yes", "c.yaml:1: flag: expected true or false, got 'Yes'; write true"),
    ("flag: 'true'", "c.yaml:1: flag: expected true or false, got 'true'; write true"),
    ("flag: 1", "c.yaml:1: flag: expected true or false, got 1"),
    ("flag: maybe", "c.yaml:1: flag: expected true or false, got 'maybe'"),
    ("name: 5", "c.yaml:1: name: expected text, got 5; write it in quotes: '5'"),
    ("name: true", "c.yaml:1: name: expected text, got true; write it in quotes: 'true'"),
    ("steps: 3", "c.yaml:1: steps: expected a list, got 3"),
    ("steps:\n  - 1\n  - x", "c.yaml:3: steps[1]: expected a whole number, got 'x'"),
    ("pair: [1]", "c.yaml:1: pair: expected at least 2 items, got 1"),
    ("pair: [1, 2, 3]", "c.yaml:1: pair: expected at most 2 items, got 3"),
    ("table: [[1, x]]", "c.yaml:1: table[0][1]: expected a number, got 'x'"),
    ("threads: x", "c.yaml:1: threads: expected a whole number or 'auto', got 'x'"),
    (
        "agent: {kind: dqn}",
        "c.yaml:1: agent.kind: expected 'ppo' or 'sac', got 'dqn'",
    ),
    (
        "agent: {kind: pppo}",
        "c.yaml:1: agent.kind: expected 'ppo' or 'sac', got 'pppo'; did you mean 'ppo'?",
    ),
    ("agent: {kind: 3}", "c.yaml:1: agent.kind: expected 'ppo' or 'sac', got 3"),
    ("agent: ppo", "c.yaml:1: agent: expected a mapping ('key: value' lines), got 'ppo'"),
    (
        "agent:\n  kind: ppo\n  learnig_rate: 1",
        "c.yaml:3: agent.learnig_rate: expected a known key, got 'learnig_rate'; "
        "did you mean agent.learning_rate?",
    ),
    ("agent:\n  learning_rate: 0", "c.yaml:2: agent.learning_rate: expected above 0, got 0"),
    (
        "agent: {kind: sac, learning_rate: 1}",
        "c.yaml:1: agent.learning_rate: expected one of kind or tau, got 'learning_rate'",
    ),
    ("section: 3", "c.yaml:1: section: expected a mapping ('key: value' lines), got 3"),
    ("section: {x: a}", "c.yaml:1: section.x: expected a whole number, got 'a'"),
    (
        "changed:",
        "c.yaml:1: changed: expected a mapping ('key: value' lines), got nothing (null); "
        "remove the line to keep the defaults",
    ),
    ("by_name: {a: x}", "c.yaml:1: by_name.a: expected a whole number, got 'x'"),
    (
        "parts: {a: {x: 1, z: 1}}",
        "c.yaml:1: parts.a.z: expected one of x or y, got 'z'",
    ),
    ("items: [{}, {}, {}]", "c.yaml:1: items: expected at most 2 items, got 3"),
    (
        "items:\n  - x: 1\n  - yy: 1",
        "c.yaml:3: items[1].yy: expected a known key, got 'yy'; did you mean items[1].y?",
    ),
    ("cuont: 1", "c.yaml:1: cuont: expected a known key, got 'cuont'; did you mean count?"),
    ("Count: 1", "c.yaml:1: Count: expected a known key, got 'Count'; did you mean count?"),
    (
        "by-name: {}",
        "c.yaml:1: by-name: expected a known key, got 'by-name'; did you mean by_name?",
    ),
    (
        "learning_rate: 1",
        "c.yaml:1: learning_rate: expected a known key, got 'learning_rate'; "
        "did you mean agent.learning_rate or bare_union.learning_rate?",
    ),
    (
        '"f\\e[0m": 1',
        r"c.yaml:1: f\x1b[0m: expected one of agent, bare_union, count, rate, flag, name, steps, "
        r"pair, table, threads, section, changed, by_name, parts, items or even, got 'f\x1b[0m'",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_one_problem(tmp_path: Path, text: str, message: str) -> None:
    assert problems(tmp_path, text) == [message]


def test_all_problems_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = MARKET + (
        "episde: {}\n"
        "episode:\n"
        "  n_steps: 0\n"
        "  step_ns: soon\n"
        "action: {offset_min_ticks: 200, kind: discrete}\n"
        "n_steps: 3\n"
        "latency: {feed: {law: lognormal}}\n"
        "tick_value: &t 1\n"
    )
    assert problems(tmp_path, text, "reward.pnl=x", "fees.maker_bps=1e6", model=p.EnvParams) == [
        "c.yaml:7: episde: expected a known key, got 'episde'; did you mean episode?",
        "c.yaml:9: episode.n_steps: expected at least 1, got 0",
        "c.yaml:10: episode.step_ns: expected a whole number, got 'soon'",
        "c.yaml:11: action.offset_min_ticks: expected below offset_max_ticks=100, got 200",
        "c.yaml:12: n_steps: expected a known key, got 'n_steps'; did you mean episode.n_steps?",
        "c.yaml:13: latency.feed.median_ns: expected above 0 with the lognormal law, got 0",
        "c.yaml:14: tick_value: expected a value, got the anchor &t; "
        "write the value out where it is used",
        "--set fees.maker_bps=1e6: expected at most 1000, got 1000000.0",
        "--set reward.pnl=x: expected a number, got 'x'",
    ]


def test_a_missing_section_and_missing_keys(tmp_path: Path) -> None:
    assert problems(tmp_path, "", model=p.EnvParams) == [
        "c.yaml: market: expected a value, got none; this key has no default"
    ]
    text = "market:\n  regimes:\n    - market_sell_rate_hz: -1\n"
    missing = "expected a value, got none; this key has no default"
    assert problems(tmp_path, text, model=p.EnvParams) == [
        "c.yaml:3: market.regimes[0].market_sell_rate_hz: expected at least 0, got -1",
        f"c.yaml:3: market.regimes[0].market_buy_rate_hz: {missing}",
        f"c.yaml:3: market.regimes[0].fill_decay_per_tick: {missing}",
        f"c.yaml:3: market.regimes[0].volatility_ticks: {missing}",
    ]
    assert problems(tmp_path, "market: {regimes: []}", model=p.EnvParams) == [
        "c.yaml:1: market.regimes: expected at least 1 item, got 0"
    ]
    with pytest.raises(ConfigError) as caught:
        load_config(None, [], p.EnvParams)
    assert str(caught.value) == f"configuration: market: {missing}"


def test_problems_between_sections(tmp_path: Path) -> None:
    text = MARKET + "episode:\n  initial_inventory_max_lots: 300\n"
    assert problems(tmp_path, text, model=p.EnvParams) == [
        "c.yaml:7: episode.initial_inventory_*_lots: expected within "
        "limits.inventory_cap_lots=20, got up to 300"
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("count=x", "--set count=x: expected a whole number, got 'x'"),
        (
            "count.x=1",
            "--set count.x=1: expected count to be a mapping, got 3 (c.yaml:1); "
            "set all of it: --set count=...",
        ),
        ("rate.x=1", "--set rate.x=1: rate: expected a number, got a mapping"),
        ("steps=[1,x]", "--set steps=[1,x]: steps[1]: expected a whole number, got 'x'"),
        (
            "agent.learnig_rate=1",
            "--set agent.learnig_rate=1: expected a known key, got 'learnig_rate'; "
            "did you mean agent.learning_rate?",
        ),
        ("agent.kind=dqn", "--set agent.kind=dqn: expected 'ppo' or 'sac', got 'dqn'"),
        ("cuont=1", "--set cuont=1: expected a known key, got 'cuont'; did you mean count?"),
    ],
)
def test_bad_overrides(tmp_path: Path, override: str, message: str) -> None:
    assert problems(tmp_path, "count: 3\n", override) == [message]


def test_a_problem_in_the_file_is_gone_when_overridden(tmp_path: Path) -> None:
    assert problems(tmp_path, "count: x\nrate: y\n", "count=4") == [
        "c.yaml:2: rate: expected a number, got 'y'"
    ]


def test_whole_floats_are_integers(tmp_path: Path) -> None:
    config = load(tmp_path, "count: 1e6\nsteps: [1E3, 2]\nthreads: 1e1\npair: [3.0, 4]\n")
    assert (config.count, config.steps, config.threads, config.pair) == (
        1_000_000,
        (1000, 2),
        10,
        (3, 4.0),
    )
    assert type(config.count) is int
    assert type(config.pair[1]) is float


def test_sections_lie_over_the_defaults_of_the_enclosing_class(tmp_path: Path) -> None:
    assert load(tmp_path, "changed: {y: 3}").changed == Inner(x=5, y=3.0)
    assert load(tmp_path, "changed: {}").changed == Inner(x=5)
    assert load(tmp_path, "agent: {learning_rate: 0.1}").agent == Ppo(learning_rate=0.1)
    assert load(tmp_path, "agent: {kind: sac}").agent == Sac()
    assert load(tmp_path, "section: {}").section == Inner()
    assert load(tmp_path, "section:").section is None
    assert load(tmp_path, "parts: {a: {y: 1}}").parts == {"a": Inner(y=1.0)}


def test_section_defaults_reach_into_sections_of_sections(tmp_path: Path) -> None:
    class Middle(Config):
        inner: Inner = Inner(x=7)
        agent: Annotated[Ppo | Sac, Field(discriminator="kind")] = Sac(tau=0.1)

    class Outer(Config):
        middle: Middle = Middle(inner=Inner(x=8, y=9.0))

    config = load(tmp_path, "middle: {inner: {x: 1}, agent: {tau: 0.2}}", model=Outer)
    assert config.middle == Middle(inner=Inner(x=1, y=9.0), agent=Sac(tau=0.2))
    assert load(tmp_path, "middle: {agent: {}}", model=Outer).middle == Middle(
        inner=Inner(x=8, y=9.0), agent=Sac(tau=0.1)
    )


def test_overrides_win_over_the_file_and_options_over_both(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("seeds: 2\nset_name: P1\n")
    option = [Setting("--seeds", "seeds", "9")]
    assert load_config(path, [], CertifyConfig).seeds == 2
    assert load_config(path, ["seeds=3", "seeds=4"], CertifyConfig).seeds == 4
    assert load_config(path, ["seeds=3"], CertifyConfig, options=option).seeds == 9


def test_option_problems_name_the_option() -> None:
    options = [Setting("SET", "set_name", "P11"), Setting("--seeds", "seeds", "0")]
    with pytest.raises(ConfigError) as caught:
        load_config(None, [], CertifyConfig, options=options, choices={"set_name": ("P1", "P2")})
    assert sorted(map(str, caught.value.problems)) == [
        "--seeds: expected at least 1, got 0",
        "SET: expected one of P1 or P2, got 'P11'; did you mean 'P1'?",
    ]


def test_choices_without_names_say_so() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, ["set_name=P1"], CertifyConfig, choices={"set_name": ()})
    expected = "--set set_name=P1: expected a known name (there are none), got 'P1'"
    assert str(caught.value) == expected


def test_our_own_configs_have_safe_defaults() -> None:
    config = load_config(None, ["set_name=P1"], CertifyConfig)
    assert (config.agent, config.seeds, config.root_seed, config.episodes) == ("exact", 5, 0, None)
    assert (config.confidence, config.threads) == (0.99, 0)
    bench = load_config(None, ["market=analytic"], SimulatorBenchConfig)
    assert (bench.preset, bench.envs, bench.threads) == ("P1", 512, 0)
    with pytest.raises(ValidationError, match="frozen"):
        config.seeds = 6  # type: ignore[misc]


def test_identity_is_a_hash_of_the_values(tmp_path: Path) -> None:
    default = load(tmp_path, "")
    spelled = load(tmp_path, "count: 1\nrate: 1\nagent: {kind: ppo}")
    assert config_hash(default) == config_hash(spelled)
    assert config_hash(default) != config_hash(load(tmp_path, "count: 2"))
    text = canonical_json(default)
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert config_hash(default) == hashlib.sha256(text.encode()).hexdigest()


def test_identity_leaves_out_what_no_result_depends_on() -> None:
    one, two = (load_config(None, ["set_name=P1", f"threads={n}"], CertifyConfig) for n in (1, 2))
    assert config_hash(one) == config_hash(two)
    assert "threads: 2\n" in resolved_yaml(two)
    for model in (CertifyConfig, SimulatorBenchConfig):
        assert model.execution_only <= set(model.model_fields)


def test_identity_agrees_with_the_one_of_a_problem(tmp_path: Path) -> None:
    params = load(tmp_path, MARKET, model=p.EnvParams)
    assert config_hash(params) == params.content_hash()


def test_resolved_yaml_is_readable(tmp_path: Path) -> None:
    config = load(tmp_path, "name: 'no'\nrate: 1e-7\nitems: [{x: 2}]\nby_name: {'3e-4': 1}")
    assert resolved_yaml(config) == (
        "agent:\n  kind: ppo\n  learning_rate: 0.0003\nbare_union: null\ncount: 1\nrate: 1e-07\n"
        "flag: true\nname: no\nsteps: []\npair: [1, 2.0]\ntable: []\nthreads: 1\nsection: null\n"
        'changed:\n  x: 5\n  y: 2.0\nby_name:\n  "3e-4": 1\nparts: {}\n'
        "items:\n  - x: 2\n    y: 2.0\neven: 2\n"
    )
    assert load(tmp_path, resolved_yaml(config)) == config


def test_a_kind_that_must_be_given(tmp_path: Path) -> None:
    class Choice(Config):
        agent: Annotated[Ppo | Sac, Field(discriminator="kind")]

    assert problems(tmp_path, "agent:\n  tau: 1", model=Choice) == [
        "c.yaml:1: agent.kind: expected 'ppo' or 'sac', got none; this key has no default"
    ]
