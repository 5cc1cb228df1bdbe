"""Levels: what 0 and 1 become, and how many chunks there are."""

import numpy as np
import pytest

from brains45k.corpus import chunks


def test_0_and_1_are_exact() -> None:
    levels = np.arange(4096, dtype=np.uint16)
    values = levels * np.float32(chunks.SCALE)
    assert (values[0], values[-1]) == (0, 1)
    assert (np.diff(values) > 0).all()


@pytest.mark.parametrize(
    ("shape", "grid"), [((1, 1, 1), (1, 1, 1)), ((32, 64, 64), (1, 1, 1)), ((33, 64, 65), (2, 1, 2))]
)
def test_the_last_chunk_may_stand_out(shape: tuple[int, int, int], grid: tuple[int, int, int]) -> None:
    assert chunks.grid_of(shape) == grid


def test_the_same_voxels_are_the_same_bytes() -> None:
    data = np.random.default_rng(1).random((40, 70, 30), np.float32)
    assert chunks.encode(data) == chunks.encode(np.asfortranarray(data))
