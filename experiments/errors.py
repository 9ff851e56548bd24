"""Errors a user can put right: a list of problems, each one line of where, what and how.

The command line prints them on stderr and exits with 2; a traceback only comes with `--debug`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_SHOWN_CHARACTERS_MAX = 80


class Problem(NamedTuple):
    """One thing that is wrong with the input.

    `where` is a place the user can go to (`c.yaml:3`, `--set a.b=c`, `--seeds`); `message` says
    what was expected, what was there and, where it is known, what to do.
    """

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class InputError(ValueError):
    """Bad input: every problem that could be seen, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: list[Problem] = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(InputError):
    """A configuration file or an override cannot be used."""


class RunDirectoryError(InputError):
    """A run directory cannot be created or resumed."""


def shown_place(path: object) -> str:
    """A file's path, whole and printable: its end, which a cut would take, is what tells."""
    text = str(path)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def shown(text: str) -> str:
    """Text from outside in one short printable line (no control characters reach a terminal)."""
    text = shown_place(text)
    if len(text) > _SHOWN_CHARACTERS_MAX:
        text = text[: _SHOWN_CHARACTERS_MAX - 3] + "..."
    return text


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` most likely is a misspelling of, or None."""
    # Case and the dash are slips of their own: difflib would count every letter as an edit.
    names = {name.lower().replace("-", "_"): name for name in known}
    plain = word.lower().replace("-", "_")
    matches = difflib.get_close_matches(plain, names, n=1, cutoff=0.6)
    return names[matches[0]] if matches else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no known name is close."""
    match = closest(word, known)
    return f"; did you mean {match!r}?" if match is not None else ""


def listed(names: Iterable[str], *, last: str = "or") -> str:
    """`a, b or c`."""
    words = list(names)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
