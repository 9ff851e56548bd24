"""Arrays in a file of the safetensors format: data only, nothing that could run.

    8 bytes     length of the header, little endian
    header      JSON: name -> {dtype, shape, data_offsets}, and __metadata__ (texts by name)
    data        the arrays, one after the other

The metadata has the sha256 of all else that was written; a file that does not fit it is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Texts = dict[str, str]

_LENGTH_BYTES = 8
_HEADER_BYTES_MAX = 100_000_000
_METADATA, _DIGEST = "__metadata__", "sha256"
_DTYPES = {
    "BOOL": "|b1", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8",
    "U64": "<u8", "U8": "|u1",
}  # fmt: skip
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}


def packed(arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str]) -> bytes:
    """The file's bytes."""
    header: dict[str, Any] = {}
    pieces, start = [], 0
    for name, array in arrays.items():
        piece = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [start, start + len(piece)],
        }
        pieces.append(piece)
        start += len(piece)
    data = b"".join(pieces)
    header[_METADATA] = {**texts, _DIGEST: _digest(header, dict(texts), data)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text + data


def unpacked(raw: bytes, place: str) -> tuple[Arrays, Texts]:
    """Arrays and texts of a file's bytes.

    Raises:
        ValueError: they are not whole, or not what was written; the message begins with `place`.
    """
    try:
        return _unpacked(raw)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{place}: expected arrays as they were written, got something else "
            f"({type(error).__name__}: {error}); take an earlier file, or start anew"
        ) from None


def _unpacked(raw: bytes) -> tuple[Arrays, Texts]:
    length = int.from_bytes(raw[:_LENGTH_BYTES], "little")
    if not 0 < length <= min(_HEADER_BYTES_MAX, len(raw) - _LENGTH_BYTES):
        raise ValueError("the header's length")
    header = json.loads(raw[_LENGTH_BYTES : _LENGTH_BYTES + length])
    data = raw[_LENGTH_BYTES + length :]
    texts = dict(header.pop(_METADATA))
    digest = texts.pop(_DIGEST)
    if digest != _digest(header, texts, data):
        raise ValueError("the sha256")
    arrays = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        flat = np.frombuffer(data[start:stop], _DTYPES[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"]).copy()
    return arrays, texts


def _digest(header: Mapping[str, Any], texts: Mapping[str, str], data: bytes) -> str:
    described = json.dumps([header, texts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(described.encode() + data).hexdigest()
