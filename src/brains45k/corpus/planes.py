"""The middle planes of a volume, as every picture of it shows them."""

from typing import Any

import numpy.typing as npt

from brains45k.volume.volume import Volume, Voxels


def middle_planes(volume: Volume) -> list[tuple[Voxels, tuple[float, float]]]:
    """Return the middle planes across x, y and z, as views of the volume, and their spacing in millimetres.

    The first axis of each runs right (anterior in the plane across x), the second up: superior, or anterior in the
    plane across z.
    """
    x, y, z = (size // 2 for size in volume.shape)
    across_x, across_y, across_z = volume.spacing_mm
    return [
        (volume.data[x], (across_y, across_z)),
        (volume.data[:, y], (across_x, across_z)),
        (volume.data[:, :, z], (across_x, across_y)),
    ]


def upright(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn a plane whose axes run right and up into a picture, whose rows run down."""
    return plane.T[::-1]
