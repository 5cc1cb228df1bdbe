"""Bring an image onto the grid of another one of the same head, by what their headers say."""

from typing import Final

import numpy as np

from brains45k.tasks.label import is_same_grid
from brains45k.volume.image import Image, Intensities
from brains45k.volume.volume import Affine, Voxels

_SPLINE_ORDER: Final = 3


def on_grid_of(image: Image, reference: Image) -> Image:
    """Bring an image onto another's grid; one that lies there already keeps its voxels as they are.

    A cubic spline, after the Gaussian that scikit-image's ``resize`` takes where voxels grow (sigma is half of what a
    step measures beyond one voxel, along each axis), clipped to the image's range. Background stays background, by
    nearest voxels, and so is all that lies outside the image's field of view. Nothing is registered: the headers are
    taken at their word.

    Parameters
    ----------
    image, reference : Image
        On their files' own grids.

    Returns
    -------
    Image
        Of the reference's shape and affine.
    """
    if is_same_grid(image, reference):
        # Affines that differ by rounding must not turn one image another way than the other.
        return Image(image.intensities, reference.affine, reference.spacing_mm, image.dtype, image.remarks)
    shape = reference.intensities.stored.shape
    to_image = np.linalg.solve(image.affine, reference.affine).astype(np.float64)
    voxels = _sample(image.voxels, to_image, shape)
    return Image(Intensities(voxels), reference.affine, reference.spacing_mm, image.dtype, image.remarks)


def _sample(voxels: Voxels, to_image: Affine, shape: tuple[int, ...]) -> Voxels:
    from scipy import ndimage  # noqa: PLC0415 - slow to import, and most cases need none of it

    low, high = float(voxels.min()), float(voxels.max())
    foreground = (voxels != voxels.min()).astype(np.uint8)
    step_voxels = np.linalg.norm(to_image[:3, :3], axis=1)
    sigma_voxels = np.maximum(0, (step_voxels - 1) / 2)
    if sigma_voxels.any():
        voxels = ndimage.gaussian_filter(voxels, sigma_voxels, mode="mirror")
    result = np.asarray(
        ndimage.affine_transform(voxels, to_image, output_shape=shape, order=_SPLINE_ORDER, mode="mirror"), np.float32
    )
    np.clip(result, low, high, out=result)
    # Nearest voxels tell the background, for the spline's ringing makes it many values; beyond the field there is none.
    foreground = ndimage.affine_transform(foreground, to_image, output_shape=shape, order=0, mode="grid-constant")
    result[foreground == 0] = low
    return result
