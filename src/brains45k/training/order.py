"""Which volumes a step sees and where its patches begin: pure functions of seed, epoch and index.

Neither workers, devices nor the size of a device's batch change them. Philox gives random bits under a key of two
numbers. NumPy keeps those bits the same in all its versions, but not what its generators make of them, so only the
bits are used here.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brains45k.errors import CallError

Order = npt.NDArray[np.int64]

# What the bits under one key are for: the last word of Philox's counter, which no other use can count up to.
_ORDER, _SAMPLE, _VALIDATION = range(3)
_POSITION = zlib.crc32(b"position")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One process's part of the batches.

    Attributes
    ----------
    batch_size : int
        Patches per process.
    rank, ranks : int
        Which process this is, and how many there are.
    """

    batch_size: int
    rank: int = 0
    ranks: int = 1

    @property
    def patches(self) -> int:
        """Number of patches of a batch over all processes."""
        return self.batch_size * self.ranks


def epoch_order(seed: int, epoch: int, count: int) -> Order:
    """Return the order in which an epoch goes through volumes: a permutation of ``range(count)``."""
    bits = _philox((seed, epoch), counter=(0, _ORDER)).random_raw(count)
    return np.argsort(bits, kind="stable")


def steps_per_epoch(count: int, patches_per_step: int) -> int:
    """Return how many full steps an epoch has; what is left of the volumes is not seen in it.

    AMAES (a51df88) plans with this number too, but takes the partial batch as one more step, so that its learning
    rate rises again behind the end of the plan. In another epoch another rest is left out.

    Parameters
    ----------
    count : int
        Number of volumes to train on.
    patches_per_step : int
        Of all devices together, accumulated batches included.

    Raises
    ------
    CallError
        If there are too few volumes for one step.
    """
    if count < patches_per_step:
        msg = (
            f"the corpus has {count:,} volumes to train on, one step takes {patches_per_step:,}. Lower batch_size, "
            "accumulate_batches or devices, or build a larger corpus."
        )
        raise CallError(msg)
    return count // patches_per_step


def batch_of(order: Order, number: int, share: Share) -> Order:
    """Return one process's share of a batch over all processes; at the end of the order it may be short or empty.

    A batch over all processes is a contiguous part of the order, and so is each process's share of it. Batches that
    are accumulated follow each other, so a step sees the same volumes however it is divided.

    Parameters
    ----------
    order : numpy.ndarray
        Of the epoch.
    number : int
        Of the batch in the epoch.
    share : Share
        Which part of it.
    """
    first = (number * share.ranks + share.rank) * share.batch_size
    return order[first : first + share.batch_size]


def sample_key(seed: int, epoch: int, index: int) -> int:
    """Return the number from which all that is random about a sample is drawn, in [0, 2^63).

    Parameters
    ----------
    seed, epoch : int
        Of the run, and which epoch.
    index : int
        Of the volume among those that are trained on.
    """
    return _philox((seed, epoch), counter=(index, _SAMPLE)).random_raw() >> 1


def validation_key(seed: int, row: int) -> int:
    """Return the key of a validation sample, the same in all epochs: validations are compared with each other.

    The reference draws anew each time.

    Parameters
    ----------
    seed : int
        Of the run.
    row : int
        Of the volume in the corpus's manifest.
    """
    return _philox((seed, 0), counter=(row, _VALIDATION)).random_raw() >> 1


def patch_start(key: int, shape: Sequence[int], size_voxels: int) -> tuple[int, ...]:
    """Draw where a cubic patch begins: each place inside the volume is as likely as the others.

    Along an axis that is shorter than the patch the volume lies in the middle of it, and the start is negative; of
    an odd number of missing voxels the one more is on the high side, as in Yucca 1.1.7.

    Parameters
    ----------
    key : int
        Of the sample.
    shape : sequence of int
        Of the volume, x, y, z.
    size_voxels : int
        Of the patch along each axis.
    """
    bits = _philox((key, _POSITION), counter=(0, 0)).random_raw(len(shape)).tolist()
    spare = [length - size_voxels for length in shape]
    # Of 2^64 numbers, a remainder favours no start by more than one in 2^50 or so.
    return tuple(bit % (room + 1) if room >= 0 else -(-room // 2) for bit, room in zip(bits, spare, strict=True))


def _philox(key: tuple[int, int], *, counter: tuple[int, int]) -> np.random.Philox:
    first, last = counter
    return np.random.Philox(key=np.array(key, np.uint64), counter=np.array([first, 0, 0, last], np.uint64))
