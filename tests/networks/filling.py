"""Parameters and images made of hashes of their indices: the values by which implementations of AMAES are compared."""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def hashed(count: int, label: str) -> Floats:
    """Return ``count`` numbers from -1 to 1: a 32-bit hash of each index, seeded by the label's CRC-32."""
    # In 64 bits, cut back to 32 after each product, which is below 2**64.
    mask = np.uint64(0xFFFFFFFF)
    bits = (np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B1) + np.uint64(zlib.crc32(label.encode()))) & mask
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        bits = ((bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)) & mask
    return (bits ^ (bits >> np.uint64(16))).astype(np.float64) / 2.0**31 - 1.0


def parameter(name: str, shape: Sequence[int]) -> Floats:
    """Return the values of a parameter by its full name, ``model.`` included."""
    values = hashed(int(np.prod(shape)), name).reshape(shape)
    if len(shape) > 1:
        scaled: Floats = np.sqrt(3.0 * shape[0] / values.size) * values
        return scaled
    return 0.1 * values + (1.0 if name.endswith(".weight") else 0.0)


def image(channels: int, size: tuple[int, int, int]) -> Floats:
    """Return an image (1, C, X, Y, Z) in [0, 1): noise on a slope that differs along the axes."""
    noise = hashed(channels * int(np.prod(size)), "input").reshape(1, channels, *size)
    x, y, z = np.meshgrid(*(np.linspace(0, 1, length) for length in size), indexing="ij")
    values: Floats = 0.25 * (noise + 1) + (x + 2 * y + 3 * z) / 12
    return values
