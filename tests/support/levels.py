"""What storing does to a volume: 4,096 levels."""

import numpy as np
import numpy.typing as npt


def as_stored(data: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return voxels in [0, 1] as they come back from a shard."""
    levels = np.floor(data * np.float32(4095) + np.float32(0.5))
    return np.asarray(levels * np.float32(1 / 4095), np.float32)
