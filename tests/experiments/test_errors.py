"""Suggestions for misspelt names, and how a problem reads."""

from __future__ import annotations

from experiments.errors import ConfigError, Problem, closest, did_you_mean, listed, shown
from rlmm_tf import params as p


def _typos(word: str) -> set[str]:
    """All single-letter edits: dropped, doubled, swapped with the next, replaced."""
    typos = set()
    for i in range(len(word)):
        typos.add(word[:i] + word[i + 1 :])
        typos.add(word[:i] + word[i] + word[i:])
        typos.add(word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :])
        typos |= {word[:i] + letter + word[i + 1 :] for letter in "aeqx_"}
    return typos - {word}


def test_nearly_every_typo_of_a_key_is_understood() -> None:
    n_right = n_all = 0
    for model in vars(p).values():
        if isinstance(model, type) and issubclass(model, p.Params):
            names = list(model.model_fields)
            for name in names:
                typos = _typos(name) - set(names)
                n_all += len(typos)
                n_right += sum(closest(typo, names) == name for typo in typos)
    print(f"{n_right} of {n_all} typos: {n_right / n_all:.2%}")
    assert n_right / n_all >= 0.95


def test_words() -> None:
    assert did_you_mean("doctr", ["doctor", "bench"]) == "; did you mean 'doctor'?"
    assert did_you_mean("xyz", ["doctor", "bench"]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b or c"
    assert listed(["a", "b"], last="and") == "a and b"
    assert shown("x" * 100) == "x" * 77 + "..."
    assert shown("a\nb\x1b") == r"a\nb\x1b"
    assert str(Problem("here", "expected x, got y")) == "here: expected x, got y"
    assert isinstance(ConfigError([]), ValueError)
