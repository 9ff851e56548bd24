"""Files of arrays: as written, or refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rlmm_tf.training.tensor_file import packed, unpacked


def example() -> dict[str, NDArray[Any]]:
    generator = np.random.default_rng(4)
    return {
        "weights": generator.normal(size=(3, 4)).astype(np.float32),
        "moments": generator.normal(size=5),
        "count": np.array(7),
        "flags": np.array([True, False]),
        "nothing": np.zeros((0, 2), np.uint8),
    }


def test_arrays_and_texts_come_back() -> None:
    arrays, texts = unpacked(packed(example(), {"spec": "{}", "é": "ü"}), "x")
    assert texts == {"spec": "{}", "é": "ü"}
    assert list(arrays) == list(example())
    for name, array in example().items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
        arrays[name][...] = 0  # one's own, not a view of the file


def test_the_format_is_that_of_safetensors() -> None:
    raw = packed({"a": np.array([1.0, 2.0], np.float32)}, {"k": "v"})
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert header["a"] == {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    assert header["__metadata__"]["k"] == "v"
    assert raw[8 + length :] == np.array([1.0, 2.0], "<f4").tobytes()


def test_any_other_byte_is_refused() -> None:
    raw = packed(example(), {"k": "v"})
    for i in range(0, len(raw), 3):
        changed = raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :]
        with pytest.raises(ValueError, match=r"^c: expected arrays as they were written"):
            unpacked(changed, "c")


@pytest.mark.parametrize("length", [0, 5, 8, 40, -1])
def test_a_short_file_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"^c: expected arrays"):
        unpacked(packed(example(), {})[:length], "c")
