"""Who may come in: tokens of accounts, kept as hashes in a file that its owner alone can read.

A token is 32 random bytes as text, so that its SHA-256 can be kept as it is: there is no shorter
way to it than trying them all. It is shown once, when it is made.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from rlmm_tf.live import protocol as p

PREFIX = "rlmm_"
_FILE_BYTES_MOST = 2**20


class Holder(p.Message):
    """An account that has a token, and what it may do."""

    account: p.AccountName
    scopes: tuple[p.Scope, ...] = Field(min_length=1)
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _File(p.Message):
    version: Literal[1] = 1
    tokens: tuple[Holder, ...] = ()


@dataclass(frozen=True)
class Tokens:
    """All tokens of an exchange."""

    holders: tuple[Holder, ...]

    def holder(self, token: str) -> Holder | None:
        """Whose token this is; every one is compared, whichever it is."""
        digest = _digest(token)
        found = None
        for holder in self.holders:
            if hmac.compare_digest(holder.sha256, digest):
                found = holder
        return found

    @property
    def accounts(self) -> tuple[str, ...]:
        """Those that have a token, in the file's order."""
        return tuple(dict.fromkeys(holder.account for holder in self.holders))


def read_tokens(path: Path) -> Tokens:
    """The file's tokens.

    Raises:
        ValueError: there is no such file, others can read it, or it is another file.
    """
    try:
        about = path.stat()
    except FileNotFoundError:
        raise ValueError(
            f"{path}: expected a file with tokens, got none; `rlmm serve token` makes one"
        ) from None
    if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
        raise ValueError(
            f"{path}: expected a file that its owner alone can read, got mode "
            f"{about.st_mode & 0o777:04o}; chmod 600 it"
        )
    if about.st_size > _FILE_BYTES_MOST:
        raise ValueError(f"{path}: expected at most {_FILE_BYTES_MOST} bytes, got {about.st_size}")
    try:
        return Tokens(_File.model_validate_json(path.read_bytes()).tokens)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"{path}: expected a file with tokens, got another at {place!r}") from None


def add_token(path: Path, account: str, scopes: tuple[p.Scope, ...]) -> str:
    """A new token of the account, added to the file, which is made if there is none."""
    token = PREFIX + secrets.token_urlsafe(32)
    holders = read_tokens(path).holders if path.exists() else ()
    holder = Holder(account=account, scopes=scopes, sha256=_digest(token))
    text = json.dumps(_File(tokens=(*holders, holder)).model_dump(mode="json"), indent=1) + "\n"
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
