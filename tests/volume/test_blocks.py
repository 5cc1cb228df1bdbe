"""Blocks cover an array once, in order."""

import numpy as np
import pytest

from brains45k.volume.blocks import BLOCK_VOXELS, blocks


@pytest.mark.parametrize("size", [0, 1, BLOCK_VOXELS - 1, BLOCK_VOXELS, BLOCK_VOXELS + 1, 3 * BLOCK_VOXELS])
def test_each_place_is_in_one_block(size: int) -> None:
    places = np.arange(size)
    assert np.array_equal(np.concatenate([places[:0], *(places[part] for part in blocks(size))]), places)
    assert all(places[part].size <= BLOCK_VOXELS for part in blocks(size))
