"""What is wrong with a recording, with the place and what to do."""

from __future__ import annotations


class DataError(ValueError):
    """A recording that cannot be read; says where, what was expected, what was there."""

    def __init__(
        self,
        file: str,
        *,
        expected: str,
        got: str,
        reason: str = "unusable",
        line: int = 0,
        offset: int = 0,
        field: str = "",
        remedy: str = "",
    ) -> None:
        self.file = file
        self.line = line
        self.offset = offset
        self.field = field
        self.expected = expected
        self.got = got
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{self.where}: {self.message}")

    @property
    def where(self) -> str:
        """File and line."""
        if self.line:
            return f"{self.file}:{self.line}"
        return f"{self.file} (byte {self.offset})" if self.offset else self.file

    @property
    def message(self) -> str:
        """Field, what was expected, what was there, what to do."""
        name = f"{self.field}: " if self.field else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{name}expected {self.expected}, got {self.got}{remedy} [{self.reason}]"
