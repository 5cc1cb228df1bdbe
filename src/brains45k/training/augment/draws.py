"""Draw a sample's random numbers from its key, so that neither batch, worker nor device changes them.

Parameters are drawn on the host: whatever they decide (which rows, which axis) is known there without waiting for the
device. Fields of random voxels are drawn on the device, from a seed that was drawn on the host.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from brains45k.errors import CallError

#: One number for each sample: integers, or an array or CPU tensor of them.
Keys = Sequence[int] | npt.NDArray[np.int64] | Tensor
#: The two ends of a uniform distribution; the upper one of whole numbers is included.
Range = tuple[float, float]

_SEEDS = 1 << 63


def host_keys(keys: Keys) -> list[int]:
    """Return keys as Python's integers.

    Raises
    ------
    CallError
        If a key is negative, or the keys lie on the device, from where reading them would wait for it.
    """
    if isinstance(keys, Tensor):
        if keys.device.type != "cpu":
            msg = f"the keys of a batch lie on {keys.device}: leave them on the host, where they are read"
            raise CallError(msg)
        keys = keys.numpy()
    numbers = [int(key) for key in keys]
    if any(number < 0 for number in numbers):
        msg = f"{min(numbers)} is no key of a sample: keys are not negative"
        raise CallError(msg)
    return numbers


def stream(key: int, purpose: str) -> np.random.Generator:
    """Return the random numbers of one sample for one purpose.

    Philox counts under a key of 128 bits, which takes the sample's key and the purpose side by side: streams are
    independent, and what one of them draws moves no other.
    """
    words = np.array([key, zlib.crc32(purpose.encode())], np.uint64)
    return np.random.Generator(np.random.Philox(key=words))


def happens(random: np.random.Generator, probability: float) -> bool:
    """Draw whether something happens."""
    return bool(random.random() < probability)


def uniform(random: np.random.Generator, bounds: Range) -> float:
    """Draw a number between two bounds."""
    return float(random.uniform(*bounds))


def whole(random: np.random.Generator, bounds: tuple[int, int]) -> int:
    """Draw a whole number between two bounds, both included."""
    return int(random.integers(*bounds, endpoint=True))


def axis(random: np.random.Generator) -> int:
    """Draw one of the three axes."""
    return int(random.integers(3))


def seed(random: np.random.Generator) -> int:
    """Draw the seed of a generator of the device."""
    return int(random.integers(_SEEDS))


def device_generator(number: int, device: torch.device) -> torch.Generator:
    """Return a generator of the device; the same seed gives other numbers on another kind of device."""
    return torch.Generator(device).manual_seed(number)
